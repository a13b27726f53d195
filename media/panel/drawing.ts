// <xs-drawing>: a drawing and its twin, a table with the same content. The user chooses; a screen reader
// gets the summary and a way to the table.
//
//   html`<xs-drawing label=${t('Ring')} summary=${view.summary} .twin=${this.asTable} @xs-twin=${...}>
//     <svg slot="drawing" …></svg>
//     <xs-table slot="table" …></xs-table>
//   </xs-drawing>`
//
// `xs-resize` with `{ width, height }` tells the size that a canvas or an SVG may take; `xs-theme` that
// colours changed (a canvas draws again; SVG with `var(--vscode-…)` needs nothing).

import { LitElement, type PropertyDeclarations, type TemplateResult, css, html } from 'lit';
import { icon } from './icons.ts';
import { t } from './l10n.ts';
import { shared } from './styles.ts';
import { onThemeChange } from './theme.ts';

export class XsDrawing extends LitElement {
  static override properties: PropertyDeclarations = {
    label: {},
    summary: {},
    twin: { type: Boolean },
  };

  declare label: string;
  /** One sentence that says what the drawing shows. */
  declare summary: string;
  /** The table is shown instead. */
  declare twin: boolean;

  private readonly sizes = new ResizeObserver(([entry]) => {
    const { width, height } = entry?.contentRect ?? { width: 0, height: 0 };
    this.dispatchEvent(new CustomEvent('xs-resize', { detail: { width, height } }));
  });
  private forgetTheme: (() => void) | undefined;

  constructor() {
    super();
    this.label = '';
    this.summary = '';
    this.twin = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.forgetTheme = onThemeChange(() => this.dispatchEvent(new CustomEvent('xs-theme')));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.forgetTheme?.();
    this.sizes.disconnect();
  }

  protected override firstUpdated(): void {
    const place = this.renderRoot.querySelector('.drawing');
    if (place) this.sizes.observe(place);
  }

  protected override render(): TemplateResult {
    return html`
      <div class="bar">
        <h2>${this.label}</h2>
        <slot name="bar"></slot>
        <button aria-pressed=${String(this.twin)} title=${t('Show {0} as a table', this.label)} @click=${this.swap}>
          ${icon('table')} ${t('Table')}
        </button>
      </div>
      <div class="drawing" role="group" aria-label=${`${this.label}. ${this.summary}`} ?hidden=${this.twin}>
        <slot name="drawing"></slot>
      </div>
      <div class="table" ?hidden=${!this.twin}><slot name="table"></slot></div>
    `;
  }

  private swap(): void {
    this.twin = !this.twin;
    this.dispatchEvent(new CustomEvent('xs-twin', { detail: { twin: this.twin } }));
  }

  static override styles = [
    shared,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
      }
      .bar {
        display: flex;
        align-items: center;
        gap: 8px;
        padding: 2px 0;
      }
      .bar h2 {
        flex: 1;
      }
      .drawing,
      .table {
        flex: 1;
        min-height: 0;
        position: relative;
      }
    `,
  ];
}

customElements.define('xs-drawing', XsDrawing);
