// What interrupts are called, from a device tree: the node that has them, in the words of its binding. The tree
// may be a user's own (`dtb`), so nothing in it is relied on: what cannot be understood leaves interrupts without
// a name. Bindings: Documentation/devicetree/bindings/interrupt-controller/arm,gic{,-v3}.yaml of Linux,
// timer/arm,arch_timer.yaml, arm/xen.txt.

import { readDtb } from '../../../formats/dtb.ts';
import type { DeviceTree, DeviceTreeNode } from '../../../formats/device-tree.ts';

export interface InterruptName {
  /** `timer (virtual)`, `Xen event channel`, `pl011@9000000`. */
  readonly name: string;
  /** Path of the node: `/timer`. */
  readonly node: string;
}

/** By INTID. */
export type InterruptNames = ReadonlyMap<number, InterruptName>;

/** First cell of an interrupt specifier, and the INTID of its number 0. */
const FIRST_INTID: Readonly<Record<number, number>> = { 0: 32, 1: 16, 2: 4096, 3: 1056 };

/** In the order of the binding, when the node does not name them itself. */
const TIMER_INTERRUPTS = ['secure physical', 'physical', 'virtual', 'hypervisor', 'hypervisor virtual'];
const TIMER_NAMES: Readonly<Record<string, string>> = {
  'sec-phys': 'secure physical',
  'phys-secure': 'secure physical',
  phys: 'physical',
  virt: 'virtual',
  'hyp-phys': 'hypervisor',
  'hyp-virt': 'hypervisor virtual',
};

/** More than any node has; a tree may say anything. */
const MAX_INTERRUPTS_OF_NODE = 1024;

const NONE: InterruptNames = new Map();

/** The names that a blob gives; none at all for one that is no device tree. */
export function interruptNames(blob: Uint8Array | undefined): InterruptNames {
  if (blob === undefined) return NONE;
  let tree: DeviceTree;
  try {
    tree = readDtb(blob);
  } catch {
    return NONE; // The guest did not get far with it either.
  }
  return namesIn(tree);
}

interface Place {
  readonly node: DeviceTreeNode;
  readonly path: string;
  /** `interrupt-parent` in effect. */
  readonly parent: DeviceTreeNode | undefined;
}

function namesIn(tree: DeviceTree): InterruptNames {
  const byPhandle = new Map<number, DeviceTreeNode>();
  for (const node of tree.root.descendants()) {
    const phandle = node.getCell('phandle') ?? node.getCell('linux,phandle');
    if (phandle !== undefined && !byPhandle.has(phandle)) byPhandle.set(phandle, node);
  }
  const labels = labelsOf(tree);
  const names = new Map<number, InterruptName>();
  const waiting: Place[] = [{ node: tree.root, path: '', parent: undefined }];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const { node, path } = place;
    const handle = node.getCell('interrupt-parent');
    const parent = handle === undefined ? place.parent : byPhandle.get(handle);
    specifiersOf(node, parent, byPhandle).forEach(({ controller, cells }, index, all) => {
      const intid = isGic(controller) ? intidOf(cells) : undefined;
      if (intid === undefined || names.has(intid)) return;
      const name = nameOf(node, labels.get(path), index, all.length);
      names.set(intid, { name, node: path || '/' });
    });
    // The first node that has an interrupt names it: children wait behind one another in the tree's order.
    for (const child of node.children.toReversed()) {
      waiting.push({ node: child, path: `${path}/${child.name}`, parent });
    }
  }
  return names;
}

interface Specifier {
  readonly controller: DeviceTreeNode;
  readonly cells: readonly number[];
}

/** The interrupts of a node: `interrupts-extended`, else `interrupts` of the parent that is in effect. */
function specifiersOf(
  node: DeviceTreeNode,
  parent: DeviceTreeNode | undefined,
  byPhandle: ReadonlyMap<number, DeviceTreeNode>,
): Specifier[] {
  const found: Specifier[] = [];
  const extended = node.getCells('interrupts-extended');
  const cells = extended ?? node.getCells('interrupts') ?? [];
  for (let at = 0; at < cells.length && found.length < MAX_INTERRUPTS_OF_NODE; ) {
    const controller = extended ? byPhandle.get(cells[at++] ?? 0) : parent;
    const width = controller?.getCell('#interrupt-cells') ?? 0;
    if (controller === undefined || width < 1 || at + width > cells.length) break;
    found.push({ controller, cells: cells.slice(at, at + width) });
    at += width;
  }
  return found;
}

const GIC_COMPATIBLE = /^arm,(gic-v3|gic-400|gic-v2|cortex-a\d+-gic|pl390|gic)$/;

function isGic(node: DeviceTreeNode): boolean {
  return (node.getStrings('compatible') ?? []).some((text) => GIC_COMPATIBLE.test(text));
}

function intidOf([type = -1, number = -1]: readonly number[]): number | undefined {
  const first = FIRST_INTID[type];
  return first === undefined || number < 0 || number > 1023 ? undefined : first + number;
}

function nameOf(node: DeviceTreeNode, label: string | undefined, index: number, count: number): string {
  const compatible = node.getStrings('compatible') ?? [];
  const own = node.getStrings('interrupt-names')?.[index];
  if (compatible.some((text) => /^arm,(armv[78]-timer|cortex-a15-timer)$/.test(text))) {
    const which = own === undefined ? TIMER_INTERRUPTS[index] : (TIMER_NAMES[own] ?? own);
    return `timer (${which ?? index})`;
  }
  if (compatible.includes('xen,xen')) return 'Xen event channel';
  // The name libxl gives to its emulated UART.
  if (node.name === 'sbsa-pl011') return 'vpl011';
  if (isGic(node)) return 'GIC maintenance';
  const name = label ?? (node.name || '/');
  if (own !== undefined && own !== '') return `${name} (${own})`;
  return count === 1 ? name : `${name} (${index})`;
}

/** Labels by path, when the blob was compiled with them (`dtc -@`). */
function labelsOf(tree: DeviceTree): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  const symbols = tree.root.child('__symbols__');
  for (const label of symbols?.properties.keys() ?? []) {
    const path = symbols?.getString(label);
    if (path !== undefined && !labels.has(path)) labels.set(path, label);
  }
  return labels;
}
