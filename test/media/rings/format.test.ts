import { expect, test } from 'vitest';
import { asCsv, asText, momentText, timeText } from '../../../media/rings/format.ts';
import type { HistoryMessage } from '../../../media/rings/views.ts';

const message = (summary: string, more: Partial<HistoryMessage> = {}): HistoryMessage => ({
  domain: 1,
  ring: 'xenstore',
  number: 7,
  instructions: 1000,
  nanoseconds: 1_500_000_000,
  from: 'frontend',
  kind: 'request',
  summary,
  fields: [{ name: 'type', offset: 0, value: '2', words: 'READ' }],
  ...more,
});

test('times have a unit that fits', () => {
  expect([0, 999, 1234, 1_234_567, 2_000_000_000].map(timeText)).toEqual([
    '0 ns',
    '999 ns',
    '1.234 µs',
    '1.235 ms',
    '2 s',
  ]);
  expect(timeText(undefined)).toBe('');
  expect(momentText(1_500_000_000)).toBe('1.500000000 s');
});

test('CSV: a line for each message, quoted where it must be, and nothing that a spreadsheet would calculate', () => {
  const text = asCsv([
    message('plain', { latency: { instructions: 5, nanoseconds: 7 }, counterpart: 8 }),
    message('a "b", c'),
    message('=HYPERLINK("x")'),
  ]);
  expect(text.split('\r\n').slice(1)).toEqual([
    '1,xenstore,7,1000,1500000000,frontend,request,plain,7,8,type=2 (READ)',
    '1,xenstore,7,1000,1500000000,frontend,request,"a ""b"", c",,,type=2 (READ)',
    `1,xenstore,7,1000,1500000000,frontend,request,"'=HYPERLINK(""x"")",,,type=2 (READ)`,
    '',
  ]);
});

test('text: a message with its fields below it, harmless to a terminal', () => {
  expect(asText([message('READ \x1b[2J')])).toBe(
    '1.500000000 s d1 xenstore #7 frontend request: READ \\x1b[2J\n    type: 2 (READ)\n',
  );
});
