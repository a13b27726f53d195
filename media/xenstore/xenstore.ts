// xenstore: the tree with values, permissions, watches and changes; a node in words, and to edit; devices with the
// state machines of both ends; the clients; the last changes.

import '@vscode-elements/elements/dist/vscode-tabs/index.js';
import type { Inspections } from '../../debug-adapter/protocol.ts';
import type { PanelArguments } from '../messages.ts';
import {
  type Column,
  type Detail,
  type MenuItem,
  Panel,
  type Query,
  type RowEvent,
  type XsTable,
  css,
  definePanel,
  host,
  html,
  icon,
  nothing,
  t,
} from '../panel/panel.ts';
import { type Device, END_COLUMNS, endKey, endRows } from './device-states.ts';
import {
  FIRST_UNFOLDED,
  NODE_COLUMNS,
  type TreeNode,
  type XenstoreNode,
  type XenstoreView,
  shownValue,
  treeOf,
} from './tree.ts';

type HistoryView = Inspections['xenstoreHistory']['view'];
type Change = HistoryView['changes'][number];
type Client = XenstoreView['clients'][number];

interface Views {
  readonly store: XenstoreView;
  readonly history: HistoryView;
}

interface Kept {
  /** Path of the node that is looked at. */
  readonly node: string;
  readonly tab: number;
  /** Only what belongs to the chosen domain. */
  readonly own: boolean;
  /** Devices as a table. */
  readonly twin: boolean;
}

/** As many as an inspection gives at once; what is beyond is said. */
const MOST_NODES = 5000;
const TABS = { node: 0, devices: 1, clients: 2, history: 3 } as const;

class XenstorePanel extends Panel<Views, Kept> {
  static override picks = 'domain' as const;
  static override filters = true;

  private trees = new WeakMap<XenstoreView, TreeNode[]>();
  /** A node that is to be revealed once the view has it. */
  private toReveal: string | undefined;

  protected override queries(): Record<keyof Views, Query | undefined> {
    const { own, tab, node } = this.kept;
    const path = own ? { path: `/local/domain/${this.domain}` } : {};
    return {
      store: { request: 'xen/xenstore', arguments: { ...path, count: MOST_NODES } },
      history:
        tab === TABS.history
          ? { request: 'xen/xenstoreHistory', arguments: { ...(node !== undefined && { path: node }) } }
          : undefined,
    };
  }

  /** `path`: a node to look at. */
  protected override show({ path }: PanelArguments): void {
    if (typeof path !== 'string') return;
    this.keep({ node: path, tab: TABS.node, own: false });
    this.toReveal = path;
    // Also when nothing else of the page changes.
    this.requestUpdate();
  }

  /** What is to be shown may be asked for before there is anything to see. */
  protected override updated(): void {
    const { toReveal: wanted } = this;
    if (wanted === undefined || !this.view('store')?.nodes.some(({ path }) => path === wanted)) return;
    this.toReveal = undefined;
    void this.table?.reveal(wanted);
  }

  protected override toolbar(): unknown {
    const own = this.kept.own ?? false;
    return html`<button
      aria-pressed=${String(own)}
      title=${t('Show only what lies below /local/domain/{0}', this.domain)}
      @click=${() => this.keep({ own: !own })}
    >
      ${icon('filter')} ${t('Only this domain')}
    </button>`;
  }

  protected override body(): unknown {
    const view = this.view('store');
    if (!view) return nothing;
    const before = this.previous('store');
    return html`${
      view.total > view.nodes.length
        ? html`<p class="note">
            ${t('The first {0} of {1} nodes are shown.', view.nodes.length, view.total)}
            ${t('Choose “Only this domain” to see fewer.')}
          </p>`
        : nothing
    }
      <xs-split keep="main">
        <xs-table
          slot="start"
          label=${t('Nodes of xenstore')}
          keep="nodes"
          .rows=${this.treeOf(view)}
          .columns=${NODE_COLUMNS}
          .rowKey=${pathOf}
          .below=${({ below }: TreeNode) => below}
          .expanded=${FIRST_UNFOLDED}
          .previous=${before && this.treeOf(before)}
          .filter=${this.filter}
          emptyText=${t('xenstore has no nodes.')}
          @xs-select=${({ detail }: CustomEvent<RowEvent<TreeNode>>) => this.keep({ node: detail.key })}
          @xs-activate=${({ detail }: CustomEvent<RowEvent<TreeNode>>) => this.edit(detail.row)}
          @xs-menu=${({ detail }: CustomEvent<RowEvent<TreeNode> & { x: number; y: number }>) =>
            this.menu(detail, this.actionsOn(detail.row))}
        ></xs-table>
        <div slot="end" class="end">${this.tabs(view, before)}</div>
      </xs-split>`;
  }

  private tabs(view: XenstoreView, before: XenstoreView | undefined): unknown {
    const node = view.nodes.find(({ path }) => path === this.kept.node);
    const devices = this.devicesIn(view);
    return html`<vscode-tabs
      .selectedIndex=${this.kept.tab ?? TABS.node}
      @vsc-tabs-select=${({ detail }: CustomEvent<{ selectedIndex: number }>) =>
        this.keep({ tab: detail.selectedIndex })}
    >
      <vscode-tab-header slot="header">${t('Node')}</vscode-tab-header>
      <vscode-tab-panel>${this.nodeTab(node, before)}</vscode-tab-panel>
      <vscode-tab-header slot="header">${t('Devices')} (${devices.length})</vscode-tab-header>
      <vscode-tab-panel>${this.devicesTab(devices, before)}</vscode-tab-panel>
      <vscode-tab-header slot="header">${t('Clients')} (${view.clients.length})</vscode-tab-header>
      <vscode-tab-panel>
        <div class="list">
          <xs-table
            label=${t('Clients of xenstore')}
            keep="clients"
            .rows=${view.clients}
            .columns=${CLIENT_COLUMNS}
            .rowKey=${(client: Client) => `${client.domain} ${client.words}`}
            .previous=${before?.clients}
            emptyText=${t('Nobody has connected to xenstore yet.')}
          ></xs-table>
        </div>
      </vscode-tab-panel>
      <vscode-tab-header slot="header">${t('History')}</vscode-tab-header>
      <vscode-tab-panel>${this.historyTab()}</vscode-tab-panel>
    </vscode-tabs>`;
  }

  private nodeTab(node: XenstoreNode | undefined, before: XenstoreView | undefined): unknown {
    if (!node) return html`<p class="quiet">${t('Choose a node in the tree to see and change it.')}</p>`;
    const was = before?.nodes.find(({ path }) => path === node.path);
    const items: Detail[] = [
      { label: t('Path'), value: node.path, mono: true },
      {
        label: t('Value'),
        value: node.value === '' ? html`<span class="quiet">${t('empty')}</span>` : shownValue(node),
        text: shownValue(node),
        previous: was && shownValue(was),
        mono: true,
      },
      {
        label: t('Length'),
        value: node.binary ? t('{0} bytes, not text', node.length) : t('{0} bytes', node.length),
      },
      {
        label: t('Permissions'),
        value: node.permissionWords,
        previous: was?.permissionWords,
      },
      {
        label: t('Watched by'),
        value:
          node.watches.length === 0
            ? t('nobody here; watches of nodes above see it too')
            : node.watches.map(({ domain, token }) => t('d{0} with the token {1}', domain, token)).join('; '),
      },
      {
        label: t('Last change'),
        value: node.lastChange
          ? t(
              '{0} at {1} ({2})',
              node.lastChange.words,
              node.lastChange.moment.at,
              node.lastChange.moment.ago,
            )
          : t('before the machine ran'),
      },
    ];
    return html`<xs-details .items=${items}></xs-details>
      <p class="actions">
        ${this.actionsOn(node).map(
          ({ label, icon: name, run, hint }) =>
            html`<button class="secondary" ?disabled=${!run} title=${hint ?? nothing} @click=${() => run?.()}>
              ${name ? icon(name) : nothing} ${label}
            </button>`,
        )}
      </p>`;
  }

  private actionsOn(node: XenstoreNode): MenuItem[] {
    const live = this.isLive;
    const wholeText = !node.binary && node.truncated === 0;
    const hint = live
      ? wholeText
        ? undefined
        : t('The value is no text that fits into a line.')
      : t('There is no machine.');
    return [
      {
        label: t('Edit value'),
        icon: 'edit',
        run: live && wholeText ? () => this.edit(node) : undefined,
        ...(hint !== undefined && { hint }),
      },
      { label: t('Add a node below'), icon: 'add', run: live ? () => this.add(node) : undefined },
      {
        label: t('Remove'),
        icon: 'trash',
        run: live && node.path !== '/' ? () => this.remove_(node) : undefined,
      },
      { label: t('Copy path'), icon: 'copy', run: () => host.copy(node.path) },
      { label: t('Copy value'), icon: 'clippy', run: () => host.copy(node.value) },
    ];
  }

  private async edit({ path, value, binary, truncated }: XenstoreNode): Promise<void> {
    if (binary || truncated > 0 || !this.isLive) return;
    const text = await this.input({ title: t('Value of {0}', path), value });
    if (text !== undefined && text !== value) await this.act({ kind: 'write-xenstore', path, value: text });
  }

  private async add({ path }: XenstoreNode): Promise<void> {
    const name = await this.input({ title: t('Name of the new node below {0}', path) });
    if (!name) return;
    const added = `${path === '/' ? '' : path}/${name}`;
    const value = await this.input({ title: t('Value of {0}', added) });
    if (value !== undefined) await this.act({ kind: 'write-xenstore', path: added, value });
  }

  private async remove_({ path, children }: XenstoreNode): Promise<void> {
    await this.act(
      { kind: 'remove-xenstore', path },
      {
        message: t('Remove {0} from xenstore?', path),
        detail:
          children > 0
            ? t(
                'The nodes below it go with it. Domains that watch them are told, as if the toolstack had removed it.',
              )
            : t('Domains that watch it are told, as if the toolstack had removed it.'),
        button: t('Remove'),
      },
    );
  }

  private devicesIn(view: XenstoreView): readonly Device[] {
    if (!this.kept.own) return view.devices;
    const { domain } = this;
    return view.devices.filter(
      ({ frontend, backend }) => frontend.domain === domain || backend.domain === domain,
    );
  }

  private devicesTab(devices: readonly Device[], before: XenstoreView | undefined): unknown {
    if (devices.length === 0) {
      return html`<p class="quiet">
        ${t('No device has a frontend and a backend in xenstore yet. A disk in the configuration makes one.')}
      </p>`;
    }
    const summary = devices.map(({ name, sentence }) => `${name}: ${sentence}`).join('. ');
    const previous = before && endRows(before.devices);
    return html`<xs-drawing
      label=${t('Frontends and backends')}
      summary=${summary}
      ?twin=${this.kept.twin ?? false}
      @xs-twin=${({ detail }: CustomEvent<{ twin: boolean }>) => this.keep({ twin: detail.twin })}
    >
      <div slot="drawing">
        ${devices.map((device) =>
          this.device(
            device,
            before?.devices.find((was) => keyOf(was) === keyOf(device)),
          ),
        )}
      </div>
      <div slot="table" class="list">
        <xs-table
          label=${t('Frontends and backends')}
          keep="devices"
          .rows=${endRows(devices)}
          .columns=${END_COLUMNS}
          .rowKey=${endKey}
          .previous=${previous}
          @xs-activate=${({ detail }: CustomEvent<RowEvent<{ end: { path: string } }>>) =>
            this.show({ path: detail.row.end.path })}
        ></xs-table>
      </div>
    </xs-drawing>`;
  }

  private device(device: Device, previous: Device | undefined): unknown {
    const { name, connected, sentence, error, frontend, backend } = device;
    // The first console is connected without ever having had states.
    const hasStates = !connected || frontend.state !== undefined;
    return html`<section class="device">
      <h3>${name} <xs-chip state=${error ? 'error' : connected ? 'good' : 'warning'}>${sentence}</xs-chip></h3>
      ${error ? html`<p>${t('Its driver wrote: {0}', error)}</p>` : nothing}
      ${
        hasStates
          ? html`<xs-device-states .device=${device} .previous=${previous}></xs-device-states>`
          : nothing
      }
      <p>
        ${[frontend, backend].map(
          ({ path }) => html`<button class="link mono" @click=${() => this.show({ path })}>${path}</button> `,
        )}
      </p>
    </section>`;
  }

  private historyTab(): unknown {
    const view = this.view('history');
    const { node = '/' } = this.kept;
    if (!view) return html`<p class="quiet">${this.failure('history') ?? t('Asking the machine …')}</p>`;
    const words =
      view.remembered < view.total
        ? t(
            'Changes at or below {0}; the last {1} of {2} changes are remembered.',
            node,
            view.remembered,
            view.total,
          )
        : t('Changes at or below {0}.', node);
    return html`<p class="quiet">
        ${words}
        <button
          class="link"
          @click=${() => host.export('xenstore-history.json', `${JSON.stringify(view.changes, null, 2)}\n`)}
        >
          ${t('Save …')}
        </button>
      </p>
      <div class="list">
        <xs-table
          label=${t('Changes of xenstore')}
          keep="history"
          .rows=${view.changes}
          .columns=${CHANGE_COLUMNS}
          .rowKey=${(change: Change) => String(change.number)}
          .filter=${this.filter}
          emptyText=${t('Nothing has changed here since the machine was loaded.')}
          @xs-activate=${({ detail }: CustomEvent<RowEvent<Change>>) => this.show({ path: detail.row.path })}
        ></xs-table>
      </div>`;
  }

  private treeOf(view: XenstoreView): TreeNode[] {
    let tree = this.trees.get(view);
    if (!tree) {
      tree = treeOf(view.nodes);
      this.trees.set(view, tree);
    }
    return tree;
  }

  private get table(): XsTable<TreeNode> | null {
    return this.renderRoot.querySelector<XsTable<TreeNode>>('xs-split > xs-table');
  }

  static override styles = [
    Panel.styles,
    css`
      .end {
        height: 100%;
        padding: 0 8px;
      }
      .note {
        margin: 0;
        padding: 4px 8px;
      }
      .actions {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      .list {
        height: 60vh;
      }
      .device {
        margin-bottom: 16px;
      }
      h3 {
        font-size: 1em;
        margin: 8px 0 4px;
      }
      .device xs-chip {
        font-weight: normal;
        margin-inline-start: 8px;
      }
      p {
        margin: 4px 0;
      }
    `,
  ];
}

const pathOf = ({ path }: XenstoreNode): string => path;
const keyOf = ({ frontend }: Device): string => frontend.path;

const CLIENT_COLUMNS: readonly Column<Client>[] = [
  { key: 'client', title: t('Client'), text: ({ words }) => words, width: 26 },
  { key: 'watches', title: t('Watches'), text: ({ watchCount }) => String(watchCount), align: 'end' },
  { key: 'nodes', title: t('Nodes'), text: ({ nodes }) => String(nodes), align: 'end' },
  {
    key: 'transactions',
    title: t('Transactions'),
    text: ({ transactions }) => transactions.map(({ id, words }) => `${id}: ${words}`).join('; '),
    width: 20,
  },
  { key: 'sentence', title: t('How it stands'), text: ({ sentence }) => sentence, grow: true },
];

const CHANGE_COLUMNS: readonly Column<Change>[] = [
  { key: 'number', title: t('No.'), text: ({ number }) => String(number), align: 'end' },
  { key: 'when', title: t('When'), text: ({ moment }) => moment.at, width: 14 },
  { key: 'words', title: t('Change'), text: ({ words }) => words, width: 24 },
  { key: 'path', title: t('Node'), text: ({ path }) => path, width: 40, mono: true },
  { key: 'value', title: t('Value'), text: ({ value }) => value ?? '', grow: true, mono: true },
];

definePanel('xs-xenstore', XenstorePanel);
