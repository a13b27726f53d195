// Requests beyond the protocol, for terminals and panels (`protocol.ts` has their types).

import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';
import { formatMemoryReference } from '../memory-reference.ts';
import type { AddressSymbol } from '../protocol.ts';
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
      const result = await session.machine.client.request('translate', parsed(session, memoryReference));
      const { stopGeneration: generation } = session.handles;
      if (!result.ok) return { generation, fault: result.fault };
      return { generation, ...(result.ipa !== undefined && { ipa: hex(result.ipa) }), pa: hex(result.pa) };
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

function domainOr(session: XenSession, domain: number | undefined): number {
  return domain ?? session.debuggee.shown[0] ?? session.debuggee.info.domains[0]?.domain ?? BARE_DOMAIN;
}
