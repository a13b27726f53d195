import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildParserFile } from '@lezer/generator';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../../emulator/base/errors.ts';
import { parseWatch, possibleTypes } from '../../../debug-adapter/values/syntax.ts';
import type { Node } from '../../../debug-adapter/values/syntax.ts';

const TYPES = new Set(['u64', 'page_t']);
const parse = (text: string) => parseWatch(text, (name) => TYPES.has(name));

/** With a parenthesis around every operation: what binds how. */
function shape(node: Node): string {
  switch (node.kind) {
    case 'integer':
      return String(node.value);
    case 'name':
      return node.within === undefined ? node.name : `${node.within}::${node.name}`;
    case 'register':
      return `$${node.name}`;
    case 'unary':
      return `(${node.operator}${shape(node.of)})`;
    case 'arithmetic':
    case 'comparison':
      return `(${shape(node.left)} ${node.operator} ${shape(node.right)})`;
    case 'and':
    case 'or':
      return `(${shape(node.left)} ${node.kind} ${shape(node.right)})`;
    case 'choose':
      return `(${shape(node.condition)} ? ${shape(node.yes)} : ${shape(node.no)})`;
    case 'cast':
      return `[${node.type.name}${'*'.repeat(node.type.pointers)}]${shape(node.of)}`;
    case 'member':
      return `${shape(node.of)}${node.arrow ? '->' : '.'}${node.name}`;
    case 'index':
      return `${shape(node.of)}[${shape(node.index)}]`;
    case 'slice':
      return `${shape(node.of)}[${node.start ? shape(node.start) : ''}:${node.end ? shape(node.end) : ''}]`;
    case 'repeat':
      return `(${shape(node.of)} @ ${shape(node.count)})`;
    case 'assign':
      return `(${shape(node.place)} ${node.operator ?? ''}= ${shape(node.value)})`;
    case 'step':
      return node.before ? `(${node.by}+${shape(node.of)})` : `(${shape(node.of)}+${node.by})`;
    default:
      return node.kind;
  }
}

const shapeOf = (text: string): string => shape(parse(text).expression);

test.each([
  ['a + b * c - d', '((a + (b * c)) - d)'],
  ['a & b == c', '(a & (b == c))'],
  ['a << 1 + 2', '(a << (1 + 2))'],
  ['a || b && c | d', '(a or (b and (c | d)))'],
  ['a ? b : c ? d : e', '(a ? b : (c ? d : e))'],
  ['a = b += 1', '(a = (b += 1))'],
  ['-a->b[1].c', '(-a->b[1].c)'],
  ['*p++', '(*(p+1))'],
  ['--i', '(-1+i)'],
  ['*p @ 2 + 1', '((*p) @ (2 + 1))'],
  ['a[1:n]', 'a[1:n]'],
  ['a[:8]', 'a[:8]'],
  ['a[i ? 1 : 2]', 'a[(i ? 1 : 2)]'],
  ['!x != ~y', '((!x) != (~y))'],
  ['outer::inner', 'outer::inner'],
])('%s is %s', (text, wanted) => {
  expect(shapeOf(text)).toBe(wanted);
});

test('what is a type decides between casts and operators', () => {
  expect(shapeOf('(u64)-x + 1')).toBe('([u64](-x) + 1)');
  expect(shapeOf('(u64)&x.y')).toBe('[u64](&x.y)');
  expect(shapeOf('(x)-x + 1')).toBe('((x - x) + 1)');
  expect(shapeOf('(x)&x')).toBe('(x & x)');
  expect(shapeOf('(struct page *)x->a')).toBe('[struct page*]x->a');
  expect(shapeOf('(unsigned long)x')).toBe('[unsigned long]x');
  expect(possibleTypes('(u64)x + f(a, page_t)')).toEqual(expect.arrayContaining(['u64', 'page_t']));
});

test('names of other files, programs, vCPUs and spaces', () => {
  expect(parse('d1!jiffies').expression).toMatchObject({ kind: 'foreign', program: 'd1', name: 'jiffies' });
  expect(parse("sched/core.c'rq").expression).toMatchObject({ file: 'sched/core.c', name: 'rq' });
  expect(parse("'core.c'::rq").expression).toMatchObject({ kind: 'static', file: 'core.c', name: 'rq' });
  expect(parse('d1.v2.$SCTLR_EL1').expression).toMatchObject({ name: 'SCTLR_EL1', domain: 'd1', vcpu: 2 });
  expect(parse('{d1/ipa}0x40').expression).toMatchObject({ kind: 'space', space: 'd1/ipa' });
  expect(parse('d1/va@ttbr41a2000.7:0x40').expression).toMatchObject({ kind: 'reference' });
});

test('formats stand behind commas', () => {
  expect(parse('x,x').formats).toMatchObject([{ name: 'x' }]);
  expect(parse('p->list, [20], d').formats).toMatchObject([{ count: { value: 20n } }, { name: 'd' }]);
  expect(parse('x,flags(enum page_flags)').formats).toMatchObject([{ type: { name: 'enum page_flags' } }]);
});

test('literals: bases, suffixes, escapes', () => {
  expect(parse('0x10UL').expression).toMatchObject({
    value: 16n,
    unsigned: true,
    long: true,
    decimal: false,
  });
  expect(parse('010').expression).toMatchObject({ value: 8n });
  expect(parse('0b101').expression).toMatchObject({ value: 5n });
  expect(parse("'\\n'").expression).toMatchObject({ code: 10 });
  expect(parse("'\\x41'").expression).toMatchObject({ code: 65 });
  expect(parse('1.5e3f').expression).toMatchObject({ value: 1500, single: true });
  expect(parse('"a\\tb"').expression).toMatchObject({ bytes: Uint8Array.of(97, 9, 98) });
});

test('what is no expression is refused where it stops being one', () => {
  for (const [text, column] of [
    ['', 1],
    ['a +', 4],
    ['a b', 3],
    ['p->', 4],
    ['(a', 3],
    ['18446744073709551616', 1],
    ["'ab'", 1],
    ['089', 1],
  ] as const) {
    expect(() => parse(text), text).toThrow(`column ${column}`);
  }
  expect(() => parse('('.repeat(5000))).toThrow(UserError);
  expect(() => parse(`${'('.repeat(500)}1${')'.repeat(500)}`)).toThrow('fewer levels');
});

test('whatever is typed, the answer is a tree or a sentence', () => {
  const piece = fc.constantFrom(
    ...['$x0', '*', '&', '+', '-', '(', ')', ',', '=', '0x10', 'd1!', 'main', ':', ' ', 'pa:', '[', ']', '?'],
    ...['->', '.', '"a"', "'b'", '{', '}', '@', 'u64', 'struct', 'sizeof', '::', '++', '<<=', '1.5', '\\'],
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      try {
        parse(pieces.join(''));
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
      }
    }),
  );
});

test('words of C++ are names in C', () => {
  const { expression } = parseWatch('class->count + ((class point *)class)->x', () => false);
  expect(expression).toMatchObject({
    kind: 'arithmetic',
    left: { kind: 'member', name: 'count', of: { kind: 'name', name: 'class' } },
    right: {
      kind: 'member',
      of: { kind: 'cast', type: { name: 'class point', pointers: 1 }, of: { kind: 'name', name: 'class' } },
    },
  });
});

test('the generated parser is that of the grammar', () => {
  const folder = join(import.meta.dirname, '../../../debug-adapter/values');
  const { parser, terms } = buildParserFile(readFileSync(join(folder, 'c.grammar'), 'utf8'), {
    fileName: 'c.grammar',
    moduleStyle: 'es',
    typeScript: true,
  });
  const committed = (name: string): string => readFileSync(join(folder, 'generated', name), 'utf8').trim();
  expect(committed('c-parser.ts')).toBe(parser.trim());
  expect(committed('c-parser.terms.ts')).toBe(terms.trim());
});
