// What a debugger may know of the operating system in a domain beyond its code. Everything is read from the memory of
// the guest from outside, at any moment: before the system is up, while it runs, after it has crashed. What is not
// there yet, or has gone wild, is left out.

import type { VcpuId } from '../../emulator/machine/messages.ts';
import type { Frame } from '../frames/stack.ts';

export interface GuestTask {
  /** Of its descriptor. */
  readonly address: bigint;
  /** Of the thread. */
  readonly pid: number;
  /** Of the process: that of its first thread. */
  readonly tgid: number;
  readonly parent: number | undefined;
  readonly name: string;
  /** In words. */
  readonly state: string;
  /** The CPU that runs it, or ran it last, by the guest's number. */
  readonly cpu: number | undefined;
  readonly isKernel: boolean;
  /** The vCPU that runs it now. */
  readonly on: VcpuId | undefined;
}

export interface GuestLogRecord {
  readonly sequence: bigint;
  /** Since the guest booted. */
  readonly nanoseconds: bigint;
  /** 0: emergency … 7: debugging (syslog). */
  readonly level: number;
  readonly text: string;
}

export interface GuestModule {
  /** Of its descriptor. */
  readonly descriptor: bigint;
  readonly name: string;
  /** Of its code. */
  readonly address: bigint;
  readonly size: number;
  /** In words. */
  readonly state: string;
  /** All of its memory; what it needed for its beginning only is not there any more once that is over. */
  readonly ranges: readonly MemoryRange[];
}

export interface MemoryRange {
  readonly start: bigint;
  readonly size: number;
}

/** Where the parts of a module lie, and what the kernel itself knows of it. */
export interface ModuleContents {
  /** Addresses by name, of those that were loaded. */
  readonly sections: ReadonlyMap<string, bigint>;
  /** In hexadecimal. */
  readonly buildId: string | undefined;
  readonly symbols: readonly ModuleSymbol[];
}

export interface ModuleSymbol {
  readonly name: string;
  readonly address: bigint;
  readonly isFunction: boolean;
}

/** The program that a process runs. */
export interface GuestProgram {
  /** Guest physical address of the process's translation table. */
  readonly table: bigint;
  readonly pid: number;
  /** As far as its file system is known: `/bin/busybox`. */
  readonly path: string;
  /** Where its entry and the first of its code lie. */
  readonly entry: bigint;
  readonly code: bigint;
}

export interface GuestOs {
  /** `Linux`. */
  readonly name: string;
  /** Those that run first are the idle ones; a list that has gone wild ends where it does. */
  tasks(): Promise<readonly GuestTask[]>;
  currentTask(vcpu: VcpuId): Promise<GuestTask | undefined>;
  /** Innermost frame first. */
  stackOf(task: GuestTask, limit: number): Promise<readonly Frame[]>;
  log(): Promise<readonly GuestLogRecord[]>;
  modules(): Promise<readonly GuestModule[]>;
  /** `descriptor`: of a module. Undefined where none is. */
  moduleAt(descriptor: bigint): Promise<GuestModule | undefined>;
  contentsOf(module: GuestModule): Promise<ModuleContents>;
  /** Of a task by its descriptor. Undefined for one of the kernel's own. */
  programOf(task: bigint): Promise<GuestProgram | undefined>;
}
