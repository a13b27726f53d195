// What is wrong, in words, above a table.

import { css, html, icon, nothing, t } from '../panel/panel.ts';
import type { Finding } from './views.ts';

/** In a list that is drawn as a whole; a guest can leave one for each port. */
const MOST_FINDINGS = 100;

export function findings<One extends Finding>(
  findings: readonly One[],
  choose: (finding: One) => void,
): unknown {
  if (findings.length === 0)
    return html`<p class="quiet">${icon('pass')} ${t('Nothing is held up or leaks.')}</p>`;
  const more = findings.length - MOST_FINDINGS;
  return html`<ul class="findings" aria-label=${t('Findings')}>
    ${findings.slice(0, MOST_FINDINGS).map(
      (finding) => html`<li class=${finding.severity}>
        ${icon(finding.severity === 'warning' ? 'warning' : 'info')}
        <span class="spoken">${finding.severity === 'warning' ? t('Warning:') : t('Note:')}</span>
        <button class="link" @click=${() => choose(finding)}>${finding.sentence}</button>
      </li>`,
    )}
  </ul>
  ${more > 0 ? html`<p class="quiet">${t('{0} more findings.', more)}</p>` : nothing}`;
}

export const findingStyles = css`
  .findings {
    list-style: none;
    margin: 4px 0;
    padding: 0;
  }
  .findings li {
    display: flex;
    gap: 6px;
    padding: 1px 0;
  }
  .findings .link {
    color: var(--vscode-foreground);
    white-space: normal;
  }
  .warning > .icon {
    color: var(--vscode-editorWarning-foreground);
  }
  .note > .icon {
    color: var(--vscode-editorInfo-foreground);
  }
`;
