import { expect, test } from 'vitest';
import { CpuState } from '../../../emulator/cpu/state.ts';
import * as layout from '../../../emulator/memory/layout.ts';
import { Processor } from './processor.ts';

test('flags of the last operation read the same as in the kernels', async () => {
  const processor = await Processor.create();
  const values = [0n, 1n, 0x7fff_ffff_ffff_ffffn, 0x8000_0000_0000_0000n, 0xffff_ffff_ffff_ffffn];
  for (const operation of [layout.FLAGS_ADD, layout.FLAGS_SUB, layout.FLAGS_LOGIC, layout.FLAGS_RAW]) {
    for (const a of values) {
      for (const b of values) {
        processor.cpu.write32(layout.FLAGS_OP, operation);
        processor.cpu.write64(layout.FLAGS_A, a);
        processor.cpu.write64(layout.FLAGS_B, b);
        expect(processor.cpu.nzcv, `${operation} ${a} ${b}`).toBe(processor.kernels['nzcv']?.());
      }
    }
  }
});

test('a subtraction that borrows clears C, one that overflows sets V', async () => {
  const { cpu } = await Processor.create();
  cpu.write32(layout.FLAGS_OP, layout.FLAGS_SUB);
  cpu.write64(layout.FLAGS_A, 1n);
  cpu.write64(layout.FLAGS_B, 2n);
  expect(cpu.nzcv).toBe(0b1000);
  cpu.write64(layout.FLAGS_A, 1n << 63n);
  cpu.write64(layout.FLAGS_B, 1n);
  expect(cpu.nzcv).toBe(0b0011);
});

test('setting PSTATE changes the stack pointer in use', async () => {
  const { cpu } = await Processor.create();
  cpu.sp = 0x1000n;
  cpu.setSpOf(0, 0x2000n);
  cpu.pstate = 0x6000_0000;
  expect(cpu.pstate).toBe(0x6000_0000);
  expect(cpu.sp).toBe(0x2000n);
  expect(cpu.spOf(1)).toBe(0x1000n);
});

test('a CPU that waits in its bank has registers of its own', async () => {
  const processor = await Processor.create();
  const memory = { buffer: processor.raw.buffer } as WebAssembly.Memory;
  const waiting = new CpuState(memory, 1, () => layout.CPU_BANKS + layout.CPU_BLOCK_SIZE);
  waiting.setX(5, 55n);
  waiting.setV(3, 1n << 100n);
  processor.cpu.setX(5, 11n);
  expect(waiting.x(5)).toBe(55n);
  expect(waiting.v(3)).toBe(1n << 100n);
  expect(processor.cpu.x(5)).toBe(11n);
  expect(waiting.x(31)).toBe(0n);
});
