// Code that is rewritten and executed again and again, as a JIT compiler does, until the engine's
// room for predecoded pages has gone round: what executes is always what was written last.

import { expect, test } from 'vitest';
import * as layout from '../../../emulator/memory/layout.ts';
import { modules } from './guests.ts';
import { Machine } from '../../../emulator/machine/machine.ts';

const RAM = 0x4000_0000;
const PAGES = RAM + 0x10_0000;
const EL1H_MASKED = 0x3c5;

/**
 * x0 pages at x1, x2 rounds. Each round writes the words of x3 (movz w5, #n) and RET into every
 * page, 300 stores a page, and calls it. Ends at WFI; x7 counts the calls that did not answer n.
 */
const PROGRAM = [
  0xd2800004, // 00 movz x4, #0             n
  0xaa0103e8, // 04 round: mov x8, x1
  0xaa0003e9, // 08 mov x9, x0
  0xd280258a, // 0c page: movz x10, #300
  0x0b04146b, // 10 add w11, w3, w4, lsl #5
  0xb900010b, // 14 again: str w11, [x8]
  0xf100054a, // 18 subs x10, x10, #1
  0x54ffffc1, // 1c b.ne again
  0xb900050c, // 20 str w12, [x8, #4]
  0xd5033fdf, // 24 isb
  0xd63f0100, // 28 blr x8
  0x6b0400bf, // 2c cmp w5, w4
  0x9a8704e7, // 30 cinc x7, x7, ne
  0x91400508, // 34 add x8, x8, #1, lsl #12
  0xf1000529, // 38 subs x9, x9, #1
  0x54fffe81, // 3c b.ne page
  0x91000484, // 40 add x4, x4, #1
  0xeb02009f, // 44 cmp x4, x2
  0x54fffde1, // 48 b.ne round
  0xd503207f, // 4c wfi
  0x17ffffff, // 50 b .-4
];

test('a page that got new records keeps them when its old ones are used for another page', () => {
  const machine = new Machine(
    modules,
    { core: 'a53', cpus: 1, memory: 16 << 20, gic: 3, startTime: 0 },
    { console: { write: () => {} }, log: { log: () => {} } },
  );
  PROGRAM.forEach((word, i) => machine.memory.write32(RAM + 4 * i, word));
  const [cpu] = machine.cpus;
  if (!cpu) throw new Error('no CPU');
  // Three pages do not divide the number of slots: each slot passes from page to page.
  const pages = 3;
  const rounds = Math.ceil((2.5 * layout.RECORD_PAGES) / pages);
  const registers: Record<number, number> = {
    0: pages,
    1: PAGES,
    2: rounds,
    3: 0x5280_0005,
    12: 0xd65f_03c0,
  };
  for (const [n, value] of Object.entries(registers)) cpu.setX(Number(n), BigInt(value));
  machine.startCpu(0, BigInt(RAM), EL1H_MASKED);
  while (machine.runSlice(Number.MAX_SAFE_INTEGER).kind === 'ran');
  expect(cpu.x(4)).toBe(BigInt(rounds));
  expect(cpu.x(7)).toBe(0n);
});
