// A debug session over a fake machine, told as a person would see it.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { expect, onTestFinished } from 'vitest';
import { memorySource } from '../../../emulator/formats/byte-source.ts';
import type { Host } from '../../../debug-adapter/host.ts';
import { LocalMachineClient } from '../../../debug-adapter/machine/machine-client.ts';
import { decompress } from '../../../debug-adapter/node/files.ts';
import type { Requests } from '../../../debug-adapter/request.ts';
import type { Machines } from '../../../debug-adapter/machine/machines.ts';
import { XenSession } from '../../../debug-adapter/session.ts';
import { assemble, bytesOf } from './assemble.ts';
import type { Program } from './assemble.ts';
import { FakeMachine } from './fake-machine.ts';
import type { FakeOptions } from './fake-machine.ts';
import { faultOf } from './protocol-schema.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** Code begins behind the Image's header. */
export const HEADER = 0x1000;

export interface Drive {
  readonly link: bigint;
  readonly symbols: string;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly launch?: Record<string, unknown>;
  readonly machine?: Omit<FakeOptions, 'link'>;
}

/** An arm64 Image with this code at HEADER, and its System.map. */
export function imageOf(program: Program, link: bigint): { image: Uint8Array; map: string } {
  const code = bytesOf(program.words);
  const image = new Uint8Array(0x4000);
  const view = new DataView(image.buffer);
  view.setUint32(0, 0x14000000 | (HEADER >> 2), true);
  view.setBigUint64(16, BigInt(image.length), true);
  view.setUint32(56, 0x644d5241, true);
  image.set(code, HEADER);
  const row = (address: bigint, name: string): string =>
    `${address.toString(16).padStart(16, '0')} T ${name}`;
  const rows = [row(link, '_text')];
  for (const [name, offset] of program.labels) {
    if (!name.startsWith('.')) rows.push(row(link + BigInt(HEADER + offset), name));
  }
  rows.push(row(link + BigInt(HEADER + code.length), '_etext'));
  return { image, map: `${rows.join('\n')}\n` };
}

/** Files in memory, and the fake machine. */
function fakeHost(files: Readonly<Record<string, string | Uint8Array>>, options: FakeOptions): Host {
  return {
    startMachine: async () => new LocalMachineClient((tell) => new FakeMachine(tell, options)),
    openFile: async (path) => {
      const file = files[path];
      if (file === undefined) throw new Error('no such file');
      return memorySource(typeof file === 'string' ? new TextEncoder().encode(file) : file, path);
    },
    md5Of: async (path) => {
      const file = files[path];
      return file === undefined ? undefined : createHash('md5').update(file).digest('hex');
    },
    fileExists: async (path) => path in files,
    listFiles: async (folder) => Object.keys(files).filter((path) => path.startsWith(`${folder}/`)),
    resolvePath: (base, path) => (base === undefined || path.startsWith('/') ? path : `${base}/${path}`),
    decompress,
    readCapstone: async () =>
      readFileSync(join(ROOT, 'node_modules/@alexaltea/capstone-js/dist/capstone.wasm')),
    log: () => {},
  };
}

export class TestSession {
  readonly events: Dap.Event[] = [];
  private readonly session: XenSession;
  private readonly responses = new Map<number, (response: Dap.Response) => void>();
  private readonly lines: string[] = [];
  private seq = 1;
  private seen = 0;
  private wake: () => void = () => {};
  /** The program that runs the session may end. */
  hasEnded = false;
  /** What a client says to a request of the adapter: whether it did it. */
  onAsked: (command: string, args: unknown) => Promise<boolean> = async () => false;

  constructor(host: Host, machines?: Machines) {
    const faults: string[] = [];
    onTestFinished(() => expect(faults, 'messages that the protocol does not know').toEqual([]));
    this.session = new XenSession(host, machines);
    this.session.onDisconnected = () => {
      this.hasEnded = true;
    };
    this.session.onDidSendMessage((sent) => {
      const message = sent as Dap.ProtocolMessage;
      const fault = faultOf(message);
      if (fault !== undefined) faults.push(fault);
      if (message.type === 'response')
        this.responses.get((message as Dap.Response).request_seq)?.(message as Dap.Response);
      else if (message.type === 'event') this.events.push(message as Dap.Event);
      else void this.asked(message as Dap.Request);
      this.wake();
    });
  }

  private async asked({ seq, command, arguments: args }: Dap.Request): Promise<void> {
    const success = await this.onAsked(command, args);
    const response = { seq: this.seq++, type: 'response', request_seq: seq, command, success };
    this.session.handleMessage(response as Dap.Response);
  }

  /** The body of a successful answer. */
  async send<Name extends keyof Requests>(
    command: Name,
    args: Requests[Name]['arguments'],
  ): Promise<Requests[Name]['body']> {
    const response = await this.raw(command, args);
    if (!response.success) throw new Error(response.message ?? 'refused');
    return response.body as Requests[Name]['body'];
  }

  /** Of the last request. */
  get lastSeq(): number {
    return this.seq - 1;
  }

  raw(command: string, args: unknown): Promise<Dap.Response> {
    const seq = this.seq++;
    return new Promise((resolve) => {
      this.responses.set(seq, resolve);
      this.session.handleMessage({ seq, type: 'request', command, arguments: args } as Dap.Request);
    });
  }

  /** The next event of this name. */
  until(event: string): Promise<Dap.Event> {
    return this.untilOne((candidate) => candidate.event === event);
  }

  /** What has been told until now. */
  forget(): void {
    this.events.length = 0;
    this.seen = 0;
  }

  /** The next event that is meant. */
  async untilOne(isMeant: (event: Dap.Event) => boolean): Promise<Dap.Event> {
    for (;;) {
      for (; this.seen < this.events.length; this.seen++) {
        const found = this.events[this.seen];
        if (found && isMeant(found)) {
          this.seen++;
          return found;
        }
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Waits for the next stop and writes down what a person sees: why, where, and the stack. */
  async stopped(): Promise<void> {
    const { body } = (await this.until('stopped')) as Dap.StoppedEvent;
    const hits = body.hitBreakpointIds ? ` ${JSON.stringify(body.hitBreakpointIds)}` : '';
    this.note(`stopped (${body.reason})${hits}  ${body.description ?? ''}`);
    const { stackFrames } = await this.send('stackTrace', { threadId: body.threadId ?? 1 });
    for (const frame of stackFrames) {
      const [top] = frame.instructionPointerReference
        ? (await this.send('disassemble', {
            memoryReference: frame.instructionPointerReference,
            instructionCount: 1,
          }))!.instructions
        : [];
      this.note(
        `  ${frame.name.padEnd(20)} ${(top?.address ?? '').padEnd(20)} ${top?.instruction ?? ''}`.trimEnd(),
      );
    }
  }

  /** Sends, and writes the command down. */
  async does<Name extends keyof Requests>(
    command: Name,
    args: Requests[Name]['arguments'],
    note?: string,
  ): Promise<void> {
    this.note(note ?? command);
    await this.send(command, args);
  }

  note(text: string): void {
    this.lines.push(text);
  }

  transcript(): string {
    return `${this.lines.join('\n')}\n`;
  }
}

/** A session whose machine has been built and waits for configurationDone. */
export async function launch(
  source: Parameters<typeof assemble>[0],
  options: Partial<Drive> = {},
): Promise<TestSession> {
  const link = options.link ?? 0xffff_8000_0800_0000n;
  const program = assemble(source);
  const { image, map } = imageOf(program, link);
  const files = { '/Image': image, '/System.map': options.symbols ?? map, ...options.files };
  const vectors = program.labels.get('vectors');
  const session = new TestSession(
    fakeHost(files, {
      link,
      ...(vectors !== undefined && { vectors: HEADER + vectors }),
      ...options.machine,
    }),
  );
  await session.send('initialize', {
    adapterID: 'xen',
    linesStartAt1: true,
    columnsStartAt1: true,
    pathFormat: 'path',
  });
  await session.send('launch', {
    bare: { kernel: '/Image' },
    symbols: '/System.map',
    ...options.launch,
  } as Dap.LaunchRequestArguments);
  await session.until('initialized');
  return session;
}

/** A session on an ELF kernel of `fixtures/`, whose source is `/src/steps.c` on the user's disk. */
export async function launchElf(options: Partial<Drive> = {}): Promise<TestSession> {
  const link = options.link ?? 0xffff_8000_0800_0000n;
  const elf = readFileSync(join(import.meta.dirname, '../fixtures/steps.elf'));
  const files = { '/steps.elf': new Uint8Array(elf), '/src/steps.c': '', ...options.files };
  const session = new TestSession(fakeHost(files, { link, ...options.machine }));
  await session.send('initialize', {
    adapterID: 'xen',
    linesStartAt1: true,
    columnsStartAt1: true,
    pathFormat: 'path',
  });
  await session.send('launch', {
    bare: { kernel: '/steps.elf' },
    sourceMap: { '/build/demo': '/src' },
    ...options.launch,
  } as Dap.LaunchRequestArguments);
  await session.until('initialized');
  return session;
}

/** Compares with a file a person has read. UPDATE=1 writes it anew. */
export function expectGolden(name: string, actual: string): void {
  const file = join(import.meta.dirname, '../golden', `${name}.txt`);
  if (process.env['UPDATE'] === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
  }
  expect(actual).toBe(readFileSync(file, 'utf8'));
}
