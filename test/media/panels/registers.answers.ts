// The registers of the bundled guest, once it has printed its first lines.

import { createInspector } from '../../../emulator/debug/inspect/inspector.ts';
import { fresh, helloGuest, runUntil } from '../../emulator/machine/guests.ts';
import type { PanelOptions } from './harness.ts';

const guest = fresh(await helloGuest(3));
runUntil(guest, 'hello');
const inspector = createInspector(guest.loaded);

export default {
  answers: {
    'xen/registers': (args: Readonly<Record<string, unknown>>) => inspector.inspect('registers', args),
    'xen/registerInfo': (args: Readonly<Record<string, unknown>>) => inspector.inspect('registerInfo', args),
    'xen/symbols': { symbols: [] },
  },
  session: { domains: [{ domain: 1, name: 'hello', vcpus: 1 }], focus: { domain: 1, vcpu: 0 } },
} satisfies PanelOptions;
