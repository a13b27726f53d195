import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  around,
  bounded,
  compressedScale,
  linearScale,
  PAGE,
  panned,
  partAt,
  sizeText,
  ticksOf,
  withGaps,
  zoomed,
} from '../../../media/memory/scale.ts';
import { changesBetween } from '../../../media/memory/ranges.ts';

const TIB = 2 ** 40;
const RAM = { from: 0x4000_0000, size: 0x1000_0000 };
const UART = { from: 0x2200_0000, size: PAGE };

const parts = fc
  .uniqueArray(fc.integer({ min: 0, max: 1 << 27 }), { minLength: 2, maxLength: 40 })
  .map((pages) => {
    const starts = [...pages].sort((a, b) => a - b);
    return starts.slice(0, -1).map((start, n) => ({
      from: start * PAGE,
      size: Math.max(1, Math.floor(((starts[n + 1] ?? start) - start) / 2)) * PAGE,
    }));
  });

test('places on a compressed line lead back to their addresses, in order', () => {
  fc.assert(
    fc.property(
      parts,
      fc.array(fc.integer({ min: 0, max: TIB - 1 }), { minLength: 2 }),
      (ranges, offsets) => {
        const scale = compressedScale(withGaps(ranges, TIB), TIB);
        let before = -1;
        for (const offset of offsets.toSorted((a, b) => a - b)) {
          const place = scale.toPlace(offset);
          expect(place).toBeGreaterThanOrEqual(before);
          before = place;
          expect(Math.abs(scale.toOffset(place) - offset)).toBeLessThan(PAGE);
        }
        expect(scale.toPlace(TIB)).toBeCloseTo(scale.length);
      },
    ),
  );
});

test('on a compressed line a page is seen beside a tebibyte', () => {
  const scale = compressedScale(withGaps([UART, RAM], TIB), TIB);
  const share = (range: { from: number; size: number }): number =>
    (scale.toPlace(range.from + range.size) - scale.toPlace(range.from)) / scale.length;
  expect(share(UART)).toBeGreaterThan(0.04);
  expect(share(RAM)).toBeGreaterThan(share(UART));
});

test('zooming keeps what is under the pointer, down to a page and up to the whole space', () => {
  fc.assert(
    fc.property(fc.boolean(), fc.double({ min: 0, max: 1, noNaN: true }), (compressed, at) => {
      const scale = compressed ? compressedScale(withGaps([UART, RAM], TIB), TIB) : linearScale(TIB);
      const target = scale.toOffset(at * scale.length);
      let zoom = { from: 0, to: TIB };
      for (let step = 0; step < 60; step++) {
        zoom = zoomed(zoom, scale, 2, at, TIB);
        expect(zoom.from).toBeLessThanOrEqual(target + PAGE);
        expect(zoom.to).toBeGreaterThanOrEqual(target - PAGE);
      }
      expect(zoom.to - zoom.from).toBeCloseTo(PAGE, 0);
      for (let step = 0; step < 120; step++) zoom = zoomed(zoom, scale, 0.5, at, TIB);
      expect(zoom.from).toBeLessThan(PAGE);
      expect(zoom.to).toBeGreaterThan(TIB - PAGE);
    }),
  );
});

test('moving ends at both ends of the space', () => {
  const scale = linearScale(TIB);
  expect(panned({ from: 0, to: PAGE }, scale, -5, TIB)).toEqual({ from: 0, to: PAGE });
  expect(panned({ from: 0, to: PAGE }, scale, 2, TIB)).toEqual({ from: 2 * PAGE, to: 3 * PAGE });
  expect(panned({ from: TIB - PAGE, to: TIB }, scale, 5, TIB)).toEqual({ from: TIB - PAGE, to: TIB });
  expect(bounded({ from: -9, to: 2 * TIB }, TIB)).toEqual({ from: 0, to: TIB });
});

test('a range is looked at with room on both sides', () => {
  const { from, to } = around(RAM, TIB);
  expect(from).toBeLessThan(RAM.from);
  expect(to).toBeGreaterThan(RAM.from + RAM.size);
});

test('the range under an address, if there is one', () => {
  expect(partAt([UART, RAM], 0x4567_8000)).toBe(RAM);
  expect(partAt([UART, RAM], 0x2200_1000)).toBeUndefined();
  expect(partAt([], 0)).toBeUndefined();
});

test('ticks are round and few', () => {
  const ticks = ticksOf({ from: 0x4000_1234, to: 0x5000_0000 }, 8);
  expect(ticks.length).toBeGreaterThan(2);
  expect(ticks.length).toBeLessThanOrEqual(8);
  expect(ticks.every((tick) => tick % 0x10_0000 === 0)).toBe(true);
});

test('sizes are said in their unit', () => {
  expect([4096, 0x26_0000, 2 ** 40, 0x3fff_f000].map(sizeText)).toEqual([
    '4 KiB',
    '2.38 MiB',
    '1 TiB',
    '1024.0 MiB',
  ]);
});

test('changes: what came, what went, and what became another', () => {
  const row = (key: string, name: string, size = '0x1000') => ({
    key,
    size,
    kind: name === 'hole' ? 'hole' : 'ram',
    name,
    details: '',
  });
  const before = [row('0x1000', 'RAM'), row('0x2000', 'RAM'), row('0x3000', 'hole')];
  const now = [row('0x1000', 'shared info'), row('0x3000', 'RAM'), row('0x2000', 'hole')];
  expect(changesBetween(before, now)).toEqual([
    {
      kind: 'changed',
      key: '0x1000',
      size: 4096,
      name: 'shared info',
      was: 'RAM',
      is: 'shared info',
    },
    { kind: 'added', key: '0x3000', size: 4096, name: 'RAM' },
    { kind: 'removed', key: '0x2000', size: 4096, name: 'RAM' },
  ]);
});
