// PV rings: the list with what is the matter with each, one of them drawn, its messages decoded, and what passed
// through it.

import {
  Panel,
  type Query,
  type RowEvent,
  css,
  definePanel,
  host,
  html,
  nothing,
  t,
} from '../panel/panel.ts';
import { ends, endStyles } from './ends.ts';
import { exportItems, history, type HistoryChoices, historyStyles, SHORT_HISTORY } from './history.ts';
import { chosenPart } from './message.ts';
import { drawing, drawingStyles, legend, partsOf } from './ring-drawing.ts';
import { healthChip, mostUrgent, ringClass, ringColumns } from './ring-list.ts';
import { twinTable } from './slots.ts';
import type { HistoryMessage, HistoryView, Ring, RingSlotsView, RingsView } from './views.ts';

interface Views {
  readonly rings: RingsView;
  readonly slots: RingSlotsView;
  readonly history: HistoryView;
}

interface Kept extends HistoryChoices {
  readonly ring: string;
  /** Key of the chosen part of the drawing. */
  readonly part: string;
  /** The table instead of the drawing. */
  readonly asTable: boolean;
}

class RingsPanel extends Panel<Views, Kept> {
  static override picks = 'domain' as const;
  static override filters = true;

  private readonly narrow = matchMedia('(max-width: 900px)');

  override connectedCallback(): void {
    super.connectedCallback();
    this.narrow.addEventListener('change', () => this.requestUpdate());
  }

  protected override queries(): { rings: Query; slots: Query | undefined; history: Query | undefined } {
    const { domain } = this;
    const ring = this.chosenRing?.name;
    return {
      rings: { request: 'xen/rings', arguments: { domain } },
      slots: ring === undefined ? undefined : { request: 'xen/ringSlots', arguments: { domain, ring } },
      history:
        ring === undefined
          ? undefined
          : { request: 'xen/ringHistory', arguments: this.historyArguments(ring) },
    };
  }

  private historyArguments(ring: string): Readonly<Record<string, unknown>> {
    return {
      domain: this.domain,
      ...(!this.kept.allRings && { ring }),
      ...(!this.kept.wholeHistory && { last: SHORT_HISTORY }),
    };
  }

  /** The one that was chosen, else the one that needs a look most. */
  private get chosenRing(): Ring | undefined {
    const rings = this.view('rings')?.rings ?? [];
    return rings.find(({ name }) => name === this.kept.ring) ?? mostUrgent(rings);
  }

  /** A link names a ring. */
  protected override show({ ring }: Readonly<Record<string, unknown>>): void {
    if (typeof ring === 'string') this.keep({ ring, part: '' });
  }

  protected override body(): unknown {
    const view = this.view('rings');
    if (!view) return nothing;
    if (view.rings.length === 0) {
      return html`<p class="pad quiet">
        ${t('No ring is connected in {0}. A guest connects its first ones when its console and xenstore drivers start; run it a little further.', this.domainName(this.domain))}
      </p>`;
    }
    const ring = this.chosenRing;
    return html`<xs-split keep="rings" .at=${22} stacked>
      <div slot="start" class="column">
        <xs-table
          class="fill"
          label=${t('Rings')}
          keep="rings"
          .rows=${view.rings}
          .columns=${ringColumns()}
          .rowKey=${({ name }: Ring) => name}
          .previous=${this.previous('rings')?.rings}
          .selected=${ring?.name}
          .rowClass=${ringClass}
          @xs-select=${({ detail }: CustomEvent<RowEvent<Ring>>) => this.choose(detail.key)}
        ></xs-table>
        ${view.isIncomplete ? html`<p class="quiet pad">${t('There are more rings than are looked for.')}</p>` : nothing}
      </div>
      <div slot="end" class="column">${ring ? this.ringBody(ring) : nothing}</div>
    </xs-split>`;
  }

  private choose(ring: string): void {
    if (ring !== this.chosenRing?.name) this.keep({ ring, part: '', message: '' });
  }

  private ringBody(ring: Ring): unknown {
    const slots = this.view('slots');
    const view = slots?.ring.name === ring.name ? slots : undefined;
    const shown = view?.ring ?? ring;
    return html`
      <p class="health" role="status">
        ${healthChip(shown)}
        <strong>${shown.name}</strong> ${shown.health.sentence}
      </p>
      <xs-split class="fill" keep="ring" .at=${52} ?stacked=${this.narrow.matches}>
        <div slot="start" class="column">${view ? this.inside(view) : this.unread(shown)}</div>
        <div slot="end" class="column">${this.history(shown)}</div>
      </xs-split>
    `;
  }

  private unread(ring: Ring): unknown {
    const failure = this.failure('slots');
    return html`<div class="scroll">${failure === undefined ? nothing : html`<p class="error">${failure}</p>`} ${ends(ring, this.previousRing(ring))}</div>`;
  }

  private inside(view: RingSlotsView): unknown {
    const { ring } = view;
    const parts = partsOf(view);
    const selected = this.kept.part;
    const before = this.previous('slots');
    const select = (part: string): void => {
      this.keep({ part });
      const label = parts.find(({ key }) => key === part)?.label;
      if (label !== undefined) this.announce(label);
    };
    return html`<div class="scroll">
      ${
        parts.length === 0
          ? html`<p class="quiet">${t('There is nothing to draw: {0}.', ring.health.sentence)}</p>`
          : html`<xs-drawing
              label=${t('Inside {0}', ring.name)}
              summary=${`${ring.occupancy}. ${ring.health.sentence}.`}
              .twin=${this.kept.asTable ?? false}
              @xs-twin=${({ detail }: CustomEvent<{ twin: boolean }>) => this.keep({ asTable: detail.twin })}
            >
              <div slot="drawing">
                ${drawing(view, { selected, select })}
                ${legend(parts)}
              </div>
              <div slot="table" class="twin">${twinTable(view, before, { selected, select })}</div>
            </xs-drawing>`
      }
      ${chosenPart(view, selected)} ${ends(ring, this.previousRing(ring))}
    </div>`;
  }

  private previousRing(ring: Ring): Ring | undefined {
    return this.previous('rings')?.rings.find(
      ({ name, domain }) => name === ring.name && domain === ring.domain,
    );
  }

  // ----------------------------------------------------------------------------------- history

  private history(ring: Ring): unknown {
    return history(this.view('history'), this.kept, this.filter, {
      keep: (parts) => this.keep(parts),
      exportMenu: ({ clientX, clientY }) => this.exportMenu(clientX, clientY, ring),
    });
  }

  private exportMenu(x: number, y: number, ring: Ring): void {
    const name = this.kept.allRings ? `rings of domain ${this.domain}` : ring.name;
    this.menu(
      { x, y },
      exportItems(name, (file, write) => void this.exportAs(file, ring, write)),
    );
  }

  /** All that is known, whatever is shown. */
  private async exportAs(
    name: string,
    ring: Ring,
    write: (messages: readonly HistoryMessage[]) => string,
  ): Promise<void> {
    const { domain, kept } = this;
    try {
      const args = { domain, ...(!kept.allRings && { ring: ring.name }) };
      const { messages } = await this.ask<HistoryView>('xen/ringHistory', args);
      host.export(name, write(messages));
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error));
    }
  }

  static override styles = [
    Panel.styles,
    drawingStyles,
    endStyles,
    historyStyles,
    css`
      .column {
        display: flex;
        flex-direction: column;
        height: 100%;
        min-height: 0;
      }
      .fill {
        flex: 1;
        min-height: 60px;
      }
      .scroll {
        flex: 1;
        min-height: 0;
        overflow: auto;
        padding: 4px 8px;
      }
      .health {
        margin: 0;
        padding: 6px 8px;
        border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
      }
      .twin {
        display: flex;
        height: 320px;
      }
      .twin > * {
        flex: 1;
      }
      section {
        padding: 6px 0;
      }
    `,
  ];
}

definePanel('xs-rings', RingsPanel);
