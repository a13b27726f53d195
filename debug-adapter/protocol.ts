// What the adapter offers beyond the Debug Adapter Protocol. Panels, terminals and tests share these
// types; addresses travel as strings.

import type { Inspections } from '../emulator/debug/inspect/catalog.ts';
import { type Action, HYPERVISOR_CONSOLE } from '../emulator/machine/messages.ts';

export { type Action, HYPERVISOR_CONSOLE, type Inspections };

/** Thread ids: the vCPU of a domain, or the CPU of a bare machine. */
export function threadIdOf(domain: number, vcpu: number): number {
  return Math.max(domain, 0) * 256 + vcpu + 1;
}

/** Events: the adapter tells. */
export interface XenEvents {
  /** Output of a console, decoded as UTF-8. The hypervisor's has the domain 0x7ff2 (DOMID_XEN) and takes no keys. */
  'xen/consoleData': { readonly domain: number; readonly name: string; readonly text: string };
  /** Event breakpoints that count or log were passed: how often by now. Told some times in a second. */
  'xen/hit': { readonly counts: readonly { readonly id: number; readonly count: number }[] };
  /** The machine runs or stands. */
  'xen/state': { readonly running: boolean };
  /** Views of these areas may have changed: after a stop, and while the machine runs as often as was asked for. */
  'xen/changed': {
    readonly areas: readonly Area[];
    /** Counts stops: views of one generation show one state of the machine. */
    readonly generation: number;
    readonly running: boolean;
  };
}

/** What can be subscribed to: a view by the name of its inspection. */
export type Area = keyof Inspections;

/** A view of the machine, and of when. */
export interface Inspected<View> {
  /** Counts stops. */
  readonly generation: number;
  readonly running: boolean;
  /** Executed by all CPUs. */
  readonly instructions: number;
  readonly virtualNanoseconds: number;
  readonly view: View;
}

/** `xen/<name>` for each row of emulator/debug/inspect/catalog.ts. */
export type InspectionRequests = {
  [Name in keyof Inspections as `xen/${Name}`]: {
    readonly arguments: Inspections[Name]['arguments'];
    readonly result: Inspected<Inspections[Name]['view']>;
  };
};

export type XenRequests = InspectionRequests & OtherRequests;

/** Requests: the client asks. */
interface OtherRequests {
  /** Types into a console. */
  'xen/console': {
    readonly arguments: { readonly domain?: number; readonly text: string };
    readonly result: Record<string, never>;
  };
  /** Where guest physical memory lies in the machine. */
  'xen/stage2Map': {
    readonly arguments: { readonly domain?: number };
    readonly result: { readonly generation: number; readonly ranges: readonly Stage2MapRange[] };
  };
  /** VA, IPA and PA of one address, whichever it is, in every domain that has it. */
  'xen/translate': {
    readonly arguments: { readonly memoryReference: string };
    readonly result: {
      readonly generation: number;
      readonly ipa?: string;
      readonly pa?: string;
      readonly fault?: string;
      /** Of the same byte: IPAs of all domains, VAs by the tables of the vCPU in focus. */
      readonly aliases: readonly AddressAlias[];
    };
  };
  /** Symbols that lie in a range of memory, in order of address; at most 1000. */
  'xen/residents': {
    readonly arguments: {
      readonly memoryReference: string;
      readonly offset?: number;
      readonly count: number;
    };
    readonly result: {
      readonly generation: number;
      readonly residents: readonly Resident[];
      readonly truncated: boolean;
    };
  };
  /** vCPUs of all domains, with what they do. */
  'xen/vcpus': {
    readonly arguments: Record<string, never>;
    readonly result: { readonly generation: number; readonly vcpus: readonly VcpuRow[] };
  };
  /** Why the machine stands: what the client was told of the last stop, taken apart. */
  'xen/explainStop': {
    readonly arguments: Record<string, never>;
    readonly result: StopExplained;
  };
  /** As the toolstack writes: with all permissions, and watches fire. */
  'xen/xenstoreWrite': {
    readonly arguments: { readonly path: string; readonly value: string };
    readonly result: Record<string, never>;
  };
  /**
   * Which views a subscriber shows: told by `xen/changed` when they may have changed. A list replaces the
   * subscriber's earlier one; an empty list ends it.
   */
  'xen/subscribe': {
    readonly arguments: {
      /** Chosen by the client. */
      readonly subscriber: string;
      readonly areas: readonly Area[];
      /** Times a second while the machine runs, at most 20; 5 when left out. */
      readonly rate?: number;
    };
    readonly result: Record<string, never>;
  };
  /** Changes something through the hypervisor. */
  'xen/act': { readonly arguments: { readonly action: Action }; readonly result: Record<string, never> };
  /** Changes a register, or one field of it. */
  'xen/setRegister': {
    readonly arguments: {
      readonly domain: number;
      readonly vcpu: number;
      /** As `xen/registers` names it. */
      readonly name: string;
      /** `DAIF`, or `ISS.DFSC` for a part of a field. */
      readonly field?: string;
      /** Decimal, or hexadecimal after 0x. */
      readonly value: string;
    };
    readonly result: Record<string, never>;
  };
  /** Every event that can be had as a breakpoint, in the order of a tree. */
  'xen/eventCatalog': {
    readonly arguments: Record<string, never>;
    readonly result: { readonly categories: readonly CatalogCategory[] };
  };
  /** Replaces all event breakpoints of the session; the answers are in the order of the list. */
  'xen/setEventBreakpoints': {
    readonly arguments: { readonly breakpoints: readonly EventBreakpointRequest[] };
    readonly result: { readonly breakpoints: readonly EventBreakpointAnswer[] };
  };
  /** The text of a snapshot file: how to come to where the machine stands. `xenscope inspect FILE` reads it. */
  'xen/snapshot': {
    readonly arguments: Record<string, never>;
    readonly result: { readonly text: string };
  };
  /** Processes and threads of the guest's operating system; those of a page. */
  'xen/tasks': {
    readonly arguments: { readonly domain?: number; readonly start?: number; readonly count?: number };
    readonly result: {
      readonly generation: number;
      /** `Linux`. */
      readonly os: string;
      readonly tasks: readonly TaskRow[];
      readonly total: number;
    };
  };
  /** The stack of one of them, whether it runs or waits; innermost frame first. */
  'xen/taskStack': {
    readonly arguments: {
      readonly domain?: number;
      readonly pid?: number;
      /** Of its descriptor, where several have the pid 0. */
      readonly address?: string;
      readonly levels?: number;
    };
    readonly result: {
      readonly generation: number;
      readonly task: TaskRow;
      readonly frames: readonly TaskFrame[];
    };
  };
  /** The kernel's log out of its memory, whether a console prints it or not. `since`: a sequence number. */
  'xen/log': {
    readonly arguments: { readonly domain?: number; readonly since?: number };
    readonly result: { readonly generation: number; readonly records: readonly LogRow[] };
  };
  /** Names of addresses; null where nothing is known. At most 1000 at once. */
  'xen/symbols': {
    readonly arguments: { readonly domain?: number; readonly addresses: readonly string[] };
    readonly result: {
      readonly symbols: readonly (AddressSymbol | null)[];
    };
  };
  /** A symbol, number or memory reference as an address. */
  'xen/resolve': {
    readonly arguments: { readonly domain?: number; readonly text: string };
    readonly result: { readonly memoryReference: string; readonly address: string };
  };
}

export interface CatalogCategory {
  readonly id: string;
  readonly label: string;
  readonly events: readonly CatalogEvent[];
}

export interface CatalogEvent {
  /** Dots lead from a group to its members. */
  readonly name: string;
  readonly label: string;
  readonly description: string;
  readonly stages: readonly EventStage[];
  /** It can happen in the machine of this session. */
  readonly available: boolean;
  /** What a condition may name as `$ev.…`. */
  readonly fields: readonly {
    readonly name: string;
    readonly type: 'number' | 'text';
    readonly doc: string;
  }[];
}

/** `pre`: as it begins; `post`: with its result. */
export type EventStage = 'pre' | 'post';

export interface EventBreakpointRequest {
  readonly event: string;
  readonly condition?: string;
  readonly hitCondition?: string;
  /** The first one that the event has, when left out. */
  readonly stage?: EventStage | 'both';
  /** `stop` when left out. `log`: its sentence goes to the console. `count`: nothing is shown. All are counted: `xen/hit`. */
  readonly action?: 'stop' | 'log' | 'count';
  /** A mode of `breakpointModes`. */
  readonly mode?: string;
}

export interface EventBreakpointAnswer {
  readonly id: number;
  readonly verified: boolean;
  /** How often it was passed so far, when its action is not to stop. */
  readonly count: number;
  readonly message?: string;
}

export interface TaskRow {
  /** Of its descriptor. */
  readonly address: string;
  readonly pid: number;
  readonly tgid: number;
  readonly parent?: number;
  readonly name: string;
  /** In words: `sleeping`. */
  readonly state: string;
  /** The CPU that runs it, or ran it last. */
  readonly cpu?: number;
  readonly kernel: boolean;
  /** The vCPU that runs it now. */
  readonly vcpu?: number;
}

export interface TaskFrame {
  /** `schedule+0x5c`, or what stands between an exception and the code that it interrupted. */
  readonly name: string;
  /** Not of such a line. */
  readonly address?: string;
  /** For `scopes` and `evaluate`, until the machine runs; likewise. */
  readonly frameId?: number;
  readonly path?: string;
  readonly line?: number;
}

export interface LogRow {
  readonly sequence: number;
  readonly nanoseconds: number;
  /** 0: emergency … 7: debugging. */
  readonly level: number;
  readonly text: string;
}

export interface AddressAlias {
  readonly space: 'va' | 'ipa' | 'pa';
  readonly domain: number;
  readonly address: string;
  readonly memoryReference: string;
  /** In words. */
  readonly text: string;
}

export interface Resident {
  readonly name: string;
  /** In the space that was asked for. */
  readonly memoryReference: string;
  readonly size: number;
}

export interface VcpuRow {
  readonly domain: number;
  readonly vcpu: number;
  readonly threadId: number;
  /** `running`, `wfi`, `wfe`, `off`, `blocked` or `paused`. */
  readonly state: string;
  readonly el: number;
  readonly pc: string;
  /** `start_kernel+0x10`. */
  readonly symbol?: string;
}

export interface StopExplained {
  readonly generation: number;
  /** When: executed by all CPUs, and on the clock of the machine. */
  readonly instructions: number;
  readonly virtualNanoseconds: number;
  /** That of the `stopped` event. */
  readonly reason: string;
  readonly description: string;
  readonly threadId: number;
  /** Where that vCPU stands. */
  readonly at: {
    readonly address: string;
    readonly symbol?: string;
    readonly path?: string;
    readonly line?: number;
  };
  /** Breakpoints of this session that were hit. */
  readonly breakpoints: readonly { readonly id: number; readonly kind: string; readonly request: string }[];
  /** `$ev` as plain data. */
  readonly event?: Readonly<Record<string, unknown>>;
  /** The decoded syndrome, the walk of the address that faulted, and what follows from them. */
  readonly details?: string;
  /** Places that have to do with it. */
  readonly related: readonly {
    /** The name of a field of the event, or `data`. */
    readonly what: string;
    readonly memoryReference: string;
    readonly symbol?: string;
  }[];
}

export interface AddressSymbol {
  /** `start_kernel+0x10`. */
  readonly name: string;
  /** Where the line is known: on the user's disk. */
  readonly path?: string;
  readonly line?: number;
}

export interface Stage2MapRange {
  readonly ipa: string;
  readonly pa: string;
  readonly size: string;
  readonly access: string;
  readonly memory: string;
}
