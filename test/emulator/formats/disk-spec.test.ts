import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isDiskRefusal, parseDiskSpec, virtualDeviceNumber } from '../../../emulator/formats/disk-spec.ts';

test.each([
  ['scratch:4M,raw,xvda,w', { vdev: 'xvda', size: 4 << 20, readOnly: false }],
  ['scratch:4,raw,xvda', { vdev: 'xvda', size: 4 << 20, readOnly: false }],
  ['scratch:64k, , xvdb, r', { vdev: 'xvdb', size: 64 << 10, readOnly: true }],
  ['scratch:256M,raw,sda1,ro', { vdev: 'sda1', size: 256 << 20, readOnly: true }],
  ['format=raw, vdev=xvdc, access=rw, target=scratch:8K', { vdev: 'xvdc', size: 8192, readOnly: false }],
  ['vdev=hda,scratch:1M', { vdev: 'hda', size: 1 << 20, readOnly: false }],
  [
    'scratch:1M,raw,xvda,w,backendtype=phy,devtype=disk,no-discard',
    { vdev: 'xvda', size: 1 << 20, readOnly: false },
  ],
])('%s is a disk', (text, disk) => {
  expect(parseDiskSpec(text)).toEqual(disk);
});

test.each([
  ['', 'a disk without a target'],
  ['phy:/dev/vg/guest,raw,xvda,w', "disk 'phy:/dev/vg/guest' is not supported in this version"],
  ['disk.img,raw,xvda,w', "disk 'disk.img' is not supported in this version"],
  ['disk.img,qcow2,xvda,w', "format 'qcow2' of a disk"],
  ['scratch:,raw,xvda,w', "'' is not the size of a scratch disk"],
  ['scratch:0,raw,xvda,w', "'0' is not the size of a scratch disk"],
  ['scratch:257M,raw,xvda,w', "'257M' is not the size of a scratch disk"],
  ['scratch:99999999G,raw,xvda,w', "'99999999G' is not the size of a scratch disk"],
  ['scratch:-1M,raw,xvda,w', "'-1M' is not the size of a scratch disk"],
  ['scratch:4M,raw', 'a disk without a vdev'],
  ['scratch:4M,raw,nvme0n1', "'nvme0n1' is not a virtual disk"],
  ['scratch:4M,raw,xvda,x', "access 'x' of a disk"],
  ['scratch:4M,raw,xvda,w,more', "'more' of a disk is not understood"],
  ['scratch:4M,raw,xvda,w,devtype=cdrom', "'devtype=cdrom' of a disk is not supported in this version"],
  ['scratch:4M,raw,xvda,w,backend=storage', "'backend' of a disk is not supported in this version"],
])("'%s' is refused: %s", (text, message) => {
  const refusal = parseDiskSpec(text);
  expect(refusal).toMatchObject({ message });
  expect(isDiskRefusal(refusal) && refusal.hint).toMatch(/\.$/);
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
      else expect(result.size % 512).toBe(0);
    }),
  );
});
