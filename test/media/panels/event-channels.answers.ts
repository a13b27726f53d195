// The bundled guest with a disk, after mistakes made on purpose: a masked port with a request under way, a grant
// that nobody uses, and the ring's grant taken back while it is mapped.

import { createInspector } from '../../../emulator/debug/inspect/inspector.ts';
import { configured, fresh, runUntil } from '../../emulator/machine/guests.ts';
import type { PanelOptions } from './harness.ts';

const machine = fresh(
  await configured({
    domains: [
      { name: 'hello', kernel: 'hello-xen.elf', memory: 64, gicVersion: 3, disk: ['scratch:1M,raw,xvda,w'] },
    ],
  }),
);
const inspector = createInspector(machine.loaded);
const PROMPT = 'hello> ';
runUntil(machine, PROMPT);
for (const line of ['trouble grant', 'trouble mask disk', 'trouble revoke', 'help']) {
  machine.console = '';
  machine.loaded.consoleInput(1, new TextEncoder().encode(`${line}\n`));
  runUntil(machine, `\n${PROMPT}`);
}

const asked = (name: string) => (args: Readonly<Record<string, unknown>>) => inspector.inspect(name, args);

export default {
  answers: {
    'xen/eventChannels': asked('eventChannels'),
    'xen/grants': asked('grants'),
    'xen/symbols': { symbols: [{ name: 'event_channel_op+0x1c' }] },
    'xen/act': {},
  },
  session: {
    domains: [
      { domain: 0, name: 'Domain-0', vcpus: 0 },
      { domain: 1, name: 'hello', vcpus: 1 },
    ],
    focus: { domain: 1, vcpu: 0 },
  },
} satisfies PanelOptions;
