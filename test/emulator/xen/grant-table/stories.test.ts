import { expect, test } from 'vitest';
import { gfn } from '../../../../emulator/base/address.ts';
import {
  GTF_permit_access,
  GTF_reading,
  GTF_readonly,
  GTF_writing,
} from '../../../../emulator/xen/abi/grant-table.ts';
import type { Page } from '../../../../emulator/xen/page.ts';
import { bootXen, type Guest, RAM_GFN } from '../fake-xen.ts';

const SELF = 0x7ff0;
const HOST_MAP = 2;
const READONLY = 4;
const GRANT_WINDOW = 0x38000;
/** Where the mapper puts what it maps: a hole. */
const HOLE = 0x50000;

test('the table has one frame at first and grows by mapping its frames', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  expect(querySize(domU)).toEqual({ status: 0, nr_frames: 1, max_nr_frames: 64 });
  expect(mapFrame(domU, 0)).toBe(0);
  expect(mapFrame(domU, 1)).toBe(0);
  expect(querySize(domU)).toMatchObject({ nr_frames: 2 });
  expect(mapFrame(domU, 64)).toBe('-EINVAL');
});

test('a frame that is mapped cannot be mapped a second time until it was removed', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  mapFrame(domU, 0);
  const elsewhere = { domid: SELF, space: 1, idx: 0n, gpfn: BigInt(GRANT_WINDOW + 9) };
  expect(domU.call('XENMEM_add_to_physmap', elsewhere).result).toBe('-EBUSY');
  expect(domU.call('XENMEM_remove_from_physmap', { domid: SELF, gpfn: GRANT_WINDOW }).result).toBe(0);
  expect(domU.call('XENMEM_add_to_physmap', elsewhere).result).toBe(0);
  expect(domU.call('XENMEM_remove_from_physmap', { domid: SELF, gpfn: GRANT_WINDOW }).result).toBe('-ENOENT');
});

test('version 1 is all there is', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  expect(domU.call('GNTTABOP_set_version', { version: 1 })).toEqual({ result: 0, arg: { version: 1 } });
  expect(domU.call('GNTTABOP_set_version', { version: 2 })).toEqual({
    result: '-ENOSYS',
    arg: { version: 1 },
  });
  expect(domU.call('GNTTABOP_set_version', { version: 3 })).toEqual({
    result: '-EINVAL',
    arg: { version: 1 },
  });
  expect(domU.call('GNTTABOP_get_version', { dom: SELF }).arg['version']).toBe(1);
});

test('a granted page is shared: what one writes the other reads, and the entry shows the use', () => {
  const { front, back, table } = twoDomains();
  grant(table, { ref: 8, to: 2, frame: RAM_GFN + 5 });
  front.page(5).write32(0, 0x1234);

  const mapped = map(back, { ref: 8, at: HOLE });
  expect(mapped).toMatchObject({ status: 0, handle: 0 });
  expect(mapped['dev_bus_addr']).toBe(BigInt(front.page(5).mfn * 4096));
  expect(back.pageAt(HOLE)?.read32(0)).toBe(0x1234);
  back.pageAt(HOLE)?.write32(4, 0x5678);
  expect(front.page(5).read32(4)).toBe(0x5678);
  expect(table.read16(8 * 8)).toBe(GTF_permit_access | GTF_reading | GTF_writing);

  expect(unmap(back, { handle: 0, at: HOLE })).toBe(0);
  expect(back.pageAt(HOLE)).toBeUndefined();
  expect(table.read16(8 * 8)).toBe(GTF_permit_access);
  expect(unmap(back, { handle: 0, at: HOLE })).toBe(-4);
});

test('reading and writing are taken back separately', () => {
  const { back, table } = twoDomains();
  grant(table, { ref: 8, to: 2, frame: RAM_GFN + 5 });
  map(back, { ref: 8, at: HOLE, flags: HOST_MAP | READONLY });
  expect(table.read16(8 * 8)).toBe(GTF_permit_access | GTF_reading);
  const writable = map(back, { ref: 8, at: HOLE + 1 });
  expect(table.read16(8 * 8)).toBe(GTF_permit_access | GTF_reading | GTF_writing);
  unmap(back, { handle: Number(writable['handle']), at: HOLE + 1 });
  expect(table.read16(8 * 8)).toBe(GTF_permit_access | GTF_reading);
  unmap(back, { handle: 0, at: HOLE });
  expect(table.read16(8 * 8)).toBe(GTF_permit_access);
});

test('a mapping is refused for the reason Xen names', () => {
  const { back, table } = twoDomains();
  grant(table, { ref: 8, to: 2, frame: RAM_GFN + 5 });
  grant(table, { ref: 9, to: 3, frame: RAM_GFN + 5 });
  grant(table, { ref: 10, to: 2, frame: RAM_GFN + 5, flags: GTF_permit_access | GTF_readonly });
  grant(table, { ref: 11, to: 2, frame: 0x12345 });
  const status = (members: Parameters<typeof map>[1]) => map(back, members)['status'];
  expect(status({ ref: 8, at: HOLE, flags: 0 })).toBe(-3);
  expect(status({ ref: 8, at: HOLE, flags: 1 })).toBe(-1);
  expect(status({ ref: 8, at: HOLE, dom: 77 })).toBe(-2);
  expect(status({ ref: 512, at: HOLE })).toBe(-3);
  expect(status({ ref: 9, at: HOLE })).toBe(-1);
  expect(status({ ref: 12, at: HOLE })).toBe(-1);
  expect(status({ ref: 10, at: HOLE })).toBe(-1);
  expect(status({ ref: 11, at: HOLE })).toBe(-9);
  expect(table.read16(11 * 8)).toBe(GTF_permit_access);
  expect(status({ ref: 10, at: HOLE, flags: HOST_MAP | READONLY })).toBe(0);
  // Five attempts took a handle and gave it back, to the end of the list; one kept its own.
  expect(map(back, { ref: 8, at: HOLE + 1 })['handle']).toBe(6);
});

test('SILO lets no domain map the page of another that is not the control domain', () => {
  const { back, table } = twoDomains('silo');
  grant(table, { ref: 8, to: 2, frame: RAM_GFN + 5 });
  expect(map(back, { ref: 8, at: HOLE })['status']).toBe(-8);
  expect(copyFrom(back, { dom: 1, ref: 8 })).toBe(-8);
});

test('while a grant is mapped, rewriting its entry changes nothing for the mapper', () => {
  const { front, back, table } = twoDomains();
  grant(table, { ref: 8, to: 2, frame: RAM_GFN + 5 });
  map(back, { ref: 8, at: HOLE, flags: HOST_MAP | READONLY });
  grant(table, { ref: 8, to: 3, frame: RAM_GFN + 6 });
  expect(map(back, { ref: 8, at: HOLE + 1, flags: HOST_MAP | READONLY })['status']).toBe(0);
  expect(back.pageAt(HOLE + 1)?.mfn).toBe(front.page(5).mfn);
});

test('the page of a grant in use is not reused when its owner gives it up', () => {
  const { xen, front, back, table } = twoDomains();
  grant(table, { ref: 8, to: 2, frame: RAM_GFN + 5 });
  const { mfn } = front.page(5);
  map(back, { ref: 8, at: HOLE });
  expect(xen.machine.references.get(mfn)).toBe(1);
  unmap(back, { handle: 0, at: HOLE });
  expect(xen.machine.references.has(mfn)).toBe(false);
});

test('copy moves bytes from a grant into the caller, and says what is wrong with its arguments', () => {
  const { front, back, table } = twoDomains();
  grant(table, { ref: 8, to: 2, frame: RAM_GFN + 5 });
  front.page(5).write(100, Uint8Array.of(1, 2, 3, 4, 5));
  expect(copyFrom(back, { dom: 1, ref: 8, offset: 100, length: 5 })).toBe(0);
  expect(back.page(3).read(7, 5)).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
  expect(table.read16(8 * 8)).toBe(GTF_permit_access);
  expect(copyFrom(back, { dom: 1, ref: 8, offset: 4000, length: 97 })).toBe(-10);
  expect(copyFrom(back, { dom: 1, ref: 600 })).toBe(-3);
  expect(copyFrom(back, { dom: 77, ref: 8 })).toBe(-2);
});

test('a copy names only its own pages by frame', () => {
  const { back } = twoDomains();
  const op = { dest_domid: SELF, dest_gmfn: RAM_GFN + 3, len: 4, flags: 0 };
  expect(back.call('GNTTABOP_copy', { ...op, source_domid: 1, source_gmfn: RAM_GFN }).arg['status']).toBe(-8);
  expect(back.call('GNTTABOP_copy', { ...op, source_domid: SELF, source_gmfn: RAM_GFN }).arg['status']).toBe(
    0,
  );
  expect(back.call('GNTTABOP_copy', { ...op, source_domid: SELF, source_gmfn: 0x99999 }).arg['status']).toBe(
    -9,
  );
});

test('an array of grants is mapped entry by entry, and ends at the first that cannot be read', () => {
  const { back, table } = twoDomains();
  for (const ref of [8, 9, 10]) grant(table, { ref, to: 2, frame: RAM_GFN + ref });
  const at = (RAM_GFN + 15) * 4096 + 4096 - 64;
  const entry = new Uint8Array(32);
  const view = new DataView(entry.buffer);
  for (const [index, ref] of [8, 9].entries()) {
    view.setBigUint64(0, BigInt(HOLE + index) * 4096n, true);
    view.setUint32(8, HOST_MAP, true);
    view.setUint32(12, ref, true);
    view.setUint16(16, 1, true);
    back.write(at + index * 32, entry);
  }
  expect(back.raw(20, [0n, BigInt(at), 2n])).toBe(0);
  expect(back.pageAt(HOLE + 1)).toBeDefined();
  expect(back.raw(20, [0n, BigInt(at), 3n])).toBe('-EFAULT');
  expect(back.raw(20, [0n, BigInt(at), 0xffff_ffffn])).toBe('-EINVAL');
});

test('a very long array is continued, and still done as a whole', () => {
  const { back } = twoDomains();
  const pages = 12;
  const entries = (pages * 4096) / 24;
  const at = (RAM_GFN + 2) * 4096;
  expect(back.raw(20, [1n, BigInt(at), BigInt(entries)])).toBe(0);
  // Every entry has its status: handle 0 is bad.
  expect(back.read(at + 20 + 24 * (entries - 1), 2)).toEqual(Uint8Array.of(0xfc, 0xff));
});

test('cache_flush with nothing to flush succeeds, so that Linux finds it', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  expect(domU.call('GNTTABOP_cache_flush', { op: 1, length: 0 }).result).toBe(0);
  expect(domU.call('GNTTABOP_cache_flush', { op: 4, length: 8 }).result).toBe('-EINVAL');
  expect(domU.call('GNTTABOP_cache_flush', { op: 1, offset: 4090, length: 8 }).result).toBe('-EINVAL');
});

test('when a mapper ends, what it had mapped is free again', () => {
  const { xen, table, back } = twoDomains();
  grant(table, { ref: 8, to: 2, frame: RAM_GFN + 5 });
  map(back, { ref: 8, at: HOLE });
  xen.domains.destroy(2);
  expect(table.read16(8 * 8)).toBe(GTF_permit_access);
  expect(xen.machine.references.size).toBe(0);
});

test('the toolstack seeds the entries of console and xenstore', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  domU.domain.grantTable.seed(1, 0, gfn(0x39001));
  expect(domU.domain.grantTable.list()).toEqual([{ reference: 1, flags: 1, domid: 0, gfn: 0x39001 }]);
});

function twoDomains(xsm: 'silo' | 'dummy' = 'dummy') {
  const xen = bootXen({ front: {}, back: {} }, { xsm });
  const front = xen.guest('front');
  mapFrame(front, 0);
  const table = front.pageAt(GRANT_WINDOW);
  if (!table) throw new Error('the grant frame is mapped');
  return { xen, front, back: xen.guest('back'), table };
}

function querySize(guest: Guest) {
  const { status, nr_frames, max_nr_frames } = guest.call('GNTTABOP_query_size', { dom: SELF }).arg;
  return { status, nr_frames, max_nr_frames };
}

function mapFrame(guest: Guest, index: number) {
  return guest.call('XENMEM_add_to_physmap', {
    domid: SELF,
    space: 1,
    idx: BigInt(index),
    gpfn: BigInt(GRANT_WINDOW + index),
  }).result;
}

function grant(table: Page, entry: { ref: number; to: number; frame: number; flags?: number }): void {
  table.write32(entry.ref * 8 + 4, entry.frame);
  table.write16(entry.ref * 8 + 2, entry.to);
  table.write16(entry.ref * 8, entry.flags ?? GTF_permit_access);
}

function map(
  guest: Guest,
  { ref, at, flags = HOST_MAP, dom = 1 }: { ref: number; at: number; flags?: number; dom?: number },
) {
  return guest.call('GNTTABOP_map_grant_ref', { host_addr: BigInt(at) * 4096n, flags, ref, dom }).arg;
}

function unmap(guest: Guest, { handle, at }: { handle: number; at: number }) {
  return guest.call('GNTTABOP_unmap_grant_ref', { host_addr: BigInt(at) * 4096n, handle }).arg['status'];
}

/** Into page 3 of the caller, at offset 7. */
function copyFrom(
  guest: Guest,
  { dom, ref, offset = 0, length = 4 }: { dom: number; ref: number; offset?: number; length?: number },
) {
  return guest.call('GNTTABOP_copy', {
    source_ref: ref,
    source_domid: dom,
    source_offset: offset,
    dest_gmfn: RAM_GFN + 3,
    dest_domid: SELF,
    dest_offset: 7,
    len: length,
    flags: 1,
  }).arg['status'];
}
