// `xenscope gdbserver`: a machine for gdb and lldb, on a TCP port of this computer. The guest's console is stdout.

import { createServer, type Socket } from 'node:net';
import { Command } from 'commander';
import { describeBug, UserError } from '../../../emulator/base/errors.ts';
import type { MachineEvent } from '../../../emulator/index.ts';
import { GdbMachine } from '../../gdb/machine.ts';
import { GdbServer } from '../../gdb/server.ts';
import { loadTarget } from '../../symbols/load-target.ts';
import type { MachineClient } from '../../machine/machine-client.ts';
import { ConsoleOutput } from '../console-output.ts';
import { openFile } from '../files.ts';
import { logToStderr, nodeHost } from '../node-host.ts';
import type { SetStatus } from './status.ts';
import { attachTerminal } from '../terminal.ts';
import { addBootOptions } from './guest-options.ts';
import { type GuestOptions, prepareRun } from './run-configuration.ts';

interface GdbserverOptions extends GuestOptions {
  readonly listen: string;
  readonly once?: boolean;
}

export const gdbserverCommand = (setStatus: SetStatus): Command =>
  addBootOptions(
    new Command('gdbserver').description('boot a guest as `run` does, and let gdb or lldb debug it'),
  )
    .argument('<config...>', 'xl.cfg files, launch.json#NAME, or with --bare a kernel')
    .requiredOption('--listen <address>', '127.0.0.1:PORT to listen on; port 0 takes a free one')
    .option('--once', 'end when the first client is gone; without it the guest goes on, and others may come')
    .addHelpText(
      'after',
      '\nThe guest stands at its first instruction until a client lets it run:\n' +
        '  gdb-multiarch vmlinux -ex "target extended-remote 127.0.0.1:PORT"\n' +
        'Each domain is an inferior, each vCPU a thread. `monitor help` lists what else can be seen.\n' +
        'With several domains: set schedule-multiple on. In a terminal, keys go to the guest; Ctrl-] leaves.\n' +
        'Status: 0 when the guest has ended or the last client is gone, 1 when the machine failed.',
    )
    .action(async (configs: string[], options: GdbserverOptions) => {
      setStatus(await serve(configs, options));
    });

async function serve(configs: readonly string[], options: GdbserverOptions): Promise<number> {
  const address = checked(options.listen);
  const prepared = await prepareRun(configs, options, openFile);
  for (const { place, message } of prepared.warnings) {
    say(`${place.file ?? ''}:${place.line ?? 1}: warning: ${message}`);
  }
  const host = nodeHost(logToStderr);
  const client = await host.startMachine();
  const output = new ConsoleOutput();
  const end = deferred<number>();
  let server: GdbServer | undefined;
  let listening: Disposable | undefined;
  let terminal: Disposable | undefined;
  try {
    const machine = await GdbMachine.start(client, {
      config: prepared.machine,
      loadTargets: ({ domains }) =>
        Promise.all(
          domains.flatMap((info, i) => {
            const about = prepared.domains[i];
            return about ? [loadTarget(host, info, about, say)] : [];
          }),
        ),
      symbolFiles: prepared.domains.map(
        ({ symbols, kernel, kernelPath }) =>
          symbols ?? (kernel.kernel.kind === 'elf' ? kernelPath : undefined),
      ),
      onEvent: (event) => {
        show(event, output);
        if (event.event === 'failed') end.resolve(1);
      },
      onStop: () => {
        if (server?.isOver) end.resolve(0);
      },
    });
    server = new GdbServer(machine, { once: options.once ?? false });
    listening = await listen(address, server, () => end.resolve(0));
    if (process.stdin.isTTY) terminal = passKeys(client, machine, () => end.resolve(0));
    return await end.promise;
  } finally {
    terminal?.dispose();
    listening?.dispose();
    client.dispose();
    output.close();
  }
}

interface Disposable {
  dispose(): void;
}

function deferred<T>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

/** Whoever connects rules the guest and reads what it holds, so only this computer may. */
function checked(address: string): { readonly host: string; readonly port: number } {
  const match = /^(127(?:\.\d{1,3}){3}|localhost|\[::1\]):(\d{1,5})$/.exec(address);
  const port = Number(match?.[2]);
  if (match?.[1] !== undefined && port <= 65_535) return { host: match[1].replace(/[[\]]/g, ''), port };
  throw new UserError(`--listen is '${address}'`, 'Give an address of this computer: 127.0.0.1:PORT.');
}

/** `over` is called when no other client is waited for. */
async function listen(
  address: { readonly host: string; readonly port: number },
  server: GdbServer,
  over: () => void,
): Promise<Disposable> {
  const sockets = new Set<Socket>();
  const listening = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    // That a client has gone may be known later than that it has come again.
    if (server.isBusy) setTimeout(() => serveClient(socket, server, over), GRACE);
    else serveClient(socket, server, over);
  });
  await new Promise<void>((resolve, reject) => {
    listening.once('error', (error) => {
      reject(
        new UserError(`cannot listen on port ${address.port}: ${error.message}`, 'Choose another port.'),
      );
    });
    listening.listen(address.port, address.host, resolve);
  });
  const bound = listening.address();
  const port = typeof bound === 'object' ? bound?.port : undefined;
  say(`waiting for a debugger: target extended-remote ${address.host}:${port}`);
  return {
    dispose: () => {
      listening.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function serveClient(socket: Socket, server: GdbServer, over: () => void): void {
  // A client that is gone is told by `close`, which follows.
  socket.setNoDelay(true).on('error', () => {});
  const connection = server.connect({
    write: (bytes) => {
      if (socket.writable) socket.write(bytes);
    },
    close: () => socket.destroySoon(),
    bug: (error) => say(describeBug(error)),
  });
  if (!connection) return;
  socket.on('data', (chunk: Uint8Array) => connection.receive(chunk));
  socket.on('close', () => {
    server.disconnected(connection).then(
      (next) => {
        if (next === 'over') over();
      },
      () => over(),
    );
  });
}

/** Milliseconds. */
const GRACE = 200;

/** The terminal is the console of the first domain. */
function passKeys(client: MachineClient, machine: GdbMachine, leave: () => void): Disposable {
  const terminal = attachTerminal();
  let isOver = false;
  const domain = machine.debuggee.info.domains[0]?.domain ?? 0;
  const pass = async (): Promise<void> => {
    while (!isOver && !terminal.left) {
      await terminal.pause(KEY_PAUSE);
      for (const bytes of terminal.take()) await client.request('consoleInput', { domain, bytes });
    }
    if (!isOver) leave();
  };
  pass().catch(leave);
  return {
    dispose: () => {
      isOver = true;
      terminal.detach();
    },
  };
}

/** Milliseconds between two looks at whether the terminal is still there; a key ends the wait. */
const KEY_PAUSE = 500;

function show(event: MachineEvent, output: ConsoleOutput): void {
  switch (event.event) {
    case 'console':
      output.write(event.body.bytes);
      return;
    case 'log':
      if (event.body.level !== 'debug') say(`${event.body.source}: ${event.body.message}`);
      return;
    case 'failed':
      say(event.body.message);
      return;
    case 'stopped':
    case 'hit':
    case 'domainEnded':
    case 'vcpu':
    case 'terminated':
      return;
  }
}

const say = (text: string): void => {
  process.stderr.write(`xenscope: ${text}\n`);
};
