// The engine: one WebAssembly memory with the CPUs and the RAM of a machine, the kernels and the
// interpreter that run on it, and the predecoded code.
//
// It executes instructions and says why it stopped. Devices, time and what sits at EL2 are the
// business of the floors above, which reach it through EngineHost.

import { type FeatureSet, kernelFeatures } from '../cpu/features.ts';
import { instructions } from '../cpu/isa/catalog.ts';
import { EXTERNAL_ABORT } from '../devices/register-block.ts';
import * as layout from '../memory/layout.ts';
import { CodeCache } from './code-cache.ts';
import { type EngineCounters, readCounters } from './counters.ts';
import { RecordWriter } from './interpreter/decode.ts';
import type { InterpreterTables } from './interpreter/generate.ts';
import type { KernelExports } from './kernel-exports.ts';
import type { TestedBreakpoint } from './translator/breakpoint-tests.ts';
import { Translator, type TranslatorStatistics } from './translator/translator.ts';

/** What the build made; the host loads it. */
export interface EngineModules {
  readonly kernels: WebAssembly.Module;
  readonly interpreter: WebAssembly.Module;
  readonly tables: InterpreterTables;
}

/** What generated code and kernels call out to. */
export interface EngineHost {
  /** An access of 1, 2, 4 or 8 bytes outside RAM: the value (its low half) or EXTERNAL_ABORT. */
  readDevice(pa: number, size: number): number;
  /** The upper half of the last read of 8 bytes. */
  readDeviceHigh(): number;
  /** 0 or EXTERNAL_ABORT. */
  writeDevice(pa: number, size: number, low: number, high: number): number;
  /** The register whose row has this index; the value passes through SYSREG_VALUE. */
  readSystemRegister(index: number): void;
  writeSystemRegister(index: number): void;
  /**
   * Does what EXIT_TRAP or EXIT_FIRMWARE asks for, as the caller of run() would. Returns how many instructions the
   * selected CPU executes next, or 0: run() then returns EXIT_SERVED. Not there: it returns the reason itself.
   */
  serveExit?(reason: number): number;
  /**
   * The instruction before PC touched what is watched, as WATCH_HITS says: whether run() returns EXIT_WATCHPOINT. Not
   * there: it does.
   */
  judgeWatchpoints?(): boolean;
  /** One of the exceptions that setExceptionEvents() named was taken; PC is at its vector. */
  exceptionTaken?(targetEl: number, fromEl: number, vector: number): void;
  /** Something that the user of the machine should know; the guest goes on. */
  warn?(message: string): void;
}

export interface EngineOptions {
  readonly cpus: number;
  /** Physical address of the first byte of RAM. */
  readonly ramBase: number;
  /** Bytes, a multiple of 64 KiB. */
  readonly ramSize: number;
  readonly features: FeatureSet;
  /** The second tier: absent, everything is interpreted. */
  readonly translate?: TranslateOptions | undefined;
}

export interface EngineBreakpoint extends TestedBreakpoint {
  /** Asked each time that the instruction comes, with PC exact: whether run() stops before it. Not there: it does. */
  readonly judge?: () => boolean;
}

/** Looks on, and changes nothing. */
export interface CodeObserver {
  /** A CPU stores to bytes of RAM in a page with predecoded code. */
  stored(offset: number, size: number): void;
  /** A word of RAM, by its number, is about to be executed for the first time since it was stored to, or ever. */
  executed(word: number, instruction: number): void;
}

/** Addresses whose data accesses are told of. */
export interface WatchedRange {
  /** VAs are sign-extended from bit 55. */
  readonly kind: 'va' | 'pa';
  readonly first: bigint;
  readonly last: bigint;
  readonly read: boolean;
  readonly write: boolean;
  /** Whose accesses: a bit for each CPU. */
  readonly cpus: number;
}

export interface TranslateOptions {
  /**
   * About how many instructions are interpreted at a place before a region is made of it. Below 100, which is for
   * tests, everything is translated as soon as it is reached.
   */
  readonly threshold: number;
  /** Counts entries and exits of translated code, which makes it slower. */
  readonly counts?: boolean;
}

const WASM_PAGE = 0x10000;

function byWordOfPage(list: readonly EngineBreakpoint[]): ReadonlyMap<number, readonly EngineBreakpoint[]> {
  const byWord = new Map<number, EngineBreakpoint[]>();
  for (const breakpoint of list) {
    const word = Number((breakpoint.address >> 2n) & 0x3ffn);
    const known = byWord.get(word);
    if (known) known.push(breakpoint);
    else byWord.set(word, [breakpoint]);
  }
  return byWord;
}

/** What translated code tests, as text. */
const testsOf = (breakpoints: readonly EngineBreakpoint[]): string =>
  JSON.stringify(
    breakpoints.map(({ kind, address, filter }) => [kind, address, filter]),
    (_key, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value),
  );

export class Engine {
  readonly memory: WebAssembly.Memory;
  readonly kernels: KernelExports;
  readonly cpus: number;
  /** Instructions executed by all CPUs before the present run() call. */
  private executed = 0;
  private runBudget = 0;
  private running = false;
  /** Exits may be served within run(). */
  private mayServe = false;
  private current = 0;
  private readonly runInterpreter: () => void;
  private readonly i32: Int32Array;
  private readonly u8: Uint8Array;
  private readonly code: CodeCache;
  /** By place in BREAKPOINTS; undefined: one of them always stops. */
  private judges: readonly (readonly (() => boolean)[] | undefined)[] = [];
  /** By word of a page. */
  private breakpointsByWord: ReadonlyMap<number, readonly EngineBreakpoint[]> = new Map();
  private readonly translator: Translator | undefined;
  private codeObserver: CodeObserver | undefined;

  constructor(modules: EngineModules, options: EngineOptions, host: EngineHost) {
    const pages = (layout.RAM_HOST + options.ramSize) / WASM_PAGE;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.i32 = new Int32Array(this.memory.buffer);
    this.u8 = new Uint8Array(this.memory.buffer);
    this.cpus = options.cpus;

    const hostFunctions = this.hostFunctions(host);
    const kernelInstance = new WebAssembly.Instance(modules.kernels, {
      env: { memory: this.memory, ...hostFunctions.env },
    });
    this.kernels = kernelInstance.exports as unknown as KernelExports;
    const writer = new RecordWriter(instructions, modules.tables, options.features, this.memory);
    this.code = new CodeCache(this.memory, writer, this.kernels);
    const interpreter = new WebAssembly.Instance(modules.interpreter, {
      environment: { memory: this.memory },
      kernels: kernelInstance.exports,
      host: hostFunctions.host,
    });
    this.runInterpreter = interpreter.exports['run'] as () => void;
    if (options.translate) {
      this.translator = new Translator({
        memory: this.memory,
        kernels: kernelInstance.exports,
        interpreter: interpreter.exports,
        tables: modules.tables,
        threshold: options.translate.threshold,
        counts: options.translate.counts ?? false,
        decode: (record) => this.code.decode(record),
        breakpointsAt: (offset) => this.breakpointsByWord.get(offset >> 2) ?? [],
        warn: (message) => host.warn?.(message),
      });
      this.code.attach(this.translator);
    }
    this.setUp(options);
  }

  /** Address of the block of a CPU: the running one's is at CPU. */
  blockOf(cpu: number): number {
    return cpu === this.current ? layout.CPU : layout.CPU_BANKS + cpu * layout.CPU_BLOCK_SIZE;
  }

  /** Makes the CPU the one that is at CPU. */
  select(cpu: number): void {
    if (cpu === this.current) return;
    const size = layout.CPU_BLOCK_SIZE;
    this.u8.copyWithin(layout.CPU_BANKS + this.current * size, layout.CPU, layout.CPU + size);
    const bank = layout.CPU_BANKS + cpu * size;
    this.u8.copyWithin(layout.CPU, bank, bank + size);
    this.current = cpu;
  }

  get selected(): number {
    return this.current;
  }

  /**
   * Runs the selected CPU for up to that many instructions (at most 2^30) and returns one of
   * EXIT_*. PC and the instruction count are then exact. With `serve` the host may let it go on after traps
   * (EngineHost.serveExit), for as long as it says.
   */
  run(budget: number, serve = false): number {
    const before = this.executed;
    this.mayServe = serve;
    this.runBudget = budget;
    this.i32[layout.BUDGET >> 2] = budget;
    this.i32[layout.BUDGET_HELD >> 2] = 0;
    this.translator?.begin();
    this.running = true;
    this.runInterpreter();
    this.running = false;
    // limitBudget() may have lowered what this call was given.
    this.executed += this.runBudget - this.budgetLeft();
    this.translator?.end(this.executed - before);
    return this.i32[layout.EXIT_REASON >> 2] as number;
  }

  /** As run(), but a breakpoint at the first instruction does not stop it. */
  runPastBreakpoint(budget: number): number {
    if (!this.code.hasBreakpoints || budget < 1) return this.run(budget);
    this.i32[layout.BREAKPOINT_SKIP >> 2] = 1;
    const reason = this.run(1);
    this.i32[layout.BREAKPOINT_SKIP >> 2] = 0;
    return reason === layout.EXIT_BUDGET && budget > 1 ? this.run(budget - 1) : reason;
  }

  /** Instructions executed by all CPUs so far, exact also while a device or register is accessed. */
  get instructions(): number {
    return this.running ? this.executed + this.runBudget - this.budgetLeft() : this.executed;
  }

  /** Drives an interrupt line (LINE_*) into a CPU. */
  setLine(cpu: number, line: number, level: boolean): void {
    const block = this.blockOf(cpu);
    const lines = this.i32[(block + (layout.LINES - layout.CPU)) >> 2] as number;
    const changed = level ? lines | line : lines & ~line;
    if (changed === lines) return;
    this.i32[(block + (layout.LINES - layout.CPU)) >> 2] = changed;
    if (level) this.raiseAttention(cpu, layout.ATTENTION_INTERRUPT);
  }

  /** The present run() call, if there is one, executes at most that many instructions more. */
  limitBudget(instructions: number): void {
    if (!this.running) return;
    const left = this.budgetLeft();
    const cut = left - Math.max(0, instructions);
    if (cut <= 0) return;
    // Both parts count; what is held back by attention is cut first.
    const held = this.i32[layout.BUDGET_HELD >> 2] as number;
    const fromHeld = Math.min(held, cut);
    this.i32[layout.BUDGET_HELD >> 2] = held - fromHeld;
    this.i32[layout.BUDGET >> 2] = (this.i32[layout.BUDGET >> 2] as number) - (cut - fromHeld);
    this.runBudget -= cut;
  }

  /** Makes run() return after the present instruction, with EXIT_REQUEST. */
  requestExit(): void {
    this.i32[layout.EXIT_REASON >> 2] = layout.EXIT_REQUEST;
    this.raiseAttention(this.current, layout.ATTENTION_EXIT);
  }

  /** A CPU that is not running looks at it when it runs next. */
  raiseAttention(cpu: number, bits: number): void {
    if (cpu === this.current) {
      this.kernels.raiseAttention(bits);
      return;
    }
    const address = (this.blockOf(cpu) + (layout.ATTENTION - layout.CPU)) >> 2;
    this.i32[address] = (this.i32[address] as number) | bits;
  }

  /** Replaces the breakpoints. Not while run() is under way. */
  setBreakpoints(list: readonly EngineBreakpoint[]): void {
    const byEntry = new Map<bigint, EngineBreakpoint[]>();
    for (const breakpoint of list) {
      // Bit 0 of an entry says that it is a physical address; instructions are aligned to four.
      const address = BigInt.asUintN(64, breakpoint.address) & ~3n;
      const entry = address | (breakpoint.kind === 'pa' ? 1n : 0n);
      const known = byEntry.get(entry);
      if (known) known.push(breakpoint);
      else byEntry.set(entry, [breakpoint]);
    }
    const entries = [...byEntry.keys()].sort((a, b) => (a < b ? -1 : 1));
    const before = this.breakpointsByWord;
    this.breakpointsByWord = byWordOfPage(list);
    const changed = [...this.breakpointsByWord].filter(
      ([word, breakpoints]) => testsOf(breakpoints) !== testsOf(before.get(word) ?? []),
    );
    this.code.setBreakpoints(entries, new Set(changed.map(([word]) => word)));
    this.judges = entries.map((entry) => {
      const judges = (byEntry.get(entry) ?? []).map(({ judge }) => judge);
      return judges.every((judge) => judge !== undefined) ? judges : undefined;
    });
  }

  /** Replaces what is watched. Not while run() is under way. */
  setWatchpoints(list: readonly WatchedRange[]): void {
    if (list.length > layout.WATCHPOINTS_MAX)
      throw new RangeError(`more than ${layout.WATCHPOINTS_MAX} ranges`);
    const view = new DataView(this.memory.buffer);
    list.forEach(({ kind, first, last, read, write, cpus }, i) => {
      const at = layout.WATCHPOINTS + i * layout.WATCHPOINT_SIZE;
      view.setBigInt64(at, BigInt.asIntN(64, first), true);
      view.setBigInt64(at + 8, BigInt.asIntN(64, last), true);
      view.setInt32(at + 16, (read ? 1 : 0) | (write ? 2 : 0), true);
      view.setInt32(at + 20, kind === 'va' ? layout.WATCH_VA : layout.WATCH_PA, true);
      view.setInt32(at + 24, cpus, true);
    });
    const wasWatched = this.i32[layout.WATCHPOINT_COUNT >> 2] !== 0;
    this.i32[layout.WATCHPOINT_COUNT >> 2] = list.length;
    if (wasWatched !== list.length > 0) this.translator?.watchingChanged();
    this.i32[layout.WATCH_HIT_COUNT >> 2] = 0;
    this.kernels.dropTags();
  }

  /** Which exceptions EngineHost.exceptionTaken() is told of: bits as in EXCEPTION_EVENTS. */
  setExceptionEvents(classes: bigint): void {
    new DataView(this.memory.buffer).setBigUint64(layout.EXCEPTION_EVENTS, classes, true);
  }

  /** From now on somebody is told of code that changes; undefined ends it. Not while run() is under way. */
  watchCode(observer: CodeObserver | undefined): void {
    this.codeObserver = observer;
    this.i32[layout.CODE_WATCHED >> 2] = observer ? 1 : 0;
    this.code.watch(observer && ((word, instruction) => observer.executed(word, instruction)));
  }

  /** Figures of the second tier, where there is one. */
  get statistics(): TranslatorStatistics | undefined {
    return this.translator?.statistics;
  }

  /** What the kernels counted since the start. */
  get counters(): EngineCounters {
    return readCounters(this.memory);
  }

  /** Between two instructions, with PC exact: 1 when the CPU goes on. */
  private serveExit(host: EngineHost): number {
    const { i32 } = this;
    if (!this.mayServe || host.serveExit === undefined) return 0;
    // The host finds and leaves everything as after a run() call and before the next one.
    this.executed += this.runBudget - this.budgetLeft();
    this.running = false;
    const budget = host.serveExit(i32[layout.EXIT_REASON >> 2] as number);
    this.runBudget = budget;
    i32[layout.BUDGET >> 2] = budget;
    i32[layout.BUDGET_HELD >> 2] = 0;
    this.running = true;
    if (budget > 0) return 1;
    i32[layout.EXIT_REASON >> 2] = layout.EXIT_SERVED;
    return 0;
  }

  /** All are asked, since each counts how often it was reached. */
  private judgeBreakpoint(place: number): number {
    const judges = this.judges[place];
    if (!judges) return 1;
    let stops = 0;
    for (const judge of judges) if (judge()) stops = 1;
    return stops;
  }

  private budgetLeft(): number {
    return (this.i32[layout.BUDGET >> 2] as number) + (this.i32[layout.BUDGET_HELD >> 2] as number);
  }

  private setUp({ ramBase, ramSize, features, cpus }: EngineOptions): void {
    const view = new DataView(this.memory.buffer);
    view.setBigInt64(layout.RAM_BASE, BigInt(ramBase), true);
    view.setBigInt64(layout.RAM_SIZE, BigInt(ramSize), true);
    view.setBigInt64(layout.PA_BITS, BigInt(features.paBits), true);
    view.setInt32(layout.CPU_COUNT, cpus, true);
    for (let cpu = 0; cpu < cpus; cpu++) {
      const offset = this.blockOf(cpu) - layout.CPU;
      view.setInt32(offset + layout.CPU_INDEX, cpu, true);
      view.setInt32(offset + layout.FEATURES, kernelFeatures(features), true);
    }
    this.kernels.resetTlbs();
  }

  private hostFunctions(host: EngineHost): {
    env: Record<string, (...args: number[]) => number | void>;
    host: Record<string, (...args: number[]) => number | void>;
  } {
    const address = (low: number, high: number): number => high * 0x1_0000_0000 + (low >>> 0);
    const answer = (value: number): number => {
      this.i32[layout.SCRATCH >> 2] = value === EXTERNAL_ABORT ? 1 : 0;
      return value;
    };
    const env = {
      mmioRead: (paLow: number, paHigh: number, size: number): number =>
        answer(host.readDevice(address(paLow, paHigh), size)),
      mmioReadHigh: (): number => host.readDeviceHigh(),
      mmioWrite: (paLow: number, paHigh: number, size: number, low: number, high: number): void => {
        answer(host.writeDevice(address(paLow, paHigh), size, low, high));
      },
      sysregRead: (index: number): void => host.readSystemRegister(index),
      sysregWrite: (index: number): void => host.writeSystemRegister(index),
      decodeByHost: (record: number): void => this.code.decodeExecuted(record),
      codeStored: (offset: number, size: number): void => this.codeObserver?.stored(offset >>> 0, size),
      serveExit: (): number => this.serveExit(host),
      exceptionTaken: (target: number, from: number, vector: number): void =>
        host.exceptionTaken?.(target, from, vector),
      judgeBreakpoint: (place: number): number => this.judgeBreakpoint(place),
      judgeWatchpoints: (): number => ((host.judgeWatchpoints?.() ?? true) ? 1 : 0),
      allocateRecords: (ramPage: number): number => this.code.allocate(ramPage),
      dropRegions: (records: number, first: number, last: number): void =>
        this.translator?.drop(records, 4 * first, 4 * last),
      releaseRecords: (records: number): void => this.code.release(records),
    };
    return {
      env,
      host: {
        reachedRecord: (record: number): void => this.translator?.reached(record),
      },
    };
  }
}
