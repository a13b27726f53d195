// Prints a device tree as source, laid out as `dtc -I dtb -O dts` does, so that a listing of
// ours and one of dtc compare line by line. A blob carries no types: as dtc does, a value that
// could be text is text, else cells, else bytes.

import type { DeviceTree, DeviceTreeNode } from './device-tree.ts';

export function printDts(tree: DeviceTree): string {
  const lines = ['/dts-v1/;', ''];
  for (const { address, size } of tree.reservations)
    lines.push(`/memreserve/\t${hex16(address)} ${hex16(size)};`);
  printNode(lines, tree.root, 0);
  return `${lines.join('\n')}\n`;
}

function printNode(lines: string[], node: DeviceTreeNode, depth: number): void {
  const indent = '\t'.repeat(depth);
  lines.push(`${indent}${node.name === '' ? '/' : node.name} {`);
  for (const [name, value] of node.properties) lines.push(`${indent}\t${name}${printValue(value)};`);
  for (const child of node.children) {
    lines.push('');
    printNode(lines, child, depth + 1);
  }
  lines.push(`${indent}};`);
}

function printValue(value: Uint8Array): string {
  if (value.length === 0) return '';
  if (looksLikeText(value)) return ` = "${[...value.subarray(0, -1)].map(printCharacter).join('')}"`;
  if (value.length % 4 !== 0) return ` = [${[...value].map(hex2).join(' ')}]`;
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  const cells = Array.from({ length: value.length / 4 }, (_, i) => `0x${hex2(view.getUint32(4 * i))}`);
  return ` = <${cells.join(' ')}>`;
}

/** Ends in NUL, holds no other control bytes, and no more NULs than characters. */
function looksLikeText(value: Uint8Array): boolean {
  if (value.at(-1) !== 0) return false;
  const nuls = value.reduce((count, byte) => count + (byte === 0 ? 1 : 0), 0);
  const printable = value.every((byte) => isPrintable(byte) || byte === 0 || ESCAPES[byte] !== undefined);
  return printable && nuls <= value.length - nuls;
}

const isPrintable = (byte: number): boolean => byte >= 0x20 && byte < 0x7f;

const ESCAPES: Readonly<Record<number, string>> = {
  7: '\\a',
  8: '\\b',
  9: '\\t',
  10: '\\n',
  11: '\\v',
  12: '\\f',
  13: '\\r',
};

function printCharacter(byte: number): string {
  if (byte === 0) return '\\0';
  if (byte === 0x22 || byte === 0x5c) return `\\${String.fromCharCode(byte)}`;
  return ESCAPES[byte] ?? String.fromCharCode(byte);
}

const hex2 = (value: number): string => value.toString(16).padStart(2, '0');
const hex16 = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`;
