// Memory of a Linux kernel that never ran: what a test puts there, with a layout of its own.

import type { Debuggee } from '../../../debug-adapter/debuggee.ts';
import type { FieldLayout, StructLayouts } from '../../../debug-adapter/guest-os/linux/layouts.ts';
import { KernelMemory } from '../../../debug-adapter/guest-os/linux/kernel-memory.ts';
import type { Target } from '../../../debug-adapter/symbols/target.ts';
import { LoadMap } from '../../../debug-adapter/symbols/load-map.ts';

/** Where the kernel is linked, and what lies elsewhere: as Linux has it on arm64. */
export const LINK = 0xffff_8000_0800_0000n;
export const HEAP = 0xffff_0000_0000_0000n;
const IMAGE_SIZE = 0x1_0000;
const HEAP_SIZE = 0x4_0000;
const IMAGE_IPA = 0x4020_0000;

/** `name: [offset, size]`; with two more numbers a bit-field. */
export type Layouts = Readonly<
  Record<string, { readonly size: number; readonly fields: Readonly<Record<string, readonly number[]>> }>
>;

class TableLayouts implements StructLayouts {
  private readonly table: Layouts;

  constructor(table: Layouts) {
    this.table = table;
  }

  async field(structure: string, path: string): Promise<FieldLayout | undefined> {
    const [offset, size = 0, bit, bits] = this.table[structure]?.fields[path] ?? [];
    if (offset === undefined) return undefined;
    return { offset, size, ...(bits !== undefined && { bits: { offset: bit ?? 0, size: bits } }) };
  }

  async sizeOf(structure: string): Promise<number | undefined> {
    return this.table[structure]?.size;
  }
}

export class LinuxMemory {
  readonly kernel: KernelMemory;
  private readonly layouts: Layouts;
  private readonly image = new DataView(new ArrayBuffer(IMAGE_SIZE));
  private readonly heap = new DataView(new ArrayBuffer(HEAP_SIZE));

  /** `mmu`: the page tables lead to the kernel. */
  constructor(layouts: Layouts, { mmu = true } = {}) {
    this.layouts = layouts;
    const map = new LoadMap([{ link: LINK, ipa: IMAGE_IPA, size: IMAGE_SIZE }], true);
    const info = { domain: 1, name: 'linux', vcpus: 1, segments: [], ram: [] };
    const debuggee = {
      readMemory: async (space: { kind: string }, address: bigint, length: number) => {
        const [view, start] =
          space.kind === 'ipa' ? ([this.image, BigInt(IMAGE_IPA)] as const) : ([this.heap, HEAP] as const);
        const offset = Number(address - start);
        if (offset < 0 || offset >= view.byteLength) return new Uint8Array();
        return new Uint8Array(view.buffer.slice(offset, offset + length));
      },
      machine: {
        request: async (name: string, { address }: { address: bigint }) => {
          if (name === 'readRegisters') return { system: [] };
          const offset = Number(address - LINK);
          return mmu && offset >= 0 && offset < IMAGE_SIZE
            ? { ok: true, ipa: IMAGE_IPA + offset, pa: offset }
            : { ok: false, fault: 'nothing is mapped there' };
        },
      },
    };
    this.kernel = new KernelMemory(
      debuggee as unknown as Debuggee,
      { map, info, domain: 1, addressesOf: () => [] } as unknown as Target,
      new TableLayouts(layouts),
      LINK,
    );
  }

  word(address: bigint, value: bigint, size = 8): void {
    const isImage = address >= LINK && address < LINK + BigInt(IMAGE_SIZE);
    const view = isImage ? this.image : this.heap;
    const offset = Number(address - (isImage ? LINK : HEAP));
    for (let i = 0; i < size; i++) view.setUint8(offset + i, Number((value >> BigInt(8 * i)) & 0xffn));
  }

  text(address: bigint, text: string): void {
    for (const [i, byte] of new TextEncoder().encode(`${text}\0`).entries()) {
      this.word(address + BigInt(i), BigInt(byte), 1);
    }
  }

  at(base: bigint, structure: string, path: string): bigint {
    const [offset] = this.layouts[structure]?.fields[path] ?? [];
    if (offset === undefined) throw new Error(`${structure} has no ${path}`);
    return base + BigInt(offset);
  }

  set(base: bigint, structure: string, values: Readonly<Record<string, bigint | number | string>>): void {
    for (const [path, value] of Object.entries(values)) {
      const size = this.layouts[structure]?.fields[path]?.[1];
      if (typeof value === 'string') this.text(this.at(base, structure, path), value);
      else this.word(this.at(base, structure, path), BigInt(value), size);
    }
  }

  /** A list through these nodes, from a head. */
  list(head: bigint, nodes: readonly bigint[]): void {
    const all = [head, ...nodes];
    for (const [i, node] of all.entries()) this.word(node, all[(i + 1) % all.length] ?? head);
  }
}
