// Memory of a Linux kernel for one look at it, whatever its vCPUs do at that moment. What belongs to the image is read
// by its guest physical address, which works before the MMU is on. The rest is read through the kernel's page tables:
// as a vCPU sees it, or, while all of them are at EL0 and see only a trampoline (KPTI), through the tables that they
// will have again.

import type { AddressSpace, VcpuId } from '../../../emulator/machine/messages.ts';
import { BARE_DOMAIN } from '../../../emulator/machine/messages.ts';
import type { Debuggee } from '../../debuggee.ts';
import type { Target } from '../../symbols/target.ts';
import type { FieldLayout, StructLayouts } from './layouts.ts';

const PAGE = 4096;
const PAGE_MASK = BigInt(PAGE - 1);
const MAX_PAGES = 16_384;
/**
 * From tramp_pg_dir to swapper_pg_dir in pages: reserved_pg_dir lies between them (arch/arm64/kernel/vmlinux.lds.S).
 */
const TRAMPOLINE_PAGES = 2n;
const TABLE_ADDRESS = 0xffff_ffff_f000n;

interface Way {
  readonly space: AddressSpace;
  /** Bits of an address that are looked up: the upper half by tables that stand in for those of the lower one. */
  readonly mask: bigint;
}

const ALL_BITS = (1n << 64n) - 1n;

export class KernelMemory {
  readonly target: Target;
  private readonly debuggee: Debuggee;
  private readonly layouts: StructLayouts;
  /** Link address of something in the image that is always mapped. */
  private readonly anchor: bigint;
  private readonly pages = new Map<string, Promise<Uint8Array>>();
  private way: Promise<Way | undefined> | undefined;

  constructor(debuggee: Debuggee, target: Target, layouts: StructLayouts, anchor: bigint) {
    this.debuggee = debuggee;
    this.target = target;
    this.layouts = layouts;
    this.anchor = anchor;
  }

  get vcpus(): readonly VcpuId[] {
    const { domain, vcpus } = this.target.info;
    return Array.from({ length: vcpus }, (_, vcpu) => ({ domain, vcpu }));
  }

  /** Up to the first byte that is not there. */
  async read(address: bigint, length: number): Promise<Uint8Array> {
    const start = BigInt.asUintN(64, address);
    const result = new Uint8Array(length);
    let have = 0;
    while (have < length) {
      const at = start + BigInt(have);
      const offset = Number(at & PAGE_MASK);
      const page = await this.page(at - BigInt(offset));
      const part = page.subarray(offset, offset + length - have);
      result.set(part, have);
      have += part.length;
      if (offset + part.length < PAGE) break;
    }
    return result.subarray(0, have);
  }

  async number(address: bigint, size: number): Promise<bigint | undefined> {
    const bytes = await this.read(address, size);
    if (bytes.length < size) return undefined;
    return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }

  /** A pointer into the kernel; undefined where it is none. */
  async pointer(address: bigint): Promise<bigint | undefined> {
    const value = await this.number(address, 8);
    return value !== undefined && isKernelPointer(value) ? value : undefined;
  }

  /** Up to its first NUL. */
  async text(address: bigint, size: number): Promise<string> {
    const bytes = await this.read(address, size);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end));
  }

  /** Guest physical address of what the kernel has mapped. */
  async physicalOf(address: bigint): Promise<bigint | undefined> {
    const { map } = this.target;
    const link = map.toLink(address);
    const ipa = link === undefined ? undefined : map.toIpa(link);
    if (ipa !== undefined) return BigInt(ipa);
    this.way ??= this.findWay();
    const way = await this.way;
    if (!way) return undefined;
    const found = await this.ipaBy(way, address);
    return found === undefined ? undefined : BigInt(found);
  }

  // ---------------------------------------------------------------- members of structures

  layout(structure: string, path: string): Promise<FieldLayout | undefined> {
    return this.layouts.field(structure, path);
  }

  sizeOf(structure: string): Promise<number | undefined> {
    return this.layouts.sizeOf(structure);
  }

  async addressOf(base: bigint, structure: string, path: string): Promise<bigint | undefined> {
    const field = await this.layouts.field(structure, path);
    return field && BigInt.asUintN(64, base + BigInt(field.offset));
  }

  /** The first of these members that the structure has: their names differ from version to version. */
  async member(base: bigint, structure: string, ...paths: readonly string[]): Promise<bigint | undefined> {
    for (const path of paths) {
      const field = await this.layouts.field(structure, path);
      if (field) return this.number(base + BigInt(field.offset), Math.min(field.size, 8));
    }
    return undefined;
  }

  async pointerIn(base: bigint, structure: string, path: string): Promise<bigint | undefined> {
    const at = await this.addressOf(base, structure, path);
    return at === undefined ? undefined : this.pointer(at);
  }

  async textIn(base: bigint, structure: string, path: string): Promise<string | undefined> {
    const field = await this.layouts.field(structure, path);
    return field && this.text(base + BigInt(field.offset), field.size);
  }

  /**
   * The structures on a list (include/linux/list.h), from that behind `head` on. It ends where it comes back, leads
   * nowhere, goes round without its head, or has more members than `limit`.
   */
  async list(head: bigint, structure: string, node: string, limit: number): Promise<readonly bigint[]> {
    const field = await this.layouts.field(structure, node);
    const found: bigint[] = [];
    if (!field) return found;
    const seen = new Set<bigint>([head]);
    let at = await this.pointer(head);
    while (at !== undefined && !seen.has(at) && found.length < limit) {
      seen.add(at);
      found.push(BigInt.asUintN(64, at - BigInt(field.offset)));
      at = await this.pointer(at);
    }
    return found;
  }

  // ---------------------------------------------------------------- how to get there

  private page(address: bigint): Promise<Uint8Array> {
    const key = address.toString(36);
    let page = this.pages.get(key);
    if (!page) {
      if (this.pages.size >= MAX_PAGES) this.pages.clear();
      page = this.readPage(address);
      this.pages.set(key, page);
    }
    return page;
  }

  private async readPage(address: bigint): Promise<Uint8Array> {
    const { map, domain } = this.target;
    const link = map.toLink(address);
    const ipa = link === undefined ? undefined : map.toIpa(link);
    if (ipa !== undefined) {
      const space: AddressSpace = domain === BARE_DOMAIN ? { kind: 'pa' } : { kind: 'ipa', domain };
      return this.debuggee.readMemory(space, BigInt(ipa), PAGE);
    }
    this.way ??= this.findWay();
    const way = await this.way;
    if (!way) return new Uint8Array();
    return this.debuggee.readMemory(way.space, address & way.mask, PAGE);
  }

  private async findWay(): Promise<Way | undefined> {
    for (const at of this.vcpus) {
      const way: Way = { space: { kind: 'va', at }, mask: ALL_BITS };
      if (await this.leadsToKernel(way)) return way;
    }
    for (const at of this.vcpus) {
      const way = await this.wayThroughTables(at);
      if (way && (await this.leadsToKernel(way))) return way;
    }
    return undefined;
  }

  /**
   * Where the kernel runs, which may not be known while all vCPUs have only been seen at EL0. `place`: link address of a
   * pointer into the image that the kernel relocates before it does anything else.
   */
  async learnSlide(place: bigint): Promise<void> {
    const { map } = this.target;
    const address = map.slide === undefined ? await this.pointer(place) : undefined;
    if (address === undefined) return;
    for (const at of this.vcpus) {
      const direct: Way = { space: { kind: 'va', at }, mask: ALL_BITS };
      for (const way of [direct, await this.wayThroughTables(at)]) {
        if (way && (await map.learnFrom(address, (va) => this.ipaBy(way, va)))) return;
      }
    }
  }

  private async ipaBy({ space, mask }: Way, address: bigint): Promise<number | undefined> {
    const result = await this.debuggee.machine.request('translate', { space, address: address & mask });
    return result.ok ? (result.ipa ?? result.pa) : undefined;
  }

  /** Those tables in the place of the lower half's, which works where both halves have the same size. */
  private async wayThroughTables(at: VcpuId): Promise<Way | undefined> {
    const { system = [] } = await this.debuggee.machine.request('readRegisters', {
      vcpu: at,
      groups: ['system'],
    });
    const value = (name: string): bigint => system.find((register) => register.name === name)?.value ?? 0n;
    const tcr = value('TCR_EL1');
    // T0SZ and T1SZ.
    const size = tcr & 63n;
    if (size === 0n || size !== ((tcr >> 16n) & 63n)) return undefined;
    const root = (value('TTBR1_EL1') & TABLE_ADDRESS) + TRAMPOLINE_PAGES * BigInt(PAGE);
    return { space: { kind: 'va', at, ttbr0: root }, mask: (1n << (64n - size)) - 1n };
  }

  private async leadsToKernel(way: Way): Promise<boolean> {
    const { map } = this.target;
    const ipa = map.toIpa(this.anchor);
    return ipa !== undefined && (await this.ipaBy(way, map.toRuntime(this.anchor))) === ipa;
  }
}

/** In the upper half, and aligned as whatever is pointed to here. */
export const isKernelPointer = (value: bigint): boolean => value >> 55n === 0x1ffn && (value & 7n) === 0n;
