// What a panel says above its views and in place of them.

import { html, type TemplateResult } from 'lit';
import { host } from './host.ts';
import { icon } from './icons.ts';
import { t } from './l10n.ts';

/** A sentence that stays until it is dismissed. */
export const notice = (
  sentence: string,
  dismiss: () => void,
): TemplateResult => html`<div class="notice" role="alert">
  ${icon('error')} <span>${sentence}</span>
  <button aria-label=${t('Dismiss')} @click=${dismiss}>${icon('close')}</button>
</div>`;

/** What the panel was answered makes no sense to it. */
export const confusionNotice = (reason: string, tryAgain: () => void): TemplateResult => html`<div
  class="notice confusion"
  role="alert"
>
  ${icon('error')}
  <span>
    ${t('The panel cannot show what it was answered: {0}.', reason)}
    ${t('If the extension was just updated, reload the window.')}
  </span>
  ${again(tryAgain)}
</div>`;

/** The machine refused to answer. */
export const failureNotice = (sentence: string, tryAgain: () => void): TemplateResult => html`<div
  class="notice"
  role="alert"
>
  ${icon('error')} <span>${sentence}</span> ${again(tryAgain)}
</div>`;

const again = (tryAgain: () => void): TemplateResult =>
  html`<button class="secondary" @click=${tryAgain}>${t('Try again')}</button>`;

export function nothingToDebug(): TemplateResult {
  return html`<div class="empty">
    <p>${t('No guest is being debugged. Start one, and this panel shows it.')}</p>
    <p>
      <button class="primary" @click=${() => host.command('xenscope.debugBundledGuest')}>
        ${t('Debug the Bundled Guest')}
      </button>
      <button class="secondary" @click=${() => host.command('workbench.action.debug.start')}>
        ${t('Start Debugging')}
      </button>
    </p>
  </div>`;
}
