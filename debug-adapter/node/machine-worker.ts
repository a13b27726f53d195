// The worker thread in which the machine runs: entry of its own bundle.

import { parentPort } from 'node:worker_threads';
import { invariant } from '../../emulator/base/errors.ts';
import { serveMachine } from '../machine-client.ts';
import { createMachineServer } from './machine-server.ts';

invariant(parentPort, 'this file runs as a worker');
const port = parentPort;

serveMachine(
  {
    post: (message) => port.postMessage(message),
    listen: (listener) => port.on('message', listener),
  },
  createMachineServer,
);
