import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expressionAt, registersIn } from '../../extension/editor/assembly-text.ts';
import { inlineLookups } from '../../extension/editor/inline-text.ts';

const SAMPLE = join(import.meta.dirname, '../../media/samples/hello-xen/src');

/** `91: greeting`, for each line the names whose values stand behind it. */
function inline(lines: readonly string[], stopped: number, from = 0): string[] {
  const byLine = new Map<number, string[]>();
  for (const { line, text, start, end } of inlineLookups('code', lines, from, stopped)) {
    expect(lines[line]?.slice(start, end)).toBe(text);
    byLine.set(line, [...(byLine.get(line) ?? []), text]);
  }
  return [...byLine].map(([line, texts]) => `${line + 1}: ${texts.join(' ')}`);
}

test('behind the lines of a function stand its names up to the stop, and the members that the stop takes', () => {
  const lines = readFileSync(join(SAMPLE, 'main.c'), 'utf8').split('\n');
  const stopped = lines.findIndex((line) => line.includes('I am domain'));
  expect(inline(lines, stopped)).toEqual([
    `${stopped - 1}: void say_hello const struct greeting`,
    `${stopped}: for unsigned i greeting`,
    `${stopped + 1}: print i greeting->domid greeting->name`,
  ]);
});

test('comments, texts and what the preprocessor takes name nothing', () => {
  const lines = [
    'int other;',
    '}',
    'static int f(struct s *p)',
    '{',
    '  /* a comment about',
    '     total */ int n = p->a[2].b + "p->x"; // q',
    '#define N p',
    'out:',
    "  return n == 'n' ? call(p->next) : p->method(n);",
  ];
  expect(inline(lines, 8)).toEqual([
    '3: static int f struct s p',
    '6: int n p',
    '8: out',
    '9: return n call p->next',
  ]);
});

test('a function of Rust begins where it is named, and what is not seen is not asked for', () => {
  const lines = [
    'impl A {',
    '    fn earlier() {}',
    '    pub fn run(&self) {',
    '        let x = 1;',
    '        use_it(x);',
  ];
  expect(inline(lines, 4)[0]).toBe('3: pub fn run self');
  expect(inline(lines, 4, 4)).toEqual(['5: use_it x']);
});

test.each([
  ['  mov x16, x0', '$x16 $x0'],
  ['ldp x29, x30, [sp], #96 // back to x1', '$x29 $x30 $sp'],
  ['1: msr ttbr0_el1, x1', '$ttbr0_el1 $x1'],
  ['fadd v0.4s, v1.4s, v1.4s', '$v0 $v1'],
  ['ffffff80000027dc  f9400283  ldr x3, [x20]', '$x3 $x20'],
  ['ffffff80000027dc  83 02 40 f9  ldr w3, [x20]', '$w3 $x20'],
  ['.irp n, x0, x1', ''],
  ['  b x0_is_no_register', ''],
  ['  mov x0, xzr', '$x0'],
])('registers of %s', (line, expected) => {
  const found = registersIn(line);
  for (const { start, end, expression } of found) expect(`$${line.slice(start, end)}`).toBe(expression);
  expect(found.map(({ expression }) => expression).join(' ')).toBe(expected);
});

test('where the machine stands in assembly, its line shows registers, and no other line does', () => {
  const lines = readFileSync(join(SAMPLE, 'hypercall.S'), 'utf8').split('\n');
  const stopped = lines.findIndex((line) => line.includes('mov x0, x1'));
  const lookups = inlineLookups('assembly', lines, 0, stopped);
  expect(lookups.map(({ line, text }) => `${line} ${text}`)).toEqual([`${stopped} $x0`, `${stopped} $x1`]);
});

test.each([
  ['  mrs x0, esr_el1', 'x0', '$x0'],
  ['  mrs x0, esr_el1', 'esr', '$esr_el1'],
  ['  bl hypercall', 'hyper', '$sym(&hypercall)'],
  ['ffffff8000001000  97fffebe  bl #0xffffff80000022b0 <hypercall>', 'hyper', '$sym(&hypercall)'],
  ['  mrs x0, esr_el1', 'mrs', undefined],
  ['loop: cmp x0, #4', 'loop', undefined],
  ['  nop // x0', 'x0', undefined],
])('the mouse in %s over %s', (line, under, expected) => {
  expect(expressionAt(line, line.indexOf(under) + 1)?.expression).toBe(expected);
});
