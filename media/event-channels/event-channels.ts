// Event channels and grants of a domain: what connects it with others. Two sections: the ports with their other ends,
// and the grant table with who has what mapped; above each what is wrong, in words.

import type { AddressSymbol } from '../../debug-adapter/protocol.ts';
import { choices, type Choice } from '../panel/choices.ts';
import {
  css,
  type Detail,
  definePanel,
  host,
  html,
  icon,
  type MenuItem,
  nothing,
  Panel,
  type Query,
  type RowEvent,
  t,
} from '../panel/panel.ts';
import type { PanelArguments } from '../messages.ts';
import { channelDrawing, drawingStyles, LINK_COLUMNS, linkKey, summaryOf } from './channel-drawing.ts';
import { maskQuestion, portItems, portSentence, sendQuestion } from './details.ts';
import { portColumns, portKey } from './columns.ts';
import { findings, findingStyles } from './findings.ts';
import { grantsSection } from './grants.ts';
import type { Channels, Grants, Link, Port } from './views.ts';

type Section = 'channels' | 'grants';

interface Kept {
  readonly section: Section;
  readonly port: number;
  readonly reference: number;
  readonly drawingAsTable: boolean;
}

const ROWS = 4096;

const SECTIONS: readonly Choice<Section>[] = [
  { value: 'channels', title: t('Event channels') },
  { value: 'grants', title: t('Grants') },
];

class EventChannelsPanel extends Panel<{ channels: Channels; grants: Grants }, Kept> {
  static override picks = 'domain' as const;
  static override filters = true;

  /** Names of senders' addresses, by domain and address. */
  private readonly symbols = new Map<string, string>();
  private readonly asked = new Set<string>();
  private toReveal = false;

  private get section(): Section {
    return this.kept.section ?? 'channels';
  }

  protected override queries(): { channels?: Query; grants?: Query } {
    const args = { domain: this.domain, count: ROWS };
    return this.section === 'channels'
      ? { channels: { request: 'xen/eventChannels', arguments: args } }
      : { grants: { request: 'xen/grants', arguments: args } };
  }

  /** `{ domain, port }` or `{ domain, reference }`. */
  protected override show({ domain, port, reference }: PanelArguments): void {
    if (typeof domain === 'number') this.setPin({ domain });
    if (typeof port === 'number') this.keep({ section: 'channels', port });
    if (typeof reference === 'number') this.keep({ section: 'grants', reference });
    this.revealSelected();
  }

  protected override toolbar(): unknown {
    const port = this.selectedPort;
    return html`${choices(t('Section'), SECTIONS, this.section, (section) => this.keep({ section }))}
      ${
        this.section === 'channels' && this.isLive
          ? html`<button ?disabled=${!port?.canSend} title=${t('Send an event to the selected port')} @click=${() => port && this.send(port)}>
                ${icon('send')} ${t('Send')}
              </button>
              <button ?disabled=${!port?.canMask} title=${t('Mask or unmask the selected port')} @click=${() => port && this.mask(port)}>
                ${icon(port?.masked ? 'bell' : 'bell-slash')} ${port?.masked ? t('Unmask') : t('Mask')}
              </button>`
          : nothing
      }`;
  }

  protected override body(): unknown {
    return this.section === 'channels' ? this.channels() : this.grants();
  }

  // ------------------------------------------------------------------------------------ event channels

  private channels(): unknown {
    const view = this.view('channels');
    if (!view) return nothing;
    const previous = this.previous('channels');
    const before = previous?.domain === view.domain ? previous : undefined;
    return html`
      <div class="head">
        <p class="quiet">${view.abiWords}. ${this.counted(view.ports.length, view.total, view.maximumPort)}</p>
        ${findings(view.findings, (finding) => this.choosePort(finding.port))}
      </div>
      <xs-split stacked keep="channels" .at=${52}>
        <xs-table
          slot="start"
          id="ports"
          label=${t('Event channels')}
          keep="ports"
          .rows=${view.ports}
          .columns=${portColumns(view.abi)}
          .rowKey=${portKey}
          .previous=${before?.ports}
          .filter=${this.filter}
          .rowClass=${(port: Port) => (port.delay?.lasting ? 'warning' : undefined)}
          emptyText=${t('The domain has no event channels. A guest binds them as it brings up its PV drivers.')}
          @xs-select=${({ detail }: CustomEvent<RowEvent<Port>>) => this.keep({ port: detail.row.port })}
          @xs-activate=${({ detail }: CustomEvent<RowEvent<Port>>) => this.goToPeer(detail.row)}
          @xs-menu=${({ detail }: CustomEvent<RowEvent<Port> & { x: number; y: number }>) =>
            this.menu(detail, this.portMenu(detail.row))}
        ></xs-table>
        <div slot="end" class="side">${this.portDetails(before)} ${this.drawing(view)} ${this.vcpus(view)}</div>
      </xs-split>
    `;
  }

  private counted(shown: number, total: number, most: number): string {
    return shown < total
      ? t('The first {0} of {1} ports; {2} at most.', shown, total, most)
      : t('{0} ports in use, {1} at most.', total, most);
  }

  private portDetails(before: Channels | undefined): unknown {
    const port = this.selectedPort;
    if (!port) return html`<p class="quiet">${t('Select a port to see it in detail.')}</p>`;
    const old = before?.ports.find((one) => one.port === port.port);
    const items = portItems(
      port,
      old,
      (domain, address) => this.code(domain, address),
      () => this.goToPeer(port),
    );
    return html`<section>
      <h2>${t('Port {0}', port.port)}</h2>
      <xs-details .items=${items}></xs-details>
    </section>`;
  }

  /** An address with its symbol, once that is known. */
  private code(domain: number, address: string): unknown {
    const key = `${domain} ${address}`;
    if (!this.asked.has(key)) {
      this.asked.add(key);
      void this.nameAddress(domain, address, key);
    }
    const name = this.symbols.get(key);
    return html`<xs-address kind="source" reference=${`d${domain}/va:${address}`}>${address}</xs-address>
      ${name ?? nothing}`;
  }

  private async nameAddress(domain: number, address: string, key: string): Promise<void> {
    try {
      const { symbols } = await this.ask<{ symbols: readonly (AddressSymbol | null)[] }>('xen/symbols', {
        domain,
        addresses: [address],
      });
      if (!symbols[0]) return;
      this.symbols.set(key, symbols[0].name);
      this.requestUpdate();
    } catch {
      // The address does without a name.
    }
  }

  private drawing(view: Channels): unknown {
    if (view.links.length === 0) return nothing;
    return html`<section>
      <xs-drawing
        label=${t('Channels between domains')}
        summary=${summaryOf(view)}
        .twin=${this.kept.drawingAsTable ?? false}
        @xs-twin=${(event: CustomEvent<{ twin: boolean }>) => this.keep({ drawingAsTable: event.detail.twin })}
      >
        <div slot="drawing">
          ${channelDrawing(
            view,
            (domain) => this.domainName(domain),
            this.kept.port,
            (port) => this.choosePort(port),
          )}
        </div>
        <xs-table
          slot="table"
          class="links"
          label=${t('Channels between domains')}
          .rows=${view.links}
          .columns=${LINK_COLUMNS}
          .rowKey=${linkKey}
          @xs-activate=${({ detail }: CustomEvent<RowEvent<Link>>) => this.choosePort(detail.row.from.port)}
        ></xs-table>
      </xs-drawing>
    </section>`;
  }

  private vcpus(view: Channels): unknown {
    if (view.vcpus.length === 0) return nothing;
    const items = view.vcpus.map(
      ({ vcpu, sentence }): Detail => ({ label: t('vCPU {0}', vcpu), value: sentence }),
    );
    return html`<section>
      <h2>${t('How vCPUs hear of events')}</h2>
      <xs-details .items=${items}></xs-details>
    </section>`;
  }

  private portMenu(port: Port): MenuItem[] {
    const { sender, peer } = port;
    const { domain } = this;
    return [
      {
        label: t('Send an event …'),
        icon: 'send',
        run: port.canSend && this.isLive ? () => this.send(port) : undefined,
      },
      {
        label: port.masked ? t('Unmask …') : t('Mask …'),
        icon: port.masked ? 'bell' : 'bell-slash',
        run: port.canMask && this.isLive ? () => this.mask(port) : undefined,
        ...(port.canMask ? {} : { hint: t('Ports that are served outside of a guest have no mask') }),
      },
      {
        label: t('Go to the other end'),
        icon: 'arrow-swap',
        run: peer?.port === undefined ? undefined : () => this.goToPeer(port),
      },
      {
        label: t('Show the code of the last sender'),
        icon: 'go-to-file',
        run:
          sender?.lr === undefined
            ? undefined
            : () => this.open({ kind: 'source', reference: `d${sender.domain}/va:${sender.lr}` }),
      },
      {
        label: t('Copy as a sentence'),
        icon: 'copy',
        run: () => host.copy(portSentence(domain, port)),
      },
    ];
  }

  private send(port: Port): void {
    const { domain } = this;
    void this.act(
      { kind: 'send-event', domain, port: port.port },
      sendQuestion(port, this.domainName(domain)),
    );
  }

  private mask(port: Port): void {
    const { domain } = this;
    const action = { kind: 'mask-event', domain, port: port.port, masked: !port.masked } as const;
    void this.act(action, maskQuestion(port, this.domainName(domain)));
  }

  private goToPeer({ peer }: Port): void {
    if (peer?.port === undefined) return;
    this.setPin({ domain: peer.domain });
    this.choosePort(peer.port);
  }

  private choosePort(port: number): void {
    this.keep({ section: 'channels', port });
    this.revealSelected();
  }

  private get selectedPort(): Port | undefined {
    return this.view('channels')?.ports.find(({ port }) => port === this.kept.port);
  }

  // ------------------------------------------------------------------------------------------- grants

  private grants(): unknown {
    const view = this.view('grants');
    if (!view) return nothing;
    const previous = this.previous('grants');
    const look = {
      before: previous?.domain === view.domain ? previous : undefined,
      reference: this.kept.reference,
      filter: this.filter,
    };
    return grantsSection(view, look, {
      select: (reference) => this.keep({ reference }),
      choose: (reference) => this.chooseGrant(reference),
      menu: (at, items) => this.menu(at, items),
    });
  }

  private chooseGrant(reference: number): void {
    this.keep({ section: 'grants', reference });
    this.revealSelected();
  }

  // --------------------------------------------------------------------------------------------- both

  /** Once the rows are there. */
  private revealSelected(): void {
    this.toReveal = true;
    this.requestUpdate();
  }

  protected override updated(): void {
    if (!this.toReveal) return;
    const { section } = this;
    const key = section === 'channels' ? this.kept.port : this.kept.reference;
    const isThere =
      section === 'channels'
        ? this.selectedPort !== undefined
        : this.view('grants')?.grants.some(({ reference }) => reference === key);
    if (key === undefined || !isThere) return;
    this.toReveal = false;
    const table = this.renderRoot.querySelector<HTMLElement & { reveal(key: string): Promise<void> }>(
      section === 'channels' ? '#ports' : '#grants',
    );
    void table?.reveal(String(key));
  }

  static override styles = [
    Panel.styles,
    drawingStyles,
    findingStyles,
    css`
      .head {
        padding: 6px 12px;
        border-bottom: 1px solid var(--vscode-panel-border, var(--vscode-contrastBorder, transparent));
        max-height: 35vh;
        overflow: auto;
      }
      .head p {
        margin: 2px 0;
      }
      .head p::first-letter {
        text-transform: uppercase;
      }
      xs-table[slot='start'] {
        height: 100%;
      }
      .side {
        height: 100%;
        overflow: auto;
      }
      .side {
        display: flex;
        flex-wrap: wrap;
        align-content: flex-start;
      }
      .side > p,
      .side section {
        padding: 8px 12px;
        margin: 0;
        flex: 1 1 320px;
        min-width: 0;
      }
      .side h2 {
        margin-bottom: 4px;
      }
      .links {
        height: 180px;
      }
    `,
  ];
}

definePanel('xs-event-channels', EventChannelsPanel);
