// A client of the GDB remote protocol in the same thread, and machines for it to debug.

import { GdbConnection } from '../../../debug-adapter/gdb/connection.ts';
import { GdbMachine } from '../../../debug-adapter/gdb/machine.ts';
import { framed, PacketReader } from '../../../debug-adapter/gdb/packets.ts';
import { LoadMap } from '../../../debug-adapter/symbols/load-map.ts';
import type { Target } from '../../../debug-adapter/symbols/target.ts';
import type { MachineClient } from '../../../debug-adapter/machine/machine-client.ts';
import { LocalMachineClient } from '../../../debug-adapter/machine/machine-client.ts';
import type { MachineConfig } from '../../../emulator/machine/messages.ts';
import { assemble, bytesOf } from './assemble.ts';
import { FakeMachine, type FakeOptions, RAM } from './fake-machine.ts';

/** What gdb 13 says of itself, as far as it matters. */
export const GDB_FEATURES = 'qSupported:multiprocess+;swbreak+;hwbreak+;vContSupported+;error-message+';

export class GdbTestClient {
  readonly connection: GdbConnection;
  /** Text of `O` packets. */
  console = '';
  readonly bugs: unknown[] = [];
  isClosed = false;
  private readonly reader = new PacketReader();
  private readonly replies: string[] = [];
  private waiting: ((reply: string) => void) | undefined;

  constructor(machine: GdbMachine) {
    machine.hasClient = true;
    this.connection = new GdbConnection(machine, {
      write: (bytes) => this.receive(bytes),
      close: () => {
        this.isClosed = true;
      },
      bug: (error) => this.bugs.push(error),
    });
  }

  /** Sends a packet, and waits for its reply. */
  ask(packet: string): Promise<string> {
    this.connection.receive(framed(packet));
    return this.reply();
  }

  reply(): Promise<string> {
    const first = this.replies.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  interrupt(): void {
    this.connection.receive(Uint8Array.of(3));
  }

  /** Text of `monitor LINE`. */
  async monitor(line: string): Promise<string> {
    this.console = '';
    const reply = await this.ask(`qRcmd,${Buffer.from(line).toString('hex')}`);
    if (reply !== 'OK') throw new Error(`monitor ${line}: ${reply}`);
    return this.console;
  }

  private receive(bytes: Uint8Array): void {
    for (const incoming of this.reader.read(bytes)) {
      if (incoming.kind !== 'packet') continue;
      const { body } = incoming;
      if (/^O[0-9a-f]+$/.test(body)) this.console += Buffer.from(body.slice(1), 'hex').toString();
      else if (this.waiting) {
        const { waiting } = this;
        this.waiting = undefined;
        waiting(body);
      } else this.replies.push(body);
    }
  }
}

type Source = Parameters<typeof assemble>[0];

/** The fake machine with this program at the start of its memory. */
export async function fakeGuest(source: Source, options: Partial<FakeOptions> = {}) {
  const { words, labels } = assemble(source);
  const data = bytesOf(words);
  const segment = { address: RAM, data, memorySize: data.length };
  const kernel = { kind: 'elf', entry: RAM, segments: [segment], size: data.length };
  const config = { cpu: 'a53', seed: 0, bare: { kernel: { name: 'program', kernel } } };
  const fakes: FakeMachine[] = [];
  const client = new LocalMachineClient((tell) => {
    const made = new FakeMachine(tell, { link: BigInt(RAM), vectors: 0, ...options });
    fakes.push(made);
    return made;
  });
  const fake = (): FakeMachine => {
    const [first] = fakes;
    if (!first) throw new Error('no machine has been made');
    return first;
  };
  const machine = await gdbMachine(client, config as unknown as MachineConfig);
  const at = (label: string): bigint => BigInt(RAM + (labels.get(label) ?? Number.NaN));
  return { machine, fake, at };
}

export const gdbMachine = (client: MachineClient, config: MachineConfig): Promise<GdbMachine> =>
  GdbMachine.start(client, {
    config,
    loadTargets: async ({ domains }) =>
      domains.map(({ domain }) => ({ domain, map: movedKernel() }) as unknown as Target),
    symbolFiles: ['vmlinux'],
    onStop: () => {},
    onEvent: () => {},
  });

/** A kernel that is linked high and may move itself. */
export const LINKED = 0xffff_8000_0800_0000n;
const movedKernel = (): LoadMap => new LoadMap([{ link: LINKED, ipa: RAM, size: 0x10_0000 }], false);

export const hexOfNumber = (value: bigint, bytes: number): string =>
  value
    .toString(16)
    .padStart(2 * bytes, '0')
    .match(/../g)
    ?.reverse()
    .join('') ?? '';
