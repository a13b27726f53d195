// The walker of the debugger against the MMU: the same tables, whatever they hold, lead both to the same
// address or to the same fault.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { syndromeOf } from '../../../../../emulator/debug/inspect/memory/explain.ts';
import {
  type El,
  type TranslationRegisters,
  translationRegistersOf,
} from '../../../../../emulator/debug/inspect/memory/regime.ts';
import { type DescriptorMemory, translate } from '../../../../../emulator/debug/inspect/memory/translate.ts';
import * as layout from '../../../../../emulator/memory/layout.ts';
import { Processor, RAM } from '../../../cpu/processor.ts';
import { Chance, fill, randomVa, setRegisters } from './random-tables.ts';
import { AF, EL0, PXN, READ_ONLY, S2_NORMAL, S2_READ, Stage1, Stage2, UXN } from '../../../mmu/tables.ts';

const PAN = 0x40_0000;

const registersOf = (processor: Processor): TranslationRegisters =>
  translationRegistersOf(processor.cpu, processor.features.paBits);

const memoryOf = (processor: Processor): DescriptorMemory => ({
  read64: (pa) =>
    pa % 8n === 0n && processor.memory.contains(Number(pa), 8)
      ? processor.memory.read64(Number(pa))
      : undefined,
});

test('for any tables and registers, the address is the one that the MMU finds, or there is none', async () => {
  const processor = await Processor.create('max');
  let reached = 0;
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const chance = new Chance(seed);
      fill(processor, chance);
      setRegisters(processor, chance, chance.once(2));
      const registers = registersOf(processor);
      const memory = memoryOf(processor);
      for (let round = 0; round < 60; round++) {
        const va = randomVa(chance);
        const el = chance.below(3) as El;
        const access = (['read', 'write', 'execute'] as const)[chance.below(3)] ?? 'read';
        const { pa } = translate(registers, memory, { va, el, access });
        const found =
          access === 'execute'
            ? processor.kernels['probeExecute']?.(va, el)
            : processor.kernels['probe']?.(va, el, access === 'write' ? 1 : 0);
        expect(pa ?? -1n).toBe(found);
        if (pa !== undefined) reached++;
      }
    }),
    { numRuns: 300 },
  );
  // The tables are not all nonsense.
  expect(reached).toBeGreaterThan(200);
});

test('for any tables and registers, a fault is the one that the exception reports', async () => {
  const processor = await Processor.create('max');
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const chance = new Chance(seed);
      fill(processor, chance);
      setRegisters(processor, chance, !chance.once(3));
      const registers = registersOf(processor);
      const memory = memoryOf(processor);
      for (let round = 0; round < 40; round++) {
        const va = randomVa(chance);
        const el = chance.below(3) as El;
        const pan = el === 1 && chance.once(2);
        const access = (['read', 'write', 'execute'] as const)[chance.below(3)] ?? 'read';
        const { fault } = translate(registers, memory, { va, el, access, pan });
        if (!fault) continue;
        seen.add(`${fault.kind} ${fault.stage}${fault.onWalk ? ' on a walk' : ''}`);
        processor.kernels['resetTlbs']?.();
        processor.atEl(el, (el === 0 ? 0 : (el << 2) | 0x3c1) | (pan ? PAN : 0));
        processor.executing(0x39400020);
        if (access === 'read') processor.kernels['loadSlow']?.(va, 1);
        else if (access === 'write') processor.kernels['storeSlow']?.(va, 1, 0n);
        else processor.kernels['fetchMiss']?.(va & ~3n);
        const taken = processor.exception();
        const syndrome = syndromeOf(fault, { el, access }, false);
        const DESCRIBES_FAULT = 0xff;
        expect([taken?.el, taken?.ec, (taken?.iss ?? 0) & DESCRIBES_FAULT]).toEqual([
          syndrome.el,
          syndrome.ec,
          syndrome.esr & DESCRIBES_FAULT,
        ]);
        if (fault.ipa !== undefined && fault.kind !== 'permission') {
          const hpfar = processor.get('HPFAR_EL2') << 8n;
          expect(hpfar).toBe(((fault.ipa >> 12n) << 12n) & 0xf_ffff_ffff_f000n);
        }
      }
    }),
    // What must be seen is seen with this seed.
    { numRuns: 600, seed: 4 },
  );
  expect(seen).toEqual(
    new Set([
      'translation 1',
      'translation 2',
      'translation 2 on a walk',
      'address size 1',
      'address size 2',
      'address size 2 on a walk',
      'access flag 1',
      'access flag 2',
      'access flag 2 on a walk',
      'permission 1',
      'permission 2',
      'permission 2 on a walk',
      'external abort on a table walk 1',
      'external abort on a table walk 2',
      'external abort on a table walk 2 on a walk',
    ]),
  );
});

async function guest() {
  const processor = await Processor.create();
  const stage2 = new Stage2(processor);
  stage2.block(RAM, RAM, 1);
  const stage1 = new Stage1(processor);
  stage1.page(0x12_3000n, RAM + 0x5000);
  processor.atEl(1);
  const why = (va: bigint, access: 'read' | 'write' | 'execute' = 'read', el: El = 1, pan = false) =>
    translate(registersOf(processor), memoryOf(processor), { va, el, access, pan }).fault?.why;
  return { processor, stage1, stage2, why };
}

test('an empty entry says what it leaves unmapped', async () => {
  const { why } = await guest();
  expect(why(0x12_4567n)).toBe('The level 3 descriptor is 0: nothing is mapped in the 4 KiB at 0x124000.');
  expect(why(0x32_4567n)).toBe('The level 2 descriptor is 0: nothing is mapped in the 2 MiB at 0x200000.');
});

test('an entry that is not valid, and one that is reserved, are told apart from an empty one', async () => {
  const { processor, stage1, why } = await guest();
  processor.memory.write64(stage1.entry(0x12_4000n, 3), 0xabcd_0000n);
  processor.memory.write64(stage1.entry(0x12_5000n, 3), BigInt(RAM) | 1n);
  expect(why(0x12_4000n)).toContain('0xabcd0000 with bit 0 clear: it is invalid');
  expect(why(0x12_5000n)).toContain('which is reserved: a page must have bits 1:0 of 3');
});

test('a refused access names the bit that refuses it', async () => {
  const { stage1, why } = await guest();
  stage1.page(0x20_0000n, RAM, AF | READ_ONLY | PXN);
  stage1.page(0x20_1000n, RAM, AF | EL0 | UXN);
  stage1.page(0x20_2000n, RAM, 0n);
  expect(why(0x20_0000n, 'write')).toBe('AP[2] of the level 3 descriptor is 1: the page is read-only.');
  expect(why(0x20_0000n, 'execute')).toBe(
    'PXN of the level 3 descriptor is 1: EL1 may not execute from the page.',
  );
  expect(why(0x20_0000n, 'read', 0)).toBe(
    'AP[1] of the level 3 descriptor is 0: EL0 may not access the page.',
  );
  expect(why(0x20_1000n, 'execute', 0)).toContain('UXN');
  expect(why(0x20_1000n, 'execute')).toBe('EL0 may write the page (AP is 1): EL1 may not execute from it.');
  expect(why(0x20_1000n, 'read', 1, true)).toContain('PSTATE.PAN is 1');
  expect(why(0x20_2000n)).toBe('The access flag (AF) of the level 3 descriptor is clear.');
});

test('a page that stage 2 protects says so, and a hole of stage 2 too', async () => {
  const { stage1, stage2, why } = await guest();
  stage1.page(0x20_0000n, 0x9000_0000);
  stage1.page(0x20_1000n, 0x9000_1000);
  stage2.page(0x9000_0000, RAM, AF | S2_NORMAL | S2_READ);
  expect(why(0x20_0000n)).toBeUndefined();
  expect(why(0x20_0000n, 'write')).toBe(
    'S2AP of the level 3 descriptor of stage 2 is 1: it allows reading only.',
  );
  expect(why(0x20_1000n)).toBe(
    'The level 3 descriptor of stage 2 is 0: nothing is mapped in the 4 KiB at 0x90001000.',
  );
});

test('addresses outside of the range say which size they exceed', async () => {
  const { why } = await guest();
  expect(why(1n << 40n)).toBe(
    'The address lies outside of the 39 bits that TCR_EL1.T0SZ (25) allows: the bits above are not all 0.',
  );
  expect(why(0xffff_ffff_ffff_0000n)).toBe('TCR_EL1.EPD1 is 1: no walks through TTBR1_EL1.');
});

test('tables that lead back to themselves end after the levels there are', async () => {
  const { processor, stage1 } = await guest();
  processor.memory.write64(stage1.root, BigInt(stage1.root) | 3n);
  const { stage1: walk } = translate(registersOf(processor), memoryOf(processor), {
    va: 0n,
    el: 1,
    access: 'read',
  });
  expect(walk?.lookups.length).toBe(3);
  expect(processor.raw.getInt32(layout.ATTENTION, true)).toBe(0);
});
