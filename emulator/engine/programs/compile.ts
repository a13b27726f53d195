// Programs become WebAssembly: a function for each, in one small module for a set of them. They read the state of
// the running CPU where generated code keeps it, and its memory through a kernel that leaves no trace.
//
// A program that fails stops there and says why in PROGRAM_FAILURE. Arithmetic is that of the architecture: shifts
// go by the amount modulo 64, and the least number divided by -1 is itself.

import { type FunctionSignature, ModuleWriter } from '../../base/wasm/module.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import { FunctionBuilder } from '../code/function-builder.ts';
import { emitProgram, type ProgramEnvironment, type ProgramFunction, STACK_POINTER } from './emit-program.ts';
import type { Program } from './program.ts';

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
] as const satisfies readonly (readonly [string, ProgramFunction | 'pstate', FunctionSignature])[];

type Import = (typeof IMPORTS)[number][1];

class ProgramSet implements ProgramEnvironment {
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
    b.return(emitProgram(b, failed, this, program));
    b.end();
    b.push(code.constant('i64', 0));
    return b;
  }

  /** () -> i32: 0, 1 or FAILED. */
  private testOf(program: Program): FunctionBuilder {
    const b = new FunctionBuilder(0, 256);
    b.storeAt('i32', layout.PROGRAM_FAILURE, code.constant('i32', 0));
    const failed = b.block();
    const value = emitProgram(b, failed, this, program);
    b.return(code.compare('ne', value, code.constant('i64', 0)));
    b.end();
    b.push(code.constant('i32', FAILED));
    return b;
  }

  // ---- ProgramEnvironment

  general(b: FunctionBuilder, register: number): code.Expression {
    if (register < STACK_POINTER) return b.loadAt('i64', layout.X + 8 * register);
    // By SPSR_EL2.M[0].
    const own = code.binary('and', b.loadAt('i32', layout.SPSR_EL2), code.constant('i32', 1));
    const banked = code.select(own, b.loadAt('i64', layout.SP_EL1), b.loadAt('i64', layout.SP_EL0));
    return unlessTrapped(b, b.loadAt('i64', layout.SP), banked);
  }

  pc(b: FunctionBuilder): code.Expression {
    return unlessTrapped(b, b.loadAt('i64', layout.PC), b.loadAt('i64', layout.ELR_EL2));
  }

  pstate(b: FunctionBuilder): code.Expression {
    const running = b.callValue(this.functionOf('pstate'), [], 'i64');
    return unlessTrapped(b, running, b.loadAt('i64', layout.SPSR_EL2));
  }

  functionOf(name: Import): number {
    return this.indexes.get(name) as number;
  }

  nameIndex(name: string): code.Expression {
    const known = this.names.indexOf(name);
    return code.constant('i32', known >= 0 ? known : this.names.push(name) - 1);
  }
}

/** While the embedded hypervisor serves a trap, the guest's own registers stand where exceptions put them. */
function unlessTrapped(
  b: FunctionBuilder,
  running: code.Expression,
  trapped: code.Expression,
): code.Expression {
  const isAtEl2 = code.compare('eq', b.loadAt('i32', layout.PSTATE_EL), code.constant('i32', 2));
  const isTrapped = code.binary('and', isAtEl2, b.loadAt('i32', layout.EL2_EMBEDDED));
  return code.select(isTrapped, trapped, running);
}
