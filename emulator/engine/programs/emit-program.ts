// The code of a program, in whatever function it becomes part of: one of its own (compile.ts), or a region of
// translated code, where registers are locals.

import { UserError } from '../../base/errors.ts';
import type { IntegerBinary, IntegerCompare } from '../../base/wasm/opcodes.ts';
import { lookupName } from '../../cpu/sysregs/lookup.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import type { FunctionBuilder, Label } from '../code/function-builder.ts';
import type { BinaryOperator, Program, UnaryOperator } from './program.ts';

/** The number by which ProgramEnvironment.general() is asked for SP. */
export const STACK_POINTER = 31;

/** What may fail, and sets PROGRAM_FAILURE then. */
export type ProgramFunction = 'peekData' | 'readRegister' | 'eventNumber' | 'eventText';

/** Where a program finds what it reads. */
export interface ProgramEnvironment {
  /** X0..X30, or SP. */
  general(b: FunctionBuilder, register: number): code.Expression;
  pc(b: FunctionBuilder): code.Expression;
  pstate(b: FunctionBuilder): code.Expression;
  functionOf(name: ProgramFunction): number;
  /** A name as a number for these functions. */
  nameIndex(name: string): code.Expression;
}

/** Deeper ones are refused: nobody writes them. */
const DEPTH_MAX = 200;

/**
 * Writes a program; the value is an i64. What fails branches to `failed` with PROGRAM_FAILURE set, which was 0 before.
 * Throws UserErrors for what does not exist.
 */
export function emitProgram(
  b: FunctionBuilder,
  failed: Label,
  environment: ProgramEnvironment,
  program: Program,
): code.Expression {
  return new ProgramBody(b, failed, environment).emit(program);
}

/** Whether a program reads only what translated code has at hand: registers as they are kept, and memory. */
export function isSelfContained(program: Program): boolean {
  switch (program.kind) {
    case 'constant':
    case 'hits':
      return true;
    case 'register':
      return /^(x\d+|sp|pc)$/.test(program.name) || slotOf(program.name) !== 0;
    case 'load':
      return isSelfContained(program.address);
    case 'unary':
    case 'extend':
      return isSelfContained(program.operand);
    case 'binary':
    case 'and':
    case 'or':
      return isSelfContained(program.left) && isSelfContained(program.right);
    case 'choose':
      return [program.condition, program.yes, program.no].every(isSelfContained);
    case 'old':
    case 'new':
    case 'event':
    case 'event-text':
      return false;
  }
}

/** Where a system register is kept as it is; 0: it is not. The stack pointer in use and FP registers are elsewhere. */
function slotOf(name: string): number {
  const numbered = lookupName(name);
  if (numbered === undefined || /^(SP_EL\d|FPCR|FPSR)$/.test(name)) return 0;
  const { row, slot } = numbered;
  return row.read || row.peek ? 0 : slot;
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

class ProgramBody {
  private readonly b: FunctionBuilder;
  private readonly failed: Label;
  private readonly environment: ProgramEnvironment;
  private depth = 0;

  constructor(b: FunctionBuilder, failed: Label, environment: ProgramEnvironment) {
    this.b = b;
    this.failed = failed;
    this.environment = environment;
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
        return this.callFallible('eventNumber', [this.environment.nameIndex(program.field)]);
      case 'event-text': {
        const pattern = this.environment.nameIndex(program.pattern);
        return this.callFallible('eventText', [this.environment.nameIndex(program.field), pattern]);
      }
    }
  }

  private register(name: string): code.Expression {
    const { b, environment } = this;
    const general = /^x(\d{1,2})$/.exec(name);
    const number = Number(general?.[1]);
    if (general && number < STACK_POINTER) return environment.general(b, number);
    if (name === 'sp') return environment.general(b, STACK_POINTER);
    if (name === 'pc') return environment.pc(b);
    if (name === 'pstate') return environment.pstate(b);
    const numbered = lookupName(name);
    if (numbered === undefined || numbered.row.access === 'wo') {
      throw new UserError(`there is no register '${name}'`, "Use a name such as 'x0' or 'TTBR0_EL1'.");
    }
    const slot = slotOf(name);
    if (slot !== 0) return b.loadAt('i64', slot);
    return this.callFallible('readRegister', [this.environment.nameIndex(name)]);
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

  private callFallible(name: ProgramFunction, args: readonly code.Expression[]): code.Expression {
    const { b } = this;
    const value = b.callValue(this.environment.functionOf(name), args, 'i64');
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
