// Event channels and grants of a domain: what connects it with others. Two sections: the ports with their other ends,
// and the grant table with who has what mapped; above each what is wrong, in words.

import type { AddressSymbol } from '../../debug-adapter/protocol.ts';
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
import { grantItems, grantSentence, maskQuestion, portItems, portSentence, sendQuestion } from './details.ts';
import { GRANT_COLUMNS, grantKey, MAPPED_COLUMNS, mappedKey, portColumns, portKey } from './columns.ts';
import type { Channels, Finding, Grant, Grants, Link, Port } from './views.ts';

type Section = 'channels' | 'grants';

interface Kept {
  readonly section: Section;
  readonly port: number;
  readonly reference: number;
  readonly drawingAsTable: boolean;
}

const ROWS = 4096;

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
    const choose = (section: Section, words: string): unknown =>
      html`<button aria-pressed=${String(this.section === section)} @click=${() => this.keep({ section })}>${words}</button>`;
    const port = this.selectedPort;
    return html`<span role="group" aria-label=${t('Section')}>
        ${choose('channels', t('Event channels'))} ${choose('grants', t('Grants'))}
      </span>
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
        ${this.findings(view.findings, (finding) => this.choosePort(finding.port))}
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

  private findings<One extends Finding>(findings: readonly One[], choose: (finding: One) => void): unknown {
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
    const before = previous?.domain === view.domain ? previous : undefined;
    return html`
      <div class="head">
        <p class="quiet">
          ${t(
            '{0} of {1} entries in use; {2} of {3} frames; {4} grants of other domains mapped.',
            view.total,
            view.entries,
            view.frames.length,
            view.maximumFrames,
            view.mappedTotal,
          )}
        </p>
        ${this.findings(view.findings, ({ reference }) => reference !== undefined && this.chooseGrant(reference))}
        ${view.moreFindings > 0 ? html`<p class="quiet">${t('{0} more findings.', view.moreFindings)}</p>` : nothing}
      </div>
      <xs-split stacked keep="grants" .at=${60}>
        <xs-table
          slot="start"
          id="grants"
          label=${t('Grants')}
          keep="grants"
          .rows=${view.grants}
          .columns=${GRANT_COLUMNS}
          .rowKey=${grantKey}
          .previous=${before?.grants}
          .filter=${this.filter}
          .rowClass=${warningOf}
          emptyText=${t('The domain grants nothing. A guest does as it brings up its PV drivers.')}
          @xs-select=${({ detail }: CustomEvent<RowEvent<Grant>>) => this.keep({ reference: detail.row.reference })}
          @xs-menu=${({ detail }: CustomEvent<RowEvent<Grant> & { x: number; y: number }>) =>
            this.menu(detail, this.grantMenu(detail.row))}
        ></xs-table>
        <div slot="end" class="side">${this.grantDetails(view, before)} ${this.mappedGrants(view)}</div>
      </xs-split>
    `;
  }

  private grantDetails(view: Grants, before: Grants | undefined): unknown {
    const grant = view.grants.find(({ reference }) => reference === this.kept.reference);
    if (!grant) return html`<p class="quiet">${t('Select a grant to see it in detail.')}</p>`;
    const old = before?.grants.find(({ reference }) => reference === grant.reference);
    return html`<section>
      <h2>${t('Grant {0}', grant.reference)}</h2>
      ${grant.findings.map(({ sentence }) => html`<p>${icon('warning')} ${sentence}</p>`)}
      <xs-details .items=${grantItems(view.domain, grant, old)}></xs-details>
    </section>`;
  }

  private mappedGrants(view: Grants): unknown {
    if (view.mapped.length === 0) return nothing;
    return html`<section>
      <h2>${t('Grants of other domains that it has mapped')}</h2>
      <xs-table
        class="links"
        label=${t('Grants of other domains that it has mapped')}
        .rows=${view.mapped}
        .columns=${MAPPED_COLUMNS}
        .rowKey=${mappedKey}
      ></xs-table>
    </section>`;
  }

  private grantMenu(grant: Grant): MenuItem[] {
    return [
      {
        label: t('Show the page'),
        icon: 'go-to-file',
        run:
          grant.pa === undefined
            ? undefined
            : () => this.open({ kind: 'memory', reference: `d${this.domain}/ipa:${grant.ipa}` }),
      },
      {
        label: t('Copy as a sentence'),
        icon: 'copy',
        run: () => host.copy(grantSentence(this.domain, grant)),
      },
    ];
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

/** In a list that is drawn as a whole; a guest can leave one for each port. */
const MOST_FINDINGS = 100;

const warningOf = ({ findings }: Grant): string | undefined =>
  findings.some(({ severity }) => severity === 'warning') ? 'warning' : undefined;

definePanel('xs-event-channels', EventChannelsPanel);
