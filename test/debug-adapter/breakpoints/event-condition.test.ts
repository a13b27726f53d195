import { expect, test } from 'vitest';
import { conditionHolds } from '../../../debug-adapter/breakpoints/event-condition.ts';
import type { Program } from '../../../emulator/machine/stop-programs.ts';

const event = {
  event: 'panic',
  fields: { os: 'Linux', message: 'VFS: Unable to mount root fs', code: -1n },
  description: '',
};
const holds = (program: Program): boolean | undefined => conditionHolds(program, event);
const text = (field: string, pattern: string): Program => ({ kind: 'event-text', field, pattern });

test('texts are compared whole, and stars stand for anything', () => {
  expect(holds(text('os', 'Linux'))).toBe(true);
  expect(holds(text('os', 'Lin'))).toBe(false);
  expect(holds(text('message', '*mount*fs'))).toBe(true);
  expect(holds(text('message', 'VFS*root'))).toBe(false);
  expect(holds(text('os', 'Linux*Linux'))).toBe(false);
});

test('numbers compare as signed and unsigned ones', () => {
  const compared = (operator: '<s' | '<u'): Program => ({
    kind: 'binary',
    operator,
    left: { kind: 'event', field: 'code' },
    right: { kind: 'constant', value: 0n },
  });
  expect(holds(compared('<s'))).toBe(true);
  expect(holds(compared('<u'))).toBe(false);
});

test('what is not decided by a known side cannot be computed', () => {
  const unknown: Program = { kind: 'event', field: 'nothing' };
  const yes: Program = { kind: 'constant', value: 1n };
  expect(holds(unknown)).toBeUndefined();
  expect(holds({ kind: 'and', left: yes, right: unknown })).toBeUndefined();
  expect(holds({ kind: 'or', left: yes, right: unknown })).toBe(true);
  expect(
    holds({ kind: 'binary', operator: '/s', left: yes, right: { kind: 'constant', value: 0n } }),
  ).toBeUndefined();
});
