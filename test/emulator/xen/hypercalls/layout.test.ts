// Sizes and offsets of the public headers, as a C compiler for AArch64 lays them out.

import { expect, test } from 'vitest';
import * as eventChannel from '../../../../emulator/xen/abi/event-channel.ts';
import * as grants from '../../../../emulator/xen/abi/grant-table.ts';
import { xenHvmParam } from '../../../../emulator/xen/abi/hvm-params.ts';
import type { Struct } from '../../../../emulator/xen/abi/layout.ts';
import { at, out, struct, u8, u16, u32, u64 } from '../../../../emulator/xen/abi/layout.ts';
import * as memory from '../../../../emulator/xen/abi/memory.ts';
import * as sched from '../../../../emulator/xen/abi/sched.ts';
import * as vcpu from '../../../../emulator/xen/abi/vcpu.ts';
import { xenFeatureInfo } from '../../../../emulator/xen/abi/version.ts';
import { xsdSockmsg } from '../../../../emulator/xen/abi/xs-wire.ts';

test.each<[Struct<unknown>, number, string]>([
  [eventChannel.evtchnBindInterdomain, 12, 'remote_dom@0 remote_port@4 local_port@8'],
  [eventChannel.evtchnBindVirq, 12, 'virq@0 vcpu@4 port@8'],
  [eventChannel.evtchnAllocUnbound, 8, 'dom@0 remote_dom@2 port@4'],
  [eventChannel.evtchnInitControl, 24, 'control_gfn@0 offset@8 vcpu@12 link_bits@16'],
  [eventChannel.evtchnExpandArray, 8, 'array_gfn@0'],
  [eventChannel.evtchnReset, 2, 'dom@0'],
  [grants.gnttabMapGrantRef, 32, 'host_addr@0 flags@8 ref@12 dom@16 status@18 handle@20 dev_bus_addr@24'],
  [grants.gnttabUnmapGrantRef, 24, 'host_addr@0 dev_bus_addr@8 handle@16 status@20'],
  [grants.gnttabSetupTable, 24, 'dom@0 nr_frames@4 status@8 frame_list@16'],
  [grants.gnttabQuerySize, 16, 'dom@0 nr_frames@4 max_nr_frames@8 status@12'],
  [grants.gnttabCacheFlush, 16, 'dev_bus_addr@0 offset@8 length@10 op@12'],
  [memory.xenMemoryReservation, 32, 'extent_start@0 nr_extents@8 extent_order@16 mem_flags@20 domid@24'],
  [memory.xenAddToPhysmap, 24, 'domid@0 size@2 space@4 idx@8 gpfn@16'],
  [memory.xenAddToPhysmapBatch, 32, 'domid@0 space@2 size@4 foreign_domid@6 idxs@8 gpfns@16 errs@24'],
  [memory.xenRemoveFromPhysmap, 16, 'domid@0 gpfn@8'],
  [memory.xenMemAcquireResource, 32, 'domid@0 type@2 id@4 nr_frames@8 pad@12 frame@16 frame_list@24'],
  [sched.schedPoll, 24, 'ports@0 nr_ports@8 timeout@16'],
  [sched.schedRemoteShutdown, 8, 'domain_id@0 reason@4'],
  [vcpu.vcpuRegisterVcpuInfo, 16, 'mfn@0 offset@8 rsvd@12'],
  [xenHvmParam, 16, 'domid@0 index@4 value@8'],
  [xenFeatureInfo, 8, 'submap_idx@0 submap@4'],
  [xsdSockmsg, 16, 'type@0 req_id@4 tx_id@8 len@12'],
])('%o is laid out as in the header', (type, size, members) => {
  expect(type.size).toBe(size);
  const offsets = type.offsets as Record<string, number>;
  expect(
    Object.entries(offsets)
      .map(([name, offset]) => `${name}@${offset}`)
      .join(' '),
  ).toBe(members);
});

test('unions have their size and their places', () => {
  expect(grants.gnttabCopy.size).toBe(40);
  expect(eventChannel.evtchnStatus.size).toBe(24);
  expect(grants.gnttabCopy.offsets).toMatchObject({ source_ref: 0, dest_gmfn: 16, len: 32, status: 36 });
});

test('members are read little endian, and only changed ones are written back', () => {
  const sample = struct('sample', { a: u8, b: u16, c: out(u32), d: u64, e: at(4, u16) });
  expect(sample.size).toBe(16);
  const bytes = Uint8Array.of(1, 0xaa, 3, 2, 5, 6, 7, 8, 1, 0, 0, 0, 0, 0, 0, 0x80);
  const values = sample.read(bytes);
  expect(values).toEqual({ a: 1, b: 0x0203, c: 0x0807_0605, d: 0x8000_0000_0000_0001n, e: 0x0605 });
  sample.update(bytes, { ...values, e: 0xffff });
  // The padding byte and the other members stay what they were.
  expect(bytes.subarray(0, 8)).toEqual(Uint8Array.of(1, 0xaa, 3, 2, 0xff, 0xff, 7, 8));
});
