import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  XS_CONNECTION_OFFSET,
  XS_ERROR_OFFSET,
  XS_REQ_PROD_OFFSET,
} from '../../../../emulator/xen/abi/xs-wire.ts';
import { XenstoreClient } from '../../../../emulator/xen/xenstore/client.ts';
import {
  removeDomainNodes,
  writeConsoleNodes,
  writeControlDomainNodes,
  writeDomainNodes,
} from '../../../../emulator/xen/xenstore/domain-nodes.ts';
import { formatPermissions } from '../../../../emulator/xen/xenstore/permissions.ts';
import { XenstoreServer } from '../../../../emulator/xen/xenstore/server.ts';
import { bootXen, RAM_GFN } from '../fake-xen.ts';
import { RingGuest } from './ring-guest.ts';

const UUID = '487fa403-8282-4ec9-85d3-a8d2817db5d5';

test("the nodes of a domain are libxl's, in its order and with its permissions", () => {
  const { server, toolstack, domU } = connected();
  for (const node of ['poweroff', 'reboot', 'suspend'])
    domU.request('WRITE', `control/feature-${node}\0` + '1');
  expect(listing(server)).toBe(readFileSync(new URL('domain-nodes.golden.txt', import.meta.url), 'utf8'));
  removeDomainNodes(toolstack, 1, UUID);
  expect(toolstack.directory('/local/domain')).toEqual(['0']);
});

test('the first requests of Linux 6.1 are answered as it needs them', () => {
  const { domU } = connected();
  expect(domU.request('READ', 'control/platform-feature-xs_reset_watches\0')).toBe('1');
  expect(domU.request('RESET_WATCHES', '\0')).toBe('OK\0');
  expect(domU.request('WATCH', 'memory/target\0FFFFD750A6CBB8F8\0')).toBe('OK\0');
  expect(domU.request('READ', 'memory/target\0')).toBe('131072');
  expect(domU.request('DIRECTORY', 'backend\0')).toBe('-ENOENT');
  expect(domU.request('DIRECTORY', 'device\0')).toBe('suspend\0');
  expect(domU.request('DIRECTORY', 'device/suspend\0')).toBe('event-channel\0');
  expect(domU.request('READ', 'device/suspend/event-channel/state\0')).toBe('-ENOENT');
  expect(domU.request('READ', 'cpu/0/availability\0')).toBe('online');
  expect(domU.events).toEqual(['memory/target FFFFD750A6CBB8F8']);
});

test('READ has no NUL at its end, lists have one after every entry', () => {
  const { domU } = connected();
  domU.request('WRITE', 'data/a\0' + 'with\0zero');
  domU.request('WRITE', 'data/b\0');
  expect(domU.request('READ', 'data/a\0')).toBe('with\0zero');
  expect(domU.request('READ', 'data/b\0')).toBe('');
  expect(domU.request('DIRECTORY', 'data\0')).toBe('a\0b\0');
  expect(domU.request('DIRECTORY', 'data/a\0')).toBe('');
  expect(domU.request('GET_PERMS', 'data/a\0')).toBe('n1\0');
  expect(domU.request('GET_PERMS', 'domid\0')).toBe('n0\0r1\0');
});

test('a guest writes where it owns the node, reads where it may, and learns no more', () => {
  const { toolstack, domU } = connected();
  expect(domU.request('WRITE', 'name\0' + 'other')).toBe('-EACCES');
  expect(domU.request('MKDIR', 'new\0')).toBe('-EACCES');
  expect(domU.request('RM', 'data\0')).toBe('OK\0');
  toolstack.write('/secret/inner', 'x');
  expect(domU.request('READ', '/secret/inner\0')).toBe('-EACCES');
  // Nor does it learn whether a node is there.
  expect(domU.request('READ', '/secret/nothing\0')).toBe('-EACCES');
  expect(domU.request('READ', 'cpu/9\0')).toBe('-ENOENT');
  expect(domU.request('SET_PERMS', 'error\0n1\0r0\0')).toBe('OK\0');
  expect(domU.request('GET_PERMS', 'error\0')).toBe('n1\0r0\0');
  expect(domU.request('SET_PERMS', 'error\0n0\0')).toBe('-EPERM');
  expect(domU.request('SET_PERMS', 'name\0n1\0')).toBe('-EACCES');
  expect(domU.request('SET_PERMS', 'error\0x1\0')).toBe('-EINVAL');
});

test('missing nodes above are made, with the permissions of the first that exists', () => {
  const { domU } = connected();
  domU.request('SET_PERMS', 'data\0n1\0r0\0');
  expect(domU.request('WRITE', 'data/a/b/c\0' + 'deep')).toBe('OK\0');
  expect(domU.request('GET_PERMS', 'data/a/b\0')).toBe('n1\0r0\0');
  expect(domU.request('READ', '/local/domain/1/data/a/b/c\0')).toBe('deep');
  expect(domU.request('MKDIR', 'data/a/b\0')).toBe('OK\0');
  expect(domU.request('RM', 'data/a\0')).toBe('OK\0');
  expect(domU.request('RM', 'data/a\0')).toBe('OK\0');
  expect(domU.request('RM', 'data/a/b/c\0')).toBe('-ENOENT');
});

test('malformed requests are errors, not disconnections', () => {
  const { domU } = connected();
  expect(domU.request('READ', 'no-nul')).toBe('-EINVAL');
  expect(domU.request('READ', '')).toBe('-EINVAL');
  expect(domU.request('READ', 'a\0b\0')).toBe('-EINVAL');
  expect(domU.request('READ', 'bad//path\0')).toBe('-EINVAL');
  expect(domU.request('READ', 'bad/\0')).toBe('-EINVAL');
  expect(domU.request('READ', 'bad path\0')).toBe('-EINVAL');
  expect(domU.request('READ', `${'x'.repeat(2049)}\0`)).toBe('-EINVAL');
  expect(domU.request('WATCH', 'only-one\0')).toBe('-EINVAL');
  expect(domU.request('TRANSACTION_END', 'X\0')).toBe('-EINVAL');
  expect(domU.request('TRANSACTION_END', 'T\0')).toBe('-ENOENT');
  expect(domU.request('READ', 'name\0', 77)).toBe('-ENOENT');
  expect(domU.request('WATCH_EVENT', 'a\0')).toBe('-ENOSYS');
  expect(domU.request('INTRODUCE', '1\0' + '1\0' + '1\0')).toBe('-EACCES');
  expect(domU.request('CONTROL', 'check\0')).toBe('-EACCES');
  expect(domU.request('GET_DOMAIN_PATH', '7\0')).toBe('/local/domain/7\0');
  expect(domU.request('READ', 'name\0')).toBe('guest1');
});

test('a watch fires at once, then for what changes at or below it, as it was asked for', () => {
  const { toolstack, domU } = connected();
  domU.request('WATCH', 'control/shutdown\0t1\0');
  domU.request('WATCH', '/local/domain/1/control\0t2\0');
  expect(domU.request('WATCH', 'control/shutdown\0t1\0')).toBe('-EEXIST');
  domU.events.length = 0;
  toolstack.write('/local/domain/1/control/shutdown', 'poweroff');
  toolstack.write('/local/domain/1/name', 'renamed');
  domU.collect();
  expect(domU.events).toEqual(['control/shutdown t1', '/local/domain/1/control/shutdown t2']);
  expect(domU.request('UNWATCH', 'control/shutdown\0t1\0')).toBe('OK\0');
  expect(domU.request('UNWATCH', 'control/shutdown\0t1\0')).toBe('-ENOENT');
  toolstack.write('/local/domain/1/control/shutdown', '');
  domU.collect();
  expect(domU.events).toHaveLength(3);
});

test('the removal of a tree is told to watches above it once, and to those of each node below', () => {
  const { toolstack } = connected();
  const told: string[] = [];
  for (const path of ['/a', '/a/b', '/a/b/c', '/a/b/c/d']) toolstack.write(path, '');
  for (const path of ['/a', '/a/b', '/a/b/c/d'])
    toolstack.watch(path, path, (changed) => told.push(`${path}: ${changed}`));
  told.length = 0;
  toolstack.remove('/a/b');
  expect(told).toEqual(['/a/b/c/d: /a/b/c/d', '/a: /a/b', '/a/b: /a/b']);
});

test('no events for who may not see the node', () => {
  const { toolstack, domU } = connected();
  domU.request('WATCH', '/\0all\0');
  domU.collect();
  domU.events.length = 0;
  toolstack.write('/hidden/node', '1');
  domU.collect();
  expect(domU.events).toEqual([]);
  // Losing sight of a node is still told.
  toolstack.setPermissions('/local/domain/1/data', 'n0');
  domU.collect();
  expect(domU.events).toEqual(['/local/domain/1/data all']);
});

test('an event that still waits is not queued a second time', () => {
  const { toolstack, domU } = connected();
  domU.request('WATCH', 'data\0' + `${'token'.repeat(40)}\0`);
  domU.events.length = 0;
  for (let i = 0; i < 100; i++) toolstack.write('/local/domain/1/data', `${i}`);
  domU.collect();
  // The ring holds four; a fifth was cut in the middle, and one waits outside.
  expect(domU.events.length).toBeLessThan(8);
});

test('special watches are for the control domain', () => {
  const { xen, server, toolstack, domU } = connected();
  const told: string[] = [];
  toolstack.watch('@introduceDomain', 'in', (path) => told.push(path));
  toolstack.watch('@releaseDomain', 'out', (path) => told.push(path));
  told.length = 0;
  expect(domU.request('WATCH', '@releaseDomain\0t\0')).toBe('OK\0');
  new RingGuest(xen, server, xen.guest('other'), RAM_GFN + 9);
  server.release(2);
  domU.collect();
  expect(told).toEqual(['@introduceDomain', '@releaseDomain']);
  expect(domU.events).toEqual(['@releaseDomain t']);
});

test('a transaction shows its own writes, hides them from others, and holds its events back', () => {
  const { toolstack, domU } = connected();
  domU.request('WATCH', 'data\0t\0');
  const id = Number.parseInt(domU.request('TRANSACTION_START', '\0'), 10);
  expect(id).toBe(1);
  domU.events.length = 0;
  domU.request('WRITE', 'data/x\0' + 'inside', id);
  expect(domU.request('READ', 'data/x\0', id)).toBe('inside');
  expect(domU.request('READ', 'data/x\0')).toBe('-ENOENT');
  expect(toolstack.read('/local/domain/1/data/x')).toBeUndefined();
  expect(domU.events).toEqual([]);
  expect(domU.request('TRANSACTION_START', '\0', id)).toBe('-EBUSY');
  expect(domU.request('TRANSACTION_END', 'T\0', id)).toBe('OK\0');
  expect(toolstack.read('/local/domain/1/data/x')).toBe('inside');
  expect(domU.events).toEqual(['data/x t']);
});

test('a transaction whose ground moved is told to try again, one that only wrote elsewhere is not', () => {
  const { toolstack, domU } = connected();
  domU.request('WRITE', 'data/a\0' + '1');
  domU.request('WRITE', 'data/b\0' + '1');
  const start = () => Number.parseInt(domU.request('TRANSACTION_START', '\0'), 10);
  const conflicting = start();
  domU.request('READ', 'data/a\0', conflicting);
  domU.request('WRITE', 'data/b\0' + '2', conflicting);
  toolstack.write('/local/domain/1/data/a', 'changed');
  expect(domU.request('TRANSACTION_END', 'T\0', conflicting)).toBe('-EAGAIN');
  expect(toolstack.read('/local/domain/1/data/b')).toBe('1');

  const aborted = start();
  domU.request('WRITE', 'data/b\0' + '3', aborted);
  expect(domU.request('TRANSACTION_END', 'F\0', aborted)).toBe('OK\0');
  expect(toolstack.read('/local/domain/1/data/b')).toBe('1');

  const fine = start();
  domU.request('WRITE', 'data/b\0' + '4', fine);
  toolstack.write('/local/domain/1/data/a', 'again');
  expect(domU.request('TRANSACTION_END', 'T\0', fine)).toBe('OK\0');
});

test('quotas: nodes, size of a node, watches, transactions, permissions', () => {
  const { domU } = connected();
  const results = new Set<string>();
  for (let i = 0; i < 1000; i++) results.add(domU.request('WRITE', `data/${i % 10}/${i % 100}/${i}\0`));
  expect([...results]).toEqual(['OK\0', '-ENOSPC']);
  expect(domU.request('RM', 'data\0')).toBe('OK\0');
  expect(domU.request('WRITE', 'error\0' + 'x'.repeat(2048 - 24 - 8 - 1))).toBe('OK\0');
  expect(domU.request('WRITE', 'error\0' + 'x'.repeat(2048 - 24 - 8))).toBe('-ENOSPC');
  const watches = Array.from({ length: 130 }, (_, i) => domU.request('WATCH', `error\0${i}\0`));
  expect(watches.filter((reply) => reply === 'OK\0')).toHaveLength(129);
  expect(watches.at(-1)).toBe('-E2BIG');
  const transactions = Array.from({ length: 12 }, () => domU.request('TRANSACTION_START', '\0'));
  expect(transactions.at(-1)).toBe('-ENOSPC');
  expect(domU.request('SET_PERMS', `error\0n1\0${'r0\0'.repeat(5)}`)).toBe('-ENOSPC');
});

test('a long directory is read in parts', () => {
  const { toolstack, domU } = connected();
  const names = Array.from({ length: 200 }, (_, i) => `a-rather-long-name-for-a-node-${i}`);
  for (const name of names) toolstack.write(`/local/domain/1/many/${name}`, '');
  expect(domU.request('DIRECTORY', 'many\0')).toBe('-E2BIG');
  let list = '';
  for (;;) {
    const part = domU.request('DIRECTORY_PART', `many\0${list.length}\0`);
    const body = part.slice(part.indexOf('\0') + 1);
    const isLast = body.endsWith('\0\0') || body === '\0';
    list += isLast ? body.slice(0, -1) : body;
    if (isLast) break;
  }
  expect(list.split('\0').slice(0, -1)).toEqual(names);
});

test('requests and replies larger than the ring pass in pieces', () => {
  const { toolstack, domU } = connected();
  toolstack.write('/local/domain/1/data', 'y'.repeat(4000));
  expect(domU.request('READ', 'data\0')).toBe('y'.repeat(4000));
  expect(domU.request('WRITE', `error\0${'z'.repeat(2000)}`)).toBe('OK\0');
  expect(toolstack.read('/local/domain/1/error')).toBe('z'.repeat(2000));
});

test('many requests at once are answered in order, though the guest reads late', () => {
  const { domU } = connected();
  const ids = Array.from({ length: 40 }, () => domU.send('READ', 'name\0'));
  expect(ids).toHaveLength(40);
  expect(domU.request('READ', 'domid\0')).toBe('1');
});

test('ring indices or lengths that make no sense end the connection, and say why', () => {
  const broken = connected().domU;
  broken.page.write32(XS_REQ_PROD_OFFSET, 5000);
  broken.notify();
  expect(broken.page.read32(XS_ERROR_OFFSET)).toBe(2);

  const tooLong = connected().domU;
  tooLong.sendBytes(Uint8Array.of(2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0));
  expect(tooLong.page.read32(XS_ERROR_OFFSET)).toBe(3);
});

test('a guest that waits for the connection is told when it stands', () => {
  const xen = bootXen({ domU: {} });
  const server = new XenstoreServer({ domainExists: () => true });
  const domU = xen.guest('domU');
  domU.page(9).write32(XS_CONNECTION_OFFSET, 1);
  const ring = new RingGuest(xen, server, domU, RAM_GFN + 9);
  expect(ring.page.read32(XS_CONNECTION_OFFSET)).toBe(0);
  expect(domU.domain.eventChannels.isPending(ring.port)).toBe(true);
});

test('a domain that is gone leaves nothing: a later one of its number gets no rights', () => {
  const { xen, server, toolstack } = connected();
  const other = new RingGuest(xen, server, xen.guest('other'), RAM_GFN + 9);
  toolstack.write('/shared', 'for two');
  toolstack.setPermissions('/shared', 'n0,r2');
  toolstack.write('/theirs', '');
  toolstack.setPermissions('/theirs', 'n2');
  expect(other.request('READ', '/shared\0')).toBe('for two');
  server.release(2);
  expect(toolstack.read('/theirs')).toBeUndefined();
  const again = new RingGuest(xen, server, xen.guest('other'), RAM_GFN + 9);
  expect(again.request('READ', '/shared\0')).toBe('-EACCES');
});

test('the whole server can be saved as plain data', () => {
  const { server, domU } = connected();
  const before = JSON.stringify(server.save());
  domU.request('WATCH', 'data\0t\0');
  const after = JSON.stringify(server.save());
  expect(after).not.toBe(before);
  domU.request('TRANSACTION_START', '\0');
  expect(JSON.stringify(server.save())).not.toBe(after);
});

function connected() {
  const xen = bootXen({ domU: {}, other: {} });
  const server = new XenstoreServer({ domainExists: (domid) => xen.domains.find(domid) !== undefined });
  const toolstack = new XenstoreClient(server);
  writeControlDomainNodes(toolstack);
  writeDomainNodes(toolstack, {
    domid: 1,
    name: 'guest1',
    uuid: UUID,
    maximumMemory: 131072,
    targetMemory: 131072,
    vcpusOnline: [true],
    store: { port: 1, gfn: 0x39001 },
    startTime: '1795329760.96',
  });
  const domU = new RingGuest(xen, server, xen.guest('domU'), RAM_GFN + 10);
  writeConsoleNodes(toolstack, { domid: 1, port: 2, gfn: 0x39000 });
  return { xen, server, toolstack, domU };
}

/** As `xenstore-ls -fp` prints it. */
function listing(server: XenstoreServer): string {
  const lines = [...server.store.walk()]
    .filter(([path]) => path !== '/')
    .map(
      ([path, node]) =>
        `${path} = "${new TextDecoder().decode(node.value)}"   (${formatPermissions(node.permissions)})\n`,
    );
  return lines.join('');
}
