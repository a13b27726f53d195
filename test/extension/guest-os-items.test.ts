import { expect, test } from 'vitest';
import {
  frameItems,
  type GuestItem,
  guestItems,
  type GuestRows,
  logText,
} from '../../extension/guest-os/items.ts';

const task = (pid: number, name: string, more = {}) => ({
  address: `0xffff${pid}`,
  pid,
  tgid: pid,
  name,
  state: 'sleeping',
  kernel: false,
  ...more,
});

const LINUX: GuestRows = {
  domain: 1,
  name: 'linux',
  os: 'Linux',
  tasks: [
    task(1, 'init', { cpu: 1 }),
    task(2, 'kthreadd', { kernel: true, parent: 0 }),
    task(40, 'sh', { state: 'running', vcpu: 0, parent: 1 }),
    task(41, 'sh', { tgid: 40 }),
  ],
  modules: [
    { name: 'xen_blkfront', addressRange: '0x1000-0x2000', symbolStatus: 'No symbols', domain: 'linux' },
  ],
};

const lines = (items: readonly GuestItem[], depth = 0): string[] =>
  items.flatMap(({ label, description, children }) => [
    `${'  '.repeat(depth)}${label}: ${description}`,
    ...lines(children, depth + 1),
  ]);

test('a guest shows its processes, kernel threads and modules', () => {
  expect(lines(guestItems([LINUX], ''))).toEqual([
    'Processes: 3',
    '  1 init: sleeping · CPU 1',
    '  40 sh: running · on vCPU 0',
    '  41 sh: sleeping · thread of 40',
    'Kernel threads: 1',
    '  2 kthreadd: sleeping',
    'Modules: 1',
    '  xen_blkfront: 0x1000 · No symbols',
  ]);
});

test('several guests stand each for themselves', () => {
  const items = guestItems([LINUX, { ...LINUX, domain: 2, name: 'other', modules: [] }], '');
  expect(items.map(({ label }) => label)).toEqual(['d1 linux', 'd2 other']);
  const ids = items
    .flatMap(({ children }) => children.flatMap((group) => [group, ...group.children]))
    .map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('a filter finds by name and by pid, and opens what it finds', () => {
  expect(lines(guestItems([LINUX], 'BLK'))).toEqual(['Modules: 1', '  xen_blkfront: 0x1000 · No symbols']);
  const [group] = guestItems([LINUX], '2');
  expect(group).toMatchObject({ label: 'Kernel threads', open: true });
});

test('frames lead to their code; exceptions and programs lead nowhere', () => {
  const frames = frameItems(1, task(1, 'init'), [
    { name: '__switch_to+0x10', address: '0xffff800008001000', path: '/linux/process.c', line: 7 },
    { name: '— interrupt —' },
    { name: '0x44bd4c', address: '0x44bd4c' },
  ]);
  expect(frames.map(({ description, reference }) => [description, reference])).toEqual([
    ['process.c:7', 'd1/va:0xffff800008001000'],
    ['', undefined],
    ['', undefined],
  ]);
});

test('the log has the time before each line', () => {
  const records = [
    { sequence: 1, nanoseconds: 0, level: 5, text: 'Booting' },
    { sequence: 2, nanoseconds: 1_204_381_000, level: 3, text: 'two\nlines\n' },
  ];
  expect(logText(records)).toBe('[    0.000000] Booting\n[    1.204381] two\n[    1.204381] lines\n');
});
