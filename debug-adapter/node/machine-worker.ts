// The worker thread in which the machine runs: entry of its own bundle.

import { parentPort } from 'node:worker_threads';
import { invariant } from '../../emulator/base/errors.ts';
import { createInspector, MachineServerImplementation } from '../../emulator/index.ts';
import type { MachineEvent, MachineEvents } from '../../emulator/index.ts';
import { serveMachine } from '../machine-client.ts';
import { loadEngineModules } from './engine-modules.ts';

invariant(parentPort, 'this file runs as a worker');
const port = parentPort;

serveMachine(
  {
    post: (message) => port.postMessage(message),
    listen: (listener) => port.on('message', listener),
  },
  (tell) => {
    const server = new MachineServerImplementation(
      loadEngineModules(),
      {
        // A macrotask: messages that wait are served before it.
        defer: (action) => setImmediate(action),
        sleep: (milliseconds, action) => {
          const timer = setTimeout(action, milliseconds);
          return () => clearTimeout(timer);
        },
        now: () => performance.now(),
        emit: <Name extends keyof MachineEvents>(event: Name, body: MachineEvents[Name]) =>
          tell({ event, body } as MachineEvent),
      },
      createInspector,
    );
    return server.requests;
  },
);
