// Registers for the debugger, by name and group.

import { UserError } from '../base/errors.ts';
import type { CpuState } from '../cpu/state.ts';
import { isImplemented } from '../cpu/sysregs/decode.ts';
import { systemRegisterRows } from '../cpu/sysregs/lookup.ts';
import * as layout from '../memory/layout.ts';
import type { Machine } from './machine.ts';
import type { GeneralRegisters, RegisterGroup, Registers } from './messages.ts';

export function readRegisters(machine: Machine, cpu: number, groups: readonly RegisterGroup[]): Registers {
  const state = machine.cpus[cpu] as CpuState;
  return {
    ...(groups.includes('general') && { general: generalRegisters(machine, cpu) }),
    ...(groups.includes('fp') && {
      fp: {
        v: vectorRegisters(state),
        fpcr: state.read32(layout.FPCR) >>> 0,
        fpsr: state.read32(layout.FPSR) >>> 0,
      },
    }),
    ...(groups.includes('system') && {
      system: machine.withCpu(cpu, () =>
        systemRegisterRows.flatMap((row) => {
          if (row.encoding === '' || !isImplemented(row, machine.features)) return [];
          const value = machine.systemRegisters.peek(row.name);
          return value === undefined ? [] : [{ name: row.name, value }];
        }),
      ),
    }),
  };
}

export function generalRegisters(machine: Machine, cpu: number): GeneralRegisters {
  const state = machine.cpus[cpu] as CpuState;
  return {
    x: BigUint64Array.from({ length: 31 }, (_, i) => state.x(i)),
    sp: state.sp,
    pc: state.pc,
    pstate: state.pstate,
  };
}

function vectorRegisters(state: CpuState): Uint8Array {
  const all = new DataView(new ArrayBuffer(32 * 16));
  for (let i = 0; i < 32; i++) {
    all.setBigUint64(16 * i, BigInt.asUintN(64, state.v(i)), true);
    all.setBigUint64(16 * i + 8, state.v(i) >> 64n, true);
  }
  return new Uint8Array(all.buffer);
}

/** Throws a UserError for a name that is no register, or one that cannot be written. */
export function writeRegister(machine: Machine, cpu: number, name: string, value: bigint): void {
  const state = machine.cpus[cpu] as CpuState;
  const numbered = /^([xv])(\d{1,2})$/.exec(name);
  const number = Number(numbered?.[2]);
  if (numbered?.[1] === 'x' && number < 31) return state.setX(number, value);
  if (numbered?.[1] === 'v' && number < 32) return state.setV(number, value);
  switch (name) {
    case 'sp':
      state.sp = value;
      // Its alignment decides how memory is accessed.
      machine.withCpu(cpu, () => machine.engine.kernels.updateRegime());
      return;
    case 'pc':
      state.pc = value;
      return;
    case 'pstate':
      state.nzcv = Number(value >> 28n) & 15;
      state.write32(layout.PSTATE_DAIF, Number(value) & 0x3c0);
      return;
    case 'fpcr':
      state.write32(layout.FPCR, Number(BigInt.asIntN(32, value)));
      return;
    case 'fpsr':
      state.write32(layout.FPSR, Number(BigInt.asIntN(32, value)));
      return;
  }
  if (machine.withCpu(cpu, () => machine.systemRegisters.poke(name, value))) return;
  throw new UserError(
    `'${name}' is not a register that can be written`,
    "Use a name such as 'x0' or 'TTBR0_EL1'.",
  );
}
