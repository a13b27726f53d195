// Functions behind HVC #0 and SMC #0 by their identifiers, without the bit for the calling convention. PSCI 1.1
// (Arm DEN 0022), SMC Calling Convention (Arm DEN 0028).

const CALLING_CONVENTION_64 = 0x4000_0000;

const NAMES: Readonly<Record<number, string>> = {
  0x8400_0000: 'PSCI_VERSION',
  0x8400_0001: 'CPU_SUSPEND',
  0x8400_0002: 'CPU_OFF',
  0x8400_0003: 'CPU_ON',
  0x8400_0004: 'AFFINITY_INFO',
  0x8400_0006: 'MIGRATE_INFO_TYPE',
  0x8400_0008: 'SYSTEM_OFF',
  0x8400_0009: 'SYSTEM_RESET',
  0x8400_000a: 'PSCI_FEATURES',
  0x8000_0000: 'SMCCC_VERSION',
  0x8000_0001: 'SMCCC_ARCH_FEATURES',
};

export const psciFunctions: readonly string[] = Object.values(NAMES);

/** Undefined for a function that has no name here. */
export const firmwareName = (functionId: number): string | undefined =>
  NAMES[(functionId & ~CALLING_CONVENTION_64) >>> 0];
