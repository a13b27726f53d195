// A bare machine with the harness, its page tables and a program, for comparing runs.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as layout from '../../../../emulator/memory/layout.ts';
import { Machine, type MachineOptions } from '../../../../emulator/machine/machine.ts';
import { stateHash } from '../../../../emulator/machine/state-hash.ts';
import { modules } from '../../machine/guests.ts';
import { PROGRAM_SIZE, Random } from './random-program.ts';

const { harness } = JSON.parse(readFileSync(join(import.meta.dirname, 'harness.json'), 'utf8')) as {
  readonly harness: string;
};

const RAM = 0x4000_0000;
const MEMORY = 4 << 20;
const TABLES = RAM + 0x4_0000;
/** Where harness.S has them. */
export const PROGRAM = RAM + 0x10_0000;
export const DATA = RAM + 0x20_0000;
const USER = 0x1000_0000;
const EL1H_MASKED = 0x3c5;

export type Translate = MachineOptions['translate'];

export interface RandomMachineOptions {
  readonly program: Uint32Array;
  readonly seed: number;
  readonly translate: Translate;
  readonly core?: 'a53' | 'max';
  readonly cpus?: number;
}

export class RandomMachine {
  readonly machine: Machine;
  readonly name: string;

  constructor({ program, seed, translate, core = 'max', cpus = 1 }: RandomMachineOptions) {
    this.name = translate === undefined ? 'interpreted' : `threshold ${translate.threshold}`;
    this.machine = new Machine(
      modules,
      {
        core,
        cpus,
        memory: MEMORY,
        gic: 3,
        el2: false,
        startTime: 0,
        ...(translate !== undefined && { translate }),
      },
      { console: { write: () => {} }, log: { log: () => {} } },
    );
    const { machine } = this;
    machine.memory.write(RAM, Buffer.from(harness, 'hex'));
    program.forEach((word, i) => machine.memory.write32(PROGRAM + 4 * i, word));
    this.mapEverything();
    this.fillWithNumbers(new Random(seed ^ 0x5bd1));
    // HVC is answered by the machine, which writes a register.
    new DataView(machine.engine.memory.buffer).setInt32(layout.FIRMWARE_CONDUIT, layout.CONDUIT_HVC, true);
    machine.firmware = {
      call: (cpu) => {
        const state = machine.cpus[cpu];
        state?.setX(0, (state.x(0) * 5n + 1n) & 0xffff_ffff_ffff_ffffn);
      },
    };
    for (let cpu = 0; cpu < cpus; cpu++) machine.startCpu(cpu, BigInt(RAM), EL1H_MASKED);
  }

  /** Runs to an instruction count in pieces of up to `piece()` instructions, and takes what is pending there. */
  runTo(count: number, piece: () => number): void {
    const { machine } = this;
    for (
      let left = count - machine.engine.instructions;
      left > 0;
      left = count - machine.engine.instructions
    ) {
      const end = machine.runSlice(Math.min(left, piece()));
      if (end.kind === 'idle') machine.skipTo(end.deadline);
      if (end.kind === 'stuck') throw new Error(end.reason);
    }
    if (machine.engine.instructions !== count)
      throw new Error(`${machine.engine.instructions} instead of ${count}`);
    machine.settle();
  }

  hash(): string {
    return stateHash({ machine: this.machine, saveMonitor: () => undefined } as Parameters<
      typeof stateHash
    >[0]);
  }

  /** Puts another page of RAM where the program has this one, at EL1 and EL0. The guest's TLBs may still have the old. */
  remapProgram(page: number, to: number): void {
    const index = ((PROGRAM - RAM) >>> 12) + page;
    this.machine.memory.write32(TABLES + 2 * 4096 + index * 8, to | PAGE);
    this.machine.memory.write32(TABLES + 4 * 4096 + index * 8, to | PAGE | FOR_EL0);
  }

  /** What a CPU's registers hold, for people. */
  registers(cpu = 0): Record<string, string> {
    const state = this.machine.cpus[cpu];
    if (!state) return {};
    const list: Record<string, string> = { pc: state.pc.toString(16), sp: state.sp.toString(16) };
    list['pstate'] = state.pstate.toString(16);
    list['clock'] = String(this.machine.clock.nanoseconds());
    for (let n = 0; n < 31; n++) list[`x${n}`] = state.x(n).toString(16);
    for (let n = 0; n < 32; n++) list[`v${n}`] = state.v(n).toString(16);
    return list;
  }

  private fillWithNumbers(random: Random): void {
    for (let at = 0; at < 0x8000; at += 4) this.machine.memory.write32(DATA + at, random.next());
    const state = this.machine.cpus[0];
    for (let n = 0; n < 16; n++) state?.setX(n, (BigInt(random.next()) << 32n) | BigInt(random.next()));
    for (let n = 0; n < 32; n++) state?.setV(n, BigInt(random.next()) << BigInt(random.below(96)));
  }

  /** Devices, the harness and the program for EL1; program and data again for EL0; a page that is read-only and one that is not there. */
  private mapEverything(): void {
    const write = (at: number, value: number): void => {
      this.machine.memory.write32(at, value);
      this.machine.memory.write32(at + 4, 0);
    };
    const [level1, level2, ...level3] = [0, 1, 2, 3, 4, 5].map((n) => TABLES + n * 4096) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    write(level1, 0x405);
    write(level1 + 8, level2 | 3);
    [RAM, DATA, RAM + USER, DATA + USER].forEach((va, i) => {
      const table = level3[i] as number;
      write(level2 + ((va >>> 21) & 511) * 8, table | 3);
      const user = i >= 2;
      const first = user ? va - USER : va;
      for (let page = 0; page < 512; page++) {
        const pa = first + page * 4096;
        const attributes = attributesOf(pa, user);
        if (attributes !== undefined) write(table + page * 8, pa | attributes);
      }
    });
  }
}

/** Access flag, inner shareable, a page of Normal memory. */
const PAGE = 0x703;
const FOR_EL0 = 0x40;
const READ_ONLY = 0x80;

function attributesOf(pa: number, user: boolean): number | undefined {
  if (pa < DATA) {
    if (!user) return PAGE;
    return pa >= PROGRAM && pa < PROGRAM + PROGRAM_SIZE ? PAGE | FOR_EL0 : undefined;
  }
  const page = (pa - DATA) >>> 12;
  if (page >= 16 || page === 5) return undefined;
  return PAGE | (user ? FOR_EL0 : 0) | (page === 4 ? READ_ONLY : 0);
}
