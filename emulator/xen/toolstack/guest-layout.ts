// The guest physical address map of a domain that the toolstack builds. Xen public header
// arch-arm.h, GUEST_*.

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export const GUEST_GICV2 = {
  distributor: 0x0300_1000,
  distributorSize: 0x1000,
  cpu: 0x0300_2000,
  cpuSize: 0x2000,
};
export const GUEST_GICV3 = {
  distributor: 0x0300_1000,
  distributorSize: 0x1_0000,
  redistributors: 0x0302_0000,
  redistributorsSize: 0x0100_0000,
};

export const GUEST_PL011 = { base: 0x2200_0000, size: 0x1000, spi: 32 };
export const GUEST_GNTTAB = { base: 0x3800_0000, size: 0x0100_0000 };
/** Magic pages: console ring, xenstore ring, memory access ring, virtual UART ring. */
export const GUEST_MAGIC = { base: 0x3900_0000, size: 0x0100_0000, pages: 4 };
export const MAGIC_CONSOLE = 0;
export const MAGIC_XENSTORE = 1;
export const MAGIC_MEMACCESS = 2;

/** RAM banks, filled in this order. */
const GUEST_RAM_BANKS = [
  { base: 0x4000_0000, size: 3 * GIB },
  { base: 0x2_0000_0000, size: 1016 * GIB },
] as const;
export const GUEST_RAM_BASE = GUEST_RAM_BANKS[0].base;
export const GUEST_RAM_MAX = GUEST_RAM_BANKS[0].size + GUEST_RAM_BANKS[1].size;

/** INTID of the event-channel interrupt. */
export const GUEST_EVTCHN_PPI = 31;
export const GUEST_TIMER_VIRT_PPI = 27;
export const GUEST_TIMER_PHYS_S_PPI = 29;
export const GUEST_TIMER_PHYS_NS_PPI = 30;

export const MAX_VCPUS_GICV2 = 8;
export const MAX_VCPUS_GICV3 = 128;

export interface RamBank {
  readonly base: number;
  readonly size: number;
}

/** The banks that `bytes` of RAM fill; a bank without RAM is left out. */
export function ramBanks(bytes: number): RamBank[] {
  const banks: RamBank[] = [];
  let left = bytes;
  for (const { base, size } of GUEST_RAM_BANKS) {
    const used = Math.min(left, size);
    if (used > 0) banks.push({ base, size: used });
    left -= used;
  }
  return banks;
}

/**
 * Address space of the banks without RAM, advertised for mappings of foreign pages: from the end of
 * each bank's RAM, rounded up to 2 MiB, to its end or that of the IPA range; 64 MiB at least.
 */
export function extendedRegions(bytes: number, ipaBits: number): RamBank[] {
  const limit = 2 ** ipaBits;
  let left = bytes;
  const regions: RamBank[] = [];
  for (const bank of GUEST_RAM_BANKS) {
    const used = Math.min(left, bank.size);
    left -= used;
    const base = bank.base + Math.ceil(used / (2 * MIB)) * 2 * MIB;
    const size = Math.min(bank.base + bank.size, limit) - base;
    if (size >= 64 * MIB) regions.push({ base, size });
  }
  return regions;
}
