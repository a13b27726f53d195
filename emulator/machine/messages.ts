// What crosses the border between a machine and whoever drives it: requests with one answer each,
// and events. All of it is plain data that a structured clone keeps (bigint and typed arrays
// included), so that the machine may live in a worker, in another process or in the same thread. Only a machine in
// the same thread may be given files that are not read yet (`StoredBytes`).
//
// There is one run state for the whole machine. `run` and `step` are answered as soon as the machine
// runs; that it stands again is told by exactly one `stopped` or `terminated` event for each of them.
// Everything else may be asked at any time and is served between two slices.

import type { Content } from '../formats/byte-source.ts';
import type { DiskSpec } from '../formats/disk-spec.ts';
import type { VifSpec } from '../formats/vif-spec.ts';
import type { Kernel } from '../formats/kernel.ts';
import type { DomainScheduling, MachineScheduling } from '../xen/scheduling/configuration.ts';
import { SCHEDULERS } from '../xen/scheduling/policy.ts';
import type { MachineSnapshot } from './snapshot.ts';
import type { Captured, StopRules } from './stop-programs.ts';

export { SCHEDULERS };
export type { DomainScheduling, MachineScheduling };

/** The domain id of a bare machine in every `VcpuId` and space: there is no domain. */
export const BARE_DOMAIN = -1;

/** Stands for the hypervisor's own console in `console` events: DOMID_XEN of public/xen.h. Nobody can type there. */
export const HYPERVISOR_CONSOLE = 0x7ff2;

/** What the emulated machine (boards/virt.ts) has for domains at most: physical CPUs, and vCPUs that share them. */
export const MAX_CPUS = 8;
export const MAX_VCPUS = 32;
export const MAX_DOMAIN_MEMORY = 3296 * 1024 * 1024;

export interface VcpuId {
  /** Xen's domid, or BARE_DOMAIN. */
  readonly domain: number;
  readonly vcpu: number;
}

// ---------------------------------------------------------------- configuration

/** A file the guest needs, found and decompressed. */
export interface GuestFile<Bytes = Content> {
  /** As the user named it: for messages. */
  readonly name: string;
  readonly bytes: Bytes;
}

/** A kernel file, unpacked and taken apart by `loadKernel`. */
export interface GuestKernel {
  readonly name: string;
  readonly kernel: Kernel;
}

/** As xl's `disk` says it, with the path of an image as the machine's host finds it. */
export type DiskConfig = DiskSpec;

export interface DomainConfig {
  readonly name: string;
  readonly kernel: GuestKernel;
  readonly ramdisk?: GuestFile;
  readonly cmdline: string;
  /** Bytes. */
  readonly memory: number;
  readonly vcpus: number;
  readonly gicVersion: 2 | 3;
  /** Bytes the domain may grow to; `memory` when absent. */
  readonly maximumMemory?: number;
  /** 16 bytes; drawn from the seed when absent. */
  readonly uuid?: Uint8Array;
  /** An emulated PL011, whose output joins the console's. */
  readonly vuart?: boolean;
  readonly disks?: readonly DiskConfig[];
  readonly vifs?: readonly VifSpec[];
  /** What happens when it ends, as on_poweroff and its kin of xl.cfg; a key that is missing: it is destroyed. */
  readonly actions?: Partial<Record<'poweroff' | 'reboot' | 'crash' | 'watchdog', EndAction>>;
  /** False: it is not there at moment 0, and created by request. */
  readonly start?: boolean;
  /** Weight, cap, affinity and pool. */
  readonly scheduling?: DomainScheduling;
}

export type EndAction =
  | 'destroy'
  | 'restart'
  | 'rename-restart'
  | 'preserve'
  | 'coredump-destroy'
  | 'coredump-restart';

export interface BareConfig {
  readonly kernel: GuestKernel;
  readonly ramdisk?: GuestFile;
  readonly deviceTree?: GuestFile<Uint8Array>;
  readonly cmdline: string;
  /** Bytes. */
  readonly memory: number;
  readonly cpus: number;
  readonly gicVersion: 2 | 3;
  readonly el: 1 | 2;
  /** Goes into /chosen/kaslr-seed. */
  readonly kaslrSeed?: bigint;
}

/** A machine with domains under the embedded hypervisor, or a bare one. */
export interface MachineConfig {
  readonly cpu: 'a53' | 'max';
  readonly seed: number;
  /** Seconds since 1970 that the guest's wall clock shows at moment 0. */
  readonly startTime?: number;
  /** Their domids are 1, 2, … in this order. */
  readonly domains?: readonly DomainConfig[];
  /** Xen's security policy: `silo` (when left out) keeps guests from each other, `dummy` lets them share. */
  readonly xsm?: 'silo' | 'dummy';
  /** Domains that end are made again where their `actions` say so; otherwise every end is a domain's last. */
  readonly restarts?: boolean;
  /** Physical CPUs, pools and schedulers; when left out, credit2 on as many CPUs as there are vCPUs, 8 at most. */
  readonly scheduling?: MachineScheduling;
  readonly bare?: BareConfig;
  /** How hot code is run: by default it is translated. Changes nothing that a guest or a hash could tell. */
  readonly translate?: TranslateConfig | false | undefined;
}

export interface TranslateConfig {
  /** About how many instructions are interpreted at a place before a region is made of it; see TranslateOptions. */
  readonly threshold?: number;
  /** Entries and exits of translated code are counted, which makes it slower. */
  readonly counts?: boolean;
}

/** Where a segment of the kernel file went, in the order of `Kernel.segments`. */
export interface LoadedSegment {
  /** Guest physical address (IPA; the PA on a bare machine). */
  readonly ipa: number;
  /** Bytes in memory, zero-filled part included. */
  readonly size: number;
}

export interface DomainInfo {
  readonly domain: number;
  readonly name: string;
  readonly vcpus: number;
  /** Where the kernel file went. */
  readonly segments: readonly LoadedSegment[];
  /** Guest physical RAM. */
  readonly ram: readonly { readonly ipa: number; readonly size: number }[];
}

export interface MachineInfo {
  /** One entry for each domain; on a bare machine one with BARE_DOMAIN. */
  readonly domains: readonly DomainInfo[];
}

// ---------------------------------------------------------------- state

/** An address space to read, write or translate in. */
export type AddressSpace =
  /** What this vCPU would see now, privileged, permissions ignored. `ttbr0` replaces the root of the lower half. */
  | { readonly kind: 'va'; readonly at: VcpuId; readonly ttbr0?: bigint }
  | { readonly kind: 'ipa'; readonly domain: number }
  | { readonly kind: 'pa' };

export type TranslateResult =
  /** `ipa` equals `pa` on a bare machine and is left out when a PA was asked for. */
  | { readonly ok: true; readonly ipa?: number; readonly pa: number }
  /** In words: `stage 1 translation fault, level 2`. */
  | { readonly ok: false; readonly fault: string };

export interface GeneralRegisters {
  /** X0..X30. */
  readonly x: BigUint64Array;
  readonly sp: bigint;
  readonly pc: bigint;
  /** As SPSR_ELx would hold it: NZCV, DAIF, EL and SP selection. */
  readonly pstate: number;
}

export interface FpRegisters {
  /** V0..V31, 16 bytes each, little endian. */
  readonly v: Uint8Array;
  readonly fpcr: number;
  readonly fpsr: number;
}

export interface SystemRegister {
  /** The manual's name: `TTBR0_EL1`. */
  readonly name: string;
  readonly value: bigint;
}

export type RegisterGroup = 'general' | 'fp' | 'system';

export interface Registers {
  readonly general?: GeneralRegisters;
  readonly fp?: FpRegisters;
  /** Those that can be read without side effects, in table order. */
  readonly system?: readonly SystemRegister[];
}

/** `paused`: its domain is, by the toolstack. */
export type VcpuState = 'running' | 'wfi' | 'wfe' | 'off' | 'blocked' | 'paused';

export interface VcpuInfo extends VcpuId {
  readonly state: VcpuState;
  readonly el: number;
  readonly pc: bigint;
}

export interface Breakpoint extends StopRules {
  /** Chosen by the client; several breakpoints may share one. */
  readonly id: number;
  readonly domain: number;
  /** `va`: matches the PC. `ipa`: matches the guest physical address of the PC, whatever its alias, MMU on or off. */
  readonly kind: 'va' | 'ipa';
  readonly address: bigint;
}

/** A range of memory whose accesses stop the machine, after the instruction that made them. */
export interface Watchpoint extends StopRules {
  readonly id: number;
  /** `va`: in whatever regime a vCPU of the domain has then; see StopScope for one process. */
  readonly space: { readonly kind: 'va' | 'ipa'; readonly domain: number } | { readonly kind: 'pa' };
  readonly address: bigint;
  /** Bytes. */
  readonly size: number;
  /** `change`: a write that leaves another value. */
  readonly access: 'read' | 'write' | 'access' | 'change';
}

/** An event of the hypervisor or of the machine that stops it, or is told of; names: emulator/debug/events. */
export interface EventBreakpoint extends StopRules {
  readonly id: number;
  readonly event: string;
  /**
   * As it begins, or with its result; the usual one of the event where it is not said. The machine stops when the
   * trap or instruction has been served, once for both.
   */
  readonly stage?: 'pre' | 'post' | 'both';
  /** Undefined: of any domain. */
  readonly domain?: number;
}

/** What happened, for people and for conditions (`$ev.field`). */
export interface EventReport {
  /** Its name in emulator/debug/events. */
  readonly event: string;
  readonly fields: Readonly<Record<string, bigint | string>>;
  /** One sentence: `Hypercall event_channel_op(send port 3) by d1v0`. */
  readonly description: string;
}

/** The access that a watchpoint saw. */
export interface WatchReport {
  readonly id: number;
  readonly access: 'read' | 'write';
  /** Undefined: not by a vCPU, but by a backend or the hypervisor. */
  readonly va?: bigint;
  readonly pa: bigint;
  readonly size: number;
  /** Of the watched range, little endian; of one that is longer than 64 bytes the 64 from the access on. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** Where the machine stands on its clock. */
export interface Moment {
  readonly instructions: number;
  readonly virtualNanoseconds: number;
}

export interface Stage2Range {
  readonly ipa: number;
  readonly pa: number;
  readonly size: number;
  /** `rwx`, with `-` for what is not allowed. */
  readonly access: string;
  /** What it is: `ram`, `grant table`, `device`. */
  readonly memory: string;
}

/** What a debugger changes through the hypervisor, as its toolstack or the sender of an event would. */
export type Action =
  /** Its vCPUs stand, or go on. */
  | { readonly kind: 'pause' | 'unpause' | 'destroy'; readonly domain: number }
  /** As `xl create`: makes the domain that was configured under this name. */
  | { readonly kind: 'create'; readonly name: string }
  /** As if the vCPU had called CPU_OFF of PSCI; works without a hypervisor too. */
  | { readonly kind: 'vcpu-off'; readonly domain: number; readonly vcpu: number }
  /** Asks the guest, through `control/shutdown` in xenstore. */
  | { readonly kind: 'shutdown'; readonly domain: number; readonly reason: 'poweroff' | 'reboot' | 'halt' }
  /** Raises an event at a port of the domain, as its peer would. */
  | { readonly kind: 'send-event'; readonly domain: number; readonly port: number }
  | {
      readonly kind: 'mask-event';
      readonly domain: number;
      readonly port: number;
      readonly masked: boolean;
    }
  /** As the toolstack: with all permissions, and watches fire. */
  | { readonly kind: 'write-xenstore'; readonly path: string; readonly value: string }
  | { readonly kind: 'remove-xenstore'; readonly path: string }
  /** xl block-attach; `disk` as in `disk` of xl.cfg. */
  | { readonly kind: 'block-attach'; readonly domain: number; readonly disk: string }
  /** xl block-detach; `device` is its vdev. `force` does not wait for the guest. */
  | {
      readonly kind: 'block-detach';
      readonly domain: number;
      readonly device: string;
      readonly force: boolean;
    }
  /** The disk has another size from now on, as a volume that was grown. */
  | {
      readonly kind: 'block-resize';
      readonly domain: number;
      readonly device: string;
      readonly size: number;
    };

export interface MachineStatistics extends Moment {
  /** Exits out of generated code by kind. */
  readonly exits: Readonly<Record<string, number>>;
}

// ---------------------------------------------------------------- requests

interface Call<Arguments, Result> {
  readonly arguments: Arguments;
  readonly result: Result;
}

export interface RunOptions {
  /** The other vCPUs of all domains stand still meanwhile. */
  readonly only?: VcpuId;
  /** Breakpoints count on the instructions at which vCPUs stand, too: nobody has been told of them yet. */
  readonly judgesHere?: boolean;
  /** As `setBreakpoints` has them, set before anything runs. */
  readonly breakpoints?: readonly Breakpoint[];
}

/** Every request: what it carries and what it answers. A UserError crosses the border as one. */
export interface MachineRequests {
  /** Builds the machine at moment 0, in place of the one before. Executes nothing. */
  create: Call<MachineConfig, MachineInfo>;
  /** The machine stands for good: what its disks were to keep is written to their files. */
  close: Call<Record<string, never>, void>;
  /** Runs until a breakpoint, a pause or an end. No breakpoint fires on the instruction a vCPU stands at. */
  run: Call<RunOptions, void>;
  /**
   * Runs until this vCPU has executed `count` instructions; the others go on as they would. Taking an
   * exception ends the step too: the PC is then at the vector, the interrupted instruction not executed.
   */
  step: Call<RunOptions & { readonly vcpu: VcpuId; readonly count: number }, void>;
  /**
   * Judges the breakpoints at the instruction at which this vCPU stands, as a run that comes there would: they count and
   * log. Nothing is executed. Only for the vCPU that has the turn; none are met by another one yet.
   */
  judgeHere: Call<{ readonly vcpu: VcpuId }, Pick<StopInfo, 'breakpointIds' | 'conditionError'>>;
  /** Ends a run within one slice (`stopped`, reason `pause`). Without effect on a machine that stands. */
  pause: Call<Record<string, never>, void>;
  /** The whole new list. May be sent while the machine runs. */
  setBreakpoints: Call<{ readonly breakpoints: readonly Breakpoint[] }, void>;
  /** The same for the other kinds. */
  setWatchpoints: Call<{ readonly watchpoints: readonly Watchpoint[] }, void>;
  setEventBreakpoints: Call<{ readonly events: readonly EventBreakpoint[] }, void>;
  vcpus: Call<Record<string, never>, readonly VcpuInfo[]>;
  readRegisters: Call<{ readonly vcpu: VcpuId; readonly groups: readonly RegisterGroup[] }, Registers>;
  /** `x0`..`x30`, `sp`, `pc`, `pstate`, `v0`..`v31`, `fpcr`, `fpsr`, or a system register by name. */
  writeRegister: Call<{ readonly vcpu: VcpuId; readonly name: string; readonly value: bigint }, void>;
  /** Up to the first byte that is not there. No side effects: no fault, no access flag, no device state. */
  readMemory: Call<
    { readonly space: AddressSpace; readonly address: bigint; readonly length: number },
    Uint8Array
  >;
  /** Answers how many bytes were written. */
  writeMemory: Call<
    { readonly space: AddressSpace; readonly address: bigint; readonly bytes: Uint8Array },
    number
  >;
  translate: Call<{ readonly space: AddressSpace; readonly address: bigint }, TranslateResult>;
  /** The blob that the guest was given; BARE_DOMAIN: that of the board. Undefined for a domain that there is not. */
  deviceTree: Call<{ readonly domain: number }, Uint8Array | undefined>;
  stage2Map: Call<{ readonly domain: number }, readonly Stage2Range[]>;
  /** A view of emulator/debug/inspect by its name; works at any time and changes nothing. */
  inspect: Call<
    { readonly name: string; readonly args: Readonly<Record<string, unknown>> },
    Moment & { readonly view: unknown }
  >;
  /** The same as text, for a line that was typed: `walk 0xffff800080010000`, `help`. */
  inspectCommand: Call<{ readonly line: string; readonly focus: VcpuId }, string>;
  act: Call<{ readonly action: Action }, void>;
  /** Somebody typed. */
  consoleInput: Call<{ readonly domain: number; readonly bytes: Uint8Array }, void>;
  stateHash: Call<Record<string, never>, string>;
  /** How to come to where the machine stands now; only while it stands. */
  snapshot: Call<Record<string, never>, MachineSnapshot>;
  statistics: Call<Record<string, never>, MachineStatistics>;
}

export type MachineRequestName = keyof MachineRequests;

/** The machine's side: one handler for each request. */
export type MachineServer = {
  readonly [Name in MachineRequestName]: (
    args: MachineRequests[Name]['arguments'],
  ) => MachineRequests[Name]['result'] | Promise<MachineRequests[Name]['result']>;
};

// ---------------------------------------------------------------- events

export type StopReason = 'breakpoint' | 'watchpoint' | 'event' | 'step' | 'pause' | 'crash';

export interface StopInfo extends Moment {
  readonly reason: StopReason;
  /** The vCPU with the cause; on a pause the one that ran last. */
  readonly vcpu: VcpuId;
  /** Ids of the breakpoints at the PC, when the reason is `breakpoint`. */
  readonly breakpointIds: readonly number[];
  /** Set when the reason is `watchpoint` or `event`. */
  readonly watch?: WatchReport;
  readonly event?: EventReport;
  /** A condition that could not be computed stops once; this says why, and the breakpoint ignores it from then on. */
  readonly conditionError?: string;
  /** One sentence, for a crash: what the guest did. */
  readonly description?: string;
  /** What is asked of the vCPU at nearly every stop. */
  readonly state?: StoppedState;
}

export interface StoppedState {
  readonly general: GeneralRegisters;
  /** The pages of its PC and its stack pointer, as `readMemory` answers them. */
  readonly pages: readonly { readonly address: bigint; readonly bytes: Uint8Array }[];
}

export interface DomainEnd extends Moment {
  readonly reason: 'poweroff' | 'reboot' | 'crash' | 'suspend' | 'destroyed';
  readonly domain: number;
}

export interface MachineEvents {
  stopped: StopInfo;
  /** Guest output. */
  console: { readonly domain: number; readonly bytes: Uint8Array };
  /** A breakpoint with `log` was passed, or an event with it happened. */
  hit: Moment & {
    readonly id: number;
    readonly vcpu: VcpuId;
    readonly values: readonly Captured[];
    readonly event?: EventReport;
    /** Of a storm only some are told: so many of this breakpoint were left out before this one. */
    readonly omitted?: number;
  };
  log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error';
    readonly source: string;
    readonly message: string;
  };
  /**
   * A domain came to its end while others live: the machine goes on, or stands, as it did. After a crash, which is to be
   * looked at, a `stopped` with that reason follows.
   */
  domainEnded: DomainEnd;
  /** A vCPU was switched on or off, by PSCI. */
  vcpu: VcpuId & { readonly isOn: boolean };
  /** The last domain powered itself off, or asked for a reboot; its state can still be read. */
  terminated: DomainEnd;
  /** The machine is gone. (A mistake of ours that leaves it standing is a `stopped` with the reason `crash`.) */
  failed: { readonly message: string };
}

export type MachineEventName = keyof MachineEvents;

export type MachineEvent = {
  [Name in MachineEventName]: { readonly event: Name; readonly body: MachineEvents[Name] };
}[MachineEventName];

export type MachineEventSink = (event: MachineEvent) => void;
