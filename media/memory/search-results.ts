// What a search found: where an address is in each space, and under which others it is known.

import type { Inspections } from '../../debug-adapter/protocol.ts';
import { css, html, icon, nothing, t, type TemplateResult } from '../panel/panel.ts';

export type SearchView = Inspections['search']['view'];

export interface SearchActions {
  walk(space: 'va' | 'ipa', address: string): void;
  map(space: 'ipa' | 'pa', address: string): void;
  close(): void;
}

export function searchResults(view: SearchView, actions: SearchActions): TemplateResult {
  return html`<div class="found" role="region" aria-label=${t('Found')}>
    <ul class="hits">
      ${view.problem ? html`<li>${icon('info')} ${view.problem}</li>` : nothing}
      ${view.hits.map(
        (hit) => html`<li>
          ${icon('target')} ${hit.words}
          ${hit.space === 'pa' ? nothing : html`<button class="link" @click=${() => actions.walk(hit.space as 'va' | 'ipa', hit.address)}>${t('Walk')}</button>`}
          ${hit.space === 'va' ? nothing : html`<button class="link" @click=${() => actions.map(hit.space as 'ipa' | 'pa', hit.address)}>${t('Show in the strip')}</button>`}
          ${
            hit.aliases.length === 0
              ? nothing
              : html`<br /><span class="quiet">${t('The same byte:')}</span>
                ${hit.aliases.map(
                  (alias) =>
                    html`<xs-address reference=${alias.reference} title=${alias.words}>${alias.reference}</xs-address> `,
                )}`
          }
        </li>`,
      )}
      ${view.truncated ? html`<li class="quiet">${view.truncated}</li>` : nothing}
    </ul>
    <button aria-label=${t('Close')} title=${t('Close')} @click=${() => actions.close()}>${icon('close')}</button>
  </div>`;
}

export const searchStyles = css`
  .hits {
    list-style: none;
    margin: 2px 0;
    padding: 0 8px;
    max-height: 9em;
    overflow: auto;
  }
  .found {
    display: flex;
    align-items: start;
    padding: 4px 8px;
    border-bottom: 1px solid var(--vscode-panel-border, transparent);
  }
  .found .hits {
    flex: 1;
  }
`;
