// A Xen without a machine: domains on a piece of fake RAM, vCPUs that only write down what was done
// to them, and guests that make hypercalls by name. Guest VAs are IPAs.

import {
  type Gfn,
  gfn,
  gfnOf,
  ipa,
  type Mfn,
  mfn,
  PAGE_SIZE,
  type Pa,
  pa,
} from '../../../emulator/base/address.ts';
import { OnceLogger } from '../../../emulator/base/log.ts';
import { errnoName } from '../../../emulator/xen/abi/errno.ts';
import type { Domain } from '../../../emulator/xen/domain.ts';
import { noMemory } from '../../../emulator/xen/domain.ts';
import { DomainList } from '../../../emulator/xen/domain-list.ts';
import type { HypercallContext, HypercallServices } from '../../../emulator/xen/hypercalls/define.ts';
import { dispatchHypercall, hypercalls } from '../../../emulator/xen/hypercalls/dispatch.ts';
import { xen417 } from '../../../emulator/xen/hypercalls/identity.ts';
import { ObserverRelay } from '../../../emulator/xen/observer.ts';
import { Page } from '../../../emulator/xen/page.ts';
import type {
  DomainMemory,
  FrameKind,
  FrameMapping,
  GuestMemory,
  MachineMemory,
  XenHeap,
  XenSockets,
} from '../../../emulator/xen/sockets.ts';

/** RAM from physical address 0. Allocation is lowest first. */
export class FakeMachine implements MachineMemory, XenHeap {
  readonly ram: Uint8Array;
  private readonly view: DataView;
  private readonly used: boolean[] = [true];
  readonly references = new Map<number, number>();
  readonly maximumPage: number;

  constructor(pages: number) {
    this.ram = new Uint8Array(pages * PAGE_SIZE);
    this.view = new DataView(this.ram.buffer);
    this.maximumPage = pages;
  }

  read8 = (at: Pa) => this.view.getUint8(at);
  read16 = (at: Pa) => this.view.getUint16(at, true);
  read32 = (at: Pa) => this.view.getUint32(at, true);
  write8 = (at: Pa, value: number) => this.view.setUint8(at, value);
  write16 = (at: Pa, value: number) => this.view.setUint16(at, value, true);
  write32 = (at: Pa, value: number) => this.view.setUint32(at, value, true);
  bytes = (at: Pa, length: number) => this.ram.subarray(at, at + length);
  writable = (at: Pa, length: number) => this.ram.subarray(at, at + length);

  allocatePage(): Mfn | undefined {
    for (let page = 1; page < this.maximumPage; page++) {
      if (this.used[page]) continue;
      this.used[page] = true;
      this.ram.fill(0, page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
      return mfn(page);
    }
    return undefined;
  }

  freePage(page: Mfn): void {
    this.used[page] = false;
  }

  get freePages(): number {
    return this.maximumPage - this.used.filter((inUse) => inUse).length;
  }

  addReference(page: Mfn): void {
    this.references.set(page, (this.references.get(page) ?? 0) + 1);
  }

  dropReference(page: Mfn): void {
    const left = (this.references.get(page) ?? 0) - 1;
    if (left < 0) throw new Error(`page ${page} has no reference to drop`);
    if (left === 0) this.references.delete(page);
    else this.references.set(page, left);
  }
}

export class FakeDomainMemory implements DomainMemory {
  private readonly machine: FakeMachine;
  private readonly frames = new Map<number, FrameMapping>();
  readonly owned = new Set<Mfn>();
  highestGfn = 0;
  maximumPages: number;

  constructor(machine: FakeMachine, maximumPages: number) {
    this.machine = machine;
    this.maximumPages = maximumPages;
  }

  get totalPages(): number {
    return this.owned.size;
  }

  frame(at: Gfn): FrameMapping | undefined {
    return this.frames.get(at);
  }

  mapPage(at: Gfn, page: Mfn, kind: FrameKind): 'ENOMEM' | undefined {
    if (at >= 2 ** 32) return 'ENOMEM';
    this.frames.set(at, { mfn: page, kind });
    this.highestGfn = Math.max(this.highestGfn, at);
    return undefined;
  }

  unmapPage(at: Gfn): void {
    this.frames.delete(at);
  }

  allocatePage(): Mfn | undefined {
    if (this.owned.size >= this.maximumPages) return undefined;
    const page = this.machine.allocatePage();
    if (page !== undefined) this.owned.add(page);
    return page;
  }

  freePage(page: Mfn): void {
    this.owned.delete(page);
    this.machine.freePage(page);
  }
}

export interface CallResult {
  /** 0, a number, or `-EPERM`. */
  readonly result: number | string;
  /** The argument structure as the guest finds it afterwards. */
  readonly arg: Record<string, number | bigint>;
}

/** First gfn of every guest's RAM, and where its hypercall arguments lie. */
export const RAM_GFN = 0x40000;
const ARGUMENT_PAGE = RAM_GFN;

/** The software in a domain. */
export class Guest {
  readonly domain: Domain;
  private readonly machine: FakeMachine;
  private readonly services: HypercallServices;

  constructor(domain: Domain, machine: FakeMachine, services: HypercallServices) {
    this.domain = domain;
    this.machine = machine;
    this.services = services;
  }

  get id(): number {
    return this.domain.id;
  }

  /** A hypercall by the name of its sub-operation, with one structure (or several, for grants). */
  call(
    name: string,
    members: Record<string, number | bigint> = {},
    { vcpu = 0, extra = [] as bigint[] } = {},
  ): CallResult {
    for (const hypercall of hypercalls) {
      for (const row of hypercall.subOps) {
        if (row.name !== name) continue;
        const type = row.argument?.type;
        const pointer = row.argument?.pointer ?? 1;
        const address = BigInt(ARGUMENT_PAGE * PAGE_SIZE);
        const args: bigint[] = [BigInt(row.number), 0n, 0n, 0n, 0n];
        if (pointer === 2) args[1] = BigInt(vcpu);
        if (hypercall.name === 'grant_table_op') args[2] = 1n;
        for (const [index, value] of extra.entries()) args[index + 1] = value;
        if (type) {
          const bytes = new Uint8Array(type.size);
          type.update(bytes, { ...(type.read(bytes) as object), ...members });
          this.write(Number(address), bytes);
          args[pointer] = address;
        }
        const result = this.raw(hypercall.number, args, vcpu);
        const after = type ? (type.read(this.read(Number(address), type.size)) as CallResult['arg']) : {};
        return { result, arg: after };
      }
    }
    throw new Error(`no hypercall ${name}`);
  }

  /** By number and registers; continued until it is done. */
  raw(number: number, args: readonly bigint[], vcpu = 0): number | string {
    const own = this.domain.vcpus[vcpu];
    if (!own) throw new Error(`no vCPU ${vcpu}`);
    const ctx: HypercallContext = { caller: this.domain, vcpu: own, memory: this.memory, xen: this.services };
    let now = args;
    for (;;) {
      const outcome = dispatchHypercall(ctx, number, now);
      if (outcome.kind === 'done')
        return outcome.result < 0 ? `-${errnoName(outcome.result)}` : outcome.result;
      now = [...outcome.args, ...now.slice(outcome.args.length)];
    }
  }

  /** RAM page `index` of the guest. */
  page(index: number): Page {
    const mapping = this.domain.memory.frame(gfn(RAM_GFN + index));
    if (!mapping) throw new Error(`the guest has no page ${index}`);
    return new Page(this.machine, mapping.mfn);
  }

  pageAt(at: number): Page | undefined {
    const mapping = this.domain.memory.frame(gfn(at));
    return mapping && new Page(this.machine, mapping.mfn);
  }

  read(address: number, length: number): Uint8Array {
    const bytes = this.memory.readVa(BigInt(address), length);
    if (!bytes) throw new Error(`nothing at ${address.toString(16)}`);
    return bytes;
  }

  write(address: number, bytes: Uint8Array): void {
    if (!this.memory.writeVa(BigInt(address), bytes)) throw new Error(`nothing at ${address.toString(16)}`);
  }

  readonly memory: GuestMemory = {
    readVa: (va, length) => {
      const bytes = new Uint8Array(length);
      const reachable = this.eachByte(va, length, (at, index) => {
        bytes[index] = this.machine.read8(at);
      });
      return reachable ? bytes : undefined;
    },
    writeVa: (va, bytes) =>
      this.eachByte(va, bytes.length, (at, index) => this.machine.write8(at, bytes[index] ?? 0), true),
    translateVa: (va) => {
      const address = ipa(Number(va));
      return this.domain.memory.frame(gfnOf(address)) ? address : undefined;
    },
  };

  private eachByte(
    va: bigint,
    length: number,
    visit: (at: Pa, index: number) => void,
    write = false,
  ): boolean {
    for (let index = 0; index < length; index++) {
      const address = Number(va) + index;
      const mapping = this.domain.memory.frame(gfnOf(ipa(address)));
      if (!mapping || (write && mapping.kind === 'grant-ro')) return false;
      visit(pa(mapping.mfn * PAGE_SIZE + (address % PAGE_SIZE)), index);
    }
    return true;
  }
}

export interface FakeXen {
  readonly machine: FakeMachine;
  readonly domains: DomainList;
  readonly services: HypercallServices;
  /** What was done to vCPUs and domains, in order. */
  readonly happened: string[];
  readonly logged: string[];
  readonly consoleLines: string[];
  readonly time: { now: number };
  /** vCPUs that are not online: `1.2` is vCPU 2 of domain 1. */
  readonly offline: Set<string>;
  /** The embedded toolstack's domain 0. */
  readonly domain0: Domain;
  guest(name: string): Guest;
}

interface GuestOptions {
  readonly vcpus?: number;
  readonly pages?: number;
  readonly maximumPages?: number;
  readonly privileged?: boolean;
  readonly console?: boolean;
  readonly maxEventPort?: number;
}

/** Guests get domids from 1 on, in order; domain 0 is the embedded toolstack's. */
export function bootXen(
  guests: Record<string, GuestOptions>,
  { xsm = 'silo' as 'silo' | 'dummy', pages = 2048, block = true } = {},
): FakeXen {
  const machine = new FakeMachine(pages);
  const happened: string[] = [];
  const logged: string[] = [];
  const consoleLines: string[] = [];
  const offline = new Set<string>();
  const time = { now: 0 };
  const sockets: XenSockets = {
    machine,
    heap: machine,
    observer: new ObserverRelay(),
    vcpus: {
      raiseEventInterrupt: (domid, vcpu) => happened.push(`event interrupt d${domid}v${vcpu}`),
      isOnline: (domid, vcpu) => !offline.has(`${domid}.${vcpu}`),
      block: (domid, vcpu, { unmaskInterrupts, untilNs }) => {
        const until = untilNs === undefined ? '' : ` until ${untilNs}`;
        happened.push(`block d${domid}v${vcpu}${unmaskInterrupts ? ' unmasked' : ''}${until}`);
        return block;
      },
      wake: (domid, vcpu) => happened.push(`wake d${domid}v${vcpu}`),
      yield: (domid, vcpu) => happened.push(`yield d${domid}v${vcpu}`),
    },
    domains: { domainShutDown: (domid, reason) => happened.push(`shutdown d${domid} ${reason}`) },
    clock: { nanoseconds: () => time.now, deadlineChanged: () => {} },
    log: { log: (_level, _source, message) => logged.push(message) },
  };
  const domains = new DomainList(sockets);
  const services: HypercallServices = {
    domains,
    sockets,
    identity: xen417,
    xsm,
    once: new OnceLogger(sockets.log),
    console: {
      guestLine: (domid, line) => consoleLines.push(`d${domid}: ${line}`),
      write: () => {},
      read: () => new Uint8Array(0),
    },
  };
  const domain0 = domains.create(
    { id: 0, name: 'Domain-0', handle: new Uint8Array(16), vcpuCount: 0, privileged: true },
    noMemory,
  );

  const byName = new Map<string, Guest>();
  for (const [index, [name, options]] of Object.entries(guests).entries()) {
    const memory = new FakeDomainMemory(machine, options.maximumPages ?? 256);
    const domain = domains.create(
      {
        id: index + 1,
        name,
        handle: new Uint8Array(16).fill(index + 1),
        vcpuCount: options.vcpus ?? 1,
        privileged: options.privileged ?? false,
        console: options.console ?? false,
        ...(options.maxEventPort === undefined ? {} : { maxEventPort: options.maxEventPort }),
      },
      memory,
    );
    for (let page = 0; page < (options.pages ?? 16); page++) {
      const allocated = memory.allocatePage();
      if (allocated !== undefined) memory.mapPage(gfn(RAM_GFN + page), allocated, 'ram');
    }
    byName.set(name, new Guest(domain, machine, services));
  }
  return {
    machine,
    domains,
    services,
    happened,
    logged,
    consoleLines,
    time,
    offline,
    domain0,
    guest(name) {
      const found = byName.get(name);
      if (!found) throw new Error(`no guest ${name}`);
      return found;
    },
  };
}

/** A backend of ours at a port of a guest that waits for domain 0. */
export function serveChannel(xen: FakeXen, guest: Guest, guestPort: number, onEvent: () => void) {
  const control = xen.domain0.eventChannels;
  const bound = control.bindInterdomain(guest.domain.eventChannels, guestPort, () => undefined);
  if (typeof bound === 'string') throw new Error(bound);
  control.serve(bound.port, onEvent);
  return { port: bound.port, notify: () => void control.send(bound.port) };
}
