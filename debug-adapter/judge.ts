// Decides what a stop of the machine means to the user: which breakpoint it is, a crash, a pause, or nothing.

import type { StopInfo, VcpuId } from '../emulator/machine/messages.ts';
import type { MachineBreakpoints } from './breakpoints.ts';
import type { Debuggee } from './debuggee.ts';

/** What the user is told about a stop. */
export interface StopReport {
  readonly reason:
    | 'entry'
    | 'breakpoint'
    | 'function breakpoint'
    | 'instruction breakpoint'
    | 'step'
    | 'pause'
    | 'exception';
  readonly vcpu: VcpuId;
  readonly description: string;
  readonly hitBreakpointIds: readonly number[];
  /** Set for `exception`. */
  readonly exception?: ExceptionReport;
}

export interface ExceptionReport {
  readonly id: 'panic' | 'crash';
  readonly description: string;
}

/** A message of the guest is read this far. */
const MAX_TEXT = 256;

export class Judge {
  private readonly debuggee: Debuggee;
  private readonly breakpoints: MachineBreakpoints;

  constructor(debuggee: Debuggee, breakpoints: MachineBreakpoints) {
    this.debuggee = debuggee;
    this.breakpoints = breakpoints;
  }

  /** Decides whether a stop is one to show. Undefined: it concerns the plan only, or nobody. */
  async reportOf(stop: StopInfo, focus: VcpuId): Promise<StopReport | undefined> {
    const { vcpu } = stop;
    switch (stop.reason) {
      case 'pause':
        return { reason: 'pause', vcpu: focus, description: 'Paused', hitBreakpointIds: [] };
      case 'crash': {
        const description = stop.description ?? 'The guest crashed';
        return {
          reason: 'exception',
          vcpu,
          description,
          hitBreakpointIds: [],
          exception: { id: 'crash', description },
        };
      }
      case 'step':
      case 'watchpoint':
      case 'event':
        return undefined;
      case 'breakpoint':
        return this.breakpointAt(vcpu, stop.breakpointIds);
    }
  }

  /** What the user sees of the breakpoints where a vCPU stands. `candidates`: ids that the machine reported. */
  async breakpointAt(vcpu: VcpuId, candidates?: readonly number[]): Promise<StopReport | undefined> {
    const { pc } = await this.debuggee.general(vcpu);
    const hits = this.breakpoints.at(this.debuggee.targetOf(vcpu.domain), pc, candidates);
    const [first] = hits;
    if (!first) return undefined;
    const hitBreakpointIds = hits.filter(({ kind }) => kind !== 'panic').map(({ id }) => id);
    if (hits.some(({ kind }) => kind === 'panic')) {
      const description = await panicMessage(this.debuggee, vcpu);
      return {
        reason: 'exception',
        vcpu,
        description,
        hitBreakpointIds,
        exception: { id: 'panic', description },
      };
    }
    const reasons = {
      source: 'breakpoint',
      function: 'function breakpoint',
      instruction: 'instruction breakpoint',
      panic: 'exception',
    } as const;
    const reason = reasons[first.kind];
    return { reason, vcpu, description: `Paused on ${reason}`, hitBreakpointIds };
  }
}

/** panic(fmt, ...) of Linux, with what its format says of the registers that follow. */
async function panicMessage(debuggee: Debuggee, vcpu: VcpuId): Promise<string> {
  const { x } = await debuggee.general(vcpu);
  const textAt = async (address: bigint): Promise<string> => {
    const bytes = await debuggee.reader(vcpu)(address, MAX_TEXT);
    const end = bytes.indexOf(0);
    return new TextDecoder('latin1').decode(bytes.subarray(0, end < 0 ? bytes.length : end));
  };
  let text = '';
  let argument = 1;
  for (const part of (await textAt(x[0] ?? 0n)).split(/(%(?:l{0,2}[dux]|s|c))/)) {
    const kind = /^%l{0,2}([duxsc])$/.exec(part)?.[1];
    const value = kind === undefined ? 0n : (x[argument++] ?? 0n);
    const wide = part.startsWith('%l') ? 64 : 32;
    if (kind === undefined) text += part;
    else if (kind === 's') text += await textAt(value);
    else if (kind === 'c') text += String.fromCharCode(Number(value & 0xffn));
    else if (kind === 'd') text += BigInt.asIntN(wide, value).toString();
    else text += BigInt.asUintN(wide, value).toString(kind === 'x' ? 16 : 10);
  }
  const printable = text.replace(/[^ -~]+/g, ' ').trim();
  return printable === '' ? 'Guest panic' : `Guest panic: ${printable}`;
}
