// What the adapter offers beyond the Debug Adapter Protocol. Panels, terminals and tests share these
// types; addresses travel as strings.

/** Thread ids: the vCPU of a domain, or the CPU of a bare machine. */
export function threadIdOf(domain: number, vcpu: number): number {
  return Math.max(domain, 0) * 256 + vcpu + 1;
}

/** Events: the adapter tells. */
export interface XenEvents {
  /** Output of a guest's console, decoded as UTF-8. `moment` is the instruction count, as a decimal string. */
  'xen/consoleData': { readonly domain: number; readonly name: string; readonly text: string };
  /** The machine runs or stands. */
  'xen/state': { readonly running: boolean };
}

/** Requests: the client asks. */
export interface XenRequests {
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
  'xen/domains': {
    readonly arguments: Record<string, never>;
    readonly result: { readonly generation: number; readonly domains: readonly DomainRow[] };
  };
  /** VA, IPA and PA of one address. */
  'xen/translate': {
    readonly arguments: { readonly memoryReference: string };
    readonly result: {
      readonly generation: number;
      readonly ipa?: string;
      readonly pa?: string;
      readonly fault?: string;
    };
  };
  /** The hash of all state, and the clock. */
  'xen/machine': {
    readonly arguments: Record<string, never>;
    readonly result: {
      readonly generation: number;
      readonly running: boolean;
      readonly instructions: number;
      readonly virtualNanoseconds: number;
      readonly stateHash: string;
    };
  };
}

export interface Stage2MapRange {
  readonly ipa: string;
  readonly pa: string;
  readonly size: string;
  readonly access: string;
  readonly memory: string;
}

export interface DomainRow {
  /** -1 on a bare machine. */
  readonly domain: number;
  readonly name: string;
  readonly vcpus: number;
}
