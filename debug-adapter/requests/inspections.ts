// `xen/<name>` for each inspection of the emulator: panels, terminals and tests get their views here. The names are
// the machine's, which refuses others: the adapter does not load what makes views.

import type { Inspected, InspectionRequests } from '../protocol.ts';
import { type AnyRequest, request } from '../request.ts';

const PREFIX = 'xen/';

/** The row of a command that is not the adapter's own. */
export function inspectionRequest(command: string): AnyRequest | undefined {
  if (!command.startsWith(PREFIX)) return undefined;
  const name = command.slice(PREFIX.length);
  return request(command as keyof InspectionRequests, {
    needs: 'machine',
    quiet: true,
    async handle(session, args) {
      const { client, run } = session.machine;
      const { view, ...moment } = await client.request('inspect', { name, args: { ...args } });
      const { stopGeneration: generation } = session.handles;
      // The view has the type of its row, which went through the machine's border by name.
      return { generation, running: run.running, ...moment, view } as Inspected<never>;
    },
  });
}
