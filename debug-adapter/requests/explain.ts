// Why the machine stands, as data: for tools that decide what to look at next.

import { exceptionDetails } from '../breakpoints/exception-details.ts';
import { eventTree } from '../breakpoints/event-tree.ts';
import type { StopReport } from '../breakpoints/judge.ts';
import * as errors from '../errors.ts';
import { formatMemoryReference, vaReference } from '../memory-reference.ts';
import { threadIdOf } from '../protocol.ts';
import type { StopExplained } from '../protocol.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';

export const explainRequests = [
  request('xen/explainStop', {
    needs: 'stopped',
    quiet: true,
    async handle(session): Promise<StopExplained> {
      const stop = session.lastStop;
      if (!stop) throw errors.hasNotStopped();
      const { instructions, virtualNanoseconds } = await session.machine.client.request('statistics', {});
      const { vcpu, reason, description, hitBreakpointIds } = stop;
      const target = session.debuggee.targetOf(vcpu.domain);
      const { pc } = await session.debuggee.general(vcpu);
      const symbol = target.describe(pc);
      const line = await target.lineAt(pc);
      const event = eventTree(stop);
      return {
        generation: session.handles.stopGeneration,
        instructions,
        virtualNanoseconds,
        reason,
        description,
        threadId: threadIdOf(vcpu.domain, vcpu.vcpu),
        at: {
          address: vaReference(vcpu, pc),
          ...(symbol !== undefined && { symbol }),
          ...(line && { path: session.pathToClient(line.path), line: session.lineToClient(line.line) }),
        },
        breakpoints: hitBreakpointIds.flatMap((id) => {
          const found = session.breakpoints.find(id);
          return found ? [{ id, kind: found.kind, request: found.request }] : [];
        }),
        ...(event && { event }),
        ...(stop.exception && { details: (await exceptionDetails(session, stop)).stackTrace ?? '' }),
        related: relatedTo(session, stop),
      };
    },
  }),
];

/** Fields of events that are addresses, and in which space. */
const PLACES = { far: 'va', va: 'va', ipa: 'ipa', pc: 'va' } as const;

function relatedTo(
  { debuggee }: XenSession,
  { vcpu, exception, watch }: StopReport,
): StopExplained['related'] {
  const { domain } = vcpu;
  const target = debuggee.targetOf(domain);
  const related: StopExplained['related'][number][] = [];
  for (const [name, kind] of Object.entries(PLACES)) {
    const value = exception?.event?.fields[name];
    if (typeof value !== 'bigint') continue;
    const space = kind === 'va' ? { kind, at: vcpu } : { kind, domain };
    const symbol = kind === 'va' ? target.describe(value) : undefined;
    const memoryReference = formatMemoryReference({ space, address: value });
    related.push({ what: name, memoryReference, ...(symbol !== undefined && { symbol }) });
  }
  if (watch) {
    const memoryReference = formatMemoryReference({ space: { kind: 'pa' }, address: watch.pa });
    related.push({ what: 'data', memoryReference });
  }
  return related;
}
