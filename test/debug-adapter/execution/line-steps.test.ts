// How a step by line runs through code that belongs to its line, on a program of which only lines are known.

import { expect, test } from 'vitest';
import { stepLine } from '../../../debug-adapter/execution/stepping.ts';
import type { LineRange, StepContext } from '../../../debug-adapter/execution/step-context.ts';
import { NOP } from '../support/assemble.ts';

const START = 0x1000n;
const END = 0x1200n;
/** With the distance in words. */
const B = 0x1400_0000;

/** Lines of the instructions from START on: `12`, or `f:3` within a copy of `f`. `words`: what is no NOP, by index. */
class Program {
  pc = START;
  runs = 0;
  private readonly lines: readonly string[];
  private readonly words: Readonly<Record<number, number>>;

  constructor(lines: readonly string[], words: Readonly<Record<number, number>> = {}) {
    this.lines = lines;
    this.words = words;
  }

  get context(): StepContext<never> {
    const registers = async () => ({ x: new BigUint64Array(31), sp: 0x8000n, pc: this.pc, pstate: 5 });
    const read = async (address: bigint, length: number): Promise<Uint8Array> => this.read(address, length);
    const systemRegister = async (): Promise<undefined> => undefined;
    const symbolAt = () => ({ name: 'main', start: START, end: END });
    return {
      vcpu: { domain: 1, vcpu: 0 },
      read,
      stack: {
        read,
        rulesAt: async () => undefined,
        symbolAt,
        systemRegister,
        evaluate: async () => undefined,
      } as StepContext<never>['stack'],
      registers,
      systemRegister,
      functionAt: symbolAt,
      lineAt: async (pc) => this.lineAt(pc),
      stepOnce: async () => {
        this.execute();
        return { kind: 'here' };
      },
      runTo: (places) => this.runTo(places),
      runBackTo: (place) => this.runTo([place]),
    };
  }

  private async runTo(places: readonly bigint[]): Promise<{ readonly kind: 'here' }> {
    this.runs++;
    do this.execute();
    while (!places.includes(this.pc) && this.pc < END);
    return { kind: 'here' };
  }

  private execute(): void {
    const word = this.wordAt(this.pc);
    this.pc += word === NOP ? 4n : 4n * BigInt((word << 6) >> 6);
  }

  private wordAt(address: bigint): number {
    return this.words[Number(address - START) / 4] ?? NOP;
  }

  private read(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length & ~3);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 4) {
      view.setUint32(at, this.wordAt(address + BigInt(at)) >>> 0, true);
    }
    return bytes;
  }

  private lineAt(pc: bigint): LineRange | undefined {
    const index = Number(pc - START) / 4;
    const text = this.lines[index];
    if (text === undefined) return undefined;
    let first = index;
    while (this.lines[first - 1] === text) first--;
    let next = index;
    while (this.lines[next] === text) next++;
    const [name, line] = text.includes(':') ? text.split(':') : [undefined, text];
    const code = { path: '/src/main.c', line: Number(line), column: 0 };
    const range = { start: START + BigInt(4 * first), end: START + BigInt(4 * next) };
    const scope = name === undefined ? ['main'] : ['main', name];
    return { ...range, statement: range, code, shown: code, scope } as LineRange;
  }
}

async function stepped(program: Program, into = false): Promise<{ at: number; runs: number }> {
  expect(await stepLine(program.context, { into })).toEqual({ kind: 'here' });
  return { at: Number(program.pc - START) / 4, runs: program.runs };
}

test('a line is left in one run', async () => {
  expect(await stepped(new Program(['10', '10', '11']))).toEqual({ at: 2, runs: 1 });
});

test('pieces of functions that are inlined in a line are run through at once', async () => {
  const pieces = Array.from({ length: 9 }, (_, i) => [`f:${i + 1}`, '10', `g:${i + 1}`]).flat();
  const lines = ['10', ...pieces, '10', '11'];
  expect(await stepped(new Program(lines))).toEqual({ at: lines.length - 1, runs: 2 });
});

test('more pieces than are taken at once need more runs', async () => {
  const pieces = Array.from({ length: 50 }, (_, i) => [`f:${i + 1}`, '10']).flat();
  const { at, runs } = await stepped(new Program(['10', ...pieces, '11']));
  expect(at).toBe(pieces.length + 1);
  expect(runs).toBeGreaterThan(2);
  expect(runs).toBeLessThan(10);
});

test('a branch out of the middle of the pieces ends at the line that it leads to', async () => {
  const lines = ['10', 'f:1', 'f:2', '10', '11', '12'];
  expect(await stepped(new Program(lines, { 2: B | 3 }))).toEqual({ at: 5, runs: 2 });
});

test('with stepIn an inlined function is where the step ends', async () => {
  expect(await stepped(new Program(['10', 'f:1', '10', '11']), true)).toEqual({ at: 1, runs: 1 });
});
