import { expect, test } from 'vitest';
import { walkStack } from '../../../debug-adapter/frames/stack.ts';
import type { ReadGuest } from '../../../debug-adapter/frames/stack.ts';
import { bytesOf, NOP, POP_FRAME, PUSH_FRAME, RET, SET_FRAME } from '../support/assemble.ts';

const CODE = 0x1000n;
const STACK = 0x8000n;
const BL = 0x94000000;

/** Memory of code at CODE and records at STACK; nothing else is mapped. */
function memory(code: readonly number[], records: readonly (readonly [bigint, bigint])[]): ReadGuest {
  const parts: readonly (readonly [bigint, Uint8Array])[] = [
    [CODE, bytesOf(code)],
    [STACK, new Uint8Array(new BigUint64Array(records.flat()).buffer)],
  ];
  return async (address, length) => {
    for (const [start, bytes] of parts) {
      const offset = Number(address - start);
      if (offset >= 0 && offset < bytes.length) return bytes.slice(offset, offset + length);
    }
    return new Uint8Array();
  };
}

async function pcs(read: ReadGuest, pc: bigint, x29: bigint, x30: bigint, limit = 50): Promise<string[]> {
  const x = new BigUint64Array(31);
  x[29] = x29;
  x[30] = x30;
  const frames = await walkStack({ x, sp: STACK, pc, pstate: 5 }, { read }, limit);
  return frames.map((frame) => frame.pc.toString(16));
}

const function_ = [PUSH_FRAME, SET_FRAME, NOP, BL, POP_FRAME, RET];
const records: readonly (readonly [bigint, bigint])[] = [
  [STACK + 16n, 0x2004n],
  [0n, 0x3004n],
];

test('a body uses the frame record at X29', async () => {
  expect(await pcs(memory(function_, records), CODE + 8n, STACK, 0xbad4n)).toEqual(['1008', '2004', '3004']);
});

test('before the record stands, X30 is the return address and X29 the record of the caller', async () => {
  for (const offset of [0n, 4n]) {
    const stack = await pcs(memory(function_, records), CODE + offset, STACK, 0x7004n);
    expect(stack).toEqual([(CODE + offset).toString(16), '7004', '2004', '3004']);
  }
});

test('behind the end of the record, X30 is the return address again', async () => {
  expect(await pcs(memory(function_, records), CODE + 20n, STACK, 0x7004n)).toEqual([
    '1014',
    '7004',
    '2004',
    '3004',
  ]);
});

test('a leaf keeps its return address in X30', async () => {
  expect(await pcs(memory([NOP, NOP, RET], records), CODE, STACK, 0x7004n)).toEqual([
    '1000',
    '7004',
    '2004',
    '3004',
  ]);
});

test('records that point to each other, into nowhere or at no code end the stack', async () => {
  const circle = memory(function_, [
    [STACK + 16n, 0x2004n],
    [STACK, 0x3004n],
  ]);
  expect(await pcs(circle, CODE + 8n, STACK, 0n)).toEqual(['1008', '2004', '3004']);
  expect(await pcs(memory(function_, [[0xdead_0000n, 0x2004n]]), CODE + 8n, STACK, 0n)).toEqual([
    '1008',
    '2004',
  ]);
  expect(await pcs(memory(function_, [[STACK + 16n, 0x2003n]]), CODE + 8n, STACK, 0n)).toEqual(['1008']);
  expect(await pcs(memory(function_, []), CODE + 8n, STACK + 1n, 0n)).toEqual(['1008']);
});

test('no more frames are read than asked for', async () => {
  expect(await pcs(memory(function_, records), CODE + 8n, STACK, 0n, 2)).toEqual(['1008', '2004']);
});

test('unmapped code still gives the frame at the PC', async () => {
  expect(await pcs(memory([], records), 0n, 0n, 0n)).toEqual(['0']);
});

test('what an exception interrupted is told from a caller, and a leaf there keeps its caller', async () => {
  // Linux's struct pt_regs: 31 registers, sp, pc, pstate, four words, then the record.
  const saved = new Array<readonly [bigint, bigint]>(19).fill([0n, 0n]);
  saved[14] = [0n, STACK + 320n];
  saved[15] = [0x7004n, STACK + 0x800n];
  saved[16] = [CODE + 0x18n, 5n];
  const read = memory([...function_, NOP, RET], [...saved, [STACK + 320n, CODE + 0x18n], [0n, 0x2004n]]);
  const x = new BigUint64Array(31);
  x[29] = STACK + 304n;
  const frames = await walkStack({ x, sp: STACK, pc: CODE + 8n, pstate: 5 }, { read }, 50);
  expect(
    frames.map(({ pc, taken, register }) => [pc.toString(16), taken?.from, register(31)?.toString(16)]),
  ).toEqual([
    ['1008', undefined, '8000'],
    ['1018', 1, '8800'],
    ['7004', undefined, undefined],
    ['2004', undefined, undefined],
  ]);
});
