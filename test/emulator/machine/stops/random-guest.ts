// A random program as a guest that stops can be set for.

import type { LoadedMachine } from '../../../../emulator/machine/guest.ts';
import type { EventSource } from '../../../../emulator/machine/stops/occurrence.ts';
import type { JudgedStop, Stops } from '../../../../emulator/machine/stops/stops.ts';
import { RandomMachine, type Translate } from '../../engine/translator/random-machine.ts';
import { randomProgram } from '../../engine/translator/random-program.ts';

export const startRandom = (seed: number, translate: Translate): RandomMachine =>
  new RandomMachine({ program: randomProgram(seed), seed, translate });

/** What Stops needs of a guest. */
export const loadedOf = ({ machine }: RandomMachine): LoadedMachine =>
  ({
    machine,
    info: { domains: [{ domain: -1, name: 'random', vcpus: 1, segments: [], ram: [] }] },
    cpuOf: ({ vcpu }) => vcpu,
    vcpuOf: (vcpu) => ({ domain: -1, vcpu }),
    paOfIpa: (_domain, ipa) => ipa,
  }) as Partial<LoadedMachine> as LoadedMachine;

export const noEvents: EventSource = { stagesOf: () => undefined, listen: () => {} };

/** Runs up to an instruction count through every stop. */
export function runThroughStops(
  { machine }: RandomMachine,
  stops: Stops,
  count: number,
  stopped: (stop: JudgedStop) => void,
): void {
  while (machine.engine.instructions < count) {
    const end = machine.runSlice(count - machine.engine.instructions);
    if (end.kind === 'idle') machine.skipTo(end.deadline);
    const stop = stops.take();
    if (!stop) continue;
    stopped(stop);
    if (stop.reason === 'breakpoint') machine.passBreakpoint();
  }
  machine.settle();
}
