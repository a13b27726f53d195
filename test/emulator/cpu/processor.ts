// A processor without interpreter, for tests: the kernels, system registers and RAM over one
// memory. Cases write descriptors and registers, call a kernel as generated code would, and look.

import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenericTimer } from '../../../emulator/devices/generic-timer.ts';
import {
  type CoreModel,
  type FeatureSet,
  featureSet,
  kernelFeatures,
} from '../../../emulator/cpu/features.ts';
import { CpuState } from '../../../emulator/cpu/state.ts';
import { lookupName } from '../../../emulator/cpu/sysregs/lookup.ts';
import { SystemRegisters } from '../../../emulator/cpu/sysregs/system-registers.ts';
import * as layout from '../../../emulator/memory/layout.ts';
import { PhysicalMemory } from '../../../emulator/memory/physical-memory.ts';
import { buildKernels } from '../../tools/build-kernels.ts';
import { withLock } from '../../tools/lock.ts';

export const RAM = 0x4000_0000;
const RAM_SIZE = 0x100_0000;
/** Page tables grow from here. */
const TABLES = RAM + 0x80_0000;
/** The instruction that cases pretend to execute stands here. */
export const CODE = RAM;
/** Records of the first page of RAM. */
const RECORDS = layout.RECORDS;

let compiled: Promise<WebAssembly.Module> | undefined;

/** The kernels of the sources as they are now, compiled once for all test processes. */
function kernelsModule(): Promise<WebAssembly.Module> {
  compiled ??= (async () => {
    const file = join(tmpdir(), `xenscope-kernels-${hashOfSources()}.wasm`);
    await withLock(`${file}.lock`, async () => {
      if (!existsSync(file)) await buildKernels(file);
    });
    return WebAssembly.compile(readFileSync(file));
  })();
  return compiled;
}

function hashOfSources(): string {
  const root = join(import.meta.dirname, '../../..');
  const hash = createHash('sha256');
  const patterns = ['emulator/**/*.as.ts', 'emulator/memory/layout.ts', 'emulator/cpu/sysregs/indexes.ts'];
  for (const file of globSync([...patterns, 'test/tools/build-kernels.ts'], { cwd: root }).sort()) {
    hash.update(file).update(readFileSync(join(root, file)));
  }
  return hash.digest('hex').slice(0, 16);
}

// biome-ignore lint/suspicious/noExplicitAny: kernels take i32 as number and i64 as bigint.
export type Kernels = Record<string, (...args: any[]) => any>;

export interface DeviceAccess {
  readonly pa: number;
  readonly size: number;
  readonly value?: bigint;
}

export class Processor {
  readonly kernels: Kernels;
  readonly cpu: CpuState;
  readonly memory: PhysicalMemory;
  readonly registers: SystemRegisters;
  readonly timer: GenericTimer;
  readonly features: FeatureSet;
  readonly raw: DataView;
  /** What `raw` is a view of. */
  readonly wasmMemory: WebAssembly.Memory;
  /** What reached the bus. */
  readonly deviceAccesses: DeviceAccess[] = [];
  /** Value that devices answer; undefined refuses the access. */
  deviceValue: bigint | undefined = 0n;
  now = 0;
  readonly lines: string[] = [];
  private nextTable = TABLES;
  private nextRecords = RECORDS;

  static async create(
    model: CoreModel = 'a53',
    options: { el2?: boolean; cpus?: number } = {},
  ): Promise<Processor> {
    return new Processor(await kernelsModule(), featureSet(model, options), options.cpus ?? 1);
  }

  private constructor(module: WebAssembly.Module, features: FeatureSet, cpus: number) {
    const memory = new WebAssembly.Memory({ initial: (layout.RAM_HOST + RAM_SIZE) / 65536 });
    this.wasmMemory = memory;
    this.raw = new DataView(memory.buffer);
    this.features = features;
    const instance = new WebAssembly.Instance(module, { env: { memory, ...this.imports() } });
    this.kernels = instance.exports as Kernels;
    this.cpu = new CpuState(memory, 0, () => layout.CPU);
    this.memory = new PhysicalMemory(memory, RAM, RAM_SIZE, (pa, length) =>
      this.kernels['invalidateRange']?.(pa, length),
    );
    const clock = { nanoseconds: () => this.now };
    const line = (name: string) => ({
      set: (level: boolean) => void this.lines.push(`${name} ${level ? 'up' : 'down'}`),
    });
    this.timer = new GenericTimer(clock, {
      physical: line('CNTP'),
      virtual: line('CNTV'),
      hypervisor: line('CNTHP'),
    });
    this.registers = new SystemRegisters({
      memory,
      // biome-ignore lint/suspicious/noExplicitAny: the exports are what the interface says.
      kernels: instance.exports as any,
      features,
      clock,
      currentCpu: () => 0,
      timerOf: () => this.timer,
      gicOf: () => undefined,
      blockOf: () => layout.CPU,
    });
    this.setUp(cpus);
  }

  private setUp(cpus: number): void {
    this.raw.setBigInt64(layout.RAM_BASE, BigInt(RAM), true);
    this.raw.setBigInt64(layout.RAM_SIZE, BigInt(RAM_SIZE), true);
    this.raw.setBigInt64(layout.PA_BITS, BigInt(this.features.paBits), true);
    this.raw.setInt32(layout.CPU_COUNT, cpus, true);
    this.raw.setInt32(layout.FEATURES, kernelFeatures(this.features), true);
    this.kernels['resetTlbs']?.();
    this.registers.reset(0);
    this.set({ VBAR_EL1: 0x10_0000n, VBAR_EL2: 0x20_0000n });
    this.atEl(1);
    this.executing(0xd503201f);
  }

  /** PSTATE ELh with the masks of an exception handler. */
  atEl(el: 0 | 1 | 2, spsr = el === 0 ? 0 : (el << 2) | 0x3c1): void {
    this.cpu.pstate = spsr;
    this.kernels['updateRegime']?.();
  }

  /** Generated code is at this word, at VA and PA CODE. */
  executing(word: number): void {
    this.memory.write32(CODE, word);
    this.raw.setBigInt64(layout.PAGE_VA, BigInt(CODE), true);
    this.raw.setInt32(layout.PAGE_RECORDS, RECORDS, true);
    this.raw.setInt32(layout.CURRENT_RECORD, RECORDS, true);
    this.raw.setInt32(RECORDS + layout.RECORD_PAGE_INDEX, 0, true);
    this.cpu.pc = BigInt(CODE);
  }

  /** Storage of registers, by name. */
  set(values: Readonly<Record<string, bigint>>): void {
    for (const [name, value] of Object.entries(values)) this.cpu.setSysreg(slotOf(name), value);
    this.registers.accessChanged();
  }

  get(name: string): bigint {
    return this.cpu.sysreg(slotOf(name));
  }

  /** MSR as generated code does it. */
  msr(name: string, value: bigint): void {
    this.kernels['writeSystemRegister']?.(lookupName(name)?.index, value);
  }

  mrs(name: string): bigint {
    return BigInt.asUintN(64, this.kernels['readSystemRegister']?.(lookupName(name)?.index));
  }

  /** A zeroed page table of 4K (or more, aligned to its size). */
  table(size = 4096): number {
    const at = Math.ceil(this.nextTable / size) * size;
    this.nextTable = at + size;
    return at;
  }

  /** The exception just taken, as its handler sees it; undefined when none was. */
  exception(): Exception | undefined {
    const attention = this.raw.getInt32(layout.ATTENTION, true);
    this.raw.setInt32(layout.ATTENTION, 0, true);
    if ((attention & layout.ATTENTION_PC) === 0) return undefined;
    const el = this.cpu.el as 1 | 2;
    const esr = this.get(`ESR_EL${el}`);
    return {
      el,
      vector: Number(this.cpu.pc - this.get(`VBAR_EL${el}`)),
      ec: Number(esr >> 26n) & 0x3f,
      iss: Number(esr & 0x1ff_ffffn),
      far: this.get(`FAR_EL${el}`),
      elr: this.get(`ELR_EL${el}`),
      spsr: Number(this.get(`SPSR_EL${el}`)),
    };
  }

  private imports(): Record<string, (...args: number[]) => number | void> {
    let high = 0;
    const refuse = (): void => this.raw.setInt32(layout.SCRATCH, 1, true);
    return {
      mmioRead: (low = 0, top = 0, size = 0) => {
        this.deviceAccesses.push({ pa: top * 0x1_0000_0000 + (low >>> 0), size });
        if (this.deviceValue === undefined) refuse();
        high = Number(((this.deviceValue ?? 0n) >> 32n) & 0xffff_ffffn);
        return Number((this.deviceValue ?? 0n) & 0xffff_ffffn);
      },
      mmioReadHigh: () => high,
      mmioWrite: (paLow = 0, paHigh = 0, size = 0, low = 0, top = 0) => {
        const value = (BigInt(top >>> 0) << 32n) | BigInt(low >>> 0);
        this.deviceAccesses.push({
          pa: paHigh * 0x1_0000_0000 + (paLow >>> 0),
          size,
          value: BigInt.asUintN(8 * size, value),
        });
        if (this.deviceValue === undefined) refuse();
      },
      allocateRecords: () => {
        this.nextRecords += layout.RECORD_PAGE_SIZE;
        return this.nextRecords;
      },
      releaseRecords: () => {},
      decodeByHost: () => {},
      dropRegions: () => {},
      sysregRead: (index = 0) => this.registers.read(index),
      serveExit: () => 0,
      exceptionTaken: () => {},
      codeStored: () => {},
      judgeBreakpoint: () => 1,
      judgeWatchpoints: () => 1,
      sysregWrite: (index = 0) => this.registers.write(index),
    };
  }
}

export interface Exception {
  readonly el: number;
  readonly vector: number;
  readonly ec: number;
  readonly iss: number;
  readonly far: bigint;
  readonly elr: bigint;
  readonly spsr: number;
}

function slotOf(name: string): number {
  const slot = lookupName(name)?.slot;
  if (slot === undefined || slot === 0) throw new RangeError(`${name} has no storage`);
  return slot;
}
