// What comes from outside is all that distinguishes two runs: whatever a host does with a machine,
// replaying its input log on a fresh one leads to the same state.

import { expect, test } from 'vitest';
import { type LoggedInput, replay, momentOf } from '../../../emulator/machine/input-log.ts';
import type { Breakpoint, MachineConfig, MachineServer, Moment } from '../../../emulator/machine/messages.ts';
import { MachineServerImplementation } from '../../../emulator/machine/server.ts';
import { stateHash } from '../../../emulator/machine/state-hash.ts';
import { fresh, helloGuest, modules, runUntil } from './guests.ts';

/** A host whose clock and moods come from a number. */
class MoodyHost {
  readonly server: MachineServerImplementation;
  readonly requests: MachineServer;
  console = '';
  isRunning = false;
  breaks = 0;
  private clock = 0;
  private state: number;
  private readonly queue: (() => void)[] = [];
  private sleeper: (() => void) | undefined;

  constructor(seed: number) {
    this.state = seed;
    this.server = new MachineServerImplementation(modules, {
      now: () => {
        this.clock += this.below(4);
        return this.clock;
      },
      defer: (action) => this.queue.push(action),
      sleep: (milliseconds, action) => {
        this.sleeper = () => {
          this.clock += milliseconds;
          this.sleeper = undefined;
          action();
        };
        return () => {
          this.sleeper = undefined;
        };
      },
      emit: (name, event) => {
        if (name === 'console')
          this.console += new TextDecoder().decode((event as { bytes: Uint8Array }).bytes);
        if (name === 'stopped' && (event as { reason: string }).reason === 'breakpoint') this.breaks++;
        if (name === 'stopped' || name === 'terminated') this.isRunning = false;
      },
    });
    this.requests = this.server.requests;
  }

  /** A number from 0 to `limit` - 1. */
  readonly below = (limit: number): number => {
    this.state = (Math.imul(this.state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (this.state >>> 8) % limit;
  };

  /** Lets the host's event loop turn once. */
  turn(): void {
    const next = this.queue.shift();
    if (next) next();
    else if (this.sleeper && this.below(3) > 0) this.sleeper();
    else this.clock += this.below(30) / 7;
  }

  async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    await this.requests.run({});
  }
}

const at = { domain: 1, vcpu: 0 };
const text = new TextEncoder();

/** Uses a machine as somebody at a debugger does, in no order. */
async function useInteractively(config: MachineConfig, seed: number): Promise<MoodyHost> {
  const host = new MoodyHost(seed);
  const { requests } = host;
  await requests.create(config);
  await host.run();
  while (!host.console.includes('hello> ')) {
    host.turn();
    await host.run();
  }
  for (let i = 0; i < 400; i++) {
    host.turn();
    switch (host.below(12)) {
      case 0:
        await requests.consoleInput({ domain: 1, bytes: text.encode('echo abc\n'.slice(host.below(9))) });
        break;
      case 1:
        await requests.pause({});
        break;
      case 2:
        await requests.writeMemory({
          space: { kind: 'ipa', domain: 1 },
          address: 0x40ff_f000n,
          bytes: text.encode(`${i}`),
        });
        break;
      case 3:
        await requests.writeRegister({ vcpu: at, name: 'v31', value: BigInt(i) });
        break;
      case 4:
        if (host.isRunning) break;
        host.isRunning = true;
        await requests.step({ vcpu: at, count: 1 + host.below(50) });
        break;
      case 5:
        await requests.setBreakpoints({ breakpoints: await somewhere(host) });
        break;
      default:
        await host.run();
    }
  }
  return host;
}

/** Breakpoints where the vCPU is now and soon will be, by either kind of address; or none. */
async function somewhere({ requests, below }: MoodyHost): Promise<Breakpoint[]> {
  const [vcpu] = await requests.vcpus({});
  if (!vcpu) return [];
  const pages: Breakpoint[] = [];
  for (let id = 0; id < 3; id++)
    pages.push({ id, domain: 1, kind: 'va', address: vcpu.pc + 4n * BigInt(id) });
  const found = await requests.translate({ space: { kind: 'va', at }, address: vcpu.pc });
  if (found.ok) pages.push({ id: 3, domain: 1, kind: 'ipa', address: BigInt(found.ipa ?? found.pa) + 32n });
  return pages.slice(0, below(pages.length + 1));
}

/** Brings the machine to a pause after all that was done with it. */
async function settled(host: MoodyHost): Promise<Moment> {
  const { requests } = host;
  await requests.setBreakpoints({ breakpoints: [] });
  await host.run();
  for (let i = 0; i < 5; i++) host.turn();
  await requests.pause({});
  while (host.isRunning) host.turn();
  return requests.statistics({});
}

for (const [gic, vcpus] of [
  [3, 1],
  [2, 2],
] as const) {
  test(`a session with a debugger is replayed from its inputs (GICv${gic}, ${vcpus} vCPUs)`, async () => {
    const config = await helloGuest(gic, vcpus);
    let breaks = 0;
    for (const seed of [1, 2, 3, 4, 5, 6, 8]) {
      const host = await useInteractively(config, seed);
      const inputs = host.server.inputs;
      expect(new Set(inputs.map(({ input }) => input.kind))).toContain('console');
      expect(inputs.length).toBeGreaterThan(20);

      const { loaded } = fresh(config);
      replay(loaded, inputs, await settled(host));
      expect(stateHash(loaded)).toBe(await host.requests.stateHash({}));
      breaks += host.breaks;
    }
    expect(breaks).toBeGreaterThan(5);
  });
}

test('inputs are in order, and stamped with where and when', async () => {
  const host = await useInteractively(await helloGuest(3), 5);
  const inputs = host.server.inputs;
  expect(inputs.map(({ sequence }) => sequence)).toEqual(inputs.map((_, index) => index));
  const byTime = (a: LoggedInput, b: LoggedInput): number =>
    a.instructions - b.instructions || a.virtualNanoseconds - b.virtualNanoseconds || a.sequence - b.sequence;
  expect([...inputs].sort(byTime)).toEqual(inputs);
  // While every CPU waits, only the time tells two inputs apart.
  expect(new Set(inputs.map(({ instructions }) => instructions)).size).toBeLessThan(
    new Set(inputs.map(({ virtualNanoseconds }) => virtualNanoseconds)).size,
  );
});

test('one input less is another run', async () => {
  const config = await helloGuest(3);
  const host = await useInteractively(config, 7);
  const inputs = host.server.inputs.filter(({ input }) => input.kind !== 'memory');
  const { loaded } = fresh(config);
  replay(loaded, inputs, await settled(host));
  expect(stateHash(loaded)).not.toBe(await host.requests.stateHash({}));
});

test('what is refused is no input', async () => {
  const host = new MoodyHost(1);
  await host.requests.create(await helloGuest(3));
  expect(() => host.requests.writeRegister({ vcpu: at, name: 'x77', value: 1n })).toThrow('x77');
  const nowhere = { space: { kind: 'ipa', domain: 1 }, address: 1n, bytes: text.encode('x') } as const;
  expect(await host.requests.writeMemory(nowhere)).toBe(0);
  expect(host.server.inputs).toEqual([]);
});

test('a log of another machine is told from its own', async () => {
  const host = await useInteractively(await helloGuest(3), 9);
  const { loaded } = fresh(await helloGuest(3, 2));
  const last = host.server.inputs.at(-1) as LoggedInput;
  expect(() => replay(loaded, host.server.inputs, last)).toThrow('the log is not of this machine');
});

test('how a run is cut into pieces changes nothing', async () => {
  const config = await helloGuest(3, 2);
  const whole = fresh(config);
  runUntil(whole, 'hello> ');
  const pieces = fresh(config);
  const { machine } = pieces.loaded;
  whole.loaded.machine.settle();
  const end = momentOf(whole.loaded);
  for (let i = 0; machine.engine.instructions < end.instructions; i++) {
    const left = end.instructions - machine.engine.instructions;
    const result = machine.runSlice(Math.min(1 + ((i * 7919) % 1000), left));
    if (result.kind === 'idle') machine.skipTo(result.deadline);
  }
  replay(pieces.loaded, [], end);
  expect(stateHash(pieces.loaded)).toBe(stateHash(whole.loaded));
});
