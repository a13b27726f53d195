import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UserError } from '../../../emulator/base/errors.ts';
import { standing } from './standing.ts';

const things = await standing('things.elf', { pc: 0x400000n, x: { 0: 41n } });

const rows = readFileSync(join(import.meta.dirname, 'fixtures/things.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t'));

/** Where gdb and we mean the same and write it differently. */
function normal(value: string): string {
  return (
    value
      // The type stands beside the value.
      .replace(/^\([^()]*(?:\([^()]*\)[^()]*)*\) (?=0x)/, '')
      .replaceAll(/^\((F_.*)\)$/g, '$1')
      // Text ends at its NUL; `u8` is a number.
      .replaceAll(/(?:\\000)+"/g, '"')
      .replace(/^(-?\d+\.\d+)$/, (number) => String(Math.fround(Number(number))))
      .replaceAll(
        /<(\w+)\+(\d+)>/g,
        (_, name: string, by: string) => `<${name}+0x${Number(by).toString(16)}>`,
      )
  );
}

const normalType = (type: string): string =>
  type
    .replaceAll(/\b(short|long)(?: (unsigned))? int\b/g, (_, size: string, sign?: string) =>
      sign === undefined ? size : `unsigned ${size}`,
    )
    .replaceAll('{...}', '{…}')
    .replace('* const[', '* const [');

/** C says otherwise than gdb: characters are ints, sizeof is unsigned, narrow bit-fields are ints. */
const OWN_TYPE = /^(?:BLUE \+ 1|sizeof.*|'.*'.*|thing\.b1 .*)$/;
const OWN_VALUE: Readonly<Record<string, string>> = {
  'thing.b1 - 6': '-1',
  'thing.inner.bytes': '{1, 2, 3, 255}',
  byte: '200',
  '(u8)300': '44',
};

test.each(rows)('%s is %s', async (expression = '', value = '', type = '') => {
  const printed = await things.print(expression);
  expect(normal(printed.value)).toBe(OWN_VALUE[expression] ?? normal(value));
  if (!OWN_TYPE.test(expression)) expect(normalType(printed.type ?? '')).toBe(normalType(type));
});

const value = async (text: string): Promise<string> => (await things.print(text)).value;

test('formats', async () => {
  expect(await value('thing.i,x')).toBe('0xfffe1dc0');
  expect(await value('thing.us,b')).toBe('0b1111110111101000');
  expect(await value('thing.us,o')).toBe('0176750');
  expect(await value('byte,c')).toBe("200 '\\310'");
  expect(await value('thing.flags,x')).toBe('0x5');
  expect(await value('7,flags(flags)')).toBe('F_READ | F_WRITE | F_EXEC');
  expect(await value('0x49,flags(enum flags)')).toBe('F_READ | F_BIG | 0x8');
  expect(await value('thing.text,raw')).toBe('0x400050');
  expect(await value('1234567890,t')).toBe('1.234567890 s');
  expect(await value('pointer,[3]')).toBe('{9, 16, 25}');
  expect(await value('numbers,[2],x')).toBe('{0x0, 0x1}');
  expect(await value('thing.inner.bytes,s')).toBe('"\\001\\002\\003\\377"');
  expect(await value('numbers[2:5]')).toBe('{4, 9, 16}');
  expect(await value('pointer[:2]')).toBe('{9, 16}');
});

test('registers, their lanes and fields', async () => {
  expect(await value('$x0')).toBe('0x29');
  expect(await value('$w0 + 1')).toBe('0x2a');
  expect(await value('$pc')).toBe('0x400000 <add_one>');
  expect(await value('$v0.b[3]')).toBe('0x3');
  expect(await value('$v1.s[1]')).toBe('0x17161514');
  expect(await value('$q0')).toBe('0xf0e0d0c0b0a09080706050403020100');
  expect(await value('$ESR_EL1.EC')).toMatch(/^0x25 </);
  expect(await value('$ESR_EL1.ISS.DFSC')).toMatch(/^0x5 </);
  expect(await value('$nzcv')).toBe('0x60000000');
  await expect(value('$x31')).rejects.toThrow("no register 'x31'");
  await expect(value('$ESR_EL1.QQ')).rejects.toThrow("no field 'QQ'");
});

test('arguments of the function that stands', async () => {
  expect(await value('x')).toBe('41');
  expect(await value('x + hidden')).toBe('83');
});

test('functions of expressions', async () => {
  expect(await value('$container_of(&thing.link, struct everything, link)->i')).toBe('-123456');
  expect(await value('$container_of(&thing.inner.word, struct everything, inner.word)->letter')).toBe(
    "65 'A'",
  );
  expect(await value('$offsetof(struct everything, inner.high)')).toBe('98');
  expect(await value('offsetof(struct everything, i)')).toBe('8');
  expect(await value('$sym(add_one)')).toBe('add_one');
  expect(await value('$sym(&numbers[1])')).toBe('numbers+0x4');
  expect(await value('$line(add_one)')).toMatch(/things\.c:\d+$/);
  await expect(value('add_one(1)')).rejects.toThrow('is not called');
});

test('what is not there is said in the place of the value', async () => {
  expect(await value('*(int *)0x10')).toBe('<unreadable 0x10>');
  expect(await value('*(struct point *)0x10')).toBe('<unreadable 0x10>');
  expect(await value('(char *)0x10')).toBe('0x10 <unreadable 0x10>');
  // To compute with it is refused with the same words.
  await expect(value('*(int *)0x10 + 1')).rejects.toThrow('unreadable 0x10');
  await expect(value('*(int *)0x10 + 1')).rejects.toBeInstanceOf(UserError);
});

test.each([
  ['nothing', "No symbol 'nothing' here"],
  ['thing.nothing', "has no member 'nothing'"],
  ['counter->x', 'is no pointer'],
  ['1 / 0', 'divides by zero'],
  ['thing + 1', 'is no number'],
  ['1.5 & 1', 'no floating-point'],
  ['&1', 'no address'],
  ['&thing.b1', 'bit-field has no address'],
  ['(struct nothing *)0', "no type 'struct nothing'"],
  ['*(void *)0', 'does not say what it points to'],
  ['x = 5', 'cannot be changed'],
  ['counter++', 'cannot be changed'],
  ['thing,q', 'one of x, d, o'],
  ['d7!thing', "No symbol 'd7!thing'"],
])('%s: %s', async (text, message) => {
  await expect(value(text)).rejects.toThrow(message);
  await expect(value(text)).rejects.toBeInstanceOf(UserError);
});

test('assignments write memory, registers and bit-fields, and refuse what does not fit', async () => {
  const program = await standing('things.elf', { pc: 0x400000n, x: { 0: 41n } });
  const now = async (text: string): Promise<string> => (await program.print(text)).value;
  expect(await program.change('thing.i = 5')).toBe('5');
  expect(await program.change('thing.i += 3')).toBe('8');
  expect(await program.change('thing.i++')).toBe('8');
  expect(await program.change('--thing.i')).toBe('8');
  expect(await program.change('thing.b2 = 1')).toBe('1');
  expect(await now('thing.b1')).toBe('5');
  expect(await now('thing.sb')).toBe('-9');
  expect(await program.change('thing.sb = -1')).toBe('-1');
  expect(await now('thing.b2')).toBe('1');
  expect(await program.change('thing.wide = 0x123456789a')).toBe('78187493530');
  expect(await program.change('thing.f = 2.5')).toBe('2.5');
  expect(await program.change('thing.yes = 0')).toBe('false');
  expect(await program.change('thing.color = BLUE')).toBe('BLUE');
  expect(await program.change('thing.points[1] = thing.points[0]')).toBe('{x = 1, y = 2}');
  expect(await program.change('thing.name = "bye"')).toBe('"bye"');
  expect(await program.change('pointer = &numbers[0]')).toMatch(/<numbers>$/);
  expect(await now('*pointer')).toBe('0');
  expect(await program.change('x = 7')).toBe('7');
  expect(await program.change('$x9 = 0x1234')).toBe('0x1234');
  expect(program.written).toEqual([
    { name: 'x0', value: 7n },
    { name: 'x9', value: 0x1234n },
  ]);
  await expect(program.change('thing.b1 = 8')).rejects.toThrow('3 bits');
  await expect(program.change('thing.s = 70000')).rejects.toThrow('16 bits');
  await expect(program.change('byte = 256')).rejects.toThrow('8 bits');
  await expect(program.change('1 = 2')).rejects.toThrow('cannot be changed');
  await expect(program.change('*(int *)0x10 = 2')).rejects.toThrow('can be written');
});
