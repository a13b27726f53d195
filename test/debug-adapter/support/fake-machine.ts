// A machine of some twenty instructions, to test the adapter without the emulator: one CPU with the registers a
// debugger looks at, an MMU that is off or shifts the image to where KASLR would put it, and one interrupt.

import { bytesOf } from '../../../emulator/formats/byte-source.ts';
import { BARE_DOMAIN } from '../../../emulator/machine/messages.ts';
import type {
  Action,
  AddressSpace,
  Breakpoint,
  EventBreakpoint,
  EventReport,
  MachineConfig,
  MachineEventSink,
  MachineInfo,
  MachineServer,
  RunOptions,
  Moment,
  StopInfo,
  Watchpoint,
} from '../../../emulator/machine/messages.ts';
import type { StopRules } from '../../../emulator/machine/stop-programs.ts';
import { ERET, MMU_ON } from './assemble.ts';
import { type FakeState, isReached, verdict } from './fake-stops.ts';

export const RAM = 0x4000_0000;
const RAM_SIZE = 0x10_0000;
const STACK_TOP = BigInt(RAM + RAM_SIZE);
const SLICE = 200;
/** With an ASID of 7. */
export const TTBR0 = 0x0007_0000_41a2_0000n;

export interface FakeOptions {
  /** What runs and changes the machine is noted here. */
  readonly requests?: string[];
  /** Link address of the image and how far the MMU moves it. */
  readonly link: bigint;
  readonly slide?: bigint;
  /** Offset of the vectors in the image. */
  readonly vectors?: number;
  /** An interrupt is taken before the instruction with this count. */
  readonly interruptAt?: number;
  /** What HVC #n is an event of. */
  readonly events?: readonly EventReport[];
  /** Register values at the entry. */
  readonly entry?: Readonly<Record<number, bigint>>;
}

export class FakeMachine implements MachineServer {
  readonly requests: string[];
  private readonly tell: MachineEventSink;
  private readonly options: FakeOptions;
  private memory = new Uint8Array(RAM_SIZE);
  private x = new BigUint64Array(32);
  private pc = 0n;
  private pstate = 0x3c5;
  private elr = 0n;
  private spsr = 0;
  private mmu = false;
  private executed = 0;
  private interruptTaken = false;
  private breakpoints: readonly Breakpoint[] = [];
  private watchpoints: readonly Watchpoint[] = [];
  private eventBreakpoints: readonly EventBreakpoint[] = [];
  private readonly hitCounts = new Map<number, bigint>();
  /** Breakpoints whose condition cannot be computed. */
  private readonly failed = new Set<number>();
  /** What the instruction that has just been executed did, if somebody watches it. */
  private caught: Omit<StopInfo, keyof Moment | 'vcpu'> | undefined;
  private state: 'standing' | 'running' | 'pausing' = 'standing';

  constructor(tell: MachineEventSink, options: FakeOptions) {
    this.tell = tell;
    this.options = options;
    this.requests = options.requests ?? [];
  }

  create({ bare, domains }: MachineConfig): MachineInfo {
    const guest = bare ?? domains?.[0];
    if (!guest) throw new Error('nothing to boot');
    this.memory = new Uint8Array(RAM_SIZE);
    const segments = guest.kernel.kernel.segments.map(({ address, data, memorySize }) => {
      this.memory.set(bytesOf(data), address % RAM_SIZE);
      return { ipa: RAM + (address % RAM_SIZE), size: memorySize };
    });
    const entry = guest.kernel.kernel.entry;
    this.x = new BigUint64Array(32);
    for (const [n, value] of Object.entries(this.options.entry ?? {})) this.x[Number(n)] = value;
    this.x[31] = STACK_TOP;
    this.pc = BigInt(RAM + (entry % RAM_SIZE));
    this.mmu = false;
    this.executed = 0;
    this.interruptTaken = false;
    this.state = 'standing';
    const domain = bare ? BARE_DOMAIN : 1;
    const ram = [{ ipa: RAM, size: RAM_SIZE }];
    return { domains: [{ domain, name: bare ? 'host' : 'guest', vcpus: 1, segments, ram }] };
  }

  run({ only, judgesHere = false, breakpoints }: RunOptions): void {
    if (breakpoints) this.setBreakpoints({ breakpoints });
    this.requests.push(only ? `run only ${only.vcpu}` : 'run');
    this.state = 'running';
    this.slice(!judgesHere);
  }

  step({ count, only, judgesHere = false, breakpoints }: RunOptions & { readonly count: number }): void {
    if (breakpoints) this.setBreakpoints({ breakpoints });
    this.requests.push(only ? `step only ${only.vcpu}` : 'step');
    this.state = 'running';
    if (judgesHere && this.stopHere()) return;
    for (let i = 0; i < count && !this.takeInterrupt(); i++) this.execute();
    this.stop('step', []);
  }

  judgeHere(): Pick<StopInfo, 'breakpointIds' | 'conditionError'> {
    const hits = this.judged(this.breakpoints.filter((breakpoint) => this.isAt(breakpoint)));
    const [error] = hits.flatMap(({ conditionError }) => conditionError ?? []);
    return { breakpointIds: hits.map(({ id }) => id), ...(error !== undefined && { conditionError: error }) };
  }

  pause(): void {
    if (this.state === 'running') this.state = 'pausing';
  }

  setBreakpoints({ breakpoints }: { readonly breakpoints: readonly Breakpoint[] }): void {
    this.requests.push(
      `setBreakpoints ${breakpoints.map((b) => `${b.kind}:${b.address.toString(16)}`).join(' ')}`,
    );
    this.breakpoints = breakpoints;
    // A condition that failed is ignored for as long as the breakpoint has one.
    for (const id of this.failed) {
      if (!breakpoints.some((one) => one.id === id && one.condition)) this.failed.delete(id);
    }
  }

  setWatchpoints({ watchpoints }: { readonly watchpoints: readonly Watchpoint[] }): void {
    this.watchpoints = watchpoints;
    for (const { id, access, address, size } of watchpoints) {
      this.requests.push(`setWatchpoints ${id} ${access} ${address.toString(16)}+${size}`);
    }
  }

  setEventBreakpoints({ events }: { readonly events: readonly EventBreakpoint[] }): void {
    this.eventBreakpoints = events;
    for (const { id, event } of events) this.requests.push(`setEventBreakpoints ${id} ${event}`);
  }

  vcpus() {
    return [{ ...this.vcpu, state: 'running' as const, el: (this.pstate >>> 2) & 3, pc: this.pc }];
  }

  readRegisters() {
    const { vectors } = this.options;
    return {
      general: { x: this.x.slice(0, 31), sp: this.x[31] ?? 0n, pc: this.pc, pstate: this.pstate },
      fp: { v: new Uint8Array(512), fpcr: 0, fpsr: 0 },
      system: [
        { name: 'ELR_EL1', value: this.elr },
        { name: 'SPSR_EL1', value: BigInt(this.spsr) },
        { name: 'VBAR_EL1', value: vectors === undefined ? 0n : this.imageAddress(vectors) },
        { name: 'TTBR0_EL1', value: TTBR0 },
        { name: 'SCTLR_EL1', value: this.mmu ? 1n : 0n },
        { name: 'CNTVCT_EL0', value: BigInt(this.executed) },
      ],
    };
  }

  writeRegister({ name, value }: { readonly name: string; readonly value: bigint }): void {
    if (name === 'pc') this.pc = value;
    else if (name === 'sp') this.x[31] = value;
    else this.x[Number(name.slice(1))] = value;
  }

  readMemory({
    space,
    address,
    length,
  }: {
    readonly space: AddressSpace;
    readonly address: bigint;
    readonly length: number;
  }) {
    const start = this.hostOffset(space, address);
    return start === undefined ? new Uint8Array() : this.memory.slice(start, start + length);
  }

  writeMemory({
    space,
    address,
    bytes,
  }: {
    readonly space: AddressSpace;
    readonly address: bigint;
    readonly bytes: Uint8Array;
  }) {
    const start = this.hostOffset(space, address);
    if (start === undefined) return 0;
    const part = bytes.subarray(0, RAM_SIZE - start);
    this.memory.set(part, start);
    return part.length;
  }

  translate({ space, address }: { readonly space: AddressSpace; readonly address: bigint }) {
    const start = this.hostOffset(space, address);
    if (start === undefined) return { ok: false as const, fault: 'stage 1 translation fault, level 1' };
    return { ok: true as const, ipa: RAM + start, pa: RAM + start };
  }

  deviceTree(): undefined {
    return undefined;
  }

  stage2Map() {
    return [{ ipa: RAM, pa: RAM, size: RAM_SIZE, access: 'rwx', memory: 'ram' }];
  }

  consoleInput({ domain, bytes }: { readonly domain: number; readonly bytes: Uint8Array }): void {
    this.tell({ event: 'console', body: { domain, bytes } });
  }

  inspect({ name, args }: { readonly name: string; readonly args: Readonly<Record<string, unknown>> }) {
    // What is found where; other views are only passed on.
    return { ...this.statistics(), view: name === 'search' ? { hits: [] } : { name, args } };
  }

  inspectCommand({ line }: { readonly line: string }): string {
    return `${line}\n`;
  }

  close(): void {
    this.requests.push('close');
  }

  snapshot() {
    return { inputs: [], end: this.statistics(), stateHash: this.stateHash(), files: [] };
  }

  /** A client may send anything. */
  act({ action }: { readonly action?: Action }): void {
    this.requests.push(`act ${action?.kind}`);
  }

  stateHash(): string {
    return 'fake';
  }

  statistics() {
    return { instructions: this.executed, virtualNanoseconds: this.executed, exits: {} };
  }

  // ---------------------------------------------------------------- execution

  private get vcpu() {
    return { domain: this.domain, vcpu: 0 };
  }

  private get domain(): number {
    return BARE_DOMAIN;
  }

  /** Runs a slice and lets requests through before the next. */
  private slice(first: boolean): void {
    for (let i = 0; i < SLICE; i++) {
      if (!(first && i === 0)) {
        if (this.stopHere()) return;
      }
      if (!this.takeInterrupt()) this.execute();
      if (this.caught) {
        const { reason, breakpointIds, ...more } = this.caught;
        this.caught = undefined;
        this.stop(reason, breakpointIds, more);
        return;
      }
    }
    setImmediate(() => {
      if (this.state === 'pausing') this.stop('pause', []);
      else if (this.state === 'running') this.slice(false);
    });
  }

  private isAt({ kind, address }: Breakpoint): boolean {
    if (kind === 'va') return address === this.pc;
    const offset = this.hostOffset({ kind: 'va', at: this.vcpu }, this.pc);
    return offset !== undefined && address === BigInt(RAM + offset);
  }

  private stop(
    reason: StopInfo['reason'],
    breakpointIds: readonly number[],
    more: Partial<StopInfo> = {},
  ): void {
    this.state = 'standing';
    this.tell({
      event: 'stopped',
      body: { reason, vcpu: this.vcpu, breakpointIds, ...this.moment, ...more },
    });
  }

  private get moment(): Moment {
    return { instructions: this.executed, virtualNanoseconds: this.executed };
  }

  // ---------------------------------------------------------------- stops

  /** At a breakpoint that counts. */
  private stopHere(): boolean {
    const hits = this.judged(this.breakpoints.filter((breakpoint) => this.isAt(breakpoint)));
    if (hits.length === 0) return false;
    const [error] = hits.flatMap(({ conditionError }) => conditionError ?? []);
    this.stop(
      'breakpoint',
      hits.map(({ id }) => id),
      error === undefined ? {} : { conditionError: error },
    );
    return true;
  }

  /** Which of these that were reached stop; those that log have done so. */
  private judged(
    reached: readonly (StopRules & { readonly id: number })[],
    more: Partial<FakeState> = {},
    event?: EventReport,
  ): readonly { readonly id: number; readonly conditionError?: string }[] {
    const stops = new Map<number, { readonly id: number; readonly conditionError?: string }>();
    for (const rules of reached) {
      const { id } = rules;
      const state = this.stateFor(id, more);
      const { condition: _, ...unconditional } = rules;
      const is = isReached(this.failed.has(id) ? unconditional : rules, state);
      if (is === false) continue;
      if (typeof is === 'string') {
        this.failed.add(id);
        stops.set(id, { id, conditionError: is });
        continue;
      }
      const hits = (this.hitCounts.get(id) ?? 0n) + 1n;
      this.hitCounts.set(id, hits);
      const found = verdict(rules, { ...state, hits });
      if (found.kind === 'stop') stops.set(id, { id });
      else if (found.kind === 'log') {
        const body = { id, vcpu: this.vcpu, values: found.values, ...this.moment, ...(event && { event }) };
        this.tell({ event: 'hit', body });
      }
    }
    return [...stops.values()];
  }

  private stateFor(id: number, more: Partial<FakeState>): FakeState {
    const registers: Readonly<Record<string, bigint>> = {
      ...Object.fromEntries([...this.x].map((value, n) => [n === 31 ? 'sp' : `x${n}`, value])),
      pc: this.pc,
      TTBR0_EL1: TTBR0,
    };
    return {
      register: (name) => registers[name],
      read: (address, length) => this.readMemory({ space: { kind: 'va', at: this.vcpu }, address, length }),
      el: (this.pstate >>> 2) & 3,
      hits: (this.hitCounts.get(id) ?? 0n) + 1n,
      ...more,
    };
  }

  /** An access by the instruction that is being executed. */
  private access(kind: 'read' | 'write', address: number, act: () => void): void {
    const watched = this.watchpoints.filter(({ address: at, size, access }) => {
      const isMeant = kind === 'read' ? access === 'read' || access === 'access' : access !== 'read';
      return isMeant && BigInt(address) < at + BigInt(size) && at < BigInt(address + 8);
    });
    const bytesOf = ({ address: at, size }: Watchpoint): Uint8Array =>
      this.memory.slice(Number(at) - RAM, Number(at) - RAM + size);
    const before = watched.map(bytesOf);
    act();
    watched.forEach((watch, i) => {
      const after = bytesOf(watch);
      const old = before[i] ?? after;
      if (watch.access === 'change' && old.every((byte, n) => byte === after[n])) return;
      const number = (bytes: Uint8Array): bigint =>
        bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      const [hit] = this.judged([watch], { old: number(old), new: number(after) });
      if (!hit) return;
      const { id, conditionError } = hit;
      const report = {
        id,
        access: kind,
        va: BigInt(address),
        pa: BigInt(address),
        size: 8,
        before: old,
        after,
      };
      this.caught = {
        reason: 'watchpoint',
        breakpointIds: [],
        watch: report,
        ...(conditionError !== undefined && { conditionError }),
      };
    });
  }

  private happen(event: EventReport): void {
    const meant = this.eventBreakpoints.filter((one) => one.event === event.event);
    const hits = this.judged(meant, { event }, event);
    if (hits.length > 0) {
      this.caught = { reason: 'event', breakpointIds: hits.map(({ id }) => id), event };
    }
  }

  private takeInterrupt(): boolean {
    const { interruptAt, vectors = 0 } = this.options;
    if (this.interruptTaken || interruptAt === undefined || this.executed < interruptAt) return false;
    this.interruptTaken = true;
    this.elr = this.pc;
    this.spsr = this.pstate;
    this.pc = this.imageAddress(vectors + 0x280);
    return true;
  }

  private execute(): void {
    this.executed++;
    const offset = this.hostOffset({ kind: 'va', at: this.vcpu }, this.pc);
    if (offset === undefined) throw new Error(`the fake machine left its memory at ${this.pc.toString(16)}`);
    const word = new DataView(this.memory.buffer).getUint32(offset, true);
    const { pc } = this;
    const next = pc + 4n;
    const rd = word & 31;
    const rn = (word >>> 5) & 31;
    const jump = (field: number, bits: number): bigint =>
      pc + BigInt(((field << (32 - bits)) >> (32 - bits)) * 4);
    const top = word >>> 24;
    this.pc = next;
    if (word === MMU_ON) this.mmu = true;
    else if (word === ERET) {
      this.pc = this.elr;
      this.pstate = this.spsr;
    } else if (top === 0x14 || top === 0x17) this.pc = jump(word & 0x3ffffff, 26);
    else if (top === 0x94 || top === 0x97) {
      this.x[30] = next;
      this.pc = jump(word & 0x3ffffff, 26);
    } else if (top === 0xb5) this.pc = this.x[rd] === 0n ? next : jump((word >>> 5) & 0x7ffff, 19);
    else if (word >>> 10 === 0xd61f0000 >>> 10 || word >>> 10 === 0xd65f0000 >>> 10)
      this.pc = this.x[rn] ?? 0n;
    else if (word >>> 10 === 0xd63f0000 >>> 10) {
      this.pc = this.x[rn] ?? 0n;
      this.x[30] = next;
    } else if (top === 0x91) this.x[rd] = (this.x[rn] ?? 0n) + BigInt((word >>> 10) & 0xfff);
    else if (top === 0xd1) this.x[rd] = (this.x[rn] ?? 0n) - BigInt((word >>> 10) & 0xfff);
    else if (top === 0xd2) this.x[rd] = BigInt((word >>> 5) & 0xffff);
    else if (word >>> 22 === 0xf9000000 >>> 22 || word >>> 22 === 0xf9400000 >>> 22) this.loadOrStore(word);
    else if ((word & 0xffe0001f) >>> 0 === 0xd4000002) {
      const event = this.options.events?.[(word >>> 5) & 0xffff];
      if (event) this.happen(event);
    } else if (word === 0xa9bf7bfd) this.push();
    else if (word === 0xa8c17bfd) this.pop();
  }

  /** LDR and STR of an X register, unsigned offset. */
  private loadOrStore(word: number): void {
    const view = new DataView(this.memory.buffer);
    const rt = word & 31;
    const address = Number(this.x[(word >>> 5) & 31] ?? 0n) + 8 * ((word >>> 10) & 0xfff);
    if (word >>> 22 === 0xf9400000 >>> 22) {
      this.access('read', address, () => {
        this.x[rt] = view.getBigUint64(address - RAM, true);
      });
    } else {
      this.access('write', address, () => view.setBigUint64(address - RAM, this.x[rt] ?? 0n, true));
    }
  }

  private push(): void {
    const sp = (this.x[31] ?? 0n) - 16n;
    this.x[31] = sp;
    const view = new DataView(this.memory.buffer);
    view.setBigUint64(Number(sp) - RAM, this.x[29] ?? 0n, true);
    view.setBigUint64(Number(sp) - RAM + 8, this.x[30] ?? 0n, true);
  }

  private pop(): void {
    const sp = this.x[31] ?? 0n;
    const view = new DataView(this.memory.buffer);
    this.x[29] = view.getBigUint64(Number(sp) - RAM, true);
    this.x[30] = view.getBigUint64(Number(sp) - RAM + 8, true);
    this.x[31] = sp + 16n;
  }

  // ---------------------------------------------------------------- addresses

  /** Where a byte of the image is seen now. */
  private imageAddress(offset: number): bigint {
    return this.mmu ? this.options.link + (this.options.slide ?? 0n) + BigInt(offset) : BigInt(RAM + offset);
  }

  private hostOffset(space: AddressSpace, address: bigint): number | undefined {
    const physical = address - BigInt(RAM);
    const isPhysical = physical >= 0n && physical < BigInt(RAM_SIZE);
    // The lower half stays mapped to itself, as a stack needs it.
    if (space.kind !== 'va' || isPhysical) return isPhysical ? Number(physical) : undefined;
    const offset = address - this.options.link - (this.options.slide ?? 0n);
    return this.mmu && offset >= 0n && offset < BigInt(RAM_SIZE) ? Number(offset) : undefined;
  }
}
