// Registers by the numbers of our target description: those of gdb's own features for AArch64 first, in the order
// that gdb gives them, then the system registers.

import type { Registers, VcpuId } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import { bytesOfHex, hexOf } from './packets.ts';

export const X29 = 29;
export const SP = 31;
export const PC = 32;
const CPSR = 33;
const V0 = 34;
const FPSR = 66;
const FPCR = 67;
/** Registers of a `g` packet; the others are asked for one by one. */
export const COUNT_OF_G = 68;
export const FIRST_SYSTEM_REGISTER = COUNT_OF_G;

export interface NumberedRegister {
  /** As `writeRegister` of the machine takes it. */
  readonly name: string;
  readonly bytes: number;
}

/** Undefined for the numbers of system registers. */
export function standardRegister(number: number): NumberedRegister | undefined {
  if (number < SP) return { name: `x${number}`, bytes: 8 };
  if (number >= V0 && number < FPSR) return { name: `v${number - V0}`, bytes: 16 };
  switch (number) {
    case SP:
      return { name: 'sp', bytes: 8 };
    case PC:
      return { name: 'pc', bytes: 8 };
    case CPSR:
      return { name: 'pstate', bytes: 4 };
    case FPSR:
      return { name: 'fpsr', bytes: 4 };
    case FPCR:
      return { name: 'fpcr', bytes: 4 };
    default:
      return undefined;
  }
}

export class RegisterFile {
  private readonly debuggee: Debuggee;
  /** Names in the order of their numbers. */
  private readonly systemNames: readonly string[];

  constructor(debuggee: Debuggee, systemNames: readonly string[]) {
    this.debuggee = debuggee;
    this.systemNames = systemNames;
  }

  registerOf(number: number): NumberedRegister | undefined {
    const name = this.systemNames[number - FIRST_SYSTEM_REGISTER];
    return standardRegister(number) ?? (name === undefined ? undefined : { name, bytes: 8 });
  }

  /** In hexadecimal, in target byte order. Undefined: there is no such register. */
  async read(vcpu: VcpuId, number: number): Promise<string | undefined> {
    const register = this.registerOf(number);
    if (!register) return undefined;
    if (number >= FIRST_SYSTEM_REGISTER) {
      const value = await this.debuggee.systemRegister(vcpu, register.name);
      return value === undefined ? 'x'.repeat(16) : hexOfValue(value, 8);
    }
    const isFp = register.name.startsWith('v') || register.name.startsWith('fp');
    const { general, fp } = await this.debuggee.registers(vcpu, isFp ? 'fp' : 'general');
    return hexOfValue(valueIn({ ...(general && { general }), ...(fp && { fp }) }, number), register.bytes);
  }

  async readAll(vcpu: VcpuId): Promise<string> {
    const { general } = await this.debuggee.registers(vcpu, 'general');
    const { fp } = await this.debuggee.registers(vcpu, 'fp');
    const values = { ...(general && { general }), ...(fp && { fp }) };
    let text = '';
    for (let number = 0; number < COUNT_OF_G; number++) {
      text += hexOfValue(valueIn(values, number), standardRegister(number)?.bytes ?? 0);
    }
    return text;
  }

  /** False: no such register, or not a value of its size. */
  async write(vcpu: VcpuId, number: number, text: string): Promise<boolean> {
    const register = this.registerOf(number);
    const bytes = bytesOfHex(text);
    if (!register || bytes?.length !== register.bytes) return false;
    await this.debuggee.writeRegister(vcpu, register.name, valueOf(bytes));
    return true;
  }

  /** As much as is there; what does not change is not written. */
  async writeAll(vcpu: VcpuId, text: string): Promise<boolean> {
    const before = await this.readAll(vcpu);
    let at = 0;
    for (let number = 0; number < COUNT_OF_G && at < text.length; number++) {
      const digits = 2 * (standardRegister(number)?.bytes ?? 0);
      const value = text.slice(at, at + digits);
      if (value !== before.slice(at, at + digits) && !(await this.write(vcpu, number, value))) return false;
      at += digits;
    }
    return true;
  }
}

function valueIn({ general, fp }: Registers, number: number): bigint {
  if (general) {
    if (number < SP) return general.x[number] ?? 0n;
    if (number === SP) return general.sp;
    if (number === PC) return general.pc;
    if (number === CPSR) return BigInt(general.pstate >>> 0);
  }
  if (!fp) return 0n;
  if (number === FPSR) return BigInt(fp.fpsr);
  if (number === FPCR) return BigInt(fp.fpcr);
  return valueOf(fp.v.subarray(16 * (number - V0), 16 * (number - V0 + 1)));
}

function valueOf(littleEndian: Uint8Array): bigint {
  let value = 0n;
  for (const byte of littleEndian.toReversed()) value = (value << 8n) | BigInt(byte);
  return value;
}

function hexOfValue(value: bigint, count: number): string {
  return hexOf(Uint8Array.from({ length: count }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn)));
}
