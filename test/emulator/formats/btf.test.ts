import { expect, test } from 'vitest';
import { Btf } from '../../../emulator/formats/btf.ts';

const [INT, PTR, ARRAY, STRUCT, UNION, TYPEDEF] = [1, 2, 3, 4, 5, 8];

/** A type by its kind, name, size or type, and the words behind. `bits`: its members may be bit-fields. */
type Row = readonly [
  kind: number,
  name: string,
  size: number,
  tail: readonly (number | string)[],
  bits?: boolean,
];

/** BTF of these types, whose numbers are their places in the list, from 1 on. */
function btfOf(rows: readonly Row[]): Uint8Array {
  let pool = '\0';
  const text = (name: string): number => {
    if (name === '') return 0;
    const known = pool.indexOf(`\0${name}\0`);
    if (known >= 0) return known + 1;
    pool += `${name}\0`;
    return pool.length - name.length - 1;
  };
  const words = rows.flatMap(([kind, name, size, tail, bits]) => {
    const parts = kind === STRUCT || kind === UNION ? tail.length / 3 : 0;
    const info = ((bits ? 0x8000_0000 : 0) | (kind << 24) | parts) >>> 0;
    return [text(name), info, size, ...tail.map((one) => (typeof one === 'string' ? text(one) : one))];
  });
  const bytes = new Uint8Array(24 + 4 * words.length + pool.length);
  const view = new DataView(bytes.buffer);
  const header = [0x0001_eb9f, 24, 0, 4 * words.length, 4 * words.length, pool.length];
  for (const [i, word] of [...header, ...words].entries()) view.setUint32(4 * i, word, true);
  bytes.set(new TextEncoder().encode(pool), 24 + 4 * words.length);
  return bytes;
}

const SAMPLE = btfOf([
  [INT, 'int', 4, [32]],
  [PTR, '', 0, []],
  [ARRAY, '', 0, [1, 1, 16]],
  [TYPEDEF, 'pid_t', 1, []],
  [UNION, '', 8, ['whole', 2, 0, 'part', 4, 0]],
  [STRUCT, 'task', 96, ['pid', 4, 64, '', 5, 128, 'comm', 3, 192]],
  [STRUCT, 'info', 4, ['flags', 1, (5 << 24) | 0, 'level', 1, (3 << 24) | 5], true],
]);

test('members have names, types and offsets; an anonymous one has no name', () => {
  const btf = Btf.open(SAMPLE);
  const task = btf?.structure('task') ?? 0;
  expect(btf?.members(task)).toEqual([
    { name: 'pid', type: 4, bitOffset: 64, bitSize: undefined },
    { name: '', type: 5, bitOffset: 128, bitSize: undefined },
    { name: 'comm', type: 3, bitOffset: 192, bitSize: undefined },
  ]);
  expect(btf?.members(5).map(({ name }) => name)).toEqual(['whole', 'part']);
});

test('sizes go through typedefs, arrays and pointers', () => {
  const btf = Btf.open(SAMPLE);
  expect([4, 3, 2, 6].map((type) => btf?.sizeOf(type))).toEqual([4, 64, 8, 96]);
});

test('bit-fields carry their size', () => {
  const btf = Btf.open(SAMPLE);
  expect(btf?.members(btf.structure('info') ?? 0)).toEqual([
    { name: 'flags', type: 1, bitOffset: 0, bitSize: 5 },
    { name: 'level', type: 1, bitOffset: 5, bitSize: 3 },
  ]);
});

test('it is found within an image, and what only begins like it is not', () => {
  const image = new Uint8Array(4096 + SAMPLE.length);
  image.set([0x9f, 0xeb, 1, 0], 64);
  image.set(SAMPLE, 2048);
  expect(Btf.find(image)?.structure('task')).toBe(6);
  expect(Btf.find(image.subarray(0, 2048))).toBeUndefined();
});

test('a name that is not there names no structure, nor does that of another type', () => {
  const btf = Btf.open(SAMPLE);
  expect(btf?.structure('tas')).toBeUndefined();
  expect(btf?.structure('pid_t')).toBeUndefined();
});

test('types that refer to themselves have no size', () => {
  const btf = Btf.open(
    btfOf([
      [TYPEDEF, 'a', 2, []],
      [TYPEDEF, 'b', 1, []],
      [ARRAY, '', 0, [3, 3, 1]],
    ]),
  );
  expect([1, 3].map((type) => btf?.sizeOf(type))).toEqual([0, 0]);
});

test('damage is noticed when it is opened, or gives types without members', () => {
  for (let at = 0; at < SAMPLE.length; at++) {
    for (const value of [0, 0xff, (SAMPLE[at] ?? 0) ^ 0x40]) {
      const damaged = SAMPLE.slice();
      damaged[at] = value;
      const btf = Btf.open(damaged);
      for (let type = 0; type < (btf?.count ?? 0) + 1; type++) {
        btf?.members(type);
        btf?.sizeOf(type);
      }
      btf?.structure('task');
    }
  }
  for (let length = 0; length < SAMPLE.length; length++)
    expect(Btf.open(SAMPLE.subarray(0, length))).toBeUndefined();
});
