// Mistakes of guests that this machine can tell for certain, as events of the filter `sanitizer`. What is not judged, and
// why:
// - A TLB entry that the tables no longer give: between the change of a table and its TLBI the architecture allows its
//   use, and kernels rely on that where they relax permissions. That no TLBI follows cannot be told at the access.
// - A barrier that is missing before a ring's index is published: accesses happen in program order here, so nothing goes
//   wrong, and barriers are not recorded.
// - A lost event: a port that is pending and masked is looked at when the guest likes; there is no moment at which it
//   should have been.

import { hex } from '../../base/address.ts';
import type { LoadedMachine } from '../../machine/guest.ts';
import { BARE_DOMAIN, type VcpuId } from '../../machine/messages.ts';
import * as layout from '../../memory/layout.ts';
import type { Recorder } from '../record/recorder.ts';
import { type EventSink, vcpuText } from './event-sink.ts';
import type { ExceptionListener } from './exception-events.ts';
import type { RegisterListener } from './register-events.ts';

export type SanitizerRule = 'device' | 'code' | 'storm';

/** ESR_ELx.EC of data aborts. */
const EC_DATA_ABORT = 0x24;
const DATA_ABORTS = (1n << BigInt(EC_DATA_ABORT)) | (1n << BigInt(EC_DATA_ABORT + 1));
/** ESR_ELx.ISS.DFSC. */
const ALIGNMENT = 0x21;
const UNSUPPORTED_EXCLUSIVE = 0x35;
/** SCTLR_ELx. */
const SCTLR_M = 1;
const SCTLR_A = 2;
/** So many acknowledges of one interrupt by one CPU within so many nanoseconds are a storm. */
const STORM_COUNT = 1000;
const STORM_WINDOW = 1_000_000;
/** IC IVAU works on lines of 64 bytes (CTR_EL0.IminLine), which are 16 words. */
const LINE_WORDS = 16;
/** CTR_EL0.DIC: instruction caches need no invalidation. */
const CTR_DIC = 1n << 29n;
/** Of what was stored and is not maintained yet, so much is remembered. */
const MOST_STORED = 1 << 16;
const PAGE_WORDS = 1024;

export class SanitizerEvents {
  private readonly loaded: LoadedMachine;
  private readonly record: Recorder;
  private readonly sink: EventSink;
  /** Words of RAM that were executed, stored to since, and not maintained yet: by their place in RAM. */
  private readonly stored = new Set<number>();
  private readonly windows = new Map<string, { start: number; count: number }>();

  constructor(loaded: LoadedMachine, record: Recorder, sink: EventSink) {
    this.loaded = loaded;
    this.record = record;
    this.sink = sink;
  }

  start(): () => void {
    const { machine } = this.loaded;
    this.stored.clear();
    this.windows.clear();
    const ctr = machine.systemRegisters.peek('CTR_EL0') ?? 0n;
    if (this.wants('code') && (ctr & CTR_DIC) === 0n) {
      machine.engine.watchCode({
        stored: (offset, size) => this.codeStored(offset, size),
        executed: (word, instruction) => this.codeExecuted(word, instruction),
      });
    }
    return () => machine.engine.watchCode(undefined);
  }

  private wants(rule: SanitizerRule): boolean {
    return this.sink.wants(['sanitizer', `sanitizer.${rule}`]);
  }

  // ---- memory of devices

  /** What it wants to hear of exceptions. */
  get exceptions(): ExceptionListener {
    return { classes: this.wants('device') ? DATA_ABORTS : 0n, taken: () => this.abortTaken() };
  }

  private abortTaken(): void {
    const { machine } = this.loaded;
    const cpu = machine.engine.selected;
    const state = machine.cpus[cpu];
    if (!state) return;
    const isEl2 = state.el === 2;
    const esr = state.read32(isEl2 ? layout.ESR_EL2 : layout.ESR_EL1);
    if (((esr >>> 26) & 0x3e) !== EC_DATA_ABORT) return;
    const status = esr & 0x3f;
    const pc = state.sysreg(isEl2 ? layout.ELR_EL2 : layout.ELR_EL1);
    const va = state.sysreg(isEl2 ? layout.FAR_EL2 : layout.FAR_EL1);
    const sctlr = state.read32(isEl2 ? layout.SCTLR_EL2 : layout.SCTLR_EL1);
    if (status === UNSUPPORTED_EXCLUSIVE) {
      this.tell('device', va, pc, this.idOf(cpu), 'an exclusive or atomic access to Device memory');
    } else if (status === ALIGNMENT && (sctlr & SCTLR_A) === 0 && !this.mustBeAligned(pc)) {
      const why = (sctlr & SCTLR_M) === 0 ? ', as all is while the MMU is off' : '';
      this.tell('device', va, pc, this.idOf(cpu), `an unaligned access to Device memory${why}`);
    }
  }

  /** Exclusive, ordered and atomic accesses fault wherever they are not aligned. */
  private mustBeAligned(pc: bigint): boolean {
    const word = Number(this.loaded.machine.engine.kernels.peekData(pc, 4) & 0xffff_ffffn);
    const isExclusiveOrOrdered = ((word >>> 24) & 0x3f) === 0b001000;
    const isAtomic = (word & 0x3f20_0c00) === 0x3820_0000;
    const isUnscaledOrdered = ((word >>> 24) & 0x3f) === 0b011001;
    return isExclusiveOrOrdered || isAtomic || isUnscaledOrdered;
  }

  // ---- code

  private codeStored(offset: number, size: number): void {
    if (this.stored.size >= MOST_STORED) this.stored.clear();
    for (let word = offset >>> 2; word <= (offset + size - 1) >>> 2; word++) this.stored.add(word);
  }

  private codeExecuted(word: number, instruction: number): void {
    if (!this.stored.delete(word) || isExchangeable(instruction)) return;
    const { machine } = this.loaded;
    const pages = new DataView(machine.engine.memory.buffer);
    const pc = pages.getBigUint64(layout.PAGE_VA, true) + BigInt((word % PAGE_WORDS) * 4);
    const what = `it was stored to, and no IC has made ${hex(instruction)} visible since`;
    this.tell('code', pc, pc, this.idOf(machine.engine.selected), what);
  }

  /** What it wants to hear of system instructions. */
  get registers(): RegisterListener {
    if (!this.wants('code')) return { names: [], written: () => {} };
    return {
      names: ['IC IVAU', 'IC IALLU', 'IC IALLUIS'],
      written: (name, value) => {
        if (name === 'IC IVAU') this.lineMaintained(value);
        else this.stored.clear();
      },
    };
  }

  private lineMaintained(va: bigint): void {
    if (this.stored.size === 0) return;
    const { machine } = this.loaded;
    const el = machine.cpus[machine.engine.selected]?.el === 2 ? 2 : 1;
    const pa = machine.engine.kernels.probe(va, el, 0);
    if (pa < 0n) return;
    const first = Math.floor((Number(pa) - machine.memory.base) / 4 / LINE_WORDS) * LINE_WORDS;
    for (let word = first; word < first + LINE_WORDS; word++) this.stored.delete(word);
  }

  // ---- interrupts

  interruptTaken({ domain, vcpu }: VcpuId, intid: number): void {
    if (!this.wants('storm')) return;
    const now = this.loaded.machine.clock.nanoseconds();
    const key = `${domain} ${vcpu} ${intid}`;
    let window = this.windows.get(key);
    if (!window || now - window.start > STORM_WINDOW) {
      window = { start: now, count: 0 };
      this.windows.set(key, window);
    }
    window.count++;
    if (window.count !== STORM_COUNT) return;
    const name = this.record.interrupts.namesOf(domain).get(intid)?.name;
    const cpu = this.loaded.cpuOf({ domain, vcpu });
    const pc = (cpu === undefined ? undefined : this.loaded.machine.cpus[cpu]?.pc) ?? 0n;
    const what = `interrupt ${intid}${name === undefined ? '' : ` (${name})`} was taken ${STORM_COUNT} times in ${now - window.start} ns`;
    this.tell('storm', 0n, pc, { domain, vcpu }, what);
  }

  // ----

  private idOf(cpu: number): VcpuId {
    return this.loaded.vcpuOf(cpu) ?? { domain: BARE_DOMAIN, vcpu: cpu };
  }

  private tell(rule: SanitizerRule, va: bigint, pc: bigint, id: VcpuId, detail: string): void {
    this.sink.tell(['sanitizer', `sanitizer.${rule}`], [id.domain], id, () => ({
      fields: {
        rule,
        va: BigInt.asUintN(64, va),
        detail,
        pc: BigInt.asUintN(64, pc),
        dom: BigInt(id.domain),
        vcpu: BigInt(id.vcpu),
      },
      description: () =>
        rule === 'storm'
          ? `${vcpuText(id.domain, id.vcpu)}: ${detail}`
          : `${vcpuText(id.domain, id.vcpu)} at ${hex(BigInt.asUintN(64, pc))}: ${detail}`,
    }));
  }
}

/** May be exchanged for each other while others execute them. DDI 0487, "Concurrent modification and execution". */
function isExchangeable(word: number): boolean {
  const isBranch = (word & 0x7c00_0000) >>> 0 === 0x1400_0000;
  const isNop = word >>> 0 === 0xd503_201f;
  const isException = (word & 0xff00_0000) >>> 0 === 0xd400_0000;
  const isIsb = (word & 0xffff_f0ff) >>> 0 === 0xd503_30df;
  return isBranch || isNop || isException || isIsb;
}
