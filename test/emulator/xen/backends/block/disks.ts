// Disks as configurations name them.

import { type DiskSpec, isDiskRefusal, parseDiskSpec } from '../../../../../emulator/formats/disk-spec.ts';

export function diskSpec(text: string): DiskSpec {
  const disk = parseDiskSpec(text);
  if (isDiskRefusal(disk)) throw new Error(disk.message);
  return disk;
}

/** A scratch disk of any size. */
export const scratchSpec = (vdev: string, size: number, readOnly = false): DiskSpec => ({
  ...diskSpec(`scratch:1M,raw,${vdev},${readOnly ? 'r' : 'w'}`),
  source: { kind: 'scratch', size, sectorSize: 512 },
});
