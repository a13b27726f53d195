// A domain with some interrupts pending that it cannot take; and the pulse of the bundled guest.

import { createInspector } from '../../../emulator/debug/inspect/inspector.ts';
import { Driver, runGuest, type Setting } from '../../emulator/debug/inspect/gic/guest-program.ts';
import { fresh, helloGuest, runUntil } from '../../emulator/machine/guests.ts';
import type { PanelOptions } from './harness.ts';

const setting: Setting = { kind: 'domain', version: 3, vuart: true };
const driver = new Driver(setting).start();
for (let intid = 2; intid <= 6; intid++) driver.priority(intid, 0x60 + 8 * intid).enable(intid);
for (const intid of [27, 31, 32]) driver.priority(intid, 0xa0).enable(intid);
driver.pend(27).acknowledge().pend(31).pend(30);
for (let intid = 2; intid <= 6; intid++) driver.pend(intid);
const guest = runGuest(setting, driver);

const busy = fresh(await helloGuest(3));
const inspector = createInspector(busy.loaded);
runUntil(busy, 'hello');

export default {
  answers: {
    'xen/gic': (args: Readonly<Record<string, unknown>>) => guest.gic(args),
    'xen/gicTrace': (args: Readonly<Record<string, unknown>>) => inspector.inspect('gicTrace', args),
    'xen/symbols': { symbols: [{ name: 'wait_for_key+0x18' }] },
  },
  session: { domains: [{ domain: 1, name: 'hello', vcpus: 1 }], focus: { domain: 1, vcpu: 0 } },
} satisfies PanelOptions;
