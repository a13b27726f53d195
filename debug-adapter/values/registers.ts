// `$x0`, `$SCTLR_EL1`, `$v0`, and what else has a `$` and is a number of the vCPU: registers of the frame,
// fields of system registers, and where the machine stands.

import { littleEndian, littleEndianBytes } from '../../emulator/formats/dwarf/operations.ts';
import type { AddressSpace } from '../../emulator/machine/messages.ts';
import * as errors from '../errors.ts';
import { fieldName, fieldsOf } from '../register-fields.ts';
import type { Scope } from './scope.ts';
import { arrayOf, DOUBLE, FLOAT, INT, known, LONG, UNSIGNED_LONG, word, WORD } from './types.ts';
import type { StructureType, Type } from './types.ts';
import { ofInteger, partOf } from './value.ts';
import type { TypedValue } from './value.ts';

/** `lr` and `fp` are the names of the procedure call standard. */
const ALIASES: Readonly<Record<string, string>> = { lr: 'x30', fp: 'x29', cpsr: 'pstate' };

/** Names that are no registers of the machine. */
export const CONTEXT_NAMES = ['dom', 'vcpu', 'el', 'now', 'insn', 'asid', 'vmid'] as const;

const lane = (name: string, element: Type, count: number) => ({
  name,
  type: known(arrayOf(element, count)),
  bitOffset: 0,
  bitSize: undefined,
  isBase: false,
});

/** The views of a vector register (DDI 0487, B1.2.1): lanes of each size, and as floating point. */
export const VECTOR: StructureType = {
  kind: 'structure',
  form: 'union',
  name: 'vector',
  size: 16,
  isDeclaration: false,
  members: [
    lane('b', word(8), 16),
    lane('h', word(16), 8),
    lane('s', word(32), 4),
    lane('d', WORD, 2),
    lane('q', word(128), 1),
    lane('f32', FLOAT, 4),
    lane('f64', DOUBLE, 2),
  ],
};

/** Undefined: there is no such register. */
export async function registerValue(scope: Scope, written: string): Promise<TypedValue | undefined> {
  const lower = written.toLowerCase();
  const name = ALIASES[lower] ?? lower;
  const context = await contextValue(scope, name);
  if (context !== undefined) return context;
  const numbered = /^([xwvqdshb])(\d{1,2})$/.exec(name);
  if (numbered) {
    const [, letter = '', digits = ''] = numbered;
    const n = Number(digits);
    if (letter === 'x' || letter === 'w') return n < 31 ? general(scope, letter, n, written) : undefined;
    return n < 32 ? vector(scope, letter, n, written) : undefined;
  }
  switch (name) {
    case 'sp':
      return general(scope, 'x', 31, written);
    case 'wsp':
      return general(scope, 'w', 31, written);
    case 'pc':
      return stored(scope, 'pc', 64, scope.at.frame.pc);
    case 'pstate':
    case 'nzcv': {
      if (scope.at.index > 0) throw errors.notSaved(`$${written}`);
      const { pstate } = await scope.debuggee.general(scope.at.vcpu);
      const bits = name === 'nzcv' ? pstate & 0xf000_0000 : pstate;
      return name === 'nzcv'
        ? ofInteger(word(32), 4, BigInt(bits >>> 0), scope.space)
        : stored(scope, 'pstate', 32, BigInt(bits >>> 0));
    }
    case 'fpcr':
    case 'fpsr': {
      const { fp } = await scope.debuggee.registers(scope.at.vcpu, 'fp');
      return stored(scope, name, 32, BigInt(fp?.[name] ?? 0));
    }
    default:
      return systemRegister(scope, written);
  }
}

/** X0..X30 and SP, as 31, of the frame. */
async function general(scope: Scope, letter: 'x' | 'w', n: number, written: string): Promise<TypedValue> {
  const storage = await scope.register(n);
  if (storage.kind !== 'register') throw errors.notSaved(`$${written}`);
  return { kind: 'typed', type: letter === 'x' ? WORD : word(32), storage, offset: 0, space: scope.space };
}

const VECTOR_VIEWS: Readonly<Record<string, Type>> = {
  v: VECTOR,
  q: word(128),
  d: WORD,
  s: word(32),
  h: word(16),
  b: word(8),
};

async function vector(scope: Scope, letter: string, n: number, written: string): Promise<TypedValue> {
  const storage = await scope.register(64 + n);
  if (storage.kind !== 'register') throw errors.notSaved(`$${written}`);
  return { kind: 'typed', type: VECTOR_VIEWS[letter] ?? VECTOR, storage, offset: 0, space: scope.space };
}

async function systemRegister(scope: Scope, written: string): Promise<TypedValue | undefined> {
  const wanted = written.toUpperCase();
  const found = (await scope.debuggee.system(scope.at.vcpu)).find(
    ({ name }) => name.toUpperCase() === wanted,
  );
  if (!found) return undefined;
  return {
    kind: 'typed',
    type: WORD,
    // The same in every frame.
    storage: {
      kind: 'register',
      vcpu: scope.at.vcpu,
      name: found.name,
      bytes: littleEndianBytes(found.value, 8),
      isSaved: false,
    },
    offset: 0,
    space: scope.space,
  };
}

function stored(scope: Scope, name: string, bits: number, value: bigint): TypedValue {
  return {
    kind: 'typed',
    type: word(bits),
    storage: scope.registerStorage(name, littleEndianBytes(value, bits / 8)),
    offset: 0,
    space: scope.space,
  };
}

async function contextValue(scope: Scope, name: string): Promise<TypedValue | undefined> {
  const { debuggee, at } = scope;
  const number = (value: bigint, type = INT): TypedValue => ofInteger(type, type.size, value, scope.space);
  const system = (register: string): Promise<bigint | undefined> =>
    debuggee.systemRegister(at.vcpu, register);
  switch (name) {
    case 'dom':
      return number(BigInt(at.vcpu.domain));
    case 'vcpu':
      return number(BigInt(at.vcpu.vcpu));
    case 'el':
      return ofInteger(word(32), 4, BigInt(at.frame.el), scope.space);
    case 'now':
      return number(BigInt((await debuggee.machine.request('statistics', {})).virtualNanoseconds), LONG);
    case 'insn':
      return number(BigInt((await debuggee.machine.request('statistics', {})).instructions), UNSIGNED_LONG);
    case 'asid': {
      // TCR_EL1.A1 chooses the register with the current ASID.
      const usesTtbr1 = (((await system('TCR_EL1')) ?? 0n) >> 22n) & 1n;
      const table = await system(usesTtbr1 ? 'TTBR1_EL1' : 'TTBR0_EL1');
      return table === undefined ? undefined : number(table >> 48n);
    }
    case 'vmid': {
      const table = await system('VTTBR_EL2');
      return table === undefined ? undefined : number(table >> 48n);
    }
    default:
      return undefined;
  }
}

/** A field of a system register: `EC`, `ISS.DFSC`, or a part of a field by its own name. */
export function fieldOf(value: TypedValue, name: string, space: AddressSpace): TypedValue | undefined {
  const { storage } = value;
  if (storage.kind !== 'register') return undefined;
  const wanted = name.toLowerCase();
  const fields = fieldsOf(storage.name, littleEndian(storage.bytes));
  const found =
    fields.find((field) => fieldName(field).toLowerCase() === wanted) ??
    fields.find((field) => field.name.toLowerCase() === wanted);
  if (!found) return undefined;
  const whole: TypedValue = { kind: 'typed', type: WORD, storage, offset: 0, space };
  return partOf(whole, WORD, found.low, found.high - found.low + 1);
}

/** The field that a value is. */
export function fieldBehind({ storage, offset, bits }: TypedValue) {
  if (storage.kind !== 'register' || !bits) return undefined;
  const low = 8 * offset + bits.offset;
  return fieldsOf(storage.name, littleEndian(storage.bytes)).find(
    (field) => field.low === low && field.high === low + bits.size - 1,
  );
}
