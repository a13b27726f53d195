// Buttons of which one is pressed, for the tool bar.

import { html, nothing, type TemplateResult } from 'lit';

export interface Choice<Value> {
  readonly value: Value;
  readonly title: string;
  /** Explains the button, as a tooltip. */
  readonly hint?: string;
}

/** `label` names the buttons together, for screen readers. */
export function choices<Value>(
  label: string,
  all: readonly Choice<Value>[],
  chosen: Value,
  choose: (value: Value) => void,
): TemplateResult {
  return html`<span role="group" aria-label=${label}>
    ${all.map(
      ({ value, title, hint }) => html`<button
        aria-pressed=${String(value === chosen)}
        title=${hint ?? nothing}
        @click=${() => choose(value)}
      >${title}</button>`,
    )}
  </span>`;
}
