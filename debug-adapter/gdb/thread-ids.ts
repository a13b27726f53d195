// Who is who: a domain is a process (an inferior of gdb), a vCPU is a thread of it. GDB manual, "Packets",
// the syntax of thread-id.

import { BARE_DOMAIN, type VcpuId } from '../../emulator/machine/messages.ts';
import { parseHex } from './packets.ts';

/** A process is never 0. Domain 0 gets a number that no guest has: DOMID_FIRST_RESERVED of public/xen.h. */
const PID_OF_DOMAIN_0 = 0x7ff0;
const PID_OF_BARE = 1;

export const pidOf = (domain: number): number => {
  if (domain === BARE_DOMAIN) return PID_OF_BARE;
  return domain === 0 ? PID_OF_DOMAIN_0 : domain;
};

export const tidOf = (vcpu: number): number => vcpu + 1;

export const sameVcpu = (a: VcpuId, b: VcpuId): boolean => a.domain === b.domain && a.vcpu === b.vcpu;

/** Undefined: the request leaves it open. */
export interface ThreadId {
  readonly pid: number | 'all' | undefined;
  readonly tid: number | 'all' | undefined;
}

/** `p1.2`, `p1`, `2`, `-1`, `0`. Undefined for anything else. */
export function parseThreadId(text: string): ThreadId | undefined {
  const match = /^(?:p(-1|[0-9a-f]+)(?:\.(-1|[0-9a-f]+))?|(-1|[0-9a-f]+))$/i.exec(text);
  if (!match) return undefined;
  const [, pid, tid, alone] = match;
  if (alone !== undefined) return { pid: undefined, tid: part(alone) };
  return { pid: part(pid ?? '0'), tid: tid === undefined ? 'all' : part(tid) };
}

function part(text: string): number | 'all' | undefined {
  if (text === '-1') return 'all';
  const number = parseHex(text);
  return number === 0 ? undefined : number;
}
