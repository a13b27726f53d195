// The worker thread in which the machine runs: entry of its own bundle.

import { parentPort } from 'node:worker_threads';
import { invariant } from '../../emulator/base/errors.ts';
import { keepCompiledCode } from './compile-cache.ts';

invariant(parentPort, 'this file runs as a worker');
const port = parentPort;

keepCompiledCode();
const { serveMachine } = await import('../machine/machine-client.ts');
const { createMachineServer } = await import('./machine-server.ts');
serveMachine(
  {
    post: (message) => port.postMessage(message),
    listen: (listener) => port.on('message', listener),
  },
  createMachineServer,
);
