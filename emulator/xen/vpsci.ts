// The firmware a guest finds behind HVC #0 and SMC #0: PSCI 1.1 (Arm DEN 0022) and the SMC Calling
// Convention (Arm DEN 0028) as Xen 4.17 answers them (xen/arch/arm/vpsci.c, vsmc.c).

export const PSCI_SUCCESS = 0;
const PSCI_NOT_SUPPORTED = -1;
export const PSCI_INVALID_PARAMETERS = -2;
export const PSCI_ALREADY_ON = -4;
const PSCI_INTERNAL_FAILURE = -6;
export const PSCI_INVALID_ADDRESS = -9;
const SMCCC_UNKNOWN_FUNCTION = -1;

const PSCI_VERSION_1_1 = 0x0001_0001;
const SMCCC_VERSION_1_1 = 0x0001_0001;
/** No trusted OS, or one that needs no migration. */
const TOS_MP_OR_NOT_PRESENT = 2;

const SHUTDOWN_POWEROFF = 0;
const SHUTDOWN_REBOOT = 1;

const CALL_COUNT = 0xff00;
const CALL_UID = 0xff01;
const CALL_REVISION = 0xff03;

/** Services of the standard secure owner: the PSCI functions, and the three that describe it. */
const STANDARD_FUNCTIONS = 15;
const HYPERVISOR_FUNCTIONS = 3;

// UUIDs as four words, first byte in the low bits.
const XEN_UID = [0xdc12_18a7, 0x6943_98c6, 0xd179_cf9a, 0x67e6_de8d] as const;
const STANDARD_UID = [0x6f38_63f8, 0xbd4c_394b, 0x16ce_2092, 0x6f9f_e541] as const;

/** What the calls do to vCPUs and the domain. */
export interface PsciTarget {
  /** The calling vCPU goes down. */
  cpuOff(): void;
  /** Starts another vCPU at `entry` with `context` in x0. */
  cpuOn(mpidr: bigint, entry: bigint, context: bigint): number;
  /** Whether a vCPU that is on matches the affinity under the mask. */
  anyOn(affinity: bigint, mask: bigint): boolean;
  /** The calling vCPU waits for an interrupt. */
  suspend(): void;
  /** Every vCPU of the domain stops. */
  shutDown(reason: number): void;
  /** A call that nobody answers, by its function id. */
  unknown(functionId: number): void;
}

export interface SmcccRegisters {
  x(register: number): bigint;
  setX(register: number, value: bigint): void;
}

/** Serves one call with the immediate 0: function id in w0, results in x0.. */
export function smccc(registers: SmcccRegisters, target: PsciTarget): void {
  const functionId = Number(BigInt.asUintN(32, registers.x(0)));
  const answer = call(registers, target, functionId);
  if (answer === undefined) {
    target.unknown(functionId);
    registers.setX(0, result(SMCCC_UNKNOWN_FUNCTION));
    return;
  }
  answer.forEach((value, index) => registers.setX(index, result(value)));
}

/** The values for x0, x1..; undefined for a function that does not exist. */
function call(
  registers: SmcccRegisters,
  target: PsciTarget,
  functionId: number,
): readonly number[] | undefined {
  if (functionId <= 0x0100_ffff) return existingApis(registers, target, functionId);
  switch ((functionId >>> 24) & 0x3f) {
    case 0:
      return architecture(functionId);
    case 4:
      return standard(registers, target, functionId);
    case 5:
      return describe(functionId, 0x8500_0000, HYPERVISOR_FUNCTIONS, XEN_UID);
    default:
      return undefined;
  }
}

/** PSCI 0.1 with the function numbers of the device tree. */
function existingApis(
  registers: SmcccRegisters,
  target: PsciTarget,
  functionId: number,
): readonly number[] | undefined {
  if (functionId === 1) {
    target.cpuOff();
    return [PSCI_SUCCESS];
  }
  if (functionId === 2) {
    const status = target.cpuOn(BigInt.asUintN(32, registers.x(1)), registers.x(2), 0n);
    // PSCI 0.1 knows neither of these.
    const isNewer = status === PSCI_ALREADY_ON || status === PSCI_INVALID_ADDRESS;
    return [isNewer ? PSCI_INVALID_PARAMETERS : status];
  }
  return undefined;
}

function architecture(functionId: number): readonly number[] | undefined {
  switch (functionId) {
    case 0x8000_0000:
      return [SMCCC_VERSION_1_1];
    case 0x8000_0001:
      // The processor needs no workaround (Cortex-A53), and firmware offers none.
      return [PSCI_NOT_SUPPORTED];
    case 0x8000_8000:
    case 0x8000_7fff:
    case 0x8000_3fff:
      return []; // The workarounds themselves have no result.
    default:
      return undefined;
  }
}

function standard(
  registers: SmcccRegisters,
  target: PsciTarget,
  functionId: number,
): readonly number[] | undefined {
  switch (functionId) {
    case 0x8400_0000:
      return [PSCI_VERSION_1_1];
    case 0x8400_0001:
    case 0xc400_0001:
      target.suspend();
      return [PSCI_SUCCESS];
    case 0x8400_0002:
      target.cpuOff();
      return [PSCI_SUCCESS];
    case 0x8400_0003:
    case 0xc400_0003:
      return [target.cpuOn(registers.x(1), registers.x(2), registers.x(3))];
    case 0x8400_0004:
    case 0xc400_0004:
      return [affinityInfo(target, registers.x(1), Number(BigInt.asUintN(32, registers.x(2))))];
    case 0x8400_0006:
      return [TOS_MP_OR_NOT_PRESENT];
    case 0x8400_0008:
      target.shutDown(SHUTDOWN_POWEROFF);
      return [PSCI_INTERNAL_FAILURE];
    case 0x8400_0009:
      target.shutDown(SHUTDOWN_REBOOT);
      return [PSCI_INTERNAL_FAILURE];
    case 0x8400_000a:
      return [FEATURES.has(Number(BigInt.asUintN(32, registers.x(1)))) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED];
    default:
      return describe(functionId, 0x8400_0000, STANDARD_FUNCTIONS, STANDARD_UID);
  }
}

const FEATURES: ReadonlySet<number> = new Set([
  0x8400_0000, 0x8400_0001, 0xc400_0001, 0x8400_0002, 0x8400_0003, 0xc400_0003, 0x8400_0004, 0xc400_0004,
  0x8400_0006, 0x8400_0008, 0x8400_0009, 0x8400_000a, 0x8000_0000,
]);

function affinityInfo(target: PsciTarget, affinity: bigint, lowestLevel: number): number {
  // MPIDR fields from the lowest level up; Aff3 is at bit 32.
  const masks = [0xff_00ff_ffffn, 0xff_00ff_ff00n, 0xff_00ff_0000n, 0xff_0000_0000n];
  const mask = masks[lowestLevel];
  if (mask === undefined) return PSCI_INVALID_PARAMETERS;
  return target.anyOn(affinity & mask, mask) ? 0 : 1;
}

/** Call count, UID and revision of an owner. */
function describe(
  functionId: number,
  owner: number,
  functions: number,
  uid: readonly number[],
): readonly number[] | undefined {
  switch (functionId - owner) {
    case CALL_COUNT:
      return [functions];
    case CALL_UID:
      return uid;
    case CALL_REVISION:
      return [0, 1];
    default:
      return undefined;
  }
}

/** Negative results are sign-extended to all 64 bits. */
const result = (value: number): bigint => BigInt.asUintN(64, BigInt(value));
