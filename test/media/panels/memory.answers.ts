// The memory of the bundled guest, once it has printed its first lines.

import { createInspector } from '../../../emulator/index.ts';
import { fresh, helloGuest, runUntil } from '../../emulator/machine/guests.ts';
import type { PanelOptions } from './harness.ts';

const guest = fresh(await helloGuest(3));
runUntil(guest, 'hello');
const inspector = createInspector(guest.loaded);
type Arguments = Readonly<Record<string, unknown>>;
const inspect =
  (name: string) =>
  (args: Arguments): unknown =>
    inspector.inspect(name, args);

export default {
  answers: {
    'xen/memoryMap': inspect('memoryMap'),
    'xen/physicalMap': inspect('physicalMap'),
    'xen/stage1Map': inspect('stage1Map'),
    'xen/walk': inspect('walk'),
    'xen/search': inspect('search'),
    'xen/resolve': { memoryReference: 'd1/va@v0:0x40010000', address: '0x40010000' },
  },
  session: { domains: [{ domain: 1, name: 'hello', vcpus: 1 }], focus: { domain: 1, vcpu: 0 } },
} satisfies PanelOptions;
