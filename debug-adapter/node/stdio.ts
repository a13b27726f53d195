// The debug adapter as a program of its own: on stdin and stdout, on a TCP port or on a named pipe.

import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { UserError } from '../../emulator/base/errors.ts';
import { Machines } from '../machine/machines.ts';
import { XenSession } from '../session.ts';
import { logToStderr, nodeHost } from './node-host.ts';

/** One session on stdin and stdout; resolves when the client has disconnected. */
export async function serveStdio(): Promise<void> {
  await serve(process.stdin, process.stdout, new Machines());
  // The client may keep its end open; nothing more is read.
  process.stdin.destroy();
}

/**
 * `127.0.0.1:PORT`, or the path of a pipe: every connection is a session, which may attach to the machine of another.
 * Resolves when it listens.
 */
export async function listen(address: string): Promise<Server> {
  const machines = new Machines();
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    void serve(socket, socket, machines).then(() => socket.destroySoon());
  });
  const tcp = /^(?:\[([0-9a-f:]+)\]|([^:/\\]+)):(\d{1,5})$/i.exec(address);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(new UserError(`cannot listen on ${address}: ${error.message}`, 'Choose another port or pipe.'));
    });
    const listening = (): void => resolve();
    if (tcp) server.listen(Number(tcp[3]), tcp[1] ?? tcp[2], listening);
    else server.listen(address, listening);
  });
  return server;
}

function serve(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  machines: Machines,
): Promise<void> {
  const session = new XenSession(nodeHost(logToStderr), machines);
  return new Promise((resolve) => {
    session.onDisconnected = () => resolve();
    session.start(input, output);
  });
}
