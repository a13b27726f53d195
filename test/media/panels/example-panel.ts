// A panel that uses everything the framework offers: `framework.e2e.test.ts` looks at it.

import {
  Panel,
  type Column,
  type Detail,
  type Query,
  type RowEvent,
  css,
  definePanel,
  html,
  nothing,
  styled,
  svg,
  t,
} from '../../../media/panel/panel.ts';
import type { PanelArguments } from '../../../media/messages.ts';

interface Row {
  readonly port: number;
  readonly peer: string;
  readonly address: string;
  readonly below?: readonly Row[];
}

interface View {
  readonly rows: readonly Row[];
}

interface Kept {
  readonly twin: boolean;
  readonly shown: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { key: 'port', title: t('Port'), text: ({ port }) => String(port) },
  { key: 'peer', title: t('Peer'), text: ({ peer }) => peer, grow: true },
  {
    key: 'address',
    title: t('Address'),
    text: ({ address }) => address,
    render: ({ address }) => html`<xs-address .reference=${`d1/ipa:${address}`}></xs-address>`,
    width: 20,
  },
];

class ExamplePanel extends Panel<{ main: View }, Kept> {
  static override picks = 'vcpu' as const;
  static override filters = true;
  private chosen = '';

  protected override queries(): { main: Query } {
    return { main: { request: 'xen/example', arguments: { domain: this.domain, vcpu: this.vcpu } } };
  }

  protected override show(args: PanelArguments): void {
    this.keep({ shown: String(args['what']) });
  }

  protected override toolbar(): unknown {
    return html`<button
      @click=${() => this.act({ kind: 'pause', domain: 1 }, { message: 'Pause d1?', button: 'Pause' })}
    >
      Pause
    </button>`;
  }

  protected override body(): unknown {
    const view = this.view('main');
    if (!view) return nothing;
    const details: Detail[] = [
      { label: 'rows', value: view.rows.length, previous: this.previous('main')?.rows.length.toString() },
      { label: 'chosen', value: this.chosen },
      { label: 'shown', value: this.kept.shown ?? 'nothing' },
    ];
    return html`<xs-split keep="main">
      <xs-table
        slot="start"
        label="Ports"
        keep="ports"
        .rows=${view.rows}
        .columns=${COLUMNS}
        .rowKey=${({ port }: Row) => String(port)}
        .below=${({ below }: Row) => below}
        .previous=${this.previous('main')?.rows}
        .filter=${this.filter}
        emptyText="There are no ports."
        @xs-select=${({ detail }: CustomEvent<RowEvent<Row>>) => {
          this.chosen = detail.key;
          this.requestUpdate();
        }}
        @xs-menu=${({ detail }: CustomEvent<{ x: number; y: number; key: string }>) =>
          this.menu(detail, [
            { label: `Send ${detail.key}`, icon: 'bell', run: () => this.tell(`sent ${detail.key}`) },
            { label: 'Mask', run: undefined, hint: 'not now' },
            { label: 'Ask', run: async () => this.tell((await this.input({ title: 'Value' })) ?? 'none') },
          ])}
      ></xs-table>
      <div slot="end" class="end">
        <xs-details .items=${details}></xs-details>
        <xs-chip state="warning">masked</xs-chip>
        <xs-drawing
          label="Drawing"
          summary="A square."
          ?twin=${this.kept.twin ?? false}
          @xs-twin=${({ detail }: CustomEvent<{ twin: boolean }>) => this.keep({ twin: detail.twin })}
        >
          <svg slot="drawing" viewBox="0 0 40 40" .style=${styled({ width: '40px' })} role="img" aria-label="square">
            ${svg`<rect class="square" width="40" height="40" />`}
          </svg>
          <p slot="table">one square</p>
        </xs-drawing>
      </div>
    </xs-split>`;
  }

  static override styles = [
    Panel.styles,
    css`
      .end {
        padding: 8px;
      }
      .square {
        fill: var(--vscode-charts-blue);
      }
    `,
  ];
}

definePanel('xs-example', ExamplePanel);
