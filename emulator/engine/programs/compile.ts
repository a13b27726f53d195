// Programs become WebAssembly: a function for each, in one small module for a set of them. They read the state of
// the running CPU where generated code keeps it, and its memory through a kernel that leaves no trace.
//
// A program that fails stops there and says why in PROGRAM_FAILURE. Arithmetic is that of the architecture: shifts
// go by the amount modulo 64, and the least number divided by -1 is itself.

import { UserError } from '../../base/errors.ts';
import { ModuleWriter } from '../../base/wasm/module.ts';
import type { IntegerBinary, IntegerCompare } from '../../base/wasm/opcodes.ts';
import { lookupName } from '../../cpu/sysregs/lookup.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import { FunctionBuilder, type Label } from '../code/function-builder.ts';
import type { BinaryOperator, Program, UnaryOperator } from './program.ts';

/** What programs ask TypeScript for. Names are numbers: see ProgramSet. */
export interface ProgramSockets {
  /** A system register that is not simply kept, by its row's index; undefined: it cannot be read. */
  readRegister(name: string): bigint | undefined;
  /** A number of the event that is being judged. */
  eventNumber(field: string): bigint | undefined;
  eventText(field: string): string | undefined;
}

/** A program that can be run whenever generated code is between two instructions. */
export interface CompiledProgram {
  /** Undefined: it failed, and PROGRAM_FAILURE says why. */
  value(): bigint | undefined;
  /** 0 or 1 as C understands the value; -1: it failed. */
  test(): number;
}

/** Deeper ones are refused: nobody writes them. */
const DEPTH_MAX = 200;

const FAILED = -1;

/** Compiles programs, in their order. Throws UserErrors for what does not exist. */
export function compilePrograms(
  programs: readonly Program[],
  memory: WebAssembly.Memory,
  kernels: WebAssembly.Exports,
  sockets: ProgramSockets,
): CompiledProgram[] {
  if (programs.length === 0) return [];
  const set = new ProgramSet();
  const bytes = set.build(programs);
  const i32 = new Int32Array(memory.buffer);
  const fail = (why: number): bigint => {
    i32[layout.PROGRAM_FAILURE >> 2] = why;
    return 0n;
  };
  const name = (index: number): string => set.names[index] as string;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), {
    environment: { memory },
    kernels: kernels as WebAssembly.ModuleImports,
    sockets: {
      readRegister: (index: number) => sockets.readRegister(name(index)) ?? fail(layout.PROGRAM_NO_REGISTER),
      eventNumber: (index: number) => sockets.eventNumber(name(index)) ?? fail(layout.PROGRAM_NO_FIELD),
      eventText: (field: number, pattern: number) => {
        const text = sockets.eventText(name(field));
        if (text === undefined) return fail(layout.PROGRAM_NO_FIELD);
        return matches(text, name(pattern)) ? 1n : 0n;
      },
    },
  });
  return programs.map((_, i) => {
    const value = exports[`value${i}`] as () => bigint;
    const test = exports[`test${i}`] as () => number;
    return {
      value: () => {
        i32[layout.PROGRAM_FAILURE >> 2] = 0;
        const result = value();
        return i32[layout.PROGRAM_FAILURE >> 2] === 0 ? result : undefined;
      },
      test: () => test(),
    };
  });
}

/** Whether a text equals a pattern in which `*` stands for anything. */
export function matches(text: string, pattern: string): boolean {
  const [first = '', ...others] = pattern.split('*');
  if (others.length === 0) return text === pattern;
  const last = others.pop() as string;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length)
    return false;
  let at = first.length;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > text.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}

const IMPORTS = [
  ['kernels', 'peekData', { params: ['i64', 'i32'], results: ['i64'] }],
  ['kernels', 'pstate', { params: [], results: ['i64'] }],
  ['sockets', 'readRegister', { params: ['i32'], results: ['i64'] }],
  ['sockets', 'eventNumber', { params: ['i32'], results: ['i64'] }],
  ['sockets', 'eventText', { params: ['i32', 'i32'], results: ['i64'] }],
] as const;

type Import = (typeof IMPORTS)[number][1];

class ProgramSet {
  /** Of registers, fields and patterns. */
  readonly names: string[] = [];
  private readonly writer = new ModuleWriter();
  private readonly indexes = new Map<Import, number>();

  build(programs: readonly Program[]): Uint8Array {
    const { writer } = this;
    writer.importMemory('environment', 'memory', 1);
    for (const [module, name, signature] of IMPORTS) {
      this.indexes.set(name, writer.importFunction(module, name, signature));
    }
    programs.forEach((program, i) => {
      writer.addFunction({ params: [], results: ['i64'] }, this.valueOf(program), `value${i}`);
      writer.addFunction({ params: [], results: ['i32'] }, this.testOf(program), `test${i}`);
    });
    return writer.build();
  }

  /** () -> i64, 0 with PROGRAM_FAILURE set when it fails. */
  private valueOf(program: Program): FunctionBuilder {
    const b = new FunctionBuilder(0, 256);
    const failed = b.block();
    b.return(new ProgramBody(b, failed, this).emit(program));
    b.end();
    b.push(code.constant('i64', 0));
    return b;
  }

  /** () -> i32: 0, 1 or FAILED. */
  private testOf(program: Program): FunctionBuilder {
    const b = new FunctionBuilder(0, 256);
    b.storeAt('i32', layout.PROGRAM_FAILURE, code.constant('i32', 0));
    const failed = b.block();
    const value = new ProgramBody(b, failed, this).emit(program);
    b.return(code.compare('ne', value, code.constant('i64', 0)));
    b.end();
    b.push(code.constant('i32', FAILED));
    return b;
  }

  functionOf(name: Import): number {
    return this.indexes.get(name) as number;
  }

  nameIndex(name: string): code.Expression {
    const known = this.names.indexOf(name);
    return code.constant('i32', known >= 0 ? known : this.names.push(name) - 1);
  }
}

const COMPARE: Partial<Record<BinaryOperator, IntegerCompare>> = {
  '==': 'eq',
  '!=': 'ne',
  '<s': 'ltS',
  '<u': 'ltU',
  '<=s': 'leS',
  '<=u': 'leU',
  '>s': 'gtS',
  '>u': 'gtU',
  '>=s': 'geS',
  '>=u': 'geU',
};

const PLAIN: Partial<Record<BinaryOperator, IntegerBinary>> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '&': 'and',
  '|': 'or',
  '^': 'xor',
  '<<': 'shl',
  '>>s': 'shrS',
  '>>u': 'shrU',
};

const DIVIDE: Partial<Record<BinaryOperator, IntegerBinary>> = {
  '/s': 'divS',
  '/u': 'divU',
  '%s': 'remS',
  '%u': 'remU',
};

/** Writes one program: the value is an i64. What fails branches to `failed` with PROGRAM_FAILURE set. */
class ProgramBody {
  private readonly b: FunctionBuilder;
  private readonly failed: Label;
  private readonly set: ProgramSet;
  private depth = 0;

  constructor(b: FunctionBuilder, failed: Label, set: ProgramSet) {
    this.b = b;
    this.failed = failed;
    this.set = set;
  }

  emit(program: Program): code.Expression {
    if (++this.depth > DEPTH_MAX) {
      throw new UserError('a condition is nested too deeply', `At most ${DEPTH_MAX} levels are possible.`);
    }
    const value = this.emitNode(program);
    this.depth--;
    return value;
  }

  private emitNode(program: Program): code.Expression {
    const { b } = this;
    switch (program.kind) {
      case 'constant':
        return code.constant('i64', program.value);
      case 'register':
        return this.register(program.name);
      case 'load': {
        const address = this.emit(program.address);
        const value = this.callFallible('peekData', [address, code.constant('i32', program.size)]);
        return program.signed ? extend(value, 8 * program.size, true) : value;
      }
      case 'unary':
        return unary(program.operator, this.emit(program.operand));
      case 'binary':
        return this.binary(program.operator, this.emit(program.left), this.emit(program.right));
      case 'extend': {
        const { bits, signed, operand } = program;
        if (!Number.isInteger(bits) || bits < 1 || bits > 64) {
          throw new UserError(`a value of ${bits} bits`, 'Values have 1 to 64 bits.');
        }
        return extend(this.emit(operand), bits, signed);
      }
      case 'and':
      case 'or': {
        const result = b.newLocal('i64');
        const truth = (side: Program): code.Expression =>
          code.extendU(code.compare('ne', this.emit(side), code.constant('i64', 0)));
        b.set(result, truth(program.left));
        const left = code.wrap(code.local('i64', result));
        b.if(program.kind === 'and' ? left : code.eqz(left));
        b.set(result, truth(program.right));
        b.end();
        return code.local('i64', result);
      }
      case 'choose': {
        const result = b.newLocal('i64');
        b.if(code.compare('ne', this.emit(program.condition), code.constant('i64', 0)));
        b.set(result, this.emit(program.yes));
        b.else();
        b.set(result, this.emit(program.no));
        b.end();
        return code.local('i64', result);
      }
      case 'hits':
        return b.loadAt('i64', layout.PROGRAM_HITS);
      case 'old':
        return b.loadAt('i64', layout.PROGRAM_OLD);
      case 'new':
        return b.loadAt('i64', layout.PROGRAM_NEW);
      case 'event':
        return this.callFallible('eventNumber', [this.set.nameIndex(program.field)]);
      case 'event-text': {
        const pattern = this.set.nameIndex(program.pattern);
        return this.callFallible('eventText', [this.set.nameIndex(program.field), pattern]);
      }
    }
  }

  private register(name: string): code.Expression {
    const { b } = this;
    const general = /^x(\d{1,2})$/.exec(name);
    const number = Number(general?.[1]);
    if (general && number < 31) return b.loadAt('i64', layout.X + 8 * number);
    if (name === 'sp') return this.unlessTrapped(b.loadAt('i64', layout.SP), () => this.guestSp());
    if (name === 'pc') {
      return this.unlessTrapped(b.loadAt('i64', layout.PC), () => b.loadAt('i64', layout.ELR_EL2));
    }
    if (name === 'pstate') {
      const pstate = b.callValue(this.set.functionOf('pstate'), [], 'i64');
      return this.unlessTrapped(pstate, () => b.loadAt('i64', layout.SPSR_EL2));
    }
    const numbered = lookupName(name);
    if (numbered === undefined || numbered.row.access === 'wo') {
      throw new UserError(`there is no register '${name}'`, "Use a name such as 'x0' or 'TTBR0_EL1'.");
    }
    const { row, slot } = numbered;
    // The stack pointer in use and the FP registers are kept elsewhere.
    const isPlain = slot !== 0 && !row.read && !row.peek && !/^(SP_EL\d|FPCR|FPSR)$/.test(name);
    if (isPlain) return b.loadAt('i64', slot);
    return this.callFallible('readRegister', [this.set.nameIndex(name)]);
  }

  /** While the embedded hypervisor serves a trap, the guest's own registers stand where exceptions put them. */
  private unlessTrapped(running: code.Expression, trapped: () => code.Expression): code.Expression {
    const { b } = this;
    const isAtEl2 = code.compare('eq', b.loadAt('i32', layout.PSTATE_EL), code.constant('i32', 2));
    const isTrapped = code.binary('and', isAtEl2, b.loadAt('i32', layout.EL2_EMBEDDED));
    return code.select(isTrapped, trapped(), running);
  }

  /** By SPSR_EL2.M[0]. */
  private guestSp(): code.Expression {
    const { b } = this;
    const own = code.binary('and', b.loadAt('i32', layout.SPSR_EL2), code.constant('i32', 1));
    return code.select(own, b.loadAt('i64', layout.SP_EL1), b.loadAt('i64', layout.SP_EL0));
  }

  private binary(operator: BinaryOperator, left: code.Expression, right: code.Expression): code.Expression {
    const { b } = this;
    const comparison = COMPARE[operator];
    if (comparison) return code.extendU(code.compare(comparison, left, right));
    const plain = PLAIN[operator];
    if (plain) return code.binary(plain, left, right);
    const dividend = b.pin(left);
    const divisor = b.pin(right);
    b.if(code.eqz(divisor));
    b.storeAt('i32', layout.PROGRAM_FAILURE, code.constant('i32', layout.PROGRAM_DIVISION_BY_ZERO));
    b.branch(this.failed);
    b.end();
    const divide = DIVIDE[operator] as IntegerBinary;
    if (divide === 'divU' || divide === 'remU') return code.binary(divide, dividend, divisor);
    // WebAssembly traps where the quotient has no room.
    const result = b.newLocal('i64');
    b.if(code.compare('eq', divisor, code.constant('i64', -1)));
    const zero = code.constant('i64', 0);
    b.set(result, divide === 'divS' ? code.binary('sub', zero, dividend) : zero);
    b.else();
    b.set(result, code.binary(divide, dividend, divisor));
    b.end();
    return code.local('i64', result);
  }

  private callFallible(name: Import, args: readonly code.Expression[]): code.Expression {
    const { b } = this;
    const value = b.callValue(this.set.functionOf(name), args, 'i64');
    b.branchIf(this.failed, b.loadAt('i32', layout.PROGRAM_FAILURE));
    return value;
  }
}

function unary(operator: UnaryOperator, operand: code.Expression): code.Expression {
  switch (operator) {
    case '-':
      return code.binary('sub', code.constant('i64', 0), operand);
    case '~':
      return code.binary('xor', operand, code.constant('i64', -1));
    case '!':
      return code.extendU(code.eqz(operand));
  }
}

function extend(value: code.Expression, bits: number, signed: boolean): code.Expression {
  if (bits === 64) return value;
  const distance = code.constant('i64', 64 - bits);
  return code.binary(signed ? 'shrS' : 'shrU', code.binary('shl', value, distance), distance);
}
