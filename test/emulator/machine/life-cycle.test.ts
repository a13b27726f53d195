// Domains come and go while others run, as xl has it with their configuration.

import { describe, expect, test } from 'vitest';
import { type HeadlessRun, startHeadless } from '../../../emulator/index.ts';
import { InputLog, momentOf, replay } from '../../../emulator/machine/input-log.ts';
import type { DomainConfig, EndAction, MachineConfig } from '../../../emulator/machine/messages.ts';
import { stateHash } from '../../../emulator/machine/state-hash.ts';
import { configured, fresh, modules } from './guests.ts';

const PROMPT = 'hello> ';

async function guests(...more: Partial<DomainConfig>[]): Promise<MachineConfig> {
  const config = await configured({
    domains: more.map((_, n) => ({ name: `hello-${n + 1}`, kernel: 'hello-xen.elf', memory: 16 })),
  });
  const domains = config.domains!.map((domain, n) => ({ ...domain, ...more[n] }));
  return { ...config, restarts: true, domains };
}

function start(config: MachineConfig) {
  const consoles = new Map<number, string>();
  const news: string[] = [];
  const guest = startHeadless(modules, config, {
    script: [],
    maxInstructions: 500_000_000,
    output: (domain, bytes) =>
      consoles.set(domain, (consoles.get(domain) ?? '') + new TextDecoder().decode(bytes)),
    ended: (domain, reason) => news.push(`d${domain} ${reason}`),
    created: (domain, name, replaces) => news.push(`d${domain} ${name} for ${replaces}`),
    log: { log: () => {} },
  });
  const until = (done: () => boolean): void => {
    for (let turns = 0; !done(); turns++) {
      if (turns > 2000) throw new Error(`it did not happen: ${[...consoles.values()].join('\n')}`);
      const end = guest.turn(50_000);
      if (end && !done()) throw new Error(`the machine ended: ${JSON.stringify(end)}`);
    }
  };
  const prompt = (domain: number) => until(() => consoles.get(domain)?.includes(PROMPT) ?? false);
  const type = (domain: number, line: string): void => guest.type(new TextEncoder().encode(line), domain);
  return { guest, consoles, news, until, prompt, type };
}

const view = ({ loaded }: HeadlessRun) => loaded.view!;
const namesOf = (guest: HeadlessRun): string[] =>
  view(guest)
    .domains()
    .map(({ id, name, state }) => `${id} ${name} ${state}`);

describe('a domain that reboots', () => {
  test('comes back under a new domid, with its UUID, while the other one runs on', async () => {
    const { guest, consoles, news, prompt, type } = start(
      await guests({ actions: { reboot: 'restart' } }, {}),
    );
    prompt(1);
    prompt(2);
    const [, before] = view(guest).domains();
    const free = view(guest).memory;
    type(1, 'reboot\n');
    prompt(3);
    expect(news).toEqual(['d3 hello-1 for 1', 'd1 reboot']);
    expect(consoles.get(3)).toContain("I am domain 3, 'hello-1'");
    expect(namesOf(guest)).toEqual(['0 Domain-0 running', '2 hello-2 running', '3 hello-1 running']);
    expect(view(guest).domains().at(-1)!.uuid).toEqual(before!.uuid);
    expect(guest.loaded.info.domains.map(({ domain }) => domain)).toEqual([3, 2]);
    expect(guest.loaded.cpuOf({ domain: 3, vcpu: 0 })).toBe(before!.vcpus[0]!.cpu);
    expect(free).toBeDefined();
    type(2, 'poweroff\n');
    type(3, 'poweroff\n');
    let end = guest.turn(1_000_000);
    while (!end) end = guest.turn(1_000_000);
    expect(end).toMatchObject({ kind: 'ended' });
  });

  test('ten times: memory, grants, ports and nodes are as after the first', async () => {
    const { guest, news, prompt, type } = start(await guests({ actions: { reboot: 'restart' } }));
    const figures = () => ({
      owned: view(guest)
        .domains()
        .map(({ pages }) => pages),
      used: guest.loaded.saveMonitor() as {
        hypervisor: { heap: { free: readonly { start: number; end: number }[] } };
        control: { rings: readonly unknown[]; xenstore: unknown };
      },
      ports: view(guest).eventChannels(0)!.ports.length,
    });
    const pagesFree = ({ used }: ReturnType<typeof figures>): number =>
      used.hypervisor.heap.free.reduce((sum, { start, end }) => sum + end - start, 0);
    prompt(1);
    type(1, 'reboot\n');
    prompt(2);
    const first = figures();
    for (let domid = 2; domid < 10; domid++) {
      type(domid, 'reboot\n');
      prompt(domid + 1);
    }
    const last = figures();
    expect(last.owned).toEqual(first.owned);
    expect(last.ports).toBe(first.ports);
    expect(last.used.control.rings).toHaveLength(first.used.control.rings.length);
    expect(pagesFree(last)).toBe(pagesFree(first));
    expect(JSON.stringify(last.used.control.xenstore)).not.toContain('/local/domain/9/');
    expect(news.filter((text) => text.endsWith('reboot'))).toHaveLength(9);
  });

  test('stays under another name where it is renamed', async () => {
    const { guest, prompt, type } = start(await guests({ actions: { reboot: 'rename-restart' } }));
    prompt(1);
    type(1, 'reboot\n');
    prompt(2);
    expect(namesOf(guest)).toEqual(['0 Domain-0 running', '1 hello-1-1 shutdown', '2 hello-1 running']);
  });

  test.each<EndAction>(['destroy', 'preserve'])('ends the machine with %s', async (reboot) => {
    const { guest, news, prompt, type } = start(await guests({ actions: { reboot } }));
    prompt(1);
    type(1, 'reboot\n');
    let end = guest.turn(1_000_000);
    while (!end) end = guest.turn(1_000_000);
    expect(end).toEqual({ kind: 'ended', reason: 'reboot' });
    expect(news).toEqual(['d1 reboot']);
  });
});

test('a domain that is not started comes by request, goes and comes again', async () => {
  const config = await guests({}, { start: false });
  const { guest, news, prompt } = start(config);
  prompt(1);
  expect(namesOf(guest)).toHaveLength(2);
  guest.inputs.enter({ kind: 'action', action: { kind: 'create', name: 'hello-2' } });
  prompt(2);
  const again = () => guest.inputs.enter({ kind: 'action', action: { kind: 'create', name: 'hello-2' } });
  expect(again).toThrow('is there: 2');
  guest.inputs.enter({ kind: 'action', action: { kind: 'destroy', domain: 2 } });
  again();
  prompt(3);
  expect(news).toEqual(['d2 hello-2 for undefined', 'd2 destroyed', 'd3 hello-2 for undefined']);
});

test('reboots replay from the input log into the same state, whatever is translated', async () => {
  const config = await guests({ actions: { reboot: 'restart' } }, {});
  const run = (translate: MachineConfig['translate']) => {
    const test = fresh({ ...config, translate });
    const log = new InputLog(test.loaded);
    const go = (slices: number): void => {
      for (let i = 0; i < slices; i++) {
        const end = test.loaded.machine.runSlice(Number.MAX_SAFE_INTEGER);
        if (end.kind === 'idle') test.loaded.machine.skipTo(end.deadline);
      }
    };
    go(400);
    log.enter({ kind: 'console', domain: 1, bytes: new TextEncoder().encode('reboot\n') });
    go(400);
    expect(test.loaded.info.domains.map(({ domain }) => domain)).toEqual([3, 2]);
    test.loaded.machine.settle();
    return { hash: stateHash(test.loaded), log: log.entries, end: momentOf(test.loaded) };
  };
  const first = run(undefined);
  expect(run(false).hash).toBe(first.hash);
  expect(run({ threshold: 2 }).hash).toBe(first.hash);
  const again = fresh(config);
  replay(again.loaded, first.log, first.end);
  expect(stateHash(again.loaded)).toBe(first.hash);
});
