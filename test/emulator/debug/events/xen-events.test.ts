// What the hypervisor tells, in the words of the catalogue, where no guest of the tests brings it about.

import { expect, test } from 'vitest';
import { eventNamed } from '../../../../emulator/debug/events/catalog.ts';
import { xenEvents } from '../../../../emulator/debug/events/xen-events.ts';
import type { Recorder } from '../../../../emulator/debug/record/recorder.ts';
import type { LoadedMachine } from '../../../../emulator/machine/guest.ts';

/** An observer whose events are kept: their own names and sentences. `entries`: what domain 1 grants now. */
function observed(group: string, entries: { reference: number; gfn: number }[] = []) {
  const told: string[] = [];
  const loaded = { view: { grantEntries: () => entries } } as unknown as LoadedMachine;
  const sink = {
    wants: () => true,
    tell(names: readonly string[], _domains: unknown, _vcpu: unknown, text: () => { description(): string }) {
      for (const name of names) expect(eventNamed(name), name).toBeDefined();
      told.push(`${names.at(-1)}: ${text().description()}`);
    },
  };
  const observer = xenEvents(loaded, {} as Recorder, sink, new Set([group]));
  return { observer, told };
}

test('a grant that is asked for again after its end', () => {
  const { observer, told } = observed('grant');
  observer.grantRefused?.(1, 8, 2, 'bad_gntref');
  observer.grantUsed?.(1, 8, 2, 'copy', true);
  observer.grantRefused?.(1, 8, 2, 'bad_gntref');
  expect(told).toEqual([
    'grant.refused: d2 may not use grant 8 of d1: bad_gntref',
    'grant.copy: d2 copies grant 8 of d1',
    'grant.refused: d2 may not use grant 8 of d1: bad_gntref',
    'grant.revoked: d2 used, after its end, grant 8 of d1: bad_gntref',
  ]);
});

test('a grant that its owner ended while it was mapped', () => {
  const entries = [{ reference: 8, gfn: 0x40000 }];
  const { observer, told } = observed('grant', entries);
  observer.grantUnmapped?.(1, 8, 2);
  expect(told.splice(0)).toEqual(['grant.unmap: d2 unmaps grant 8 of d1']);
  entries.length = 0;
  observer.grantUnmapped?.(1, 8, 2);
  expect(told[1]).toBe('grant.revoked: d2 used, after its end, grant 8 of d1: ended while it was mapped');
});

test('VIRQs by name', () => {
  const { observer, told } = observed('virq');
  observer.virqRaised?.(1, 0, 0, 3);
  observer.virqRaised?.(1, 1, 2, 0);
  expect(told).toEqual([
    'virq.TIMER: Xen raises VIRQ_TIMER for d1v0 at port 3',
    'virq.CONSOLE: Xen raises VIRQ_CONSOLE for d1v1, which did not bind it',
  ]);
});
