// Requests beyond the protocol, for terminals and panels (`protocol.ts` has their types).

import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import { parsed } from './memory.ts';

const hex = (value: number): string => `0x${value.toString(16)}`;

export const xenRequests = [
  request('xen/console', {
    needs: 'machine',
    async handle(session, { domain, text }) {
      const bytes = new TextEncoder().encode(text);
      await session.machine.client.request('consoleInput', { domain: domainOr(session, domain), bytes });
      return {};
    },
  }),

  request('xen/stage2Map', {
    needs: 'machine',
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

  request('xen/domains', {
    needs: 'machine',
    handle(session) {
      const domains = session.debuggee.info.domains.map(({ domain, name, vcpus }) => ({
        domain,
        name,
        vcpus,
      }));
      return { generation: session.handles.stopGeneration, domains };
    },
  }),

  request('xen/translate', {
    needs: 'machine',
    async handle(session, { memoryReference }) {
      const result = await session.machine.client.request('translate', parsed(session, memoryReference));
      const { stopGeneration: generation } = session.handles;
      if (!result.ok) return { generation, fault: result.fault };
      return { generation, ...(result.ipa !== undefined && { ipa: hex(result.ipa) }), pa: hex(result.pa) };
    },
  }),

  request('xen/machine', {
    needs: 'machine',
    async handle(session) {
      const { client, run } = session.machine;
      const { instructions, virtualNanoseconds } = await client.request('statistics', {});
      const stateHash = await client.request('stateHash', {});
      const { stopGeneration: generation } = session.handles;
      return { generation, running: run.running, instructions, virtualNanoseconds, stateHash };
    },
  }),
];

function domainOr(session: XenSession, domain: number | undefined): number {
  return domain ?? session.debuggee.info.domains[0]?.domain ?? BARE_DOMAIN;
}
