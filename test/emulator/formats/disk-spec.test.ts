import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  isDiskModelled,
  isDiskRefusal,
  parseDiskSpec,
  virtualDeviceNumber,
} from '../../../emulator/formats/disk-spec.ts';

const scratch = (size: number, sectorSize = 512) => ({ kind: 'scratch', size, sectorSize });
const image = (path: string, format = 'raw', writeThrough = false) => ({
  kind: 'image',
  path,
  format,
  writeThrough,
});

test.each([
  ['scratch:4M,raw,xvda,w', { vdev: 'xvda', source: scratch(4 << 20), readOnly: false, discard: true }],
  ['scratch:4,raw,xvda', { vdev: 'xvda', source: scratch(4 << 20), readOnly: false }],
  ['scratch:64k, , xvdb, r', { vdev: 'xvdb', source: scratch(64 << 10), readOnly: true, discard: false }],
  ['scratch:256M@4096,raw,sda1,ro', { vdev: 'sda1', source: scratch(256 << 20, 4096), readOnly: true }],
  ['format=raw, vdev=xvdc, access=rw, target=scratch:8K', { vdev: 'xvdc', source: scratch(8192) }],
  ['vdev=hda,scratch:1M', { vdev: 'hda', source: scratch(1 << 20) }],
  ['scratch:1M,raw,xvda,w,backendtype=phy,devtype=disk,no-discard', { vdev: 'xvda', discard: false }],
  ['disk.img,raw,xvda,w', { source: image('disk.img', 'raw', true), backend: 'phy', target: 'disk.img' }],
  ['disk.img,,xvda,r', { source: image('disk.img'), readOnly: true }],
  ['disk.img,raw,xvda,w,backendtype=qdisk', { source: image('disk.img', 'raw', true), backend: 'qdisk' }],
  ['overlay:disk.img,raw,xvda,w', { source: image('disk.img'), readOnly: false, target: 'overlay:disk.img' }],
  ['base.qcow2,qcow2,xvda,w', { source: image('base.qcow2', 'qcow2'), readOnly: false, backend: 'qdisk' }],
  ['qcow2:base.img,xvda,w', { source: image('base.img', 'qcow2'), vdev: 'xvda', readOnly: false }],
  ['file:/a.iso,hdc:cdrom,r', { source: image('/a.iso'), cdrom: true, readOnly: true }],
  ['phy:/images/a,xvda,w', { source: image('/images/a', 'raw', true), readOnly: false }],
  ['vdev=xvda, access=ro, target=/a,b,c=d', { source: image('/a,b,c=d') }],
  ['/a.iso,,hdc,,cdrom', { source: image('/a.iso'), cdrom: true, readOnly: true }],
  [',empty,hdc,,cdrom', { source: { kind: 'empty' }, cdrom: true, backend: 'phy' }],
  ['a.img,raw,xvda,w,untrusted', { trusted: false }],
  ['a.img,raw,xvda,w,backend=0,script=block,specification=xen,direct-io-safe', { trusted: true }],
])('%s is a disk', (text, disk) => {
  expect(parseDiskSpec(text)).toMatchObject(disk);
});

test.each([
  ['', 'a disk without a target'],
  ['scratch:,raw,xvda,w', "'' is not the size of a scratch disk"],
  ['scratch:0,raw,xvda,w', "'0' is not the size of a scratch disk"],
  ['scratch:257M,raw,xvda,w', "'257M' is not the size of a scratch disk"],
  ['scratch:99999999G,raw,xvda,w', "'99999999G' is not the size of a scratch disk"],
  ['scratch:-1M,raw,xvda,w', "'-1M' is not the size of a scratch disk"],
  ['scratch:4M,qcow2,xvda,w', "format 'qcow2' of a scratch disk"],
  ['scratch:4M,raw', 'a disk without a vdev'],
  ['scratch:4M,raw,nvme0n1', "'nvme0n1' is not a virtual disk"],
  ['scratch:4M,raw,xvda,x', "access 'x' of a disk"],
  ['scratch:4M,raw,xvda,w,more', "'more' of a disk is not understood"],
  ['a.iso,raw,hdc,w,cdrom', 'a CD-ROM drive that is written'],
  [',empty,xvda,w', 'a disk without a medium'],
  ['a.img,row,xvda,w', "format 'row' of a disk"],
  ['overlay:,raw,xvda,w', 'an overlay of no image'],
  ['a.img,qcow2,xvda,w,backendtype=phy', "'backendtype=phy' of a qcow2 image"],
])("'%s' is wrong: %s", (text, message) => {
  const refusal = parseDiskSpec(text);
  expect(refusal).toMatchObject({ message });
  expect(isDiskRefusal(refusal) && refusal.hint).toMatch(/\.$/);
  expect(isDiskModelled(text)).toBe(true);
});

test.each([
  ['a.vhd,vhd,xvda,w', "format 'vhd' of a disk is not supported in this version"],
  ['qcow:a.img,xvda,w', "format 'qcow' of a disk is not supported in this version"],
  ['iscsi:iqn.a,raw,xvda,w', "disk 'iscsi:iqn.a' is not supported in this version"],
  ['a,raw,xvda,w,backend=storage', "'backend=storage' of a disk is not supported in this version"],
  ['a,raw,xvda,w,backendtype=tap', "'backendtype=tap' of a disk is not supported in this version"],
  ['a,raw,xvda,w,script=block-drbd', "'script=block-drbd' of a disk is not supported in this version"],
  ['a,raw,xvda,w,specification=virtio', "'specification=virtio' of a disk is not supported in this version"],
  ['a,raw,xvda,w,colo-host=b', "'colo-host' of a disk is not supported in this version"],
])("'%s' is right for xl, and not there: %s", (text, message) => {
  expect(parseDiskSpec(text)).toMatchObject({ message });
  expect(isDiskModelled(text)).toBe(false);
});

// xl-disk-configuration(5) and xen-vbd-interface(7).
test.each([
  ['xvda', 51712],
  ['xvda1', 51713],
  ['xvdb', 51728],
  ['xvdp15', 51712 + 15 * 16 + 15],
  ['xvdq', 2 ** 28 + 16 * 256],
  ['xvda16', 2 ** 28 + 16],
  ['xvdaa', 2 ** 28 + 26 * 256],
  ['d0', 51712],
  ['d1p2', 51730],
  ['d536p37', 2 ** 28 + 536 * 256 + 37],
  ['hda', 768],
  ['hdb3', 835],
  ['hdc', 5632],
  ['sda', 2048],
  ['sdp15', 2303],
  ['51712', 51712],
  ['0xca00', 51712],
  ['0', undefined],
  ['sdq', undefined],
  ['hde', undefined],
  ['xvda256', undefined],
  ['xvd', undefined],
  ['XVDA', undefined],
  ['', undefined],
])('%s has the number %s', (vdev, number) => {
  expect(virtualDeviceNumber(vdev)).toBe(number);
});

test('any text is a disk or is refused with a reason', () => {
  const word = fc.constantFrom(
    'scratch:4M',
    'raw',
    'xvda',
    'w',
    'format',
    '=',
    'target=',
    'cdrom',
    ' ',
    '',
    ':',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(word, { maxLength: 8 }).map((words) => words.join(',')),
  );
  fc.assert(
    fc.property(text, (spec) => {
      const result = parseDiskSpec(spec);
      if (isDiskRefusal(result)) expect(result.message.length * result.hint.length).toBeGreaterThan(0);
      else expect(virtualDeviceNumber(result.vdev)).toBeDefined();
    }),
  );
});
