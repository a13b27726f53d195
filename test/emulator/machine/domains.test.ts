// Several domains on one machine: what they share (nothing), and what the machine says of each.

import { expect, test } from 'vitest';
import { InputLog, momentOf, replay } from '../../../emulator/machine/input-log.ts';
import type { MachineConfig, VcpuId } from '../../../emulator/machine/messages.ts';
import { startHeadless } from '../../../emulator/index.ts';
import { stateHash } from '../../../emulator/machine/state-hash.ts';
import type { Hypervisor } from '../../../emulator/xen/hypervisor.ts';
import { configured, fresh, modules } from './guests.ts';
import { addressOf, served } from './served.ts';

const PROMPT = 'hello> ';

/** Bundled guests: the same kernel, with so many vCPUs each. */
const guests = (...vcpus: number[]): Promise<MachineConfig> =>
  configured({
    domains: vcpus.map((count, i) => ({
      name: `hello-${i + 1}`,
      kernel: 'hello-xen.elf',
      memory: 16,
      vcpus: count,
    })),
  });

test('domains of one kernel boot side by side, each on its own console', async () => {
  const { consoles, run } = headless(await guests(1, 1), [{ until: 'ended with 0' }, { until: PROMPT }]);
  expect(run()).toEqual({ kind: 'met' });
  expect(consoles.get(1)).toContain("I am domain 1, 'hello-1'");
  expect(consoles.get(1)).not.toContain('hello-2');
  expect(consoles.get(2)).toContain("I am domain 2, 'hello-2'");
});

test('the same machine runs the same way, whatever is translated', async () => {
  const config = await guests(1, 2, 1);
  const end = (translate: MachineConfig['translate']): string => {
    const { run, guest } = headless({ ...config, translate }, [], 3_000_000);
    expect(run()).toMatchObject({ kind: 'bound' });
    return guest.statistics().stateHash;
  };
  const expected = end(undefined);
  expect(end(undefined)).toBe(expected);
  expect(end(false)).toBe(expected);
  expect(end({ threshold: 2 })).toBe(expected);
});

test('what is typed in answer goes to the domain that asked, and the last one ends the run', async () => {
  const { consoles, run } = headless(await guests(1, 1), [
    { until: "'hello-2'" },
    { until: PROMPT, type: 'poweroff\n' },
    { until: 'bye' },
    { until: 'never' },
  ]);
  // The other domain waits at its prompt for good.
  expect(run()).toMatchObject({ kind: 'bound' });
  expect([...consoles.values()].filter((text) => text.includes('bye'))).toHaveLength(1);
});

test('a run ends as the domain that ended the least orderly', async () => {
  const config = await guests(1, 1);
  const type = (lines: readonly string[]) => {
    const { run, guest, consoles } = headless(config, []);
    while (![1, 2].every((domain) => consoles.get(domain)?.includes(PROMPT))) guest.turn(50_000);
    lines.forEach((line, i) => guest.type(new TextEncoder().encode(line), i + 1));
    return run();
  };
  expect(type(['poweroff\n', 'poweroff\n'])).toEqual({ kind: 'ended', reason: 'poweroff' });
  expect(type(['reboot\n', 'poweroff\n'])).toEqual({ kind: 'ended', reason: 'reboot' });
});

test('an input log of several domains replays into the same state', async () => {
  const config = await guests(1, 1);
  const test = fresh(config);
  const log = new InputLog(test.loaded);
  const slices = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const end = test.loaded.machine.runSlice(Number.MAX_SAFE_INTEGER);
      if (end.kind === 'idle') test.loaded.machine.skipTo(end.deadline);
    }
  };
  slices(200);
  log.enter({ kind: 'console', domain: 2, bytes: new TextEncoder().encode('xs\n') });
  slices(20);
  log.enter({ kind: 'register', cpu: 1, name: 'x7', value: 7n });
  const at = { domain: 2, vcpu: 0 };
  log.writeMemory({ kind: 'va', at }, 0x4000_0000n, new Uint8Array([1, 2, 3]));
  log.enter({ kind: 'action', action: { kind: 'pause', domain: 1 } });
  slices(20);
  test.loaded.machine.settle();
  const end = momentOf(test.loaded);
  const again = fresh(config).loaded;
  replay(again, log.entries, end);
  expect(stateHash(again)).toBe(stateHash(test.loaded));
});

test('memory of one domain is read while another runs, and only its own', async () => {
  const { loaded } = fresh(await guests(1, 2));
  loaded.machine.runSlice(1000);
  expect(loaded.vcpuOf(0)).toEqual({ domain: 1, vcpu: 0 });
  expect(loaded.vcpuOf(2)).toEqual({ domain: 2, vcpu: 1 });
  expect(loaded.cpuOf({ domain: 2, vcpu: 1 })).toBe(2);
  expect(loaded.cpuOf({ domain: 2, vcpu: 2 })).toBeUndefined();
  expect(loaded.cpuOf({ domain: 3, vcpu: 0 })).toBeUndefined();

  const server = served(await guests(1, 2));
  const ram = 0x4080_0000n;
  const write = (domain: number, text: string) =>
    server.requests.writeMemory({
      space: { kind: 'ipa', domain },
      address: ram,
      bytes: new TextEncoder().encode(text),
    });
  await write(1, 'first');
  await write(2, 'other');
  const read = async (at: VcpuId) =>
    new TextDecoder().decode(
      await server.requests.readMemory({ space: { kind: 'va', at }, address: ram, length: 5 }),
    );
  expect(await read({ domain: 1, vcpu: 0 })).toBe('first');
  expect(await read({ domain: 2, vcpu: 0 })).toBe('other');
  // Never started: it has no stage 2 in its registers yet.
  expect(await read({ domain: 2, vcpu: 1 })).toBe('other');
});

test('a breakpoint stops in its domain only', async () => {
  const config = await guests(1, 1);
  const va = await addressOf('handle_interrupts');
  const image = fresh(config).loaded.info.domains[0]?.segments[0]?.ipa ?? 0;
  const places = { va, ipa: BigInt(image) + (va & 0xffffffn) };
  for (const kind of ['va', 'ipa'] as const) {
    for (const wanted of [[1], [2], [1, 2]]) {
      const server = served(config);
      const breakpoints = wanted.map((domain) => ({ id: 10 + domain, domain, kind, address: places[kind] }));
      await server.requests.setBreakpoints({ breakpoints });
      const seen = new Set<number>();
      for (let stops = 1; stops <= 12; stops++) {
        await server.requests.run({});
        server.turnsUntil(() => server.events('stopped').length === stops);
        const { vcpu, breakpointIds } = server.events('stopped').at(-1) ?? {};
        expect(breakpointIds).toEqual([10 + (vcpu?.domain ?? 0)]);
        seen.add(vcpu?.domain ?? 0);
      }
      expect([...seen].sort()).toEqual(wanted);
    }
  }
});

test('a domain that powers off leaves the others running, and the last one ends the machine', async () => {
  const server = served(await guests(1, 1));
  await server.requests.run({});
  server.turnsUntil(() => server.text(1).includes(PROMPT) && server.text(2).includes(PROMPT));
  await server.requests.consoleInput({ domain: 2, bytes: new TextEncoder().encode('poweroff\n') });
  server.turnsUntil(() => server.events('domainEnded').length > 0);
  expect(server.events('domainEnded')).toMatchObject([{ domain: 2, reason: 'poweroff' }]);
  expect(server.events('terminated')).toEqual([]);
  await server.requests.consoleInput({ domain: 1, bytes: new TextEncoder().encode('xs name\n') });
  server.turnsUntil(() => server.text(1).includes('"hello-1"'));
  await server.requests.pause({});
  server.turnsUntil(() => server.events('stopped').length > 0);
  await expect(async () => server.requests.step({ vcpu: { domain: 2, vcpu: 0 }, count: 1 })).rejects.toThrow(
    'domain 2 has ended',
  );
  expect(await server.requests.vcpus({})).toMatchObject([
    { domain: 1, vcpu: 0 },
    { domain: 2, vcpu: 0 },
  ]);
  await server.requests.act({ action: { kind: 'destroy', domain: 2 } });
  expect(await server.requests.vcpus({})).toMatchObject([{ domain: 1, vcpu: 0 }]);
  await server.requests.run({});
  await server.requests.consoleInput({ domain: 1, bytes: new TextEncoder().encode('poweroff\n') });
  server.turnsUntil(() => server.events('terminated').length > 0);
  expect(server.events('terminated')).toMatchObject([{ domain: 1, reason: 'poweroff' }]);
  expect(server.events('domainEnded')).toHaveLength(1);
});

test('a domain that is paused executes nothing, while another goes on', async () => {
  const server = served(await guests(1, 1));
  const type = (domain: number, text: string) =>
    server.requests.consoleInput({ domain, bytes: new TextEncoder().encode(text) });
  await server.requests.run({});
  server.turnsUntil(() => [1, 2].every((domain) => server.text(domain).includes(PROMPT)));
  await server.requests.act({ action: { kind: 'pause', domain: 1 } });
  await type(1, 'echo one\n');
  await type(2, 'echo two\n');
  server.turnsUntil(() => server.text(2).includes('two\r\n'));
  expect(server.text(1)).not.toContain('one\r\n');
  const states = async () => (await server.requests.vcpus({})).map(({ state }) => state);
  expect(await states()).toEqual(['paused', expect.stringMatching(/running|wfi|blocked/)]);
  await server.requests.act({ action: { kind: 'unpause', domain: 1 } });
  server.turnsUntil(() => server.text(1).includes('one\r\n'));
});

test('a domain that crashes stops the machine, and the others can go on', async () => {
  const server = served(await guests(1, 1));
  await server.requests.run({});
  server.turnsUntil(() => [1, 2].every((domain) => server.text(domain).includes(PROMPT)));
  await server.requests.consoleInput({ domain: 2, bytes: new TextEncoder().encode('crash\n') });
  server.turnsUntil(() => server.events('stopped').length > 0);
  expect(server.events('domainEnded')).toMatchObject([{ domain: 2, reason: 'crash' }]);
  expect(server.events('stopped')).toMatchObject([{ reason: 'crash', vcpu: { domain: 2, vcpu: 0 } }]);
  expect(await server.requests.vcpus({})).toHaveLength(2);
  await server.requests.run({});
  await server.requests.consoleInput({ domain: 1, bytes: new TextEncoder().encode('poweroff\n') });
  server.turnsUntil(() => server.events('terminated').length > 0);
  expect(server.events('terminated')).toMatchObject([{ domain: 1, reason: 'poweroff' }]);
});

test('every domain has its nodes in xenstore, its UUID and its seed', async () => {
  const { loaded } = fresh(await guests(1, 1));
  const store = loaded.view?.daemons?.xenstore;
  const value = (path: string): string => new TextDecoder().decode(store?.node(path)?.value);
  expect(value('/local/domain/1/name')).toBe('hello-1');
  expect(value('/local/domain/2/name')).toBe('hello-2');
  expect(value('/local/domain/1/vm')).not.toBe(value('/local/domain/2/vm'));
  expect(loaded.deviceTree(1)).not.toEqual(loaded.deviceTree(2));
  expect(loaded.deviceTree(3)).toBeUndefined();
});

test('what does not fit on one machine is refused in words', async () => {
  const config = await guests(1, 1);
  const [one, two] = config.domains ?? [];
  if (!one || !two) throw new Error('there are two domains');
  const refused = (domains: MachineConfig['domains']) => () => fresh({ ...config, domains: domains ?? [] });
  expect(refused([one, { ...two, vcpus: 32 }])).toThrow('the domains have 33 vCPUs together');
  expect(refused([one, { ...two, memory: 3296 * 2 ** 20 }])).toThrow('MiB of memory together');
  expect(refused([one, { ...two, gicVersion: 2 }])).toThrow("domain 'hello-2' has a GICv2");
  expect(refused([one, { ...two, name: 'hello-1' }])).toThrow("there are two domains 'hello-1'");
});

test('an event that one domain sends wakes the other', async () => {
  const test = fresh(await guests(1, 1));
  const { machine, view } = test.loaded;
  const turns = (isDone: () => boolean): void => {
    for (let i = 0; i < 5000 && !isDone(); i++) {
      const end = machine.runSlice(Number.MAX_SAFE_INTEGER);
      if (end.kind === 'idle') machine.skipTo(end.deadline);
    }
    expect(isDone()).toBe(true);
  };
  turns(() => test.console.split(PROMPT).length === 3);
  turns(() => machine.runSlice(Number.MAX_SAFE_INTEGER).kind === 'idle');

  const { domains } = machine.monitor as Hypervisor;
  const channels = (domid: number) => domains.find(domid)?.eventChannels ?? expect.fail(`no domain ${domid}`);
  const unbound = channels(2).allocateUnbound(1);
  if (typeof unbound === 'string') expect.fail(unbound);
  const bound = channels(1).bindInterdomain(channels(2), unbound.port, () => undefined);
  if (typeof bound === 'string') expect.fail(bound);
  channels(2).unmask(unbound.port);
  channels(1).send(bound.port);
  const received = () => view?.eventChannels(2)?.ports.find(({ port }) => port === unbound.port);
  expect(received()).toMatchObject({ pending: true });
  expect(machine.canRunNow(1)).toBe(true);
  expect(machine.canRunNow(0)).toBe(false);
  turns(() => received()?.pending === false);
});

test('guests are kept from each other unless Xen is told otherwise', async () => {
  const domains = [{ kernel: 'hello-xen.elf', memory: 16 }];
  expect(await configured({ domains })).not.toHaveProperty('xsm');
  expect(await configured({ domains, xen: { cmdline: 'loglvl=all xsm=dummy' } })).toMatchObject({
    xsm: 'dummy',
  });
  await expect(configured({ domains, xen: { cmdline: 'xsm=flask' } })).rejects.toThrow("'xsm=flask'");
});

test('domains of one kernel share what was read of it', async () => {
  const [one, two] = (await guests(1, 1)).domains ?? [];
  expect(one?.kernel).toBe(two?.kernel);
});

// ---------------------------------------------------------------- drivers

function headless(
  config: MachineConfig,
  script: readonly { until: string; type?: string }[],
  maxInstructions = 6_000_000,
) {
  const consoles = new Map<number, string>();
  const guest = startHeadless(modules, config, {
    script,
    maxInstructions,
    output: (domain, bytes) =>
      consoles.set(domain, (consoles.get(domain) ?? '') + new TextDecoder('latin1').decode(bytes)),
    log: { log: () => {} },
  });
  const run = () => {
    for (;;) {
      const end = guest.turn(1_000_000);
      if (end) return end;
    }
  };
  return { guest, consoles, run };
}
