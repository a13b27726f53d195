// The views of xenstore: values, permissions, watches, changes, devices; and what a guest can do to them.

import { expect, test } from 'vitest';
import { xenbusStates } from '../../../../../emulator/xen/abi/xenbus.ts';
import { inspectedXen } from './inspected-xen.ts';

type Xen = ReturnType<typeof inspectedXen>;

const node = (xen: Xen, path: string) => xen.inspect('xenstore', { path }).nodes[0];

test('a node: value, owner, permissions in words, watches, last change', () => {
  const xen = inspectedXen();
  xen.wait(3_000_000);
  xen.own.write('/local/domain/1/data/note', 'hello');
  xen.toolstack.watch('/local/domain/1/data/note', 'my token', () => {});
  xen.wait(1_000_000);
  expect(node(xen, '/local/domain/1/data/note')).toMatchObject({
    name: 'note',
    depth: 0,
    children: 0,
    value: 'hello',
    binary: false,
    length: 5,
    truncated: 0,
    owner: 1,
    permissions: 'n1',
    permissionWords: 'd1 owns it; others may nothing',
    watches: [{ domain: 0, token: 'my token' }],
    lastChange: { words: 'written by d1', by: 1, moment: { at: '0.003000 s', ago: '1.00 ms ago' } },
  });
  xen.toolstack.setPermissions('/local/domain/1/data/note', 'r1,b0,w7');
  expect(node(xen, '/local/domain/1/data/note')).toMatchObject({
    permissions: 'r1,b0,w7',
    permissionWords:
      'd1 owns it; d0 may read and write; an entry for d7, which is gone, gives nothing; others may read',
    lastChange: { words: 'permissions set by d0 (toolstack)' },
  });
});

test('the tree in order, by depth and a part at a time', () => {
  const xen = inspectedXen();
  const all = xen.inspect('xenstore');
  expect(all.nodes.slice(0, 4).map(({ path, depth }) => [path, depth])).toEqual([
    ['/', 0],
    ['/tool', 1],
    ['/tool/xenstored', 2],
    ['/local', 1],
  ]);
  expect(all.total).toBe(all.nodes.length);
  expect(xen.inspect('xenstore', { depth: 1 }).nodes.map(({ name }) => name)).toEqual([
    '/',
    'tool',
    'local',
    'vm',
    'libxl',
  ]);
  const part = xen.inspect('xenstore', { start: 2, count: 3 });
  expect(part.nodes).toEqual(all.nodes.slice(2, 5));
  expect(part.total).toBe(all.total);
  expect(xen.text('xenstore path=/tool')).toBe('/tool = ""   (n0)\n xenstored = ""   (n0)\n');
  expect(() => xen.inspect('xenstore', { path: '/no\u001bsuch' })).toThrow("there is no node '/no\\x1bsuch'");
});

test('a value is text: markup stays what it is, what does not print is escaped, long ones are cut', () => {
  const xen = inspectedXen();
  const values: [Uint8Array | string, object][] = [
    ['<img src=x onerror=alert(1)>', { value: '<img src=x onerror=alert(1)>', binary: false }],
    ['grüße 中', { value: 'grüße 中', binary: false }],
    ['a\u001b[2Jb', { value: 'a\\x1b[2Jb', binary: true }],
    ['a\\b', { value: 'a\\b', binary: false }],
    ['a\\b\n', { value: 'a\\\\b\\x0a', binary: true }],
    // Turns the direction of the text around it.
    ['abc\u202edef', { value: 'abc\\xe2\\x80\\xaedef', binary: true }],
    [Uint8Array.of(0xff, 0xfe, 0x41), { value: '\\xff\\xfeA', binary: true, length: 3 }],
    ['x'.repeat(3000), { value: 'x'.repeat(512), binary: false, length: 3000, truncated: 2488 }],
    [`${'x'.repeat(511)}ü`, { value: 'x'.repeat(511), binary: false, truncated: 1 }],
    ['', { value: '', binary: false, length: 0 }],
  ];
  for (const [value, expected] of values) {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    const old = xen.control.xenstore.store.read('/local/domain/1/data')!;
    xen.control.xenstore.store.write('/local/domain/1/data', { ...old, value: bytes });
    expect(node(xen, '/local/domain/1/data')).toMatchObject(expected);
    const text = xen.text('xenstore path=/local/domain/1/data');
    expect([...text].filter((c) => c !== '\n' && (c < ' ' || c === '\u202e'))).toEqual([]);
  }
});

test('ten thousand nodes and a thousand levels: a part at a time', () => {
  const xen = inspectedXen();
  for (let index = 0; index < 10_000; index++) xen.toolstack.write(`/many/${index % 100}/${index}`, 'x');
  const view = xen.inspect('xenstore', { path: '/many' });
  expect(view.total).toBe(10_101);
  expect(view.nodes).toHaveLength(1000);
  expect(xen.inspect('xenstore', { path: '/many', count: 1_000_000 }).nodes).toHaveLength(5000);
  expect(xen.inspect('xenstore', { path: '/many', start: 10_100 }).nodes).toHaveLength(1);
  xen.toolstack.write(`/deep${'/d'.repeat(1000)}`, 'bottom');
  const deep = xen.inspect('xenstore', { path: '/deep', start: 999, count: 5000 });
  expect(deep.total).toBe(1001);
  expect(deep.nodes.at(-1)).toMatchObject({ depth: 1000, value: 'bottom' });
});

test('watches and transactions of clients', () => {
  const xen = inspectedXen();
  xen.own.watch('device', '\u001b<b>', () => {});
  xen.own.transaction((transaction) => {
    xen.own.read('name', transaction);
    xen.own.write('data/a', 'one', transaction);
    const [toolstack, own] = xen.inspect('xenstore').clients;
    expect(toolstack).toMatchObject({
      domain: 0,
      words: 'a client of the toolstack',
      sentence: 'nothing waits',
    });
    expect(own).toMatchObject({
      domain: 1,
      words: 'd1, by its ring',
      watchCount: 1,
      watches: [{ path: '/local/domain/1/device', token: '\\x1b<b>' }],
      transactions: [{ id: transaction, words: expect.stringMatching(/^looked at \d nodes, changed \d$/) }],
    });
  });
  expect(xen.inspect('xenstore').clients[1]?.transactions).toEqual([]);
});

test('changes, newest first, by whom and when', () => {
  const xen = inspectedXen();
  xen.own.write('data/a', 'one');
  xen.wait(2_000_000);
  xen.toolstack.write('/local/domain/1/data/a', 'two\n');
  xen.toolstack.remove('/local/domain/1/data/a');
  xen.toolstack.write('/elsewhere', '');
  const view = xen.inspect('xenstoreHistory', { path: '/local/domain/1/data' });
  expect(view).toMatchObject({ total: 4, remembered: 4, matching: 3 });
  expect(view.changes.map(({ path, words, value, moment }) => [path, words, value, moment.ago])).toEqual([
    ['/local/domain/1/data/a', 'removed by d0 (toolstack)', undefined, '0 ns ago'],
    ['/local/domain/1/data/a', 'written by d0 (toolstack)', 'two\\x0a', '0 ns ago'],
    ['/local/domain/1/data/a', 'written by d1', 'one', '2.00 ms ago'],
  ]);
  for (let index = 0; index < 1500; index++) xen.toolstack.write('/n', String(index));
  const later = xen.inspect('xenstoreHistory', { start: 990, count: 100 });
  expect(later).toMatchObject({ total: 1504, remembered: 1000, matching: 1000 });
  expect(later.changes).toHaveLength(10);
  expect(later.changes.at(-1)?.value).toBe('500');
});

// ---------------------------------------------------------------- devices

/** A block device whose ends stand in these states, as text. */
function device(xen: Xen, frontend: string | undefined, backend: string | undefined) {
  const front = '/local/domain/1/device/vbd/51712';
  const back = '/local/domain/0/backend/vbd/1/51712';
  xen.toolstack.remove(front);
  xen.toolstack.remove(back);
  xen.toolstack.write(`${front}/backend`, back);
  xen.toolstack.write(`${front}/backend-id`, '0');
  xen.toolstack.write(`${back}/dev`, 'xvda');
  if (frontend !== undefined) xen.toolstack.write(`${front}/state`, frontend);
  if (backend !== undefined) xen.toolstack.write(`${back}/state`, backend);
  return xen.inspect('xenstore').devices.find(({ kind }) => kind === 'vbd');
}

test('a device: where both ends stand, what may follow, and who waits for whom', () => {
  const xen = inspectedXen();
  expect(device(xen, '1', '2')).toMatchObject({
    name: 'vbd xvda',
    frontend: {
      domain: 1,
      state: 1,
      stateName: 'Initialising',
      next: ['Initialised', 'Connected', 'Closing', 'Closed'],
    },
    backend: { domain: 0, state: 2, stateName: 'InitWait' },
    connected: false,
    sentence: 'the backend waits in InitWait for the frontend to reach Initialised',
  });
  expect(device(xen, '4', '4')).toMatchObject({ connected: true, sentence: 'connected' });
  expect(device(xen, '3', '2')?.sentence).toContain('waits in Initialised for the backend');
  expect(device(xen, undefined, '2')?.sentence).toBe(
    "the frontend has no node 'state': its nodes are gone, or not there yet",
  );
  expect(device(xen, '99', '2')).toMatchObject({
    frontend: { stateName: 'Unknown', stateText: '99' },
    sentence: "the frontend's state is '99', which is none",
  });
  xen.toolstack.write('/local/domain/0/error/backend/vbd/1/51712/error', '22 mapping ring-ref 8');
  expect(device(xen, '5', '5')?.error).toBe('22 mapping ring-ref 8');
});

test('every pair of states has a sentence of its own words', () => {
  const xen = inspectedXen();
  const names = Object.entries(xenbusStates);
  for (const [, frontend] of names) {
    for (const [, backend] of names) {
      const sentence = device(xen, String(frontend), String(backend))?.sentence ?? '';
      expect(sentence).toMatch(/^[a-z][A-Za-z ,:;']+$/);
    }
  }
});

test('a guest that makes devices up is shown, and costs nothing', () => {
  const xen = inspectedXen();
  xen.toolstack.setPermissions('/local/domain/1/device', 'n1');
  for (let index = 0; index < 400; index++) {
    const path = `device/vbd/${index}`;
    xen.own.write(`${path}/backend`, index % 2 === 0 ? `/local/domain/1/${path}` : 'relative');
    xen.own.write(`${path}/backend-id`, index % 3 === 0 ? '99999' : '1');
  }
  const { devices } = xen.inspect('xenstore');
  expect(devices.length).toBeGreaterThan(50);
  expect(devices.length).toBeLessThanOrEqual(256);
  expect(JSON.parse(JSON.stringify(devices))).toEqual(devices);
});
