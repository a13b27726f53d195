// <xs-device-states>: the state machines of a device's two ends, side by side: where each end stands, and where it
// may go from there. The words and the rules come with the view.

import type { Inspections } from '../../debug-adapter/protocol.ts';
import { shared } from '../panel/styles.ts';
import { type Column, css, html, nothing, svg, t } from '../panel/panel.ts';
import { LitElement, type PropertyDeclarations, type TemplateResult } from 'lit';

export type Device = Inspections['xenstore']['view']['devices'][number];
type End = Device['frontend'];

/** The way to a connection and back; the two of a reconfiguration only where an end is in them. */
const USUAL = ['Initialising', 'InitWait', 'Initialised', 'Connected', 'Closing', 'Closed'];
const RARE = ['Reconfiguring', 'Reconfigured'];

/** CSS pixels: boxes below each other, a column for each end, with words beside the boxes. */
const BOX = { width: 104, height: 24, gap: 10, top: 24, left: 4, column: 220 } as const;

export class XsDeviceStates extends LitElement {
  static override properties: PropertyDeclarations = {
    device: { attribute: false },
    previous: { attribute: false },
  };

  declare device: Device | undefined;
  /** The device at the stop before. */
  declare previous: Device | undefined;

  protected override render(): TemplateResult | typeof nothing {
    const { device, previous } = this;
    if (!device) return nothing;
    const states = [
      ...USUAL,
      ...RARE.filter((state) => endsOf(device).some((end) => end.stateName === state)),
    ];
    const width = 2 * BOX.column;
    const height = BOX.top + states.length * (BOX.height + BOX.gap);
    return html`<svg role="img" aria-label=${`${device.name}: ${device.sentence}`} width=${width} height=${height}>
      ${endsOf(device).map((end, column) =>
        this.machine(end, column, states, previous && endsOf(previous)[column]),
      )}
    </svg>`;
  }

  private machine(end: End, column: number, states: readonly string[], before: End | undefined): unknown {
    const x = BOX.left + column * BOX.column;
    const name = column === 0 ? t('frontend d{0}', end.domain) : t('backend d{0}', end.domain);
    return svg`<text class="name" x=${x} y="10">${name}</text>
      ${states.map((state, i) => this.state(state, i, x, end, before))}`;
  }

  private state(state: string, i: number, x: number, end: End, before: End | undefined): unknown {
    const y = BOX.top + i * (BOX.height + BOX.gap);
    const middle = y + BOX.height / 2;
    const here = state === end.stateName;
    const next = (end.next as readonly string[]).includes(state);
    return svg`
      ${i > 0 ? svg`<path class="line" d=${`M ${x + BOX.width / 2} ${y - BOX.gap} v ${BOX.gap}`} />` : nothing}
      <rect class=${`box${here ? ' here' : next ? ' next' : ''}`} x=${x} y=${y} width=${BOX.width} height=${BOX.height} rx="4" />
      <text class=${`state${here ? ' here' : next ? '' : ' far'}`} x=${x + BOX.width / 2} y=${middle}>${state}</text>
      <text class="words" x=${x + BOX.width + 6} y=${middle}>${wordsOf(state, end, before)}</text>
    `;
  }

  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      svg {
        font-family: var(--vscode-font-family);
      }
      text {
        fill: var(--vscode-foreground);
        font-size: 12px;
        dominant-baseline: central;
      }
      .name {
        font-weight: 600;
      }
      .state {
        text-anchor: middle;
      }
      .words {
        font-size: 11px;
      }
      .far {
        fill: var(--vscode-descriptionForeground);
      }
      .box {
        fill: none;
        stroke: var(--vscode-charts-lines, currentcolor);
      }
      .box.next {
        stroke: var(--vscode-charts-blue);
        stroke-dasharray: 4 3;
        stroke-width: 1.5;
      }
      .box.here {
        fill: var(--vscode-button-background);
        stroke: var(--vscode-contrastBorder, var(--vscode-button-background));
        stroke-width: 2;
      }
      .state.here {
        fill: var(--vscode-button-foreground);
        font-weight: 600;
      }
      .line {
        stroke: var(--vscode-charts-lines, currentcolor);
      }
    `,
  ];
}

/** What a state is to this end. */
function wordsOf(state: string, end: End, before: End | undefined): string {
  const moved = before !== undefined && before.stateName !== end.stateName;
  if (state === end.stateName) return moved ? t('is here now') : t('is here');
  if (moved && state === before.stateName) return t('was here');
  return (end.next as readonly string[]).includes(state) ? t('may go here') : '';
}

const endsOf = ({ frontend, backend }: Device): readonly [End, End] => [frontend, backend];

customElements.define('xs-device-states', XsDeviceStates);

/** The same as a table: one row for each end. */
export interface EndRow {
  readonly device: Device;
  readonly end: End;
  readonly role: 'frontend' | 'backend';
}

export const endRows = (devices: readonly Device[]): EndRow[] =>
  devices.flatMap((device) => [
    { device, end: device.frontend, role: 'frontend' },
    { device, end: device.backend, role: 'backend' },
  ]);

/** Two devices may claim one backend. */
export const endKey = ({ device, role }: EndRow): string => `${role} ${device.frontend.path}`;

export const END_COLUMNS: readonly Column<EndRow>[] = [
  { key: 'device', title: t('Device'), text: ({ device }) => device.name },
  {
    key: 'end',
    title: t('End'),
    text: ({ role, end }) =>
      role === 'frontend' ? t('frontend d{0}', end.domain) : t('backend d{0}', end.domain),
  },
  {
    key: 'state',
    title: t('State'),
    text: ({ end }) =>
      end.state === undefined ? (end.stateText ?? end.stateName) : `${end.state} ${end.stateName}`,
  },
  { key: 'next', title: t('May go to'), text: ({ end }) => end.next.join(', '), width: 40 },
  { key: 'sentence', title: t('How it stands'), text: ({ device }) => device.sentence, grow: true },
  { key: 'path', title: t('Path'), text: ({ end }) => end.path, mono: true, width: 40 },
];
