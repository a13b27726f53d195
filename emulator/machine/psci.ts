// Firmware of the bare machine: PSCI 1.1 (Arm DEN0022) and the version calls of the SMC calling
// convention (Arm DEN0028), reached by HVC from EL1 or SMC from EL2 when nothing sits above.

const PSCI_VERSION = 0x8400_0000;
const PSCI_CPU_SUSPEND = 0x8400_0001;
export const PSCI_CPU_SUSPEND_64 = 0xc400_0001;
export const PSCI_CPU_OFF = 0x8400_0002;
const PSCI_CPU_ON = 0x8400_0003;
export const PSCI_CPU_ON_64 = 0xc400_0003;
const PSCI_AFFINITY_INFO = 0x8400_0004;
const PSCI_AFFINITY_INFO_64 = 0xc400_0004;
/** Named in device trees; there is no trusted OS to migrate. */
export const PSCI_MIGRATE_64 = 0xc400_0005;
const PSCI_MIGRATE_INFO_TYPE = 0x8400_0006;
const PSCI_SYSTEM_OFF = 0x8400_0008;
const PSCI_SYSTEM_RESET = 0x8400_0009;
const PSCI_FEATURES = 0x8400_000a;
const SMCCC_VERSION = 0x8000_0000;
const SMCCC_ARCH_FEATURES = 0x8000_0001;

const PSCI_SUCCESS = 0;
const PSCI_NOT_SUPPORTED = -1;
const PSCI_INVALID_PARAMETERS = -2;
const PSCI_ALREADY_ON = -4;
const PSCI_INVALID_ADDRESS = -9;

const VERSION_1_1 = 0x0001_0001;
/** No trusted OS, or one that needs no migration. */
const MIGRATION_NOT_REQUIRED = 2;
const AFFINITY_ON = 0;
const AFFINITY_OFF = 1;
/** Affinity fields of an MPIDR: Aff3 at 39..32, Aff2..Aff0 at 23..0. */
const AFFINITY_MASK = 0xff_00ff_ffffn;
/** Bits of CPU_SUSPEND's power state that would ask for more than standby of this CPU alone. */
const POWER_STATE_DEEPER = 0xfffe_0000;

/** What firmware needs from the machine. */
export interface PsciSockets {
  readonly cpus: number;
  /** The affinity fields of a CPU's MPIDR_EL1, placed as in that register. */
  affinityOf(cpu: number): bigint;
  isOn(cpu: number): boolean;
  /** Starts a CPU at `entry`, at the exception level of the caller, MMU off, with X0 = `context`. */
  cpuOn(cpu: number, entry: bigint, context: bigint): void;
  /** Stops the CPU that called; the call does not return. */
  cpuOff(cpu: number): void;
  /** Standby of the CPU that called: as WFI. */
  suspend(cpu: number): void;
  systemOff(): void;
  systemReset(): void;
}

/** The registers of the CPU that makes a call, and its number. */
export interface FirmwareCaller {
  readonly index: number;
  x(register: number): bigint;
  /** Bits 31..0, unsigned. */
  xLow(register: number): number;
  setXHalves(register: number, low: number, high: number): void;
}

interface FirmwareFunction {
  readonly id: number;
  readonly name: string;
  /** The result in X0, or undefined where the call does not return. */
  handle(sockets: PsciSockets, call: Arguments): number | undefined;
}

/** Arguments 1 to 3; cut to 32 bits for a function of the 32-bit convention. */
class Arguments {
  private readonly caller: FirmwareCaller;
  private readonly bits: 32 | 64;

  constructor(caller: FirmwareCaller, bits: 32 | 64) {
    this.caller = caller;
    this.bits = bits;
  }

  get cpu(): number {
    return this.caller.index;
  }

  get a1(): bigint {
    return BigInt.asUintN(this.bits, this.caller.x(1));
  }

  get a2(): bigint {
    return BigInt.asUintN(this.bits, this.caller.x(2));
  }

  get a3(): bigint {
    return BigInt.asUintN(this.bits, this.caller.x(3));
  }
}

/** Functions that exist in both calling conventions differ in the width of their arguments only. */
const firmwareFunctions: readonly FirmwareFunction[] = [
  { id: PSCI_VERSION, name: 'PSCI_VERSION', handle: () => VERSION_1_1 },
  { id: PSCI_CPU_SUSPEND, name: 'CPU_SUSPEND', handle: cpuSuspend },
  { id: PSCI_CPU_SUSPEND_64, name: 'CPU_SUSPEND', handle: cpuSuspend },
  {
    id: PSCI_CPU_OFF,
    name: 'CPU_OFF',
    handle: (sockets, { cpu }) => {
      sockets.cpuOff(cpu);
      return undefined;
    },
  },
  { id: PSCI_CPU_ON, name: 'CPU_ON', handle: cpuOn },
  { id: PSCI_CPU_ON_64, name: 'CPU_ON', handle: cpuOn },
  { id: PSCI_AFFINITY_INFO, name: 'AFFINITY_INFO', handle: affinityInfo },
  { id: PSCI_AFFINITY_INFO_64, name: 'AFFINITY_INFO', handle: affinityInfo },
  { id: PSCI_MIGRATE_INFO_TYPE, name: 'MIGRATE_INFO_TYPE', handle: () => MIGRATION_NOT_REQUIRED },
  {
    id: PSCI_SYSTEM_OFF,
    name: 'SYSTEM_OFF',
    handle: (sockets) => {
      sockets.systemOff();
      return undefined;
    },
  },
  {
    id: PSCI_SYSTEM_RESET,
    name: 'SYSTEM_RESET',
    handle: (sockets) => {
      sockets.systemReset();
      return undefined;
    },
  },
  { id: PSCI_FEATURES, name: 'PSCI_FEATURES', handle: (_sockets, { a1 }) => featureOf(a1) },
  { id: SMCCC_VERSION, name: 'SMCCC_VERSION', handle: () => VERSION_1_1 },
  {
    // Of the architecture's own calls there are the two version calls; no workaround is needed.
    id: SMCCC_ARCH_FEATURES,
    name: 'SMCCC_ARCH_FEATURES',
    handle: (_sockets, { a1 }) => {
      const id = Number(BigInt.asUintN(32, a1));
      return id === SMCCC_VERSION || id === SMCCC_ARCH_FEATURES ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
    },
  },
];

const byId = new Map(firmwareFunctions.map((row) => [row.id, row]));

/** Answers one firmware call. Returns the function's name, or undefined if there is no such function. */
export function callFirmware(sockets: PsciSockets, caller: FirmwareCaller): string | undefined {
  const id = caller.xLow(0);
  const row = byId.get(id);
  if (row === undefined) {
    setResult(caller, PSCI_NOT_SUPPORTED);
    return undefined;
  }
  const result = row.handle(sockets, new Arguments(caller, (id & 0x4000_0000) !== 0 ? 64 : 32));
  if (result !== undefined) setResult(caller, result);
  return row.name;
}

function cpuOn(sockets: PsciSockets, { a1, a2, a3 }: Arguments): number {
  const target = cpuByAffinity(sockets, a1);
  if (target === undefined) return PSCI_INVALID_PARAMETERS;
  if (sockets.isOn(target)) return PSCI_ALREADY_ON;
  if ((a2 & 3n) !== 0n) return PSCI_INVALID_ADDRESS;
  sockets.cpuOn(target, a2, a3);
  return PSCI_SUCCESS;
}

/** Only standby is offered. The call returns when an interrupt wakes the CPU. */
function cpuSuspend(sockets: PsciSockets, { cpu, a1 }: Arguments): number {
  if ((Number(BigInt.asUintN(32, a1)) & POWER_STATE_DEEPER) !== 0) return PSCI_INVALID_PARAMETERS;
  sockets.suspend(cpu);
  return PSCI_SUCCESS;
}

function affinityInfo(sockets: PsciSockets, { a1, a2 }: Arguments): number {
  // A group of CPUs always contains the running one.
  if (a2 > 3n) return PSCI_INVALID_PARAMETERS;
  if (a2 > 0n) return AFFINITY_ON;
  const target = cpuByAffinity(sockets, a1);
  if (target === undefined) return PSCI_INVALID_PARAMETERS;
  return sockets.isOn(target) ? AFFINITY_ON : AFFINITY_OFF;
}

function featureOf(id: bigint): number {
  return byId.has(Number(BigInt.asUintN(32, id))) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED;
}

function cpuByAffinity(sockets: PsciSockets, mpidr: bigint): number | undefined {
  const wanted = mpidr & AFFINITY_MASK;
  for (let cpu = 0; cpu < sockets.cpus; cpu++) {
    if (sockets.affinityOf(cpu) === wanted) return cpu;
  }
  return undefined;
}

/** Negative results are sign-extended over the whole register. */
function setResult(caller: FirmwareCaller, result: number): void {
  caller.setXHalves(0, result, result < 0 ? -1 : 0);
}
