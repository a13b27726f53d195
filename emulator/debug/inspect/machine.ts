// The machine as a whole: its clock, and how often generated code was left and why.

import { stateHash } from '../../machine/state-hash.ts';
import { inspection } from './inspection.ts';
import { textTable } from './text-table.ts';

export interface MachineView {
  /** Executed by all CPUs. */
  readonly instructions: number;
  readonly virtualNanoseconds: number;
  /** 32 hexadecimal digits over everything that decides how the machine goes on. */
  readonly stateHash: string;
  readonly exits: Readonly<Record<string, number>>;
}

export const machineInspection = inspection('machine', {
  doc: 'the clock of the machine, its state hash, and why generated code was left',
  arguments: {},
  inspect({ loaded }): MachineView {
    const { engine, clock, exits } = loaded.machine;
    return {
      instructions: engine.instructions,
      virtualNanoseconds: clock.nanoseconds(),
      stateHash: stateHash(loaded),
      exits: { ...exits },
    };
  },
  text: (view) =>
    textTable(
      ['what', 'value'],
      [
        ['instructions', view.instructions],
        ['virtual nanoseconds', view.virtualNanoseconds],
        ['state hash', view.stateHash],
        ...Object.entries(view.exits).map(([kind, count]) => [`exits: ${kind}`, count]),
      ],
    ),
});
