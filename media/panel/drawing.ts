// <xs-drawing>: a drawing and its twin, a table with the same content. The user chooses; a screen reader
// gets the summary and a way to the table.
//
//   html`<xs-drawing label=${t('Ring')} summary=${view.summary} .twin=${this.asTable} @xs-twin=${...}>
//     <svg slot="drawing" …></svg>
//     <xs-table slot="table" …></xs-table>
//   </xs-drawing>`
//
// Draw with SVG and `var(--vscode-…)`, which follows the theme by itself; hues that can be told apart are
// `--vscode-charts-blue`, `-green`, `-orange`, `-purple`, `-red` and `-yellow`, always with a word or a pattern.

import { LitElement, type PropertyDeclarations, type TemplateResult, css, html } from 'lit';
import { icon } from './icons.ts';
import { t } from './l10n.ts';
import { shared } from './styles.ts';

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

  constructor() {
    super();
    this.label = '';
    this.summary = '';
    this.twin = false;
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
