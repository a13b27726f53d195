// Conditions, hit counts, scopes, log points and watchpoints on the bundled guest: asked of the server as a debugger
// asks, and compared with a run that nobody looked at.

import { expect, test } from 'vitest';
import type {
  AddressSpace,
  Breakpoint,
  MachineConfig,
  StopInfo,
  Watchpoint,
} from '../../../../emulator/machine/messages.ts';
import type { Program } from '../../../../emulator/machine/stop-programs.ts';
import { configured } from '../guests.ts';
import { addressOf, served } from '../served.ts';

const PROMPT = 'hello> ';
const DOMAIN = 1;
const VCPU = { domain: DOMAIN, vcpu: 0 };
/** Where the toolstack puts the page, and in struct xencons_interface behind 1024 + 2048 bytes of data and in_cons. */
const CONSOLE_PAGE = 0x3900_0000n;
const IN_PROD = 3076n;
/** Of struct timer. */
const TICKS = 24n;

const constant = (value: bigint | number): Program => ({ kind: 'constant', value: BigInt(value) });
const x = (n: number): Program => ({ kind: 'register', name: `x${n}` });
const load = (address: Program, size: 1 | 2 | 4 | 8): Program => ({
  kind: 'load',
  address,
  size,
  signed: false,
});
const add = (left: Program, right: Program): Program => ({ kind: 'binary', operator: '+', left, right });
const equals = (left: Program, right: Program): Program => ({ kind: 'binary', operator: '==', left, right });

const guest = (...vcpus: number[]): Promise<MachineConfig> =>
  configured({
    domains: vcpus.map((count, i) => ({
      name: `hello-${i + 1}`,
      kernel: 'hello-xen.elf',
      memory: 16,
      vcpus: count,
    })),
  });

const at = (address: bigint, rest: Partial<Breakpoint> = {}): Breakpoint => ({
  id: 1,
  domain: DOMAIN,
  kind: 'va',
  address,
  ...rest,
});

type Server = ReturnType<typeof served>;

/** Runs to the next stop. */
async function nextStop(server: Server): Promise<StopInfo> {
  const before = server.events('stopped').length;
  await server.requests.run({});
  server.turnsUntil(() => server.events('stopped').length > before);
  return server.events('stopped').at(-1) as StopInfo;
}

/** Where the guest has its struct timer. */
async function timerOf(config: MachineConfig): Promise<bigint> {
  const server = served(config);
  await server.requests.setBreakpoints({ breakpoints: [at(await addressOf('handle_timer_tick'))] });
  await nextStop(server);
  const { general } = await server.requests.readRegisters({ vcpu: VCPU, groups: ['general'] });
  return general?.x[0] ?? 0n;
}

async function readNumber(server: Server, space: AddressSpace, address: bigint): Promise<bigint> {
  const bytes = await server.requests.readMemory({ space, address, length: 8 });
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
}

const va: AddressSpace = { kind: 'va', at: VCPU };

test('a condition over memory stops when it holds, and not before', async () => {
  const server = served(await guest(1));
  const tick = await addressOf('handle_timer_tick');
  const condition = equals(load(add(x(0), constant(TICKS)), 8), constant(7));
  await server.requests.setBreakpoints({ breakpoints: [at(tick, { condition })] });
  const stop = await nextStop(server);
  expect(stop).toMatchObject({ reason: 'breakpoint', breakpointIds: [1], vcpu: VCPU });
  expect(await readNumber(server, va, (await timerOf(await guest(1))) + TICKS)).toBe(7n);
  const { general } = await server.requests.readRegisters({ vcpu: VCPU, groups: ['general'] });
  expect(general?.pc).toBe(tick);
});

test('hit counts count what the condition let through', async () => {
  const server = served(await guest(1));
  const tick = await addressOf('handle_timer_tick');
  const ticks = load(add(x(0), constant(TICKS)), 8);
  const isOdd: Program = { kind: 'binary', operator: '&', left: ticks, right: constant(1) };
  await server.requests.setBreakpoints({
    breakpoints: [at(tick, { condition: isOdd, hits: { operator: '%', count: 3 } })],
  });
  const seen: bigint[] = [];
  for (let i = 0; i < 3; i++) {
    await nextStop(server);
    seen.push(await readNumber(server, va, (await timerOf(await guest(1))) + TICKS));
  }
  // Odd numbers of ticks are 1, 3, 5, ...: every third of them.
  expect(seen).toEqual([5n, 11n, 17n]);
});

test('what is set again unchanged goes on counting, and what is changed begins anew', async () => {
  const server = served(await guest(1));
  const tick = await addressOf('handle_timer_tick');
  const other = await addressOf('handle_interrupts');
  const wanted = at(tick, { hits: { operator: '==', count: 4 } });
  const ticksAtStop = async (): Promise<bigint> => {
    await nextStop(server);
    return readNumber(server, va, (await timerOf(await guest(1))) + TICKS);
  };
  await server.requests.setBreakpoints({ breakpoints: [wanted, at(other, { id: 2 })] });
  for (let i = 0; i < 3; i++) await nextStop(server);
  await server.requests.setBreakpoints({ breakpoints: [wanted] });
  expect(await ticksAtStop()).toBe(3n);
  await server.requests.setBreakpoints({ breakpoints: [at(tick, { hits: { operator: '==', count: 2 } })] });
  expect(await ticksAtStop()).toBe(5n);
});

test('a condition that cannot be computed stops once, says why, and is ignored from then on', async () => {
  const server = served(await guest(1));
  const tick = await addressOf('handle_timer_tick');
  const cases: [Program, RegExp][] = [
    [load(constant(0x10), 8), /memory at 0x10 cannot be read/],
    [{ kind: 'binary', operator: '/s', left: x(0), right: constant(0) }, /divides by zero/],
    [{ kind: 'event', field: 'intid' }, /the event does not have/],
  ];
  for (const [condition, why] of cases) {
    await server.requests.setBreakpoints({ breakpoints: [at(tick, { condition })] });
    expect((await nextStop(server)).conditionError).toMatch(why);
    const next = await nextStop(server);
    expect(next.breakpointIds).toEqual([1]);
    expect(next.conditionError).toBeUndefined();
  }
  await expect(async () =>
    server.requests.setBreakpoints({
      breakpoints: [at(tick, { condition: { kind: 'register', name: 'x99' } })],
    }),
  ).rejects.toThrow("there is no register 'x99'");
});

test('a false condition leaves no trace: the state is that of a run without it', async () => {
  const config = await guest(1, 2);
  const places = await Promise.all(
    ['handle_timer_tick', 'hypercall', 'put_number', 'read_key'].map(addressOf),
  );
  const never: Program = {
    kind: 'and',
    left: equals(load(add({ kind: 'register', name: 'sp' }, constant(8)), 8), x(1)),
    right: equals({ kind: 'register', name: 'TTBR0_EL1' }, constant(-1)),
  };
  const hashes: string[] = [];
  for (const translate of [undefined, false, { threshold: 2 }] as const) {
    for (const isWatched of [false, true]) {
      const server = served({ ...config, translate });
      if (isWatched) {
        const breakpoints = places.flatMap((address, id) =>
          [1, 2].map((domain) => at(address, { id, domain, condition: never })),
        );
        await server.requests.setBreakpoints({ breakpoints });
        const watchpoints = [1, 2].map(
          (domain): Watchpoint => ({
            id: 9,
            space: { kind: 'va', domain },
            // Beside what changes at each tick.
            address: 32n,
            size: 4,
            access: 'access',
          }),
        );
        const timer = await timerOf(config);
        await server.requests.setWatchpoints({
          watchpoints: watchpoints.map((one) => ({ ...one, address: timer + one.address, condition: never })),
        });
      }
      await server.requests.run({});
      server.turnsUntil(() => server.text(1).includes(PROMPT) && server.text(2).includes(PROMPT));
      for (const domain of [1, 2]) {
        await server.requests.consoleInput({ domain, bytes: new TextEncoder().encode('status\n') });
      }
      expect(server.events('stopped')).toEqual([]);
      await server.requests.setBreakpoints({ breakpoints: [] });
      await server.requests.pause({});
      server.turnsUntil(() => server.events('stopped').length > 0);
      hashes.push(await server.requests.stateHash({}));
    }
  }
  expect(new Set(hashes).size).toBe(1);
});

test('scopes: a vCPU, an exception level, a process', async () => {
  const server = served(await guest(1));
  const hypercall = await addressOf('hypercall');
  const set = (scope: Breakpoint['scope']) =>
    server.requests.setBreakpoints({
      breakpoints: [
        at(hypercall, { ...(scope && { scope }) }),
        at(hypercall, { id: 2, hits: { operator: '%', count: 3 } }),
      ],
    });
  for (const scope of [{ vcpu: 1 }, { el: 0 as const }, { ttbr0: 0xdead_0000n }]) {
    await set(scope);
    expect((await nextStop(server)).breakpointIds).toEqual([2]);
  }
  await set({ vcpu: 0, el: 1 });
  expect((await nextStop(server)).breakpointIds).toEqual([1]);
});

test('scopes: a process by its translation table, whatever its ASID is', async () => {
  const server = served(await guest(1));
  const hypercall = await addressOf('hypercall');
  const vcpu = { domain: 1, vcpu: 0 };
  const set = (table: bigint) =>
    server.requests.setBreakpoints({
      breakpoints: [
        at(hypercall, { scope: { table } }),
        at(hypercall, { id: 2, hits: { operator: '%', count: 2 } }),
      ],
    });
  await set(0x4000n);
  expect((await nextStop(server)).breakpointIds).toEqual([2]);
  const { system = [] } = await server.requests.readRegisters({ vcpu, groups: ['system'] });
  const root = system.find(({ name }) => name === 'TTBR0_EL1')?.value ?? 0n;
  const table = root & 0xffff_ffff_fffen;
  await server.requests.writeRegister({ vcpu, name: 'TTBR0_EL1', value: table | (0x77n << 48n) | 1n });
  await set(table);
  expect((await nextStop(server)).breakpointIds).toEqual([1]);
  await set(table + 0x1000n);
  expect((await nextStop(server)).breakpointIds).toEqual([2]);
});

test('a log point tells of values and texts, in order with the console, and stops nothing', async () => {
  const server = served(await guest(1));
  const print = await addressOf('print');
  await server.requests.setBreakpoints({
    breakpoints: [
      at(print, {
        log: [
          { kind: 'value', program: { kind: 'hits' } },
          { kind: 'text', address: x(0), limit: 80 },
          { kind: 'bytes', address: x(0), length: 2 },
          { kind: 'value', program: load(constant(1), 4) },
        ],
      }),
    ],
  });
  await server.requests.run({});
  server.turnsUntil(() => server.text(1).includes(PROMPT));
  expect(server.events('stopped')).toEqual([]);
  const hits = server.events('hit');
  expect(hits.length).toBeGreaterThan(10);
  const decode = (value: unknown): string => new TextDecoder().decode(value as Uint8Array);
  for (const { id, vcpu, values } of hits) {
    expect({ id, vcpu }).toEqual({ id: 1, vcpu: VCPU });
    expect(`${decode(values[1])}\0`.startsWith(decode(values[2]).replace(/\0.$/s, '\0'))).toBe(true);
    expect(values[3]).toBeUndefined();
  }
  // The format comes before what the guest makes of it, and after what it printed before.
  const order = server.told.map(({ name, event }) =>
    name === 'hit'
      ? `<${decode((event as { values: unknown[] }).values[1])}>`
      : name === 'console'
        ? decode((event as { bytes: unknown }).bytes)
        : '',
  );
  const all = order.join('');
  const greeting = /<[^<>]*I am domain %[^<>]*>/.exec(all);
  expect(greeting).not.toBeNull();
  expect(all.indexOf('I am domain 1')).toBeGreaterThan(greeting?.index ?? Infinity);
});

test('a storm of log points is cut short, and says so', async () => {
  const server = served(await guest(1));
  const places = await Promise.all(['put_number', 'pointer_to', 'map_one', 'use_node'].map(addressOf));
  await server.requests.setBreakpoints({
    breakpoints: places.map((address, id) => at(address, { id, log: [] })),
  });
  await server.requests.run({});
  server.turnsUntil(() => server.text(1).includes(PROMPT));
  const hits = server.events('hit');
  const told = hits.length;
  const all = hits.reduce((sum, { omitted = 0 }) => sum + 1 + omitted, 0);
  const notes = server.events('log').filter(({ message }) => message.includes('more hits of log points'));
  expect(told).toBeGreaterThan(400);
  expect(notes.length).toBeGreaterThan(0);
  expect(all).toBeGreaterThan(told);
  // None is lost: as many as the last of each has counted.
  expect(all).toBe(await countOf(places));
});

/** How often these places are reached until the prompt, with nothing told. */
async function countOf(places: readonly bigint[]): Promise<number> {
  const server = served(await guest(1));
  const program: Program = { kind: 'hits' };
  await server.requests.setBreakpoints({
    breakpoints: places.map((address, id) => at(address, { id, log: [{ kind: 'value', program }] })),
  });
  await server.requests.run({});
  server.turnsUntil(() => server.text(1).includes(PROMPT));
  const last = new Map<number, bigint>();
  for (const { id, values } of server.events('hit')) last.set(id, values[0] as bigint);
  return [...last.values()].reduce((sum, count) => sum + Number(count), 0);
}

test('a variable stops where it is written, with the value before and after', async () => {
  const server = served(await guest(1));
  const address = (await timerOf(await guest(1))) + TICKS;
  const watchpoint: Watchpoint = {
    id: 5,
    space: { kind: 'va', domain: DOMAIN },
    address,
    size: 8,
    access: 'change',
  };
  await server.requests.setWatchpoints({ watchpoints: [watchpoint] });
  for (let ticks = 1; ticks <= 3; ticks++) {
    const stop = await nextStop(server);
    expect(stop).toMatchObject({ reason: 'watchpoint', breakpointIds: [5], vcpu: VCPU });
    expect(stop.watch).toMatchObject({ id: 5, access: 'write', va: address, size: 8 });
    expect([stop.watch?.before[0], stop.watch?.after[0]]).toEqual([ticks - 1, ticks]);
    expect(await readNumber(server, va, address)).toBe(BigInt(ticks));
  }
  const isTen: Program = equals({ kind: 'new' }, add({ kind: 'old' }, constant(1)));
  const condition: Program = { kind: 'and', left: isTen, right: equals({ kind: 'new' }, constant(10)) };
  await server.requests.setWatchpoints({ watchpoints: [{ ...watchpoint, condition }] });
  expect((await nextStop(server)).watch?.after[0]).toBe(10);
  // A debugger's own writes are none.
  await server.requests.setWatchpoints({ watchpoints: [{ ...watchpoint, access: 'write' }] });
  await server.requests.writeMemory({ space: va, address, bytes: Uint8Array.of(100) });
  expect((await nextStop(server)).watch).toMatchObject({ before: Uint8Array.of(100, 0, 0, 0, 0, 0, 0, 0) });
});

test('the hypervisor and backends are seen to write too: the console ring of a domain', async () => {
  const server = served(await guest(1));
  await server.requests.run({});
  server.turnsUntil(() => server.text(1).includes(PROMPT));
  await server.requests.pause({});
  server.turnsUntil(() => server.events('stopped').length === 1);
  await server.requests.setWatchpoints({
    watchpoints: [
      {
        id: 1,
        space: { kind: 'ipa', domain: DOMAIN },
        address: CONSOLE_PAGE + IN_PROD,
        size: 4,
        access: 'write',
      },
    ],
  });
  await server.requests.consoleInput({ domain: DOMAIN, bytes: new TextEncoder().encode('ab') });
  const stop = await nextStop(server);
  expect(stop).toMatchObject({ reason: 'watchpoint', breakpointIds: [1] });
  expect(stop.watch?.va).toBeUndefined();
  expect(stop.watch?.after[0]).toBe(((stop.watch?.before[0] ?? 0) + 2) & 255);
});

test('where a single step has come to is judged on demand, and counts once', async () => {
  const config = await guest(1);
  const server = served(config);
  const start = await addressOf('handle_timer_tick');
  const next = { id: 2, address: start + 4n };
  await server.requests.setBreakpoints({ breakpoints: [at(start), at(next.address, { id: 2 })] });
  await nextStop(server);
  expect(await server.requests.judgeHere({ vcpu: VCPU })).toEqual({ breakpointIds: [1] });
  const logs = at(next.address, { id: 3, log: [{ kind: 'value', program: x(0) }] });
  const second = at(next.address, { id: 2, hits: { operator: '==', count: 2 } });
  await server.requests.setBreakpoints({ breakpoints: [at(start), second, logs] });
  const step = async () => {
    const before = server.events('stopped').length;
    await server.requests.step({ vcpu: VCPU, count: 1 });
    server.turnsUntil(() => server.events('stopped').length > before);
    return server.requests.judgeHere({ vcpu: VCPU });
  };
  expect(await step()).toEqual({ breakpointIds: [] });
  expect(server.events('hit').map(({ id }) => id)).toEqual([3]);
  expect((await nextStop(server)).breakpointIds).toEqual([1]);
  expect(await step()).toMatchObject({ breakpointIds: [2] });
  expect(server.events('hit').map(({ id }) => id)).toEqual([3, 3]);
});

test('a guest physical address is followed when it leads elsewhere', async () => {
  const config = await guest(1);
  // The guest puts the page of shared_info in place of one of its own, and Xen writes events there.
  const scout = served(config);
  const isSharedInfo = equals({ kind: 'event', field: 'space' }, constant(0));
  await scout.requests.setEventBreakpoints({
    events: [{ id: 1, event: 'hypercall.memory_op.add_to_physmap', condition: isSharedInfo }],
  });
  const { event } = await nextStop(scout);
  const address = (event?.fields['gpfn'] as bigint) * 4096n;
  const server = served(config);
  const space: AddressSpace = { kind: 'ipa', domain: DOMAIN };
  const paNow = async () => {
    const found = await server.requests.translate({ space, address });
    return found.ok ? found.pa : undefined;
  };
  const before = await paNow();
  // evtchn_upcall_pending of vCPU 0, at the beginning of struct vcpu_info.
  await server.requests.setWatchpoints({
    watchpoints: [{ id: 1, space, address, size: 1, access: 'change' }],
  });
  const stop = await nextStop(server);
  expect(stop).toMatchObject({ reason: 'watchpoint', breakpointIds: [1] });
  expect(stop.watch?.pa).toBe(BigInt((await paNow()) ?? 0));
  expect(await paNow()).not.toBe(before);
});

test('what a backend reads is seen, and nothing else of what looks on', async () => {
  const config = await guest(1);
  const server = served(config);
  // out_prod of the console ring: the guest advances it, and the console backend reads it.
  const OUT_PROD = CONSOLE_PAGE + 3084n;
  const watch = (access: Watchpoint['access']): Watchpoint => ({
    id: 1,
    space: { kind: 'ipa', domain: DOMAIN },
    address: OUT_PROD,
    size: 4,
    access,
  });
  await server.requests.setEventBreakpoints({ events: [{ id: 9, event: 'hypercall', log: [] }] });
  await server.requests.setWatchpoints({ watchpoints: [watch('write')] });
  expect((await nextStop(server)).watch).toMatchObject({ access: 'write', va: expect.anything() });
  await server.requests.setWatchpoints({ watchpoints: [watch('read')] });
  let stop = await nextStop(server);
  while (stop.watch?.va !== undefined) stop = await nextStop(server);
  expect(stop).toMatchObject({ reason: 'watchpoint', breakpointIds: [1] });
  expect(stop.watch).toMatchObject({ access: 'read' });
  expect(stop.watch?.after).toEqual(stop.watch?.before);
  // A view of the rings reads it as well, and is nobody whom a debugger watches.
  await server.requests.inspect({ name: 'rings', args: {} });
  expect((await nextStop(server)).instructions).toBeGreaterThan(stop.instructions);
});

test('a run in which all reads of a page are judged ends where another one does', async () => {
  const config = await guest(1);
  const hashes: string[] = [];
  for (const isWatched of [false, true]) {
    const server = served(config);
    const space: AddressSpace = { kind: 'ipa', domain: DOMAIN };
    const watch = { id: 1, space, address: CONSOLE_PAGE, size: 4096, access: 'access', log: [] } as const;
    await server.requests.setWatchpoints({ watchpoints: isWatched ? [watch] : [] });
    const tick = at(await addressOf('handle_timer_tick'), { id: 2, hits: { operator: '==', count: 20 } });
    await server.requests.setBreakpoints({ breakpoints: [tick] });
    expect((await nextStop(server)).breakpointIds).toEqual([2]);
    if (isWatched) expect(server.events('hit').length).toBeGreaterThan(100);
    hashes.push(await server.requests.stateHash({}));
  }
  expect(hashes[1]).toBe(hashes[0]);
});
