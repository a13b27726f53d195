// Runs instruction cases: an initial state, a few words of code at EL0, and every difference that
// they make. The format is JSON lines; a case ends at the first BRK #0 or at an exception.
//
//   state  {"init":0,"x":[…31],"sp":"…","nzcv":"2","v":[…32],"mem":"…"}
//   case   {"id":"…","feat":"base","init":0,"set":{…},"code":"…","end":{…},"exc":{…}}

import { type CoreModel, type FeatureSet, featureSet } from '../cpu/features.ts';
import { SystemRegisters } from '../cpu/sysregs/system-registers.ts';
import { GenericTimer } from '../devices/generic-timer.ts';
import { EXTERNAL_ABORT } from '../devices/register-block.ts';
import { Engine, type EngineModules, type TranslateOptions } from '../engine/engine.ts';
import * as layout from '../memory/layout.ts';

export interface CaseState {
  readonly init: number;
  readonly x: readonly string[];
  readonly sp: string;
  readonly nzcv: string;
  readonly v: readonly string[];
  readonly mem: string;
}

export interface CaseEnd {
  [register: string]: string | [string, string][];
}

export interface CaseException {
  kind: string;
  addr?: string;
}

export interface InstructionCase {
  readonly id: string;
  readonly enc?: string;
  readonly feat: string;
  readonly init: number;
  readonly set?: Readonly<Record<string, string>>;
  readonly code: string;
  readonly end: CaseEnd;
  readonly exc?: CaseException;
}

export interface CaseOutcome {
  readonly end: CaseEnd;
  readonly exc?: CaseException;
}

const CODE_VA = 0x1000_0000;
const ENTRY_VA = 0x1000_8000;
const DATA_VA = 0x2000_0000;
const DATA_SIZE = 0x2000;
/** Where the state's memory begins in the data window: it straddles a page border. */
const STATE_MEMORY = 0xc00;
const RAM = 0x4000_0000;
const CODE_PA = RAM;
const DATA_PA = RAM + 0x10000;
const TABLES_PA = RAM + 0x20000;
const VECTORS = RAM + 0x30000;
const LOWER_EL_SYNCHRONOUS = 0x400;
const BRK = 0xd4200000;
/** Differences with up to so many equal bytes between them are written as one run. */
const MERGED_GAP = 3;
/** Far more than any case executes. */
const MAX_INSTRUCTIONS = 1_000_000;

const EC_UNKNOWN = 0x00;
const EC_DATA_ABORT_LOWER = 0x24;
const EC_BRK = 0x3c;

/** The names that the cases use for features. */
const FEATURE_OF: Readonly<Record<string, string>> = {
  crc32: 'FEAT_CRC32',
  lse: 'FEAT_LSE',
  lor: 'FEAT_LOR',
  rdm: 'FEAT_RDM',
  aes: 'FEAT_AES',
  pmull: 'FEAT_PMULL',
  sha1: 'FEAT_SHA1',
  sha256: 'FEAT_SHA256',
  sha512: 'FEAT_SHA512',
  sha3: 'FEAT_SHA3',
  sm3: 'FEAT_SM3',
  sm4: 'FEAT_SM4',
  fp16: 'FEAT_FP16',
  fhm: 'FEAT_FHM',
  dotprod: 'FEAT_DotProd',
  fcma: 'FEAT_FCMA',
  jscvt: 'FEAT_JSCVT',
  lrcpc: 'FEAT_LRCPC',
  lrcpc2: 'FEAT_LRCPC2',
  flagm: 'FEAT_FlagM',
  flagm2: 'FEAT_FlagM2',
  frintts: 'FEAT_FRINTTS',
  i8mm: 'FEAT_I8MM',
  bf16: 'FEAT_BF16',
};

/** A wire that ends nowhere. */
const unconnected = { set: () => {} };

const hex = (value: bigint | number): string => value.toString(16);

export class CaseRunner {
  private readonly engine: Engine;
  private readonly systemRegisters: SystemRegisters;
  private readonly states: ReadonlyMap<number, CaseState>;
  private readonly features: FeatureSet;
  private readonly u8: Uint8Array;
  private readonly view: DataView;
  private readonly translated: boolean;

  constructor(
    modules: EngineModules,
    core: CoreModel,
    states: readonly CaseState[],
    options: { readonly translate?: TranslateOptions } = {},
  ) {
    this.translated = options.translate !== undefined;
    const features = featureSet(core);
    this.features = features;
    this.states = new Map(states.map((state) => [state.init, state]));
    const engine = new Engine(
      modules,
      { cpus: 1, ramBase: RAM, ramSize: 0x40000, features, translate: options.translate },
      {
        readDevice: () => EXTERNAL_ABORT,
        readDeviceHigh: () => 0,
        writeDevice: () => EXTERNAL_ABORT,
        readSystemRegister: (index) => this.systemRegisters.read(index),
        writeSystemRegister: (index) => this.systemRegisters.write(index),
      },
    );
    this.engine = engine;
    const clock = { nanoseconds: () => engine.instructions };
    const timer = new GenericTimer(clock, {
      physical: unconnected,
      virtual: unconnected,
      hypervisor: unconnected,
    });
    this.systemRegisters = new SystemRegisters({
      memory: engine.memory,
      kernels: engine.kernels,
      features,
      clock,
      currentCpu: () => 0,
      timerOf: () => timer,
      gicOf: () => undefined,
      blockOf: (cpu) => engine.blockOf(cpu),
    });
    this.systemRegisters.reset(0);
    this.u8 = new Uint8Array(this.engine.memory.buffer);
    this.view = new DataView(this.engine.memory.buffer);
    this.setUp();
  }

  /** Why a case cannot run on this core, or undefined. */
  missingFeature(item: InstructionCase): string | undefined {
    return item.feat
      .split('+')
      .find((name) => name !== 'base' && !this.features.has(FEATURE_OF[name] ?? name));
  }

  get engineStatistics(): Engine['statistics'] {
    return this.engine.statistics;
  }

  /** Executes the case and tells every difference between the state before and after. */
  run(item: InstructionCase): CaseOutcome {
    const state = this.states.get(item.init);
    if (!state) throw new Error(`case ${item.id} wants state ${item.init}, which is not there`);
    const words = item.code.split(' ').map((word) => Number.parseInt(word, 16));
    this.writeCode(words);
    if (this.translated) {
      // What a first run has reached is translated when it is over.
      this.load(state, item.set ?? {});
      this.engine.run(MAX_INSTRUCTIONS);
    }
    const start = this.load(state, item.set ?? {});
    const reason = this.engine.run(MAX_INSTRUCTIONS);
    const outcome = this.compare(start, reason);
    this.writeCode(words.map(() => BRK));
    return outcome;
  }

  // ---- the machine around the case

  private setUp(): void {
    const { view } = this;
    const write64 = (pa: number, value: bigint): void =>
      view.setBigUint64(pa - RAM + layout.RAM_HOST, value, true);
    const [level1, level2, codeTable, dataTable] = [0, 1, 2, 3].map((i) => TABLES_PA + i * 0x1000) as [
      number,
      number,
      number,
      number,
    ];
    const table = (pa: number): bigint => BigInt(pa) | 3n;
    // AF, inner shareable, EL0 and EL1 read and write.
    const page = (pa: number): bigint => BigInt(pa) | 0x743n;
    // The vectors: a block that only EL1 may touch.
    const block = (pa: number): bigint => BigInt(pa) | 0x701n | (1n << 54n);
    write64(level1, table(level2));
    write64(level1 + 8, block(RAM));
    write64(level2 + 8 * (CODE_VA >>> 21), table(codeTable));
    write64(level2 + 8 * (DATA_VA >>> 21), table(dataTable));
    for (let i = 0; i < 16; i++) write64(codeTable + 8 * i, page(CODE_PA + i * 0x1000));
    for (let i = 0; i < 2; i++) write64(dataTable + 8 * i, page(DATA_PA + i * 0x1000));
    for (let i = 0; i < 0x4000; i++) view.setUint32(layout.RAM_HOST + 4 * i, BRK, true);

    const set = (address: number, value: bigint): void => view.setBigUint64(address, value, true);
    set(layout.TTBR0_EL1, BigInt(level1));
    // 39 bits of VA below, none above, TBI0, 40-bit PA, write-back shareable walks.
    set(layout.TCR_EL1, 25n | (0x35n << 8n) | (1n << 23n) | (2n << 32n) | (1n << 37n));
    set(layout.MAIR_EL1, 0xffn);
    set(layout.VBAR_EL1, BigInt(VECTORS));
    set(layout.CPACR_EL1, 3n << 20n);
    set(layout.HCR_EL2, 1n << 31n);
    // M, C, SA0, I, DZE, UCT, nTWI, nTWE, UCI and the RES1 bits of Armv8.0.
    set(layout.SCTLR_EL1, 0x34d5d91dn & ~(1n << 3n));
    this.systemRegisters.accessChanged();
    this.engine.setBreakpoints([{ kind: 'va', address: BigInt(VECTORS + LOWER_EL_SYNCHRONOUS) }]);
  }

  private writeCode(words: readonly number[]): void {
    const pa = CODE_PA + (ENTRY_VA - CODE_VA);
    words.forEach((word, i) => {
      this.view.setUint32(layout.RAM_HOST + pa - RAM + 4 * i, word, true);
    });
    this.engine.kernels.invalidateRange(BigInt(pa), 4 * words.length);
  }

  private data(): Uint8Array {
    const start = layout.RAM_HOST + DATA_PA - RAM;
    return this.u8.subarray(start, start + DATA_SIZE);
  }

  /** Puts the start state into the machine and returns it as a flat list of registers. */
  private load(state: CaseState, set: Readonly<Record<string, string>>): Start {
    const registers = new Map<string, bigint>();
    state.x.forEach((value, i) => registers.set(`x${i}`, BigInt(`0x${value}`)));
    registers.set('sp', BigInt(`0x${state.sp}`));
    registers.set('nzcv', BigInt(`0x${state.nzcv}`));
    state.v.forEach((value, i) => registers.set(`v${i}`, BigInt(`0x${value}`)));
    registers.set('fpcr', 0n);
    registers.set('fpsr', 0n);
    for (const [name, value] of Object.entries(set)) registers.set(name, BigInt(`0x${value}`));

    const { view } = this;
    const value = (name: string): bigint => registers.get(name) as bigint;
    for (let i = 0; i < 31; i++) view.setBigUint64(layout.X + 8 * i, value(`x${i}`), true);
    for (let i = 0; i < 32; i++) {
      view.setBigUint64(layout.V + 16 * i, value(`v${i}`) & 0xffff_ffff_ffff_ffffn, true);
      view.setBigUint64(layout.V + 16 * i + 8, value(`v${i}`) >> 64n, true);
    }
    view.setBigUint64(layout.SP, value('sp'), true);
    view.setBigUint64(layout.PC, BigInt(ENTRY_VA), true);
    view.setInt32(layout.FLAGS_OP, layout.FLAGS_RAW, true);
    view.setBigUint64(layout.FLAGS_A, value('nzcv'), true);
    view.setUint32(layout.FPCR, Number(value('fpcr')), true);
    view.setUint32(layout.FPSR, Number(value('fpsr')), true);
    view.setInt32(layout.PSTATE_EL, 0, true);
    view.setInt32(layout.PSTATE_SP, 0, true);
    view.setInt32(layout.PSTATE_DAIF, 0x3c0, true);
    view.setInt32(layout.PSTATE_OTHER, 0, true);
    view.setInt32(layout.EXCLUSIVE_VALID, 0, true);
    this.engine.kernels.updateRegime();

    const data = this.data();
    data.fill(0);
    for (let i = 0; i < state.mem.length / 2; i++) {
      data[STATE_MEMORY + i] = Number.parseInt(state.mem.slice(2 * i, 2 * i + 2), 16);
    }
    return { registers, data: data.slice() };
  }

  private compare(start: Start, reason: number): CaseOutcome {
    const { view } = this;
    const end: CaseEnd = {};
    const note = (name: string, now: bigint): void => {
      if (now !== start.registers.get(name)) end[name] = hex(now);
    };
    for (let i = 0; i < 31; i++) note(`x${i}`, view.getBigUint64(layout.X + 8 * i, true));
    note('sp', view.getBigUint64(layout.SP_EL0, true));
    note('nzcv', (view.getBigUint64(layout.SPSR_EL1, true) >> 28n) & 0xfn);
    for (let i = 0; i < 32; i++) {
      const low = view.getBigUint64(layout.V + 16 * i, true);
      note(`v${i}`, (view.getBigUint64(layout.V + 16 * i + 8, true) << 64n) | low);
    }
    note('fpcr', BigInt(view.getUint32(layout.FPCR, true)));
    note('fpsr', BigInt(view.getUint32(layout.FPSR, true)));
    const memory = this.memoryDifferences(start.data);
    if (memory.length > 0) end['mem'] = memory;

    const pc = view.getBigUint64(layout.ELR_EL1, true);
    if (pc !== BigInt(ENTRY_VA + 4)) end['pc'] = hex(pc);
    const exc = this.exception(reason);
    return exc ? { end, exc } : { end };
  }

  private memoryDifferences(before: Uint8Array): [string, string][] {
    const now = this.data();
    const runs: [string, string][] = [];
    const text = (from: number, to: number): string =>
      Array.from(now.subarray(from, to), (byte) => hex(byte).padStart(2, '0')).join('');
    let first = -1;
    let last = -1;
    for (let i = 0; i < DATA_SIZE; i++) {
      if (now[i] === before[i]) continue;
      if (first >= 0 && i - last > MERGED_GAP + 1) {
        runs.push([hex(DATA_VA + first), text(first, last + 1)]);
        first = -1;
      }
      if (first < 0) first = i;
      last = i;
    }
    if (first >= 0) runs.push([hex(DATA_VA + first), text(first, last + 1)]);
    return runs;
  }

  private exception(reason: number): CaseException | undefined {
    if (reason !== layout.EXIT_BREAKPOINT) return { kind: `no end (exit ${reason})` };
    const exceptionClass = Number((this.view.getBigUint64(layout.ESR_EL1, true) >> 26n) & 0x3fn);
    switch (exceptionClass) {
      case EC_BRK:
        return undefined;
      case EC_UNKNOWN:
        return { kind: 'undef' };
      case EC_DATA_ABORT_LOWER:
        return { kind: 'data_abort', addr: hex(this.view.getBigUint64(layout.FAR_EL1, true)) };
      default:
        return { kind: `exception class 0x${hex(exceptionClass)}` };
    }
  }
}

interface Start {
  readonly registers: ReadonlyMap<string, bigint>;
  readonly data: Uint8Array;
}

/** Whether an outcome is what the case expects. */
export function outcomeMatches(item: InstructionCase, outcome: CaseOutcome): boolean {
  const sorted = (end: CaseEnd): string =>
    JSON.stringify(Object.entries(end).sort(([a], [b]) => (a < b ? -1 : 1)));
  return (
    sorted(item.end) === sorted(outcome.end) &&
    item.exc?.kind === outcome.exc?.kind &&
    item.exc?.addr === outcome.exc?.addr
  );
}
