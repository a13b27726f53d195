// A machine served by Node's event loop, in this thread or in a worker.

import {
  createInspector,
  type MachineEvent,
  type MachineEvents,
  type MachineEventSink,
  type MachineServer,
  MachineServerImplementation,
} from '../../emulator/index.ts';
import { diskFiles } from './disk-files.ts';
import { loadEngineModules } from './engine-modules.ts';

export function createMachineServer(tell: MachineEventSink): MachineServer {
  const host = {
    // A macrotask: messages that wait are served before it.
    defer: (action: () => void) => void setImmediate(action),
    sleep: (milliseconds: number, action: () => void) => {
      const timer = setTimeout(action, milliseconds);
      return () => clearTimeout(timer);
    },
    files: diskFiles,
    now: () => performance.now(),
    emit: <Name extends keyof MachineEvents>(event: Name, body: MachineEvents[Name]) =>
      tell({ event, body } as MachineEvent),
  };
  return new MachineServerImplementation(loadEngineModules(), host, createInspector).requests;
}
