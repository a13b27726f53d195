// Requests beyond the protocol, for terminals and panels (`protocol.ts` has their types).

import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';
import { formatMemoryReference, offsetBy } from '../memory-reference.ts';
import type { MemoryReference } from '../memory-reference.ts';
import { threadIdOf } from '../protocol.ts';
import type { AddressAlias, AddressSymbol, Inspections, VcpuRow } from '../protocol.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import { writeSnapshot } from '../machine/snapshot-file.ts';
import { evaluateAddress } from './evaluate.ts';
import { parsed } from './memory.ts';

const MAX_SYMBOLS = 1000;

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

export const xenRequests = [
  request('xen/console', {
    needs: 'machine',
    takes: { 'domain?': 'number', text: 'string' },
    async handle(session, { domain, text }) {
      const bytes = new TextEncoder().encode(text);
      await session.machine.client.request('consoleInput', { domain: domainOr(session, domain), bytes });
      return {};
    },
  }),

  request('xen/stage2Map', {
    needs: 'machine',
    takes: { 'domain?': 'number' },
    async handle(session, { domain }) {
      const ranges = await session.machine.client.request('stage2Map', { domain: domainOr(session, domain) });
      return {
        generation: session.handles.stopGeneration,
        ranges: ranges.map(({ ipa, pa, size, access, memory }) => ({
          ipa: hex(ipa),
          pa: hex(pa),
          size: hex(size),
          access,
          memory,
        })),
      };
    },
  }),

  request('xen/translate', {
    needs: 'machine',
    takes: { memoryReference: 'string' },
    async handle(session, { memoryReference }) {
      const reference = parsed(session, memoryReference);
      const result = await session.machine.client.request('translate', reference);
      const { stopGeneration: generation } = session.handles;
      if (!result.ok) return { generation, fault: result.fault, aliases: [] };
      const aliases = await aliasesOf(session, reference, result.pa);
      const ipa = result.ipa === undefined ? {} : { ipa: hex(result.ipa) };
      return { generation, ...ipa, pa: hex(result.pa), aliases };
    },
  }),

  request('xen/residents', {
    needs: 'machine',
    takes: { memoryReference: 'string', 'offset?': 'integer', count: 'integer' },
    quiet: true,
    handle(session, { memoryReference, offset = 0, count }) {
      const { space, address } = offsetBy(parsed(session, memoryReference), offset);
      const { stopGeneration: generation } = session.handles;
      if (space.kind === 'pa' || count <= 0) return { generation, residents: [], truncated: false };
      const target = session.debuggee.targetOf(space.kind === 'va' ? space.at.domain : space.domain);
      const found = target.symbolsWithin(address, address + BigInt(count), MAX_SYMBOLS + 1);
      const residents = found.slice(0, MAX_SYMBOLS).map(({ name, start, end }) => ({
        name,
        memoryReference: formatMemoryReference({ space, address: start }),
        size: Number(end - start),
      }));
      return { generation, residents, truncated: found.length > MAX_SYMBOLS };
    },
  }),

  request('xen/vcpus', {
    needs: 'machine',
    async handle(session) {
      const { client, debuggee } = session.machine;
      const all = await client.request('vcpus', {});
      const vcpus = all.map(({ domain, vcpu, state, el, pc }): VcpuRow => {
        const symbol = debuggee.allTargets.find((target) => target.domain === domain)?.describe(pc);
        const threadId = threadIdOf(domain, vcpu);
        return { domain, vcpu, threadId, state, el, pc: hex(pc), ...(symbol !== undefined && { symbol }) };
      });
      return { generation: session.handles.stopGeneration, vcpus };
    },
  }),

  request('xen/xenstoreWrite', {
    needs: 'machine',
    takes: { path: 'string', value: 'string' },
    async handle(session, { path, value }) {
      const action = { kind: 'write-xenstore', path, value } as const;
      await session.machine.client.request('act', { action });
      session.afterResponse(() => session.changedByUser(['variables']));
      return {};
    },
  }),

  request('xen/act', {
    needs: 'machine',
    async handle(session, { action }) {
      await session.machine.client.request('act', { action });
      // A vCPU that is paused says so in its name.
      session.afterResponse(() => session.changedByUser(['threads', 'stacks', 'variables']));
      return {};
    },
  }),

  request('xen/subscribe', {
    needs: 'nothing',
    takes: { subscriber: 'string', areas: 'strings', 'rate?': 'number' },
    handle(session, { subscriber, areas, rate }) {
      session.changes.subscribe(subscriber, areas, rate);
      return {};
    },
  }),

  request('xen/snapshot', {
    needs: 'stopped',
    async handle(session) {
      const { client, configuration: launch, base } = session.machine;
      const snapshot = await client.request('snapshot', {});
      return { text: writeSnapshot({ launch, folder: base, snapshot }) };
    },
  }),

  request('xen/symbols', {
    needs: 'machine',
    takes: { 'domain?': 'number', addresses: 'strings' },
    quiet: true,
    async handle(session, { domain, addresses }) {
      const target = session.debuggee.allTargets.find(
        (candidate) => candidate.domain === domainOr(session, domain),
      );
      const symbols = addresses.slice(0, MAX_SYMBOLS).map(async (text): Promise<AddressSymbol | null> => {
        const { address } = parsed(session, text);
        const name = target?.describe(address);
        if (name === undefined) return null;
        const line = await target?.lineAt(address);
        return { name, ...(line && { path: session.pathToClient(line.path), line: line.line }) };
      });
      return { symbols: await Promise.all(symbols) };
    },
  }),

  request('xen/resolve', {
    needs: 'machine',
    takes: { 'domain?': 'number', text: 'string' },
    quiet: true,
    async handle(session, { domain, text }) {
      const vcpu = { domain: domainOr(session, domain), vcpu: 0 };
      const value = await evaluateAddress(
        session,
        text,
        vcpu.domain === session.focus.domain ? session.focus : vcpu,
      );
      return { memoryReference: formatMemoryReference(value), address: hex(value.address) };
    },
  }),
];

/** Other addresses of a byte of the machine. */
async function aliasesOf(
  session: XenSession,
  { space }: MemoryReference,
  pa: number,
): Promise<readonly AddressAlias[]> {
  const { focus } = session;
  const at =
    space.kind === 'va' ? space.at : space.kind === 'ipa' ? { ...focus, domain: space.domain } : focus;
  const vcpu = space.kind === 'va' || at.domain === focus.domain ? at.vcpu : 0;
  const args = { text: `host/pa:${hex(pa)}`, domain: at.domain, vcpu };
  const { view } = await session.machine.client.request('inspect', { name: 'search', args });
  const { hits } = view as Inspections['search']['view'];
  return hits.flatMap(({ aliases }) =>
    aliases.map(({ space: kind, domain, address, reference, words }) => ({
      space: kind,
      domain,
      address,
      memoryReference: reference,
      text: words,
    })),
  );
}

function domainOr(session: XenSession, domain: number | undefined): number {
  return domain ?? session.debuggee.shown[0] ?? session.debuggee.info.domains[0]?.domain ?? BARE_DOMAIN;
}
