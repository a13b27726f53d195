// The adapter as a program: framing on stdio and on a port, and its end.

import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listen } from '../../../debug-adapter/node/stdio.ts';

const CLI = join(import.meta.dirname, '../../../debug-adapter/node/cli.ts');

const framed = (seq: number, command: string, args: unknown = {}): string => {
  const text = JSON.stringify({ seq, type: 'request', command, arguments: args });
  return `Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
};

/** Messages out of a stream, until `wanted` of them have come. */
async function messages(stream: NodeJS.ReadableStream, wanted: number): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  let text = '';
  for await (const [chunk] of on(stream, 'data')) {
    text += String(chunk);
    for (;;) {
      const header = /^Content-Length: (\d+)\r\n\r\n/.exec(text);
      const length = Number(header?.[1]);
      const start = header?.[0].length ?? 0;
      if (!header || text.length < start + length) break;
      found.push(JSON.parse(text.slice(start, start + length)));
      text = text.slice(start + length);
    }
    if (found.length >= wanted) break;
  }
  return found;
}

test('xenscope dap speaks the protocol on stdio, and ends when the client disconnects', async () => {
  const adapter = spawn(process.execPath, [CLI, 'dap'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(adapter, 'exit');
  adapter.stdin.write(framed(1, 'initialize', { adapterID: 'xen', pathFormat: 'path' }));
  adapter.stdin.write(framed(2, 'launch', { bare: { kernel: '/nowhere/Image' } }));
  const answers = await messages(adapter.stdout, 2);
  expect(answers).toMatchObject([
    {
      request_seq: 1,
      success: true,
      body: { supportsConfigurationDoneRequest: true, supportsDisassembleRequest: true },
    },
    {
      request_seq: 2,
      success: false,
      message: "/nowhere/Image: The file of 'bare.kernel' cannot be read (no such file). Check the path",
    },
  ]);
  adapter.stdin.write(framed(3, 'disconnect'));
  expect(await exit).toEqual([0, null]);
});

test('a port serves one session for each connection', async () => {
  const server = await listen('127.0.0.1:0');
  const { port } = server.address() as AddressInfo;
  for (let i = 0; i < 2; i++) {
    const socket = connect(port, '127.0.0.1');
    socket.write(framed(1, 'initialize', { adapterID: 'xen' }));
    expect(await messages(socket, 1)).toMatchObject([{ request_seq: 1, success: true }]);
    socket.destroy();
  }
  server.close();
});

test('an address that is taken is refused in a sentence', async () => {
  const server = await listen('127.0.0.1:0');
  const { port } = server.address() as AddressInfo;
  await expect(listen(`127.0.0.1:${port}`)).rejects.toThrow(`cannot listen on 127.0.0.1:${port}`);
  server.close();
});

test('a second connection attaches to the machine of the first, and sees its domains', async () => {
  const server = await listen('127.0.0.1:0');
  const { port } = server.address() as AddressInfo;
  const kernel = join(import.meta.dirname, '../../../media/samples/hello-xen/hello-xen.elf');
  const domains = ['one', 'two'].map((name) => ({ name, kernel, memory: 16 }));
  const [first, second] = [new Connection(port), new Connection(port)];
  await first.send('initialize', { adapterID: 'xen' });
  expect(await first.send('launch', { domains, stopOnEntry: true })).toMatchObject({ success: true });
  await second.send('initialize', { adapterID: 'xen' });
  expect(await second.send('attach', {})).toMatchObject({ success: true });
  expect(await second.send('threads', {})).toMatchObject({ body: { threads: [{ id: 257 }, { id: 513 }] } });
  await first.send('disconnect', {});
  await second.send('disconnect', {});
  server.close();
});

class Connection {
  private readonly socket: Socket;
  private readonly waiting = new Map<number, (answer: Record<string, unknown>) => void>();
  private seq = 0;
  private text = '';

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1').setEncoding('latin1');
    this.socket.on('data', (chunk: string) => this.receive(chunk));
  }

  send(command: string, args: unknown): Promise<Record<string, unknown>> {
    const seq = ++this.seq;
    this.socket.write(framed(seq, command, args));
    return new Promise((resolve) => this.waiting.set(seq, resolve));
  }

  private receive(chunk: string): void {
    this.text += chunk;
    for (;;) {
      const header = /^Content-Length: (\d+)\r\n\r\n/.exec(this.text);
      const end = (header?.[0].length ?? 0) + Number(header?.[1]);
      // The length counts bytes, as the encoding does.
      if (!header || this.text.length < end) return;
      const message = JSON.parse(this.text.slice(header[0].length, end)) as Record<string, unknown>;
      this.text = this.text.slice(end);
      this.waiting.get(Number(message['request_seq']))?.(message);
    }
  }
}
