import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadDisassembler } from '../../../debug-adapter/instructions/disassembler.ts';
import { controlFlow, frameEffect } from '../../../debug-adapter/instructions/instructions.ts';

const CAPSTONE = join(import.meta.dirname, '../../../node_modules/@alexaltea/capstone-js/dist/capstone.wasm');
const disassembler = await loadDisassembler(async () => readFileSync(CAPSTONE));
const PC = 0xffff_8000_0801_0000n;

const textOf = (word: number, pc = PC): string => disassembler.disassemble([word], pc)[0]?.text ?? '';

/** Words of the branch group, where the interesting ones are dense. */
const branchWord = fc
  .tuple(
    fc.constantFrom(0x14000000, 0x54000000, 0x34000000, 0x36000000, 0xd6000000, 0xd4000000),
    fc.nat(0xffffffff),
  )
  .map(([base, random]) => ((base ^ (random & 0x83ffffff)) >>> 0) as number);

test('control flow agrees with the disassembler about every word', () => {
  const kinds: readonly (readonly [RegExp, string])[] = [
    [/^bl #/, 'call'],
    [/^b(\.al|\.nv)? #/, 'branch'],
    [/^(b\.\w\w|cbn?z|tbn?z) /, 'conditional'],
    [/^blr/, 'call-register'],
    [/^br(aa|ab)?z? /, 'branch-register'],
    [/^ret/, 'return'],
    [/^eret/, 'exception-return'],
    [/^(svc|hvc|smc|brk|hlt) /, 'exception'],
  ];
  const check = (word: number): void => {
    const text = textOf(word);
    if (text.startsWith('.inst') || text.startsWith('bc.')) return;
    const flow = controlFlow(word, PC);
    const wanted = kinds.find(([pattern]) => pattern.test(text))?.[1] ?? 'next';
    expect([text, flow.kind]).toEqual([text, wanted]);
    const target = /#(0x[0-9a-f]+)$/.exec(text)?.[1];
    if ('target' in flow) expect(target).toBe(`0x${flow.target.toString(16)}`);
  };
  fc.assert(fc.property(branchWord, check), { numRuns: 5000 });
  fc.assert(fc.property(fc.nat(0xffffffff), check), { numRuns: 2000 });
});

test('the instructions that save, restore and set the frame record are known', () => {
  const effects: readonly (readonly [number, string | undefined])[] = [
    [0xa9bf7bfd, 'saves-link'], // stp x29, x30, [sp, #-16]!
    [0xa9027bfd, 'saves-link'], // stp x29, x30, [sp, #32]
    [0xf81f0ffe, 'saves-link'], // str x30, [sp, #-16]!
    [0xa8c17bfd, 'restores-link'], // ldp x29, x30, [sp], #16
    [0xf84107fe, 'restores-link'], // ldr x30, [sp], #16
    [0x910003fd, 'sets-frame-pointer'], // mov x29, sp
    [0x910043fd, 'sets-frame-pointer'], // add x29, sp, #0x10
    [0xa90153f3, undefined], // stp x19, x20, [sp, #16]
    [0xd503201f, undefined], // nop
  ];
  for (const [word, effect] of effects)
    expect([textOf(word), frameEffect(word)]).toEqual([textOf(word), effect]);
});

test('listings are spelled as GNU objdump does', () => {
  expect(textOf(0x54000022)).toBe('b.cs #0xffff800008010004');
  expect(textOf(0x1a9f27e0)).toBe('cset w0, cc');
  expect(textOf(0x128fffe0)).toBe('mov w0, #0xffff8000');
  expect(textOf(0xd50322df)).toBe('clearbhb');
  expect(textOf(0xffffffff)).toBe('.inst 0xffffffff');
});
