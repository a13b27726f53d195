// The nodes of a view, which lists them in the order of the tree, as rows that know what is below them.

import type { Inspections } from '../../debug-adapter/protocol.ts';
import { type Column, html, nothing, t } from '../panel/panel.ts';

export type XenstoreView = Inspections['xenstore']['view'];
export type XenstoreNode = XenstoreView['nodes'][number];

export interface TreeNode extends XenstoreNode {
  readonly below?: readonly TreeNode[];
}

/** Top nodes with everything below them. */
export function treeOf(nodes: readonly XenstoreNode[]): TreeNode[] {
  const top: TreeNode[] = [];
  /** The open node of each depth. */
  const open: { readonly depth: number; readonly below: TreeNode[] }[] = [];
  for (const node of nodes) {
    while ((open.at(-1)?.depth ?? -1) >= node.depth) open.pop();
    const below: TreeNode[] = [];
    const row = node.children > 0 ? { ...node, below } : node;
    (open.at(-1)?.below ?? top).push(row);
    open.push({ depth: node.depth, below });
  }
  return top;
}

/** Unfolded to begin with: the way to the domains. */
export const FIRST_UNFOLDED = ['/', '/local', '/local/domain'];

export const NODE_COLUMNS: readonly Column<TreeNode>[] = [
  { key: 'name', title: t('Node'), text: ({ name }) => name, width: 28, mono: true },
  {
    key: 'value',
    title: t('Value'),
    text: shownValue,
    width: 22,
    grow: true,
    mono: true,
  },
  {
    key: 'permissions',
    title: t('Permissions'),
    hint: t('Owner and what others may do, as xenstore-ls -p shows it'),
    text: ({ permissions }) => permissions,
    width: 13,
    mono: true,
  },
  {
    key: 'watches',
    title: t('Watches'),
    hint: t('Domains that are told when this node or one below it changes'),
    text: ({ watches }) => watches.map(({ domain }) => `d${domain}`).join(' '),
    render: ({ watches }) =>
      watches.length === 0
        ? nothing
        : html`<xs-chip state="info" icon="eye"
            >${[...new Set(watches.map(({ domain }) => `d${domain}`))].join(' ')}</xs-chip
          >`,
    width: 11,
  },
  {
    key: 'change',
    title: t('Last change'),
    text: ({ lastChange }) => lastChange?.words ?? '',
    sortValue: ({ lastChange }) => lastChange?.moment.virtualNanoseconds ?? -1,
    width: 26,
  },
];

/** A value on one line; what is missing of it is said. */
export function shownValue({ value, truncated }: XenstoreNode): string {
  const line = value.replaceAll('\n', '⏎');
  return truncated > 0 ? t('{0} … {1} more bytes', line, truncated) : line;
}
