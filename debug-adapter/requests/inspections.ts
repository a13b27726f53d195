// A request for each inspection of the emulator: panels, terminals and tests get their views here.

import { inspections } from '../../emulator/index.ts';
import type { Inspected, InspectionRequests } from '../protocol.ts';
import { type AnyRequest, request } from '../request.ts';

export const inspectionRequests: readonly AnyRequest[] = inspections.map(({ name }) =>
  request(`xen/${name}` as keyof InspectionRequests, {
    needs: 'machine',
    quiet: true,
    async handle(session, args) {
      const { client, run } = session.machine;
      const { view, instructions, virtualNanoseconds } = await client.request('inspect', {
        name,
        args: { ...args },
      });
      const { stopGeneration: generation } = session.handles;
      // The view has the type of its row, which went through the machine's border by name.
      return { generation, running: run.running, instructions, virtualNanoseconds, view } as Inspected<never>;
    },
  }),
);
