// Events of CPUs, with guests of a few instructions: what they say, that they change nothing, and that each thing is
// told of once.

import { expect, test } from 'vitest';
import { TLB_INSTRUCTIONS } from '../../../../emulator/debug/events/cpu-catalog.ts';
import { eventCatalog } from '../../../../emulator/debug/events/catalog.ts';
import type { EventReport } from '../../../../emulator/machine/messages.ts';
import { benchGuest } from '../../../tools/build-bench-guest.ts';
import { configured } from '../guests.ts';
import { served } from '../served.ts';
import { addressOfWord, DSB, IMAGE, ISB, load, mrs, msr, wordGuest } from './word-guest.ts';

/** What happens until the end, in order: each event once under its own name. */
async function seen(words: readonly number[], ...events: readonly string[]): Promise<EventReport[]> {
  const server = served(await wordGuest(words));
  await server.requests.setEventBreakpoints({
    events: events.map((event, i) => ({ id: i + 1, event, log: [] })),
  });
  await server.requests.run({});
  server.turnsUntil(() => server.events('terminated').length > 0);
  return server.events('hit').flatMap(({ event }) => (event ? [event] : []));
}

const sentences = (reports: readonly EventReport[]): string[] =>
  reports.map(({ description }) => description);

test('roots of translation tables, when they change', async () => {
  const words = [
    ...load(1, 0x0042_0000_4000_1000n),
    msr('TTBR0_EL1', 1),
    msr('TTBR0_EL1', 1),
    msr('TTBR1_EL1', 1),
  ];
  const [first, second, ...more] = await seen(words, 'tables');
  expect(first).toMatchObject({
    event: 'tables.TTBR0_EL1',
    fields: {
      reg: 'TTBR0_EL1',
      value: 0x0042_0000_4000_1000n,
      old: 0n,
      root: 0x4000_1000n,
      asid: 0x42n,
      pc: addressOfWord(4),
      dom: -1n,
      vcpu: 0n,
    },
    description: 'CPU 0 sets TTBR0_EL1: tables at 0x40001000, ASID 66',
  });
  expect(second?.event).toBe('tables.TTBR1_EL1');
  expect(more).toEqual([]);
  expect(await seen(words, 'tables.TTBR1_EL1')).toEqual([second]);
});

test('TLB and cache maintenance, with the address that is meant', async () => {
  const words = [
    ...load(1, 0x0001_0fff_ffff_f800n),
    ...load(2, 0x4000_0000n),
    msr('TLBI VAE1IS', 1),
    msr('TLBI VMALLE1', 31),
    msr('TLBI ASIDE1', 1),
    DSB,
    msr('DC CVAU', 2),
    msr('IC IVAU', 2),
    msr('IC IALLU', 31),
    ISB,
  ];
  expect(sentences(await seen(words, 'tlbi', 'cache'))).toEqual([
    'CPU 0 executes TLBI VAE1IS for 0xffffffffff800000',
    'CPU 0 executes TLBI VMALLE1',
    'CPU 0 executes TLBI ASIDE1',
    'CPU 0 executes DC CVAU for 0x40000000',
    'CPU 0 executes IC IVAU for 0x40000000',
    'CPU 0 executes IC IALLU',
  ]);
  expect(sentences(await seen(words, 'cache.IC_IVAU'))).toEqual(['CPU 0 executes IC IVAU for 0x40000000']);
});

test('a task switch is another address of the kernel in SP_EL0', async () => {
  const [first, second, user] = [0xffff_8000_0001_0000n, 0xffff_8000_0002_0000n, 0x7fff_0000n];
  const to = (value: bigint): number[] => [...load(1, value), msr('SP_EL0', 1)];
  // The kernel is entered and left by a program in between.
  const words = [...to(first), ...to(user), ...to(first), ...to(second), ...to(user), ...to(first)];
  const switches = await seen(words, 'task.switch');
  expect(switches.map(({ fields }) => [fields['from'], fields['to']])).toEqual([
    [first, second],
    [second, first],
  ]);
  const contexts = [...load(1, 7n), msr('CONTEXTIDR_EL1', 1), msr('CONTEXTIDR_EL1', 1)];
  expect(sentences(await seen(contexts, 'task'))).toEqual([
    'CPU 0 goes on with 0x7 in place of 0x0 (CONTEXTIDR_EL1)',
  ]);
});

test('a timer is programmed, and fires', async () => {
  const words = [
    ...load(1, 10n),
    msr('CNTV_TVAL_EL0', 1),
    ...load(1, 1n),
    msr('CNTV_CTL_EL0', 1),
    ...Array.from({ length: 300 }, () => 0xd503201f),
  ];
  const events = await seen(words, 'timer');
  expect(events.map(({ event }) => event)).toEqual([
    'timer.program.virtual',
    'timer.program.virtual',
    'timer.fire.virtual',
  ]);
  expect(events[0]?.description).toBe('The virtual timer of CPU 0 is programmed: off');
  const { control, intid, left } = events[1]?.fields ?? {};
  expect([control, intid]).toEqual([1n, 27n]);
  // Ten ticks of 16 ns, of which the instructions in between have used some.
  expect(left as bigint).toBeGreaterThan(100n);
  expect(left as bigint).toBeLessThanOrEqual(160n);
});

test('any system register is told of by name: who writes it, and who reads it', async () => {
  const words = [...load(1, 0x1234_5678n), msr('TPIDR_EL1', 1), mrs(2, 'TPIDR_EL1'), mrs(2, 'TPIDR_EL0')];
  expect(sentences(await seen(words, 'register.write.TPIDR_EL1', 'register.read.TPIDR_EL1'))).toEqual([
    'CPU 0 writes TPIDR_EL1: 0x0 → 0x12345678',
    'CPU 0 reads TPIDR_EL1: 0x12345678',
  ]);
  const server = served(await wordGuest([]));
  for (const event of ['register.write.X0', 'register.write.MIDR_EL1', 'register.read.DAIF']) {
    await expect(async () =>
      server.requests.setEventBreakpoints({ events: [{ id: 1, event }] }),
    ).rejects.toThrow(`there is no event '${event}'`);
  }
});

test('what an exception writes into a register is told of too', async () => {
  // SVC with the vectors at the next 2 KiB: they are NOPs, and the machine ends behind them.
  const words = [...load(1, IMAGE + 0x800n), msr('VBAR_EL1', 1), 0xd400_0001];
  const padding = Array.from({ length: 0xc00 / 4 }, () => 0xd503201f);
  const events = await seen([...words, ...padding], 'register.write.ELR_EL1', 'register.write.ESR_EL1');
  expect(sentences(events)).toEqual([
    `CPU 0 takes an exception, which writes ELR_EL1: 0x0 → 0x${addressOfWord(6).toString(16)}`,
    'CPU 0 takes an exception, which writes ESR_EL1: 0x0 → 0x56000000',
  ]);
});

test('an acknowledge with nothing to take is spurious', async () => {
  const words = [mrs(1, 'ICC_IAR1_EL1')];
  expect(sentences(await seen(words, 'irq.spurious'))).toEqual([
    'CPU 0 acknowledges an interrupt, and there is none',
  ]);
});

test('a system call is named', async () => {
  const config = await configured({ bare: { kernel: benchGuest, cmdline: 'bench=syscall:2', memory: 64 } });
  const server = served(config);
  await server.requests.setEventBreakpoints({ events: [{ id: 1, event: 'syscall' }] });
  await server.requests.run({});
  server.turnsUntil(() => server.events('stopped').length > 0);
  const { fields } = server.events('stopped')[0]?.event ?? {};
  expect(typeof fields?.['name']).toBe('string');
});

test.each(['pages', 'timer', 'syscall'])('hearing of all of it changes nothing: %s', async (work) => {
  const config = await configured({
    bare: { kernel: benchGuest, cmdline: `bench=${work}:3`, memory: 64 },
  });
  const groups = ['task', 'tables', 'tlbi', 'cache', 'timer', 'irq', 'el1exception'];
  const hashes: string[] = [];
  for (const names of [[], groups, eventCatalog.map(({ name }) => name)]) {
    const server = served(config);
    await server.requests.setEventBreakpoints({
      events: names.map((event, i) => ({ id: i + 1, event, condition: { kind: 'constant', value: 0n } })),
    });
    await server.requests.run({});
    server.turnsUntil(() => server.events('terminated').length > 0);
    hashes.push(await server.requests.stateHash({}));
  }
  expect(hashes[1]).toBe(hashes[0]);
  expect(hashes[2]).toBe(hashes[0]);
});

test('every TLBI of the table has an event', () => {
  const names = new Set(eventCatalog.map(({ name }) => name));
  expect(TLB_INSTRUCTIONS.length).toBeGreaterThan(20);
  for (const { name } of TLB_INSTRUCTIONS) expect(names).toContain(name.replace('TLBI ', 'tlbi.'));
});

// ---------------------------------------------------------------- checks of the architecture

const NOP = 0xd503201f;
const RET = 0xd65f03c0;
/** MOVZ X0, #n */
const mov = (n: number): number => (0xd280_0000 | (n << 5)) >>> 0;
/** STR Wt, [Xn] */
const store = (t: number, n: number): number => (0xb900_0000 | (n << 5) | t) >>> 0;
const branchLink = (words: number): number => (0x9400_0000 | (words & 0x3ff_ffff)) >>> 0;

/** With vectors of NOPs, which lead to the end of the machine. */
function withVectors(words: readonly number[]): number[] {
  const before = [...load(1, IMAGE + 0x800n), msr('VBAR_EL1', 1), ...words];
  return [...before, ...Array.from({ length: 0xc00 / 4 }, () => NOP)];
}

test('Device memory: unaligned, and exclusive', async () => {
  const unaligned = withVectors([...load(2, IMAGE + 1n), 0xf940_0043]); // ldr x3, [x2]
  const at = addressOfWord(9).toString(16);
  expect(sentences(await seen(unaligned, 'sanitizer'))).toEqual([
    `CPU 0 at 0x${at}: an unaligned access to Device memory, as all is while the MMU is off`,
  ]);
  const exclusive = withVectors([...load(2, 0x0900_0000n), 0x885f_7c43]); // ldxr w3, [x2]
  const [report, ...more] = await seen(exclusive, 'sanitizer.device');
  expect(report?.fields).toMatchObject({ rule: 'device', va: 0x0900_0000n, pc: addressOfWord(9) });
  expect(report?.fields['detail']).toBe('an exclusive or atomic access to Device memory');
  expect(more).toEqual([]);
  // An exclusive access that is not aligned is wrong wherever it goes.
  expect(await seen(withVectors([...load(2, IMAGE + 1n), 0x885f_7c43]), 'sanitizer')).toEqual([]);
});

/** Calls a function, changes its first word, and calls it again. */
function changed(word: number, between: readonly number[]): number[] {
  const body = [mov(1), RET];
  const begin = [...load(2, addressOfWord(1)), ...load(3, BigInt(word))];
  const first = [0x1400_0003, ...body, ...begin]; // b +3
  const call = (at: number): number => branchLink(1 - at);
  const rest = [store(3, 2), ...between];
  return [...first, call(first.length), ...rest, call(first.length + 1 + rest.length)];
}

test('code that is changed and executed without cache maintenance', async () => {
  const maintained = [msr('DC CVAU', 2), DSB, msr('IC IVAU', 2), DSB, ISB];
  const [report, ...more] = await seen(changed(mov(2), []), 'sanitizer');
  expect(more).toEqual([]);
  expect(report).toMatchObject({
    event: 'sanitizer.code',
    fields: { rule: 'code', va: addressOfWord(1), pc: addressOfWord(1) },
  });
  expect(await seen(changed(mov(2), maintained), 'sanitizer')).toEqual([]);
  expect(await seen(changed(mov(2), [msr('IC IALLU', 31)]), 'sanitizer')).toEqual([]);
  // These may be exchanged while others execute them.
  expect(await seen(changed(NOP, []), 'sanitizer')).toEqual([]);
  // Another line is not maintained by it.
  const far = [...load(4, addressOfWord(1) + 128n), msr('IC IVAU', 4)];
  expect(await seen(changed(mov(2), far), 'sanitizer')).toHaveLength(1);
});

test('a machine stops before the instruction that was not maintained', async () => {
  const server = served(await wordGuest(changed(mov(2), [])));
  await server.requests.setEventBreakpoints({ events: [{ id: 1, event: 'sanitizer' }] });
  await server.requests.run({});
  server.turnsUntil(() => server.events('stopped').length > 0);
  const { general } = await server.requests.readRegisters({
    vcpu: { domain: -1, vcpu: 0 },
    groups: ['general'],
  });
  expect([general?.pc, general?.x[0]]).toEqual([addressOfWord(1), 1n]);
  const plain = served(await wordGuest(changed(mov(2), [])));
  for (const one of [server, plain]) {
    await one.requests.run({});
    one.turnsUntil(() => one.events('terminated').length > 0);
  }
  expect(await server.requests.stateHash({})).toBe(await plain.requests.stateHash({}));
});

test('interrupts that come without end are a storm, told of once in a while', async () => {
  // A timer that is due at once, and a handler that takes and ends its interrupt, and returns to where it is due again.
  const vectors = IMAGE + 0x800n;
  const setUp = [
    ...load(1, vectors),
    msr('VBAR_EL1', 1),
    ...load(1, 7n),
    msr('ICC_SRE_EL1', 1),
    ...load(1, 0xffn),
    msr('ICC_PMR_EL1', 1),
    ...load(1, 1n),
    msr('ICC_IGRPEN1_EL1', 1),
    ...load(2, 0x0800_0000n),
    ...load(3, 2n),
    store(3, 2), // GICD_CTLR.EnableGrp1
    ...load(2, 0x080b_0080n),
    ...load(3, 1n << 27n),
    store(3, 2), // GICR_IGROUPR0
    ...load(2, 0x080b_0100n),
    store(3, 2), // GICR_ISENABLER0
    ...load(2, 0x080a_0014n),
    store(31, 2), // GICR_WAKER
    ...load(5, 0n),
    msr('CNTV_CVAL_EL0', 5),
    ...load(5, 1n),
    msr('CNTV_CTL_EL0', 5),
    0xd503_42ff, // msr daifclr, #2
    0x1400_0000, // b .
  ];
  const handler = [mrs(6, 'ICC_IAR1_EL1'), msr('ICC_EOIR1_EL1', 6), 0xd69f_03e0];
  const words = [...setUp];
  while (words.length < (0x800 + 0x280 - 64) / 4) words.push(NOP);
  words.push(...handler);
  const server = served(await wordGuest(words));
  await server.requests.setEventBreakpoints({ events: [{ id: 1, event: 'sanitizer.storm' }] });
  await server.requests.run({});
  server.turnsUntil(() => server.events('stopped').length > 0);
  const [stop] = server.events('stopped');
  expect(stop?.event?.fields).toMatchObject({ rule: 'storm', dom: -1n });
  expect(stop?.event?.description).toMatch(
    /^CPU 0: interrupt 27 \(timer \(virtual\)\) was taken 1000 times in \d+ ns$/,
  );
});
