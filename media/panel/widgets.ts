// Small elements of panels.
//
//   <xs-address reference="d1/ipa:0x40000000">0x40000000</xs-address>   opens memory; `kind="source"` code
//   <xs-chip state="warning">masked</xs-chip>                           a state: word, shape and colour
//   <xs-details .items=${[{ label, value, previous }]}></xs-details>    names and values

import { LitElement, type PropertyDeclarations, type TemplateResult, css, html, nothing } from 'lit';
import type { Link } from '../messages.ts';
import { host } from './host.ts';
import { type IconName, icon } from './icons.ts';
import { t } from './l10n.ts';
import { changeMarks, shared } from './styles.ts';

/** An address that leads to memory or to code. Its text is its content, or the number of the reference. */
export class XsAddress extends LitElement {
  static override properties: PropertyDeclarations = { reference: {}, kind: {} };

  /** In the grammar of memory references: `d1/va:0xffff800080010000`, `d1/ipa:0x…`, `host/pa:0x…`. */
  declare reference: string;
  declare kind: 'memory' | 'source' | 'disassembly';

  constructor() {
    super();
    this.reference = '';
    this.kind = 'memory';
    // Tables and scripts click the element itself.
    this.addEventListener('click', (event) => {
      event.stopPropagation();
      const link: Link = { kind: this.kind, reference: this.reference };
      host.open(link);
    });
  }

  protected override render(): TemplateResult {
    const title =
      this.kind === 'memory'
        ? t('Show memory at {0}', this.reference)
        : t('Show code at {0}', this.reference);
    return html`<button class="link mono" title=${title}><slot>${this.reference.split(':').at(-1)}</slot></button>`;
  }

  static override styles = [
    shared,
    css`
      :host {
        display: inline;
      }
    `,
  ];
}

const CHIPS: Readonly<Record<ChipState, IconName>> = {
  good: 'pass',
  active: 'circle-filled',
  idle: 'circle',
  warning: 'warning',
  error: 'error',
  info: 'info',
};

export type ChipState = 'good' | 'active' | 'idle' | 'warning' | 'error' | 'info';

/** A state in a word, with a shape and a colour beside it. */
export class XsChip extends LitElement {
  static override properties: PropertyDeclarations = { state: {}, icon: {} };

  declare state: ChipState;
  /** Another icon than that of the state. */
  declare icon: IconName | undefined;

  constructor() {
    super();
    this.state = 'idle';
  }

  protected override render(): TemplateResult {
    return html`<span class="chip ${this.state}">${icon(this.icon ?? CHIPS[this.state])} <slot></slot></span>`;
  }

  static override styles = [
    shared,
    css`
      .chip {
        color: inherit;
        white-space: nowrap;
      }
      .icon {
        font-size: 12px;
        vertical-align: baseline;
      }
      .good .icon {
        color: var(--vscode-charts-green);
      }
      .active .icon {
        color: var(--vscode-charts-blue);
      }
      .idle .icon {
        color: var(--vscode-descriptionForeground);
      }
      .warning .icon {
        color: var(--vscode-editorWarning-foreground);
      }
      .error .icon {
        color: var(--vscode-editorError-foreground);
      }
      .info .icon {
        color: var(--vscode-editorInfo-foreground);
      }
    `,
  ];
}

export interface Detail {
  readonly label: string;
  /** Text, or a template such as a link. */
  readonly value: unknown;
  /** The value at the last stop, as text: marks the row when it differs from `text` (or a text value). */
  readonly previous?: string | undefined;
  readonly text?: string;
  readonly mono?: boolean;
  /** Explains the label, as a tooltip. */
  readonly hint?: string;
}

/** Names and values. */
export class XsDetails extends LitElement {
  static override properties: PropertyDeclarations = { items: { attribute: false } };

  declare items: readonly Detail[];

  constructor() {
    super();
    this.items = [];
  }

  protected override render(): TemplateResult {
    return html`<dl>
      ${this.items.map(({ label, value, previous, text, mono, hint }) => {
        const changed = previous !== undefined && previous !== (text ?? String(value));
        return html`<dt title=${hint ?? nothing}>${label}</dt>
          <dd class=${`${mono ? 'mono' : ''}${changed ? ' changed' : ''}`}>
            ${value}${changed ? html`<span class="quiet"> ${t('(was {0})', previous)}</span>` : nothing}
          </dd>`;
      })}
    </dl>`;
  }

  static override styles = [
    shared,
    changeMarks,
    css`
      dl {
        display: grid;
        grid-template-columns: max-content minmax(0, 1fr);
        gap: 2px 12px;
        margin: 0;
      }
      dt {
        color: var(--vscode-descriptionForeground);
      }
      dd {
        margin: 0;
        overflow-wrap: anywhere;
        padding: 0 4px;
      }
    `,
  ];
}

customElements.define('xs-address', XsAddress);
customElements.define('xs-chip', XsChip);
customElements.define('xs-details', XsDetails);
