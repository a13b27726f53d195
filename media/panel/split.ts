// <xs-split>: two parts with a border that can be moved, by mouse and by arrow keys. Side by side; one above the
// other with `stacked`, or where there is too little room for both.
//
//   html`<xs-split keep="main" .at=${60}>
//     <div slot="start">…</div><div slot="end">…</div></xs-split>`

import { LitElement, type PropertyDeclarations, type TemplateResult, css, html } from 'lit';
import { host } from './host.ts';
import { t } from './l10n.ts';
import { styled } from './style-directive.ts';
import { shared } from './styles.ts';

/** CSS pixels: what is narrower than this is stacked. */
const ROOM = 640;
const LEAST = 10;
const MOST = 90;
const STEP = 5;

export class XsSplit extends LitElement {
  static override properties: PropertyDeclarations = {
    at: { type: Number },
    stacked: { type: Boolean },
    keep: {},
    narrow: { state: true },
  };

  /** Share of the first part in percent. */
  declare at: number;
  /** One above the other. */
  declare stacked: boolean;
  /** Name under which the place of the border is kept. */
  declare keep: string;
  declare private narrow: boolean;
  private readonly sizes = new ResizeObserver(([entry]) => {
    this.narrow = (entry?.contentRect.width ?? ROOM) < ROOM;
  });

  constructor() {
    super();
    this.at = 60;
    this.stacked = false;
    this.keep = '';
    this.narrow = false;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.sizes.observe(this);
    if (this.keep !== '') this.at = host.kept<{ at: number }>(`split ${this.keep}`).at ?? this.at;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.sizes.disconnect();
  }

  private get isStacked(): boolean {
    return this.stacked || this.narrow;
  }

  protected override render(): TemplateResult {
    return html`<div class=${this.isStacked ? 'parts stacked' : 'parts'}>
      <div class="part" .style=${styled({ flex: `${this.at} 1 0` })}><slot name="start"></slot></div>
      <div
        class="border"
        role="separator"
        tabindex="0"
        aria-label=${t('Border between the parts')}
        aria-orientation=${this.isStacked ? 'horizontal' : 'vertical'}
        aria-valuenow=${Math.round(this.at)}
        aria-valuemin=${LEAST}
        aria-valuemax=${MOST}
        @keydown=${this.onKeyDown}
        @pointerdown=${this.onPointerDown}
        @pointermove=${this.onPointerMove}
      ></div>
      <div class="part" .style=${styled({ flex: `${100 - this.at} 1 0` })}><slot name="end"></slot></div>
    </div>`;
  }

  private onKeyDown(event: KeyboardEvent): void {
    const back = this.isStacked ? 'ArrowUp' : 'ArrowLeft';
    const forth = this.isStacked ? 'ArrowDown' : 'ArrowRight';
    if (event.key !== back && event.key !== forth) return;
    this.moveTo(this.at + (event.key === forth ? STEP : -STEP));
    event.preventDefault();
  }

  private onPointerDown(event: PointerEvent): void {
    (event.target as Element).setPointerCapture(event.pointerId);
  }

  private onPointerMove(event: PointerEvent): void {
    if (!(event.target as Element).hasPointerCapture(event.pointerId)) return;
    const { left, top, width, height } = this.getBoundingClientRect();
    const share = this.isStacked ? (event.clientY - top) / height : (event.clientX - left) / width;
    this.moveTo(share * 100);
  }

  private moveTo(at: number): void {
    this.at = Math.max(LEAST, Math.min(MOST, at));
    if (this.keep !== '') host.keep(`split ${this.keep}`, { at: this.at });
  }

  static override styles = [
    shared,
    css`
      :host {
        display: block;
        min-height: 0;
        height: 100%;
      }
      .parts {
        display: flex;
        height: 100%;
      }
      .stacked {
        flex-direction: column;
      }
      .part {
        min-width: 0;
        min-height: 0;
        overflow: auto;
      }
      .border {
        flex: none;
        width: 5px;
        cursor: col-resize;
        border-inline-start: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, currentcolor));
        touch-action: none;
      }
      .stacked .border {
        width: auto;
        height: 5px;
        cursor: row-resize;
        border-inline-start: none;
        border-top: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, currentcolor));
      }
      .border:hover,
      .border:focus-visible {
        background: var(--vscode-sash-hoverBorder, var(--vscode-focusBorder));
      }
    `,
  ];
}

customElements.define('xs-split', XsSplit);
