// Garbage in every register of an interrupt controller: the inspection says what is there, fails on nothing, stays
// small, and changes nothing.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gicInspection } from '../../../../../emulator/debug/inspect/gic/gic.ts';
import { gicTraceInspection } from '../../../../../emulator/debug/inspect/gic/gic-trace.ts';
import { gicSystemRegisters } from '../../../../../emulator/devices/gic-v3/system-registers.ts';
import { stateHash } from '../../../../../emulator/machine/state-hash.ts';
import { Driver, frames, runGuest, type Setting, type StoppedGuest } from './guest-program.ts';

const settings: readonly Setting[] = [
  { kind: 'bare', version: 2, cpus: 2 },
  { kind: 'bare', version: 3, cpus: 2 },
  { kind: 'bare at EL2', version: 2 },
  { kind: 'bare at EL2', version: 3 },
  { kind: 'domain', version: 2, cpus: 2, vuart: true },
  { kind: 'domain', version: 3, cpus: 2, vuart: true },
];

type Write =
  | { readonly address: number; readonly value: bigint; readonly size: 1 | 2 | 4 | 8 }
  | { readonly register: string; readonly value: bigint };

/** Writes anywhere in the frames, most of them to where registers are. */
function writes(setting: Setting): fc.Arbitrary<Write[]> {
  const { distributor, redistributor, cpu, hypervisor } = frames(setting);
  const value = fc.oneof(
    fc.bigInt(0n, 2n ** 64n - 1n),
    fc.constantFrom(0n, 1n, 3n, 0xffff_ffffn, 2n ** 64n - 1n),
  );
  const size = fc.constantFrom(1, 2, 4, 4, 4, 8);
  const within = (base: number, length: number): fc.Arbitrary<Write> =>
    fc.record({ address: fc.nat(length / 4 - 1).map((word) => base + 4 * word), value, size });
  if (setting.version === 2) {
    return fc.array(
      fc.oneof(
        within(distributor, 0x1000),
        within(cpu, 0x100),
        ...(setting.kind === 'bare at EL2' ? [within(hypervisor, 0x200)] : []),
      ),
      { maxLength: 60 },
    );
  }
  const level = setting.kind === 'bare at EL2' ? 2 : 1;
  const registers = gicSystemRegisters
    .filter(({ group, write }) => write !== undefined && (level === 2 || group !== 'hypervisor'))
    .map(({ name }) => name);
  return fc.array(
    fc.oneof(
      within(distributor, 0x1000),
      within(distributor + 0x6100, 0x1edc),
      within(redistributor, 0x1000),
      within(redistributor + 0x1_0000, 0x1000),
      within(redistributor + 0x3_0000, 0x1000),
      fc.record({ register: fc.constantFrom(...registers), value }),
    ),
    { maxLength: 60 },
  );
}

function look(guest: StoppedGuest): void {
  const { domain, vcpus } = guest.loaded.info.domains[0]!;
  const before = stateHash(guest.loaded);
  for (let vcpu = 0; vcpu < vcpus; vcpu++) {
    for (const physical of [false, true]) {
      const view = guest.gic({ domain, vcpu, all: true, physical });
      // Plain data that survives JSON as it is.
      expect(JSON.parse(JSON.stringify(view))).toEqual(view);
      expect(view.interrupts.length).toBeLessThanOrEqual(1020);
      expect(JSON.stringify(view).length).toBeLessThan(400_000);
      for (const row of view.interrupts) expect(row.pending).toBe(row.why !== undefined);
      expect(view.pending.map(({ intid }) => intid)).toEqual(
        view.interrupts.filter(({ pending }) => pending).map(({ intid }) => intid),
      );
      for (const { why } of [...view.pending, ...(view.virtualPending ?? [])])
        expect(why).toMatch(/^[A-Z].*\.$/);
      expect(gicInspection.text(view)).not.toMatch(/undefined|NaN/);
    }
  }
  const trace = guest.trace({ domain });
  expect(JSON.parse(JSON.stringify(trace))).toEqual(trace);
  expect(gicTraceInspection.text(trace)).not.toMatch(/undefined|NaN/);
  expect(stateHash(guest.loaded)).toBe(before);
}

for (const setting of settings) {
  test(`${setting.kind} on a GICv${setting.version}: garbage in every register`, () => {
    fc.assert(
      fc.property(writes(setting), fc.boolean(), (all, inUse) => {
        const driver = new Driver(setting);
        if (inUse) driver.start();
        for (const write of all) {
          if ('register' in write) driver.msr(write.register, write.value);
          else driver.write(write.address, write.value, write.size);
        }
        look(runGuest(setting, driver));
      }),
      { numRuns: 15 },
    );
  });
}
