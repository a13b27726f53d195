// xenstore: the tree that domains share.

import { Panel, definePanel, html, nothing, t, type Column, type Query } from '../panel/panel.ts';

interface Node {
  readonly path: string;
  readonly name: string;
  readonly value: string;
  readonly children?: readonly Node[];
}

const COLUMNS: readonly Column<Node>[] = [
  { key: 'name', title: t('Name'), text: ({ name }) => name, width: 30, mono: true },
  { key: 'value', title: t('Value'), text: ({ value }) => value, grow: true, mono: true },
];

class XenstorePanel extends Panel<{ tree: { readonly nodes: readonly Node[] } }> {
  static override picks = 'domain' as const;
  static override filters = true;

  protected override queries(): { tree: Query } {
    return { tree: { request: 'xen/xenstore', arguments: {} } };
  }

  protected override body(): unknown {
    const view = this.view('tree');
    if (!view) return nothing;
    return html`<xs-table
      label=${t('xenstore')}
      keep="tree"
      .rows=${view.nodes}
      .columns=${COLUMNS}
      .rowKey=${(node: Node) => node.path}
      .below=${(node: Node) => node.children}
      .previous=${this.previous('tree')?.nodes}
      .filter=${this.filter}
    ></xs-table>`;
  }
}

definePanel('xs-xenstore', XenstorePanel);
