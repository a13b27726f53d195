// Runs the machine in a worker thread, so that a busy guest never blocks the adapter.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { MachineClient } from '../machine/machine-client.ts';
import { PortMachineClient } from '../machine/machine-client.ts';

/** Beside the bundle, or the source itself when the sources are run as they are. */
const WORKER_FILES = ['machine-worker.js', 'machine-worker.ts'];

/** A machine looks at its messages every few milliseconds. */
const CLOSE_MS = 2000;

export async function startWorkerMachine(
  from: string = import.meta.dirname ?? __dirname,
): Promise<MachineClient> {
  const file = WORKER_FILES.map((name) => join(from, name)).find((path) => existsSync(path));
  if (file === undefined) throw new Error(`the machine's worker is missing beside ${from}`);
  const worker = new Worker(file);
  const client = new PortMachineClient(
    {
      post: (message) => worker.postMessage(message),
      listen: (listener) => worker.on('message', listener),
    },
    () => {
      // It answers when its disks are written; one that is too busy to is not waited for.
      worker.on('message', ({ id }: { id?: number }) => {
        if (id === 0) void worker.terminate();
      });
      setTimeout(() => void worker.terminate(), CLOSE_MS).unref();
    },
  );
  worker.on('error', (error) => client.fail(error.message));
  worker.on('exit', (code) => client.fail(`the worker ended with status ${code}`));
  return client;
}
