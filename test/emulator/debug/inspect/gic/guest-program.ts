// Tiny guests that drive an interrupt controller through its registers, as a bare kernel or as a domain, and what
// the inspection says where they stop.

import { encodingWords } from '../../../../../emulator/cpu/sysregs/lookup.ts';
import { createInspector } from '../../../../../emulator/debug/inspect/inspector.ts';
import type { GicTraceView } from '../../../../../emulator/debug/inspect/gic/gic-trace.ts';
import type { GicView, InterruptRow } from '../../../../../emulator/debug/inspect/gic/gic-view.ts';
import { gicSystemRegister } from '../../../../../emulator/devices/gic-v3/system-registers.ts';
import { loadMachine } from '../../../../../emulator/machine/load.ts';
import type { MachineConfig } from '../../../../../emulator/machine/messages.ts';
import { modules } from '../../../machine/guests.ts';

export const ENTRY = 0x4008_0000;
const VECTORS = 0x8000;
const SECOND = 0x4000;
const RESULTS = ENTRY + 0x10_0000;
const MEMORY = 16 * 1024 * 1024;
const CODE_SIZE = VECTORS + 0x800;

const ADDRESS = 0;
const VALUE = 1;
/** Where the next result goes. */
const POINTER = 20;

const OTHER_REGISTERS: Readonly<Record<string, string>> = {
  VBAR_EL1: 'S3_0_C12_C0_0',
  VBAR_EL2: 'S3_4_C12_C0_0',
  ELR_EL1: 'S3_0_C4_C0_1',
  ELR_EL2: 'S3_4_C4_C0_1',
  HCR_EL2: 'S3_4_C1_C1_0',
};

/** A list of instructions, without branches: what it reads is kept in RAM in order. */
export class GuestProgram {
  readonly words: number[] = [];

  constant(register: number, value: bigint | number): this {
    const bits = BigInt.asUintN(64, BigInt(value));
    for (let part = 0; part < 4; part++) {
      const half = Number((bits >> BigInt(16 * part)) & 0xffffn);
      // MOVZ for the lowest part, MOVK for the others.
      this.words.push(
        ((part === 0 ? 0xd280_0000 : 0xf280_0000) | (part << 21) | (half << 5) | register) >>> 0,
      );
    }
    return this;
  }

  /** STR, STRH or STRB. */
  write(address: number, value: bigint | number, size: 1 | 2 | 4 | 8 = 4): this {
    this.constant(ADDRESS, address).constant(VALUE, value);
    const store = { 1: 0x3900_0000, 2: 0x7900_0000, 4: 0xb900_0000, 8: 0xf900_0000 }[size];
    this.words.push((store | (ADDRESS << 5) | VALUE) >>> 0);
    return this;
  }

  /** LDR, and the value becomes the next result. */
  read(address: number): this {
    this.constant(ADDRESS, address);
    this.words.push((0xb940_0000 | (ADDRESS << 5) | VALUE) >>> 0);
    return this.keep();
  }

  msr(register: string, value: bigint | number): this {
    this.constant(VALUE, value);
    this.words.push(systemWord(register, VALUE, 'write'));
    return this;
  }

  mrs(register: string): this {
    this.words.push(systemWord(register, VALUE, 'read'));
    return this.keep();
  }

  /** Whatever is pending is noticed by Xen: a hypercall that does nothing else (HYPERVISOR_xen_version). */
  enterXen(): this {
    return this.hypercall(17, 0, 0);
  }

  hypercall(number: number, first: number, second: number): this {
    this.constant(16, number).constant(0, first).constant(1, second);
    this.words.push(0xd400_0002 | (0xea1 << 5));
    return this;
  }

  /** PSCI by HVC. */
  psci(call: number, ...args: number[]): this {
    this.constant(0, call);
    args.forEach((value, index) => this.constant(1 + index, value));
    this.words.push(0xd400_0002);
    return this;
  }

  /** MSR DAIFClr, #3: PSTATE.I and F are 0 from here on. */
  unmask(): this {
    this.words.push(0xd503_43ff);
    return this;
  }

  /** B . */
  stop(): this {
    this.words.push(0x1400_0000);
    return this;
  }

  /** WFI, and again. */
  sleep(): this {
    this.words.push(0xd503_207f, 0x17ff_ffff);
    return this;
  }

  private keep(): this {
    // STR X1, [X20], #8
    this.words.push((0xf800_0400 | (8 << 12) | (POINTER << 5) | VALUE) >>> 0);
    return this;
  }
}

function systemWord(register: string, rt: number, access: 'read' | 'write'): number {
  const encoding = gicSystemRegister(register)?.encoding ?? OTHER_REGISTERS[register];
  const words = encoding === undefined ? undefined : encodingWords(encoding);
  if (words === undefined) throw new Error(`no encoding of ${register}`);
  const [op0, op1, crn, crm, op2] = words;
  const direction = access === 'read' ? 1 << 21 : 0;
  return (
    (0xd500_0000 | direction | (op0 << 19) | (op1 << 16) | (crn << 12) | (crm << 8) | (op2 << 5) | rt) >>> 0
  );
}

export interface Setting {
  readonly kind: 'bare' | 'bare at EL2' | 'domain';
  readonly version: 2 | 3;
  readonly cpus?: number;
  readonly vuart?: boolean;
}

/** A guest that stands, and what is seen of it. */
export interface StoppedGuest {
  readonly loaded: ReturnType<typeof loadMachine>;
  gic(args?: Record<string, unknown>): GicView;
  trace(args?: Record<string, unknown>): GicTraceView;
  row(intid: number, args?: Record<string, unknown>): InterruptRow;
  result(index: number): number;
  run(instructions: number): void;
}

/** Runs the program of CPU 0, and one of CPU 1 if it switches that on, until they stand. */
export function runGuest(setting: Setting, program: GuestProgram, second = new GuestProgram()): StoppedGuest {
  const loaded = loadMachine(
    modules,
    configurationOf(setting, imageOf(setting, program, second)),
    { console: () => {}, ended: () => {} },
    { log: () => {} },
  );
  const inspector = createInspector(loaded);
  const { machine } = loaded;
  const ends = [ENTRY, ENTRY + SECOND].map((start, cpu) => {
    const { words } = cpu === 0 ? full(setting, program) : full(setting, second);
    return BigInt(start + 4 * (words.length - 1));
  });
  const stands = (cpu: number): boolean =>
    machine.cpus[cpu]?.pc === ends[cpu] || ['off', 'blocked', 'wfi'].includes(machine.stateOf(cpu));
  for (let turns = 0; !machine.cpus.every((_, cpu) => stands(cpu)); turns++) {
    if (turns > 5000)
      throw new Error(
        `the guest does not stand: PC ${machine.cpus.map(({ pc }) => pc.toString(16)).join(' ')}`,
      );
    machine.runSlice(2000);
  }
  const gic = (args: Record<string, unknown> = {}): GicView => inspector.inspect('gic', args) as GicView;
  return {
    loaded,
    gic,
    trace: (args = {}) => inspector.inspect('gicTrace', args) as GicTraceView,
    row: (intid, args = {}) => {
      const found = gic({ all: true, ...args }).interrupts.find((row) => row.intid === intid);
      if (found === undefined) throw new Error(`INTID ${intid} is not in the view`);
      return found;
    },
    result: (index) => {
      const { domain } = loaded.info.domains[0]!;
      const pa = loaded.paOfIpa(domain, RESULTS + 8 * index)!;
      return machine.memory.read32(pa) >>> 0;
    },
    run: (instructions) => {
      machine.runSlice(instructions);
    },
  };
}

function full({ kind }: Setting, program: GuestProgram): GuestProgram {
  const start = new GuestProgram()
    .constant(POINTER, RESULTS)
    .msr(kind === 'bare at EL2' ? 'VBAR_EL2' : 'VBAR_EL1', ENTRY + VECTORS);
  start.words.push(...program.words);
  return start.stop();
}

/** Both programs and vectors: an instruction that faults is skipped, an interrupt stays in its vector. */
function imageOf(setting: Setting, program: GuestProgram, second: GuestProgram): Uint8Array {
  const image = new Uint32Array(CODE_SIZE / 4).fill(0x1400_0000);
  image.set(full(setting, program).words, 0);
  image.set(full(setting, second).words, SECOND / 4);
  const elr = setting.kind === 'bare at EL2' ? 'ELR_EL2' : 'ELR_EL1';
  const skip = [systemWord(elr, 9, 'read'), 0x9100_1129, systemWord(elr, 9, 'write'), 0xd69f_03e0];
  image.set(skip, (VECTORS + 0x200) / 4);
  return new Uint8Array(image.buffer);
}

export const SECOND_ENTRY = ENTRY + SECOND;

function configurationOf({ kind, version, cpus = 1, vuart }: Setting, data: Uint8Array): MachineConfig {
  const segment = { address: ENTRY, data, memorySize: data.length };
  const kernel = { name: 'program', kernel: { kind: 'elf' as const, entry: ENTRY, segments: [segment] } };
  const common = { kernel, cmdline: '', memory: MEMORY, gicVersion: version };
  if (kind !== 'domain') {
    return { cpu: 'a53', seed: 0, bare: { ...common, cpus, el: kind === 'bare' ? 1 : 2 } };
  }
  return {
    cpu: 'max',
    seed: 0,
    domains: [{ ...common, name: 'program', vcpus: cpus, ...(vuart === true && { vuart }) }],
  };
}

// -------------------------------------------------------------------- the controllers as guests know them

/** Where the frames stand. */
export function frames({ kind, version }: Setting) {
  const virtual = kind === 'domain';
  const distributor = virtual ? 0x0300_1000 : 0x0800_0000;
  const redistributor = virtual ? 0x0302_0000 : 0x080a_0000;
  return {
    distributor,
    redistributor,
    /** The frame that has the registers of private interrupts. */
    own: version === 3 ? redistributor + 0x1_0000 : distributor,
    cpu: virtual ? 0x0300_2000 : 0x0801_0000,
    hypervisor: 0x0803_0000,
  };
}

/** What drivers do, in either version. */
export class Driver extends GuestProgram {
  private readonly setting: Setting;
  private readonly at: ReturnType<typeof frames>;

  constructor(setting: Setting) {
    super();
    this.setting = setting;
    this.at = frames(setting);
  }

  /** Everything on: a GICv3 in group 1, a GICv2 in group 0. */
  start(): this {
    return this.startDistributor().startInterface();
  }

  startDistributor(): this {
    const { version, kind } = this.setting;
    if (version === 2) return this.write(this.at.distributor, 1);
    this.write(this.at.distributor, 2);
    if (kind === 'domain') return this;
    return this.write(this.at.redistributor + 0x14, 0).write(this.at.own + 0x80, 0xffff_ffff);
  }

  startInterface(): this {
    return this.priorityMask(0xf0).groupEnable(1);
  }

  priorityMask(value: number): this {
    return this.setting.version === 3 ? this.msr('ICC_PMR_EL1', value) : this.write(this.at.cpu + 4, value);
  }

  /** Of the group that is used. */
  groupEnable(value: 0 | 1): this {
    return this.setting.version === 3 ? this.msr('ICC_IGRPEN1_EL1', value) : this.write(this.at.cpu, value);
  }

  enable(intid: number): this {
    return this.write(this.frameOf(intid) + 0x100 + 4 * (intid >>> 5), 2 ** (intid & 31));
  }

  disable(intid: number): this {
    return this.write(this.frameOf(intid) + 0x180 + 4 * (intid >>> 5), 2 ** (intid & 31));
  }

  pend(intid: number): this {
    return this.write(this.frameOf(intid) + 0x200 + 4 * (intid >>> 5), 2 ** (intid & 31));
  }

  priority(intid: number, value: number): this {
    return this.write(this.frameOf(intid) + 0x400 + intid, value, 1);
  }

  acknowledge(): this {
    return this.setting.version === 3 ? this.mrs('ICC_IAR1_EL1') : this.read(this.at.cpu + 0xc);
  }

  end(intid: number): this {
    return this.setting.version === 3
      ? this.msr('ICC_EOIR1_EL1', intid)
      : this.write(this.at.cpu + 0x10, intid);
  }

  private frameOf(intid: number): number {
    return intid < 32 ? this.at.own : this.at.distributor;
  }
}
