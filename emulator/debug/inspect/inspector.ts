// What answers inspections of one machine: by name and arguments, or by a line that somebody typed.

import type { LoadedMachine } from '../../machine/guest.ts';
import type { MachineInspector } from '../../machine/server.ts';
import { MachineEventSource } from '../events/event-source.ts';
import { Recorder } from '../record/recorder.ts';
import { inspectionNamed } from './catalog.ts';
import { parseCommand, viewsHelp } from './command.ts';
import { type AnyInspection, checkedArguments, hypervisorOf } from './inspection.ts';

/** Starts to record a machine that was just loaded. */
export function createInspector(loaded: LoadedMachine): MachineInspector {
  const subject = { loaded, record: new Recorder(loaded) };
  const events = new MachineEventSource(loaded, subject.record);
  const inspect = (row: AnyInspection, args: Readonly<Record<string, unknown>>): unknown => {
    if (row.needs === 'hypervisor') hypervisorOf(subject);
    return row.inspect(subject, checkedArguments(row, args));
  };
  return {
    events,
    consoleByte: (domain, byte) => events.console.write(domain, byte),
    inspect: (name, args) => inspect(inspectionNamed(name), args),
    command(line, focus) {
      const command = parseCommand(line, focus);
      return command ? command.row.text(inspect(command.row, command.args)) : viewsHelp();
    },
  };
}
