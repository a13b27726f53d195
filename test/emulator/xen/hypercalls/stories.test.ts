import { expect, test } from 'vitest';
import { gfn } from '../../../../emulator/base/address.ts';
import { HVM_PARAM_CALLBACK_IRQ, callbackPpi } from '../../../../emulator/xen/abi/hvm-params.ts';
import { hypercallName, hypercalls } from '../../../../emulator/xen/hypercalls/dispatch.ts';
import { bootXen, type Guest, RAM_GFN } from '../fake-xen.ts';

const SELF = 0x7ff0;
const AT = RAM_GFN * 4096 + 0x400;

test('xen_version answers a domU as the real 4.17 does', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  expect(domU.raw(17, [0n, 0n])).toBe(0x0004_0011);
  expect(textOf(domU, 1, 16)).toBe('.7');
  expect(textOf(domU, 3, 1024)).toBe('xen-3.0-aarch64 ');
  expect(textOf(domU, 9, 9)).toBe('<denied>');
  expect(domU.call('XENVER_get_features', { submap_idx: 0 }).arg['submap']).toBe(0x0001_6005);
  expect(domU.call('XENVER_get_features', { submap_idx: 1 }).result).toBe('-EINVAL');
  expect(domU.raw(17, [5n, BigInt(AT)])).toBe(0);
  expect(domU.read(AT, 8)).toEqual(Uint8Array.of(0, 0, 0x20, 0, 0, 0, 0, 0));
  expect(domU.raw(17, [7n, 0n])).toBe(4096);
  expect(domU.raw(17, [7n, BigInt(AT)])).toBe('-EINVAL');
  expect(domU.raw(17, [8n, BigInt(AT)])).toBe(0);
  expect(domU.read(AT, 16)).toEqual(new Uint8Array(16).fill(1));
  expect(domU.raw(17, [10n, 0n])).toBe('-EPERM');
  expect(domU.raw(17, [11n, 0n])).toBe('-ENOSYS');
  expect(domU.raw(17, [1n, 0x1000n])).toBe('-EFAULT');
});

test('what Xen on Arm does not have answers -ENOSYS, and is logged once by name', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  expect(domU.raw(15, [0n])).toBe('-ENOSYS');
  expect(domU.raw(15, [0n])).toBe('-ENOSYS');
  expect(domU.raw(33, [0n])).toBe('-ENOSYS');
  expect(xen.logged.filter((line) => line.includes('HYPERVISOR_set_timer_op'))).toHaveLength(1);
  expect(xen.logged.filter((line) => line.includes('HYPERVISOR_physdev_op'))).toHaveLength(1);
  expect(domU.raw(-1, [])).toBe('-ENOSYS');
  expect(domU.raw(0xffff_ffff, [])).toBe('-ENOSYS');
});

test('a thousand unknown numbers leave a handful of log lines', () => {
  const xen = bootXen({ domU: {} });
  for (let number = 1000; number < 2000; number++) {
    xen.guest('domU').raw(number, []);
    xen.guest('domU').raw(32, [BigInt(number)]);
  }
  expect(xen.logged.length).toBeLessThan(3);
});

test('a pointer into nowhere is -EFAULT for every sub-operation that takes a structure', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  const countsInstead = [
    'XENMEM_increase_reservation',
    'XENMEM_decrease_reservation',
    'XENMEM_populate_physmap',
  ];
  for (const hypercall of hypercalls) {
    for (const row of hypercall.subOps) {
      if (!row.argument || countsInstead.includes(row.name)) continue;
      const args = [BigInt(row.number), 0n, 1n, 0n, 0n];
      args[row.argument.pointer] = 0xffff_ffff_ffff_fff0n;
      expect(domU.raw(hypercall.number, args), row.name).toBe('-EFAULT');
    }
  }
});

test('shared_info is mapped once, shows events, and the page that was there is lost', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  const map = (members: Record<string, number | bigint>) =>
    domU.call('XENMEM_add_to_physmap', {
      domid: SELF,
      space: 0,
      idx: 0n,
      gpfn: BigInt(RAM_GFN + 4),
      ...members,
    }).result;
  expect(map({ idx: 1n })).toBe('-EINVAL');
  expect(map({ gpfn: 0xffff_ffff_ffff_ffffn })).toBe('-EINVAL');
  expect(map({ space: 2 })).toBe('-ENOSYS');
  expect(map({ space: 4 })).toBe('-ENOSYS');
  expect(map({ space: 5 })).toBe('-EACCES');
  expect(map({ domid: 0 })).toBe('-EPERM');
  expect(map({ domid: 9 })).toBe('-ESRCH');
  expect(map({})).toBe(0);
  expect(map({ gpfn: BigInt(RAM_GFN + 5) })).toBe('-EBUSY');
  domU.call('EVTCHNOP_bind_ipi', { vcpu: 0 });
  domU.call('EVTCHNOP_send', { port: 1 });
  expect(domU.page(4).read8(0x30)).toBe(2);
});

test('add_to_physmap_batch succeeds as a call, with an error for each entry that failed', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  const words = new Uint8Array(64);
  const view = new DataView(words.buffer);
  for (const [index, idx] of [0, 99, 1].entries()) {
    view.setBigUint64(index * 8, BigInt(idx), true);
    view.setBigUint64(24 + index * 8, BigInt(0x38000 + index), true);
  }
  domU.write(AT, words);
  const batch = {
    domid: SELF,
    space: 1,
    size: 3,
    idxs: BigInt(AT),
    gpfns: BigInt(AT + 24),
    errs: BigInt(AT + 48),
  };
  expect(domU.call('XENMEM_add_to_physmap_batch', batch).result).toBe(0);
  const errors = new DataView(domU.read(AT + 48, 12).buffer);
  expect([0, 4, 8].map((at) => errors.getInt32(at, true))).toEqual([0, -22, 0]);
  expect(domU.call('XENMEM_add_to_physmap_batch', { ...batch, space: 3 }).result).toBe('-EOPNOTSUPP');
  expect(domU.call('XENMEM_add_to_physmap_batch', { ...batch, errs: 8n }).result).toBe('-EFAULT');
});

test('ballooning: a page given away can be had again, and counts stop at the first that cannot', () => {
  const xen = bootXen({ domU: { maximumPages: 16 } });
  const domU = xen.guest('domU');
  const list = (gfns: number[]) => {
    const bytes = new Uint8Array(gfns.length * 8);
    for (const [index, frame] of gfns.entries())
      new DataView(bytes.buffer).setBigUint64(index * 8, BigInt(frame), true);
    domU.write(AT, bytes);
    return { extent_start: BigInt(AT), nr_extents: BigInt(gfns.length), domid: SELF };
  };
  expect(domU.call('XENMEM_current_reservation', { domid: SELF }).result).toBe(16);
  expect(domU.call('XENMEM_populate_physmap', list([0x48000])).result).toBe(0);
  expect(
    domU.call('XENMEM_decrease_reservation', list([RAM_GFN + 8, RAM_GFN + 9, 0x12345, RAM_GFN + 10])).result,
  ).toBe(2);
  expect(domU.call('XENMEM_current_reservation', { domid: SELF }).result).toBe(14);
  expect(domU.call('XENMEM_populate_physmap', list([0x48000, RAM_GFN + 9, 0x48001])).result).toBe(2);
  expect(domU.pageAt(0x48000)?.read32(0)).toBe(0);
  expect(domU.call('XENMEM_maximum_reservation', { domid: SELF }).result).toBe(16);
  expect(domU.call('XENMEM_maximum_gpfn', { domid: SELF }).result).toBe(0x48000);
  // Neither a bad domid nor a bad pointer is an error here.
  expect(domU.call('XENMEM_populate_physmap', { ...list([1]), domid: 0 }).result).toBe(0);
  expect(domU.raw(12, [1n, 0x10n])).toBe(0);
});

test('hvm parameters are read by the guest, and set by nobody inside', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  domU.domain.setParam(HVM_PARAM_CALLBACK_IRQ, callbackPpi(31));
  const get = (index: number) => domU.call('HVMOP_get_param', { domid: SELF, index });
  expect(get(0)).toMatchObject({ result: 0, arg: { value: 0x0200_0000_0000_021fn } });
  expect(get(17)).toMatchObject({ result: 0, arg: { value: 0n } });
  expect(get(28).result).toBe('-EPERM');
  expect(get(5).result).toBe('-EINVAL');
  expect(domU.call('HVMOP_get_param', { domid: 0, index: 1 }).result).toBe('-EPERM');
  expect(domU.call('HVMOP_set_param', { domid: SELF, index: 1, value: 7n }).result).toBe('-EPERM');
  expect(domU.call('HVMOP_set_param', { domid: SELF, index: 9, value: 7n }).result).toBe('-EINVAL');
  expect(domU.raw(34, [24n, 0n])).toBe(0);
  expect(domU.raw(34, [1n << 40n, 0n])).toBe('-ENOSYS');
});

test('registering a vcpu_info marks everything pending, once', () => {
  const xen = bootXen({ domU: { vcpus: 2 } });
  const domU = xen.guest('domU');
  const register = (vcpu: number, members = {}) =>
    domU.call('VCPUOP_register_vcpu_info', { mfn: RAM_GFN + 3, offset: 64, ...members }, { vcpu }).result;
  expect(register(0, { offset: 4056 })).toBe('-ENXIO');
  expect(register(0, { offset: 12 })).toBe('-ENXIO');
  expect(register(0, { mfn: 3 })).toBe('-EINVAL');
  expect(register(0)).toBe(0);
  expect(domU.page(3).read(64, 16)).toEqual(
    Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255),
  );
  expect(xen.happened).toEqual(['event interrupt d1v0']);
  expect(register(0)).toBe('-EINVAL');
});

test("another vCPU's vcpu_info may be registered only while that vCPU is offline", () => {
  const xen = bootXen({ domU: { vcpus: 3 } });
  const domU = xen.guest('domU');
  xen.offline.add('1.2');
  const forOther = (vcpu: bigint) => {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(RAM_GFN + 3), true);
    domU.write(AT, bytes);
    return domU.raw(24, [10n, vcpu, BigInt(AT)], 0);
  };
  expect(forOther(1n)).toBe('-EINVAL');
  expect(forOther(2n)).toBe(0);
  expect(forOther(9n)).toBe('-ENOENT');
  expect(domU.raw(24, [0n, 0n, BigInt(AT)])).toBe('-EINVAL');
});

test('runstate: times add up, in an area that crosses a page', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  const area = (RAM_GFN + 7) * 4096 - 16;
  const [vcpu] = domU.domain.vcpus;
  vcpu?.enterRunstate('runnable', 100);
  vcpu?.enterRunstate('running', 150);
  expect(domU.call('VCPUOP_register_runstate_memory_area', { v: BigInt(area) }).result).toBe(0);
  vcpu?.enterRunstate('blocked', 1000);
  vcpu?.enterRunstate('running', 5000);
  const view = new DataView(domU.read(area, 48).buffer);
  expect(view.getInt32(0, true)).toBe(0);
  expect(view.getBigUint64(8, true)).toBe(5000n);
  // running, runnable, blocked, offline
  expect([16, 24, 32, 40].map((at) => Number(view.getBigUint64(at, true)))).toEqual([850, 50, 4000, 100]);
});

test('vm_assist knows the runstate flag only', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  expect(domU.raw(21, [0n, 5n])).toBe(0);
  expect([...domU.domain.vmAssists]).toEqual([5]);
  expect(domU.raw(21, [1n, 5n])).toBe(0);
  expect(domU.raw(21, [0n, 4n])).toBe('-EINVAL');
  expect(domU.raw(21, [2n, 5n])).toBe('-ENOSYS');
});

test('a domain ends with the reason it gave first', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  domU.call('SCHEDOP_shutdown_code', { reason: 3 });
  expect(xen.happened).toEqual([]);
  expect(domU.call('SCHEDOP_shutdown', { reason: 0 }).result).toBe(0);
  expect(xen.happened).toEqual(['shutdown d1 3']);
  expect(domU.call('SCHEDOP_remote_shutdown', { domain_id: 0, reason: 0 }).result).toBe('-EPERM');
  expect(domU.call('SCHEDOP_remote_shutdown', { domain_id: 55, reason: 0 }).result).toBe('-ESRCH');
});

test('yield, block and their old forms reach the scheduler', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  expect([domU.raw(29, [0n]), domU.raw(29, [1n]), domU.raw(6, [0n]), domU.raw(6, [1n])]).toEqual([
    0, 0, 0, 0,
  ]);
  expect(domU.raw(6, [2n, 1n])).toBe(0);
  expect(domU.raw(6, [3n])).toBe('-ENOSYS');
  expect(xen.happened).toEqual([
    'yield d1v0',
    'block d1v0 unmasked',
    'yield d1v0',
    'block d1v0 unmasked',
    'shutdown d1 1',
  ]);
});

test('a watchdog that is not petted ends its domain', () => {
  const xen = bootXen({ domU: {} });
  const domU = xen.guest('domU');
  const watchdog = (id: number, timeout: number) => domU.call('SCHEDOP_watchdog', { id, timeout }).result;
  expect(watchdog(3, 1)).toBe('-EINVAL');
  expect(watchdog(1, 1)).toBe('-EINVAL');
  expect([watchdog(0, 10), watchdog(0, 20), watchdog(0, 30)]).toEqual([1, 2, '-ENOSPC']);
  expect(domU.domain.nextDeadline).toBe(10e9);
  xen.time.now = 9e9;
  expect(watchdog(1, 10)).toBe(0);
  expect(watchdog(2, 0)).toBe(0);
  domU.domain.expireTimers(10e9);
  expect(xen.happened).toEqual([]);
  domU.domain.expireTimers(19e9);
  expect(xen.happened).toEqual(['shutdown d1 4']);
});

test("Xen's console is for those who were given it; lines come whole and printable", () => {
  const xen = bootXen({ domU: {}, other: { console: true } });
  const write = (guest: Guest, text: string) => {
    const bytes = new TextEncoder().encode(text);
    guest.write(AT, bytes);
    return guest.raw(18, [0n, BigInt(bytes.length), BigInt(AT)]);
  };
  expect(write(xen.guest('domU'), 'hello\n')).toBe('-EPERM');
  expect(write(xen.guest('other'), 'one\u0007 line\nand ')).toBe(0);
  expect(write(xen.guest('other'), 'a half\n')).toBe(0);
  expect(xen.consoleLines).toEqual(['d2: one line', 'd2: and a half']);
  expect(xen.guest('other').raw(18, [1n, 10n, BigInt(AT)])).toBe(0);
  expect(xen.guest('other').raw(18, [0n, 10n, 0n])).toBe('-EFAULT');
});

test('a multicall does each of its calls, and no multicall', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  const entries = [
    [17n, 0n],
    [13n, 0n],
    [99n, 0n],
    [1n << 50n, 0n],
  ];
  const bytes = new BigUint64Array(entries.length * 8);
  for (const [index, [op = 0n, arg = 0n]] of entries.entries()) {
    bytes[index * 8] = op;
    bytes[index * 8 + 2] = arg;
  }
  domU.write(AT, new Uint8Array(bytes.buffer));
  expect(domU.raw(13, [BigInt(AT), 4n])).toBe(0);
  const view = new DataView(domU.read(AT, 256).buffer);
  const results = entries.map((_, index) => Number(view.getBigInt64(index * 64 + 8, true)));
  expect(results).toEqual([0x0004_0011, -22, -38, -38]);
  expect(domU.raw(13, [0n, 1n])).toBe('-EFAULT');
});

test('the hypercalls of a toolstack refuse a guest as Xen does', () => {
  const domU = bootXen({ domU: {} }).guest('domU');
  const frame = new Uint8Array(144);
  new DataView(frame.buffer).setUint32(4, 0x15, true);
  domU.write(AT, frame);
  expect(domU.raw(36, [BigInt(AT)])).toBe('-EPERM');
  expect(domU.raw(35, [BigInt(AT)])).toBe('-EPERM');
  expect(domU.raw(7, [BigInt(AT)])).toBe('-EACCES');
  expect(domU.raw(36, [1n])).toBe('-EFAULT');
  expect(domU.raw(42, [0n])).toBe('-EPERM');
});

test('the wall clock stands in shared_info, its version even', () => {
  const { domain } = bootXen({ domU: {} }).guest('domU');
  domain.setWallclock(0x1_2345_6789, 500);
  const page = domain.sharedInfo;
  expect([0x430, 0x434, 0x438, 0x43c].map((at) => page?.read32(at))).toEqual([2, 0x2345_6789, 500, 1]);
});

test('what a domain is made of can be saved as plain data, and differs when anything does', () => {
  const xen = bootXen({ domU: { vcpus: 2 } });
  const domU = xen.guest('domU');
  const seen = new Set([JSON.stringify(xen.domains.save())]);
  const changes = [
    () => domU.call('EVTCHNOP_bind_ipi', { vcpu: 1 }),
    () => domU.call('EVTCHNOP_close', { port: 1 }) && domU.call('EVTCHNOP_bind_virq', { virq: 1, vcpu: 0 }),
    () => domU.call('EVTCHNOP_init_control', { control_gfn: RAM_GFN + 1, offset: 0, vcpu: 0 }),
    () => domU.call('VCPUOP_register_vcpu_info', { mfn: RAM_GFN + 3, offset: 64 }),
    () => domU.domain.setParam(1, 5n),
    () => domU.raw(21, [0n, 5n]),
    () => domU.call('SCHEDOP_watchdog', { id: 0, timeout: 5 }),
    () => domU.domain.vcpus[1]?.enterRunstate('running', 5),
    () => domU.domain.grantTable.grow(2),
    () => domU.domain.mapXenPage(gfn(0x38000), { space: 'grant_table', index: 0 }),
    () => domU.domain.setWallclock(7, 8),
    () => domU.call('SCHEDOP_shutdown_code', { reason: 2 }),
  ];
  for (const [index, change] of changes.entries()) {
    change();
    seen.add(JSON.stringify(xen.domains.save()));
    expect(seen.size, `change ${index}`).toBe(index + 2);
  }
});

test('a call is named in a trace', () => {
  expect(hypercallName(32, [4n])).toBe('event_channel_op EVTCHNOP_send');
  expect(hypercallName(12, [7n | (5n << 6n)])).toBe('memory_op XENMEM_add_to_physmap');
  expect(hypercallName(21, [0n, 5n])).toBe('vm_assist');
  expect(hypercallName(77, [])).toBe('hypercall 77');
});

test('no number and no sub-operation has two rows', () => {
  const numbers = hypercalls.map(({ number }) => number);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const { name, subOps } of hypercalls) {
    expect(new Set(subOps.map(({ number }) => number)).size, name).toBe(subOps.length);
  }
});

function textOf(guest: Guest, subOp: number, size: number): string {
  expect(guest.raw(17, [BigInt(subOp), BigInt(AT)])).toBe(0);
  return new TextDecoder().decode(guest.read(AT, size)).replace(/\0.*$/s, '');
}
