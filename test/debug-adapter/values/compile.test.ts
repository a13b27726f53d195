import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Program } from '../../../emulator/machine/stop-programs.ts';
import { compileCondition } from '../../../debug-adapter/values/compile.ts';
import { compileLogMessage, piecesOf } from '../../../debug-adapter/values/log-message.ts';
import { standing } from './standing.ts';

const LINK = 0x400000n;
const things = await standing('things.elf', { pc: LINK, x: { 0: 41n } });
const REGISTERS: Readonly<Record<string, bigint>> = { x0: 41n, sp: 0x1000n, pc: LINK, ESR_EL1: 0x9600_0045n };

/** What the words of stop-programs.ts mean, one by one. */
function run(program: Program): bigint {
  const u = (value: bigint): bigint => BigInt.asUintN(64, value);
  const s = (value: bigint): bigint => BigInt.asIntN(64, value);
  switch (program.kind) {
    case 'constant':
      return program.value;
    case 'register':
      return REGISTERS[program.name] ?? 0n;
    case 'load': {
      let value = 0n;
      const address = run(program.address);
      for (let i = program.size - 1; i >= 0; i--) {
        const byte = things.memory.get(u(address + BigInt(i)));
        if (byte === undefined) throw new Error(`nothing at ${address.toString(16)}`);
        value = (value << 8n) | BigInt(byte);
      }
      return u(program.signed ? BigInt.asIntN(8 * program.size, value) : value);
    }
    case 'unary': {
      const value = run(program.operand);
      return u(
        program.operator === '-' ? -value : program.operator === '~' ? ~value : value === 0n ? 1n : 0n,
      );
    }
    case 'extend': {
      const value = run(program.operand);
      return u(program.signed ? BigInt.asIntN(program.bits, value) : BigInt.asUintN(program.bits, value));
    }
    case 'and':
      return run(program.left) !== 0n && run(program.right) !== 0n ? 1n : 0n;
    case 'or':
      return run(program.left) !== 0n || run(program.right) !== 0n ? 1n : 0n;
    case 'choose':
      return run(program.condition) !== 0n ? run(program.yes) : run(program.no);
    case 'binary': {
      const [a, b] = [run(program.left), run(program.right)];
      const isSigned = /[^s]s$/.test(program.operator) || program.operator === '>>s';
      const [x, y] = isSigned ? [s(a), s(b)] : [a, b];
      const operator = program.operator.replace(/[su]$/, '');
      const results: Readonly<Record<string, () => bigint | boolean>> = {
        '+': () => x + y,
        '-': () => x - y,
        '*': () => x * y,
        '/': () => x / y,
        '%': () => x % y,
        '&': () => x & y,
        '|': () => x | y,
        '^': () => x ^ y,
        '<<': () => x << (b & 63n),
        '>>': () => x >> (b & 63n),
        '==': () => x === y,
        '!=': () => x !== y,
        '<': () => x < y,
        '<=': () => x <= y,
        '>': () => x > y,
        '>=': () => x >= y,
      };
      const result = results[operator]?.() ?? 0n;
      return typeof result === 'boolean' ? (result ? 1n : 0n) : u(result);
    }
    default:
      throw new Error(program.kind);
  }
}

const condition = (text: string, link = LINK): Promise<Program> =>
  compileCondition(text, things.target, link);

const numbers = readFileSync(join(import.meta.dirname, 'fixtures/things.txt'), 'utf8')
  .split('\n')
  .map((line) => line.split('\t'))
  .filter(
    ([expression = '', value = '', type = '']) =>
      /^-?\d+(?: '.*')?$/.test(value) &&
      !/float|double|__int128/.test(type) &&
      // Rows in which C and gdb differ: see evaluate.test.ts; and what computes with floating point.
      !/^thing\.b1 - 6$|\d\.\d/.test(expression),
  )
  .map(([expression = '', value = '']) => [expression, value.split(' ')[0] ?? '']);

test.each(numbers)('the machine finds %s equal to %s', async (expression, value) => {
  expect(numbers.length).toBeGreaterThan(90);
  // A literal of 64 bits is none that C has.
  const wanted = BigInt(value) > 0x7fff_ffff_ffff_ffffn ? `${value}u` : value;
  expect(run(await condition(`(${expression}) == ${wanted}`))).toBe(1n);
  expect(run(await condition(`(${expression}) != ${wanted}`))).toBe(0n);
});

test('names mean what they mean at the place', async () => {
  expect(await condition('x')).toMatchObject({ kind: 'binary', operator: '!=' });
  expect(run(await condition('x == 41 && hidden == 42'))).toBe(1n);
  expect(run(await condition('$x0 + 1 == 42 && $w0 && !$x1'))).toBe(1n);
  expect(run(await condition('$ESR_EL1.EC == 0x25'))).toBe(1n);
  expect(run(await condition('counter == 7', undefined as unknown as bigint))).toBe(1n);
  expect(run(await condition('$pc == add_one && pointer == &numbers[3]'))).toBe(1n);
  expect(await condition('$hit % 3 == 0')).toMatchObject({ left: { left: { kind: 'hits' } } });
  expect(await condition('$old != $new')).toMatchObject({ left: { kind: 'old' }, right: { kind: 'new' } });
  expect(await condition('$ev.port == 3')).toMatchObject({ left: { kind: 'event', field: 'port' } });
  expect(await condition('$ev.path == "/local/*"')).toEqual({
    kind: 'event-text',
    field: 'path',
    pattern: '/local/*',
  });
});

test('what only a stop can tell is refused in words', async () => {
  for (const [text, why] of [
    ['quarter > 0.5', 'floating'],
    ['huge == 1', 'more than 64 bits'],
    ['thing', 'is no number'],
    ['counter = 3', 'would change the guest'],
    ['*host/pa:0x1000 == 1', 'virtual addresses'],
    ['d1.v1.$x0 == 1', 'another vCPU'],
    ['$va2ipa(0)', 'only there at a stop'],
  ] as const) {
    await expect(condition(text), text).rejects.toThrow(why);
  }
  await expect(condition('nothing == 1')).rejects.toThrow("No symbol 'nothing'");
  await expect(condition('x ==')).rejects.toThrow('expected at column');
});

test('log messages: text, braces, numbers, names, strings and structures', async () => {
  const message = await compileLogMessage(
    'x={x} {x,x} \\{{thing.text}} {thing.color} {pointer} {thing.points[1]} {numbers} {quarter} {thing.name}',
    things.target,
    LINK,
  );
  const values = message.captures.map((capture) => {
    if (capture.kind === 'value') return run(capture.program);
    const address = run(capture.address);
    const length = capture.kind === 'text' ? capture.limit : capture.length;
    const bytes: number[] = [];
    for (let i = 0; i < length; i++) {
      const byte = things.memory.get(address + BigInt(i));
      if (byte === undefined || (capture.kind === 'text' && byte === 0)) break;
      bytes.push(byte);
    }
    return Uint8Array.from(bytes);
  });
  expect(message.text(values).replace(/0x4\d+ <num/, '0x402094 <num')).toBe(
    'x=41 0x29 {a \\"text\\"\\n} GREEN 0x402094 <numbers+0xc> {x = 3, y = 4} ' +
      '{0, 1, 4, 9, 16, 25, 36, 49, 64, 81} 0.25 "hello"',
  );
  expect(message.text(values.map(() => undefined))).toContain('<unreadable>');
  await expect(compileLogMessage('{x', things.target, LINK)).rejects.toThrow('} expected');
  await expect(compileLogMessage('{nothing}', things.target, LINK)).rejects.toThrow('nothing');
});

test('braces of an expression belong to it', () => {
  expect(piecesOf('a {*{d1/ipa}0x40} b {f("}")}')).toEqual([
    { kind: 'text', text: 'a ' },
    { kind: 'expression', text: '*{d1/ipa}0x40' },
    { kind: 'text', text: ' b ' },
    { kind: 'expression', text: 'f("}")' },
  ]);
});
