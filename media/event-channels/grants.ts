// The section of grants: what the domain lets others map, who has mapped it, and what it has mapped itself.

import {
  host,
  html,
  icon,
  type MenuItem,
  nothing,
  type RowEvent,
  t,
  type TemplateResult,
} from '../panel/panel.ts';
import { GRANT_COLUMNS, grantKey, MAPPED_COLUMNS, mappedKey } from './columns.ts';
import { grantItems, grantSentence } from './details.ts';
import { findings } from './findings.ts';
import type { Grant, Grants } from './views.ts';

export interface GrantsLook {
  /** The view at the last stop. */
  readonly before: Grants | undefined;
  /** Of the chosen grant. */
  readonly reference: number | undefined;
  readonly filter: string;
}

export interface GrantsActions {
  /** In the table. */
  select(reference: number): void;
  /** Elsewhere: the table follows. */
  choose(reference: number): void;
  menu(at: { readonly x: number; readonly y: number }, items: readonly MenuItem[]): void;
}

export function grantsSection(view: Grants, look: GrantsLook, actions: GrantsActions): TemplateResult {
  const { before } = look;
  return html`
    <div class="head">
      <p class="quiet">
        ${t(
          '{0} of {1} entries in use; {2} of {3} frames; {4} grants of other domains mapped.',
          view.total,
          view.entries,
          view.frames.length,
          view.maximumFrames,
          view.mappedTotal,
        )}
      </p>
      ${findings(view.findings, ({ reference }) => reference !== undefined && actions.choose(reference))}
      ${view.moreFindings > 0 ? html`<p class="quiet">${t('{0} more findings.', view.moreFindings)}</p>` : nothing}
    </div>
    <xs-split stacked keep="grants" .at=${60}>
      <xs-table
        slot="start"
        id="grants"
        label=${t('Grants')}
        keep="grants"
        .rows=${view.grants}
        .columns=${GRANT_COLUMNS}
        .rowKey=${grantKey}
        .previous=${before?.grants}
        .filter=${look.filter}
        .rowClass=${warningOf}
        emptyText=${t('The domain grants nothing. A guest does as it brings up its PV drivers.')}
        @xs-select=${({ detail }: CustomEvent<RowEvent<Grant>>) => actions.select(detail.row.reference)}
        @xs-menu=${({ detail }: CustomEvent<RowEvent<Grant> & { x: number; y: number }>) =>
          actions.menu(detail, grantMenu(view.domain, detail.row))}
      ></xs-table>
      <div slot="end" class="side">${grantDetails(view, before, look.reference)} ${mappedGrants(view)}</div>
    </xs-split>
  `;
}

function grantDetails(view: Grants, before: Grants | undefined, chosen: number | undefined): unknown {
  const grant = view.grants.find(({ reference }) => reference === chosen);
  if (!grant) return html`<p class="quiet">${t('Select a grant to see it in detail.')}</p>`;
  const old = before?.grants.find(({ reference }) => reference === grant.reference);
  return html`<section>
    <h2>${t('Grant {0}', grant.reference)}</h2>
    ${grant.findings.map(({ sentence }) => html`<p>${icon('warning')} ${sentence}</p>`)}
    <xs-details .items=${grantItems(view.domain, grant, old)}></xs-details>
  </section>`;
}

function mappedGrants(view: Grants): unknown {
  if (view.mapped.length === 0) return nothing;
  return html`<section>
    <h2>${t('Grants of other domains that it has mapped')}</h2>
    <xs-table
      class="links"
      label=${t('Grants of other domains that it has mapped')}
      .rows=${view.mapped}
      .columns=${MAPPED_COLUMNS}
      .rowKey=${mappedKey}
    ></xs-table>
  </section>`;
}

function grantMenu(domain: number, grant: Grant): MenuItem[] {
  return [
    {
      label: t('Show the page'),
      icon: 'go-to-file',
      run:
        grant.pa === undefined
          ? undefined
          : () => host.open({ kind: 'memory', reference: `d${domain}/ipa:${grant.ipa}` }),
    },
    {
      label: t('Copy as a sentence'),
      icon: 'copy',
      run: () => host.copy(grantSentence(domain, grant)),
    },
  ];
}

const warningOf = (grant: Grant): string | undefined =>
  grant.findings.some(({ severity }) => severity === 'warning') ? 'warning' : undefined;
