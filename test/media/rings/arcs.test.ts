import { expect, test } from 'vitest';
import { arcPath, pointAt, spread } from '../../../media/rings/arcs.ts';

test('places go clockwise from the top', () => {
  expect(pointAt(0, 100)).toEqual({ x: 0, y: -100 });
  expect(pointAt(0.25, 100)).toEqual({ x: 100, y: 0 });
  expect(pointAt(0.5, 100)).toEqual({ x: 0, y: 100 });
});

test('a part of a band is four lines, the long way around where it is longer than half, and a whole band two circles', () => {
  const band = { inner: 50, outer: 100 };
  expect(arcPath(0, 0.25, band)).toBe('M 0 -100 A 100 100 0 0 1 100 0 L 50 0 A 50 50 0 0 0 0 -50 Z');
  expect(arcPath(0, 0.75, band)).toContain('A 100 100 0 1 1');
  expect(arcPath(0, 1, band).match(/Z/g)).toHaveLength(2);
});

test('labels keep apart and move no more than they must', () => {
  expect(spread([0, 50, 52], 10, 1)).toEqual([0, 50, 60]);
  expect(spread([10, 10, 10], 10, 1)).toEqual([10, 20, 30]);
  expect(spread([10, 5], 10, -1)).toEqual([10, 0]);
});
