import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Changes } from '../../debug-adapter/changes.ts';
import type { XenEvents } from '../../debug-adapter/protocol.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watched(): { changes: Changes; told: XenEvents['xen/changed'][] } {
  const told: XenEvents['xen/changed'][] = [];
  return { changes: new Changes((event) => told.push(event)), told };
}

test('a stop is told at once, with all that is shown', () => {
  const { changes, told } = watched();
  changes.subscribe('a', ['machine']);
  changes.machineIs(true, 1);
  changes.machineIs(false, 2);
  expect(told).toEqual([{ areas: ['machine'], generation: 2, running: false }]);
});

test('while the machine runs, as often as the most eager subscriber asked for', () => {
  const { changes, told } = watched();
  changes.subscribe('slow', ['machine'], 1);
  changes.machineIs(true, 1);
  vi.advanceTimersByTime(2000);
  expect(told).toHaveLength(2);
  changes.subscribe('fast', ['domains' as 'machine'], 10);
  vi.advanceTimersByTime(1000);
  expect(told).toHaveLength(12);
  expect(told.at(-1)).toEqual({ areas: ['machine', 'domains'], generation: 1, running: true });
});

test('nobody asks for more than twenty times a second, and nonsense is the usual rate', () => {
  const { changes, told } = watched();
  changes.machineIs(true, 1);
  changes.subscribe('a', ['machine'], 1e9);
  vi.advanceTimersByTime(1000);
  expect(told).toHaveLength(20);
  changes.subscribe('a', ['machine'], Number.NaN);
  vi.advanceTimersByTime(1000);
  expect(told).toHaveLength(25);
});

test('hidden panels cost nothing: without a subscription, or a machine that runs, there is no timer', () => {
  const { changes, told } = watched();
  changes.machineIs(true, 1);
  expect(vi.getTimerCount()).toBe(0);
  changes.subscribe('a', ['machine']);
  expect(vi.getTimerCount()).toBe(1);
  changes.subscribe('a', []);
  expect(vi.getTimerCount()).toBe(0);
  changes.subscribe('a', ['machine']);
  changes.machineIs(false, 2);
  expect(vi.getTimerCount()).toBe(0);
  changes.machineIs(true, 2);
  changes.end();
  expect(vi.getTimerCount()).toBe(0);
  expect(told).toHaveLength(1);
});
