// The board `virt`: addresses and interrupts of QEMU's machine of that name, so that the same
// kernels and device trees fit. PCIe, virtio, flash, GPIO and MSI are not there.

import type { Board } from './board.ts';

export const virt: Board = {
  name: 'virt',
  compatible: 'linux,dummy-virt',
  ram: { base: 0x4000_0000, maxSize: 0xd000_0000 },
  gicV2: {
    compatible: 'arm,cortex-a15-gic',
    spis: 256,
    maxCpus: 32,
    distributor: { base: 0x0800_0000, size: 0x1_0000 },
    cpuInterface: { base: 0x0801_0000, size: 0x1_0000 },
    hypervisorInterface: { base: 0x0803_0000, size: 0x1_0000 },
    virtualCpuInterface: { base: 0x0804_0000, size: 0x1_0000 },
  },
  gicV3: {
    compatible: 'arm,gic-v3',
    spis: 224,
    maxCpus: 32,
    distributor: { base: 0x0800_0000, size: 0x1_0000 },
    redistributors: { base: 0x080a_0000, size: 0xf6_0000 },
  },
  privateInterrupts: {
    maintenance: 25,
    hypervisorTimer: 26,
    virtualTimer: 27,
    secureTimer: 29,
    physicalTimer: 30,
  },
  peripheralClock: 24_000_000,
  parts: [
    {
      device: 'pl031',
      base: 0x0901_0000,
      size: 0x1000,
      interrupt: { spi: 2 },
      compatible: ['arm,pl031', 'arm,primecell'],
      clocks: ['apb_pclk'],
    },
    {
      device: 'pl011',
      base: 0x0900_0000,
      size: 0x1000,
      interrupt: { spi: 1 },
      compatible: ['arm,pl011', 'arm,primecell'],
      clocks: ['uartclk', 'apb_pclk'],
    },
  ],
  clusterSize: { 2: 8, 3: 16 },
};
