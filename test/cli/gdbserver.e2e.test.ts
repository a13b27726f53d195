// xenscope gdbserver as a program: its port, its clients and its end.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { framed, PacketReader } from '../../debug-adapter/gdb/packets.ts';
import { CLI } from './command-line.ts';

const CONFIG = join(import.meta.dirname, '../../media/samples/hello-xen/hello.cfg');

async function server() {
  const [program, ...first] = CLI;
  const child = spawn(program, [...first, 'gdbserver', '--listen', '127.0.0.1:0', CONFIG], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text.stderr += chunk));
  const ended = once(child, 'exit').then(([status]) => status as number | null);
  await expect.poll(() => text.stderr, { timeout: 30_000 }).toMatch(/:\d+\n/);
  const port = Number(/:(\d+)\n/.exec(text.stderr)?.[1]);
  return { child, text, ended, client: () => connected(port) };
}

async function connected(port: number) {
  const socket: Socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const reader = new PacketReader();
  const replies: string[] = [];
  let wake = (): void => {};
  const closed = once(socket, 'close');
  socket.on('data', (chunk: Uint8Array) => {
    for (const one of reader.read(chunk)) if (one.kind === 'packet') replies.push(one.body);
    wake();
  });
  return {
    socket,
    closed,
    async ask(packet: string): Promise<string> {
      socket.write(framed(packet));
      return this.reply();
    },
    async reply(): Promise<string> {
      while (replies.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return replies.shift() ?? '';
    },
  };
}

test('clients come one after the other, and the server ends with its guest', async () => {
  const { child, text, ended, client } = await server();
  try {
    const first = await client();
    expect(await first.ask('?')).toMatch(/^T05/);
    const second = await client();
    expect(await second.reply()).toBe('E.another debugger is connected');
    await second.closed;

    // Gone in the middle of a packet, while the guest runs.
    first.socket.write(framed('vCont;c'));
    await expect.poll(() => text.stdout, { timeout: 30_000 }).toContain('hello>');
    first.socket.write('$m40000000,');
    first.socket.destroy();

    const third = await client();
    expect(await third.ask('qSupported:multiprocess+;swbreak+')).toContain('PacketSize');
    expect(await third.ask('?')).toMatch(/^T05.*thread:p1\.1;/);
    expect(await third.ask('D;1')).toBe('OK');
    third.socket.destroy();

    const last = await client();
    expect(await last.ask('?')).toMatch(/^T05/);
    last.socket.write(framed('k'));
    last.socket.end();
    expect(await ended).toBe(0);
    expect(text.stderr).toMatch(/^xenscope: waiting for a debugger: [^\n]+\n$/);
  } finally {
    child.kill();
  }
});
