// What a machine looks like once guests are loaded, bare or under the embedded hypervisor: the
// part that the runner and the server share.

import type { HypervisorView } from '../xen/hypervisor/view.ts';
import type { XenObserver } from '../xen/observer.ts';
import type { FileStamp } from '../xen/toolstack/disk-store.ts';
import type { ReadObserver } from './host-memory.ts';
import type { Machine } from './machine.ts';
import type { Action, MachineInfo, Stage2Range, VcpuId } from './messages.ts';

export type GuestEnd = 'poweroff' | 'reboot' | 'crash' | 'suspend' | 'destroyed';

/** What guests do that the host must know. */
export interface GuestEvents {
  /** A byte on a console; `domain` is BARE_DOMAIN on a bare machine. */
  console(domain: number, byte: number): void;
  /** What the hypervisor says on its own console; nothing on a bare machine. */
  hypervisorConsole?(text: string): void;
  /** A domain (or the machine) came to its end; nothing of it runs any more. The other domains go on. */
  ended(domain: number, reason: GuestEnd): void;
  /** A domain came while the machine ran; `replaces`: in the place of one that ends. MachineInfo has it by now. */
  created?(domain: number, name: string, replaces: number | undefined): void;
}

export interface LoadedMachine {
  readonly machine: Machine;
  readonly info: MachineInfo;
  /** The CPU that holds the registers of a vCPU, of a domain that ended too; undefined when there is no such vCPU. */
  cpuOf(vcpu: VcpuId): number | undefined;
  /** The vCPU that is resident on a CPU; undefined when none is. */
  vcpuOf(cpu: number): VcpuId | undefined;
  /** What the hypervisor knows; undefined on a bare machine. */
  readonly view?: HypervisorView;
  /** Whether a vCPU was started and has not switched itself off since. */
  isOn(vcpu: VcpuId): boolean;
  /**
   * Watches the hypervisor from now on, until what it answers is called; on a bare machine the interrupts that CPUs
   * take and end, and calls of the firmware.
   */
  observe?(observer: XenObserver): () => void;
  /** What the hypervisor and its backends read of RAM; undefined ends it. Not there on a bare machine. */
  observeReads?(observer: ReadObserver | undefined): void;
  /** Somebody changes something through the hypervisor. Throws UserErrors for what cannot be. */
  act(action: Action): void;
  /** Somebody typed. */
  consoleInput(domain: number, bytes: Uint8Array): void;
  /** The PA behind a guest physical address; undefined where nothing is. */
  paOfIpa(domain: number, ipa: number): number | undefined;
  stage2Map(domain: number): readonly Stage2Range[];
  /**
   * The blob that describes the hardware to a domain, as it was given to the guest. BARE_DOMAIN: that of the
   * board, with or without a hypervisor of ours.
   */
  deviceTree(domain: number): Uint8Array | undefined;
  /** The files of the host that disks were made from, as they were when they were opened. */
  diskFiles?(): readonly FileStamp[];
  /** The machine runs no more: what its disks were to keep is in their files. */
  close?(): void;
  /** Plain state beside RAM, CPUs and devices: what sits at EL2. */
  saveMonitor(): unknown;
}
