// One client and a machine of one CPU: registers, memory, breakpoints, steps.

import { expect, test } from 'vitest';
import { framed } from '../../../debug-adapter/gdb/packets.ts';
import { add, b, bl, br, cbnz, ERET, MMU_ON, mov, NOP, RET, sub } from '../support/assemble.ts';
import { RAM } from '../support/fake-machine.ts';
import { fakeGuest, GDB_FEATURES, GdbTestClient, hexOfNumber, LINKED } from '../support/gdb-client.ts';

const PROGRAM = [
  'start',
  mov(1, 5),
  'loop',
  add(1, 1),
  bl('work'),
  'back',
  b('loop'),
  'work',
  NOP,
  add(2, 1),
  RET,
];

async function connected(options = {}, features = GDB_FEATURES) {
  const { machine, at } = await fakeGuest(PROGRAM, options);
  const client = new GdbTestClient(machine);
  await client.ask(features);
  const place = (label: string): string => at(label).toString(16);
  return { client, machine, at, place };
}

const pcIn = (stop: string): bigint => {
  const hex = /20:([0-9a-f]{16});/.exec(stop)?.[1] ?? '';
  return BigInt(`0x${hex.match(/../g)?.reverse().join('')}`);
};

test('what gdb asks for first is agreed', async () => {
  const { client } = await connected();
  const features = (await client.ask(GDB_FEATURES)).split(';');
  for (const feature of ['multiprocess+', 'vContSupported+', 'hwbreak+', 'qXfer:features:read+']) {
    expect(features).toContain(feature);
  }
  expect(await client.ask('vMustReplyEmpty')).toBe('');
  expect(await client.ask('vCont?')).toBe('vCont;c;C;s;S;t;r');
  expect(await client.ask('!')).toBe('OK');
  expect(await client.ask('QNonStop:0')).toBe('OK');
  expect(await client.ask('QNonStop:1')).toMatch(/^E\.there is one run state/);
  expect(await client.ask('qAttached:1')).toBe('1');
  expect(await client.ask('?')).toMatch(/^T05.*thread:p1\.1;/);
});

test('without acknowledgements nothing is acknowledged, the reply that agrees included', async () => {
  const { machine } = await fakeGuest(PROGRAM);
  const sent: string[] = [];
  const { connection } = new GdbTestClient(machine);
  connection['channel'].write = (bytes: Uint8Array) => void sent.push(String.fromCharCode(...bytes));
  connection.receive(framed('QStartNoAckMode'));
  await expect.poll(() => sent).toEqual(['+', '$OK#9a']);
  connection.receive(framed('vMustReplyEmpty'));
  await expect.poll(() => sent).toEqual(['+', '$OK#9a', '$#00']);
});

test('a packet that arrives damaged is asked for again, and a lost reply is sent again', async () => {
  const { machine } = await fakeGuest(PROGRAM);
  const sent: string[] = [];
  const client = new GdbTestClient(machine);
  client.connection['channel'].write = (bytes: Uint8Array) => void sent.push(String.fromCharCode(...bytes));
  client.connection.receive(new TextEncoder().encode('$qC#00'));
  expect(sent).toEqual(['-']);
  client.connection.receive(framed('qC'));
  await expect.poll(() => sent).toEqual(['-', '+', '$QC1#c5']);
  client.connection.receive(new TextEncoder().encode('-'));
  expect(sent.at(-1)).toBe('$QC1#c5');
});

test('registers are read and written one by one and together', async () => {
  const { client } = await connected({ entry: { 3: 0x1122_3344_5566_7788n } });
  expect(await client.ask('p3')).toBe('8877665544332211');
  expect(await client.ask(`P4=${hexOfNumber(0xabcdn, 8)}`)).toBe('OK');
  const all = await client.ask('g');
  // 31 X, SP and PC of 8 bytes, CPSR of 4, 32 V of 16, FPSR and FPCR of 4.
  expect(all).toHaveLength(2 * (33 * 8 + 4 + 32 * 16 + 8));
  expect(all.slice(16 * 4, 16 * 5)).toBe(hexOfNumber(0xabcdn, 8));
  expect(all.slice(16 * 32, 16 * 33)).toBe(hexOfNumber(BigInt(RAM), 8));
  expect(await client.ask(`G${all.replace(hexOfNumber(0xabcdn, 8), hexOfNumber(0x77n, 8))}`)).toBe('OK');
  expect(await client.ask('p4')).toBe(hexOfNumber(0x77n, 8));
  expect(await client.ask('p999')).toMatch(/^E\.there is no register/);
  expect(await client.ask('P4=12')).toMatch(/^E\./);
});

test('system registers have the numbers that the target description gives them', async () => {
  const { client } = await connected();
  const xml = (await client.ask('qXfer:features:read:target.xml:0,20000')).replace(/^[lm]/, '');
  const numbers = [...xml.matchAll(/<reg name="(\w+)" [^>]*regnum="(\d+)"/g)];
  expect(numbers.map(([, , number]) => Number(number))).toEqual(numbers.map((_, i) => i));
  const vbar = Number(numbers.find(([, name]) => name === 'VBAR_EL1')?.[2]);
  expect(vbar).toBeGreaterThan(67);
  expect(await client.ask(`p${vbar.toString(16)}`)).toBe(hexOfNumber(BigInt(RAM), 8));
  expect(xml).toContain('<feature name="org.gnu.gdb.aarch64.core">');
  expect(xml).toContain('<feature name="org.gnu.gdb.aarch64.fpu">');
});

test('the description comes in pieces of the size that is asked for', async () => {
  const { client } = await connected();
  let text = '';
  for (;;) {
    const part = await client.ask(`qXfer:features:read:target.xml:${text.length.toString(16)},100`);
    text += part.slice(1);
    if (part.startsWith('l')) break;
    expect(part).toHaveLength(0x101);
  }
  expect(text.trimEnd()).toMatch(/<\/target>$/);
  expect(await client.ask('qXfer:features:read:other.xml:0,100')).toMatch(/^E\./);
  expect(await client.ask('qXfer:auxv:read::0,100')).toBe('');
});

test('memory is read and written in hexadecimal and in binary, as far as it is there', async () => {
  const { client } = await connected();
  expect(await client.ask('M40080000,4:11223344')).toBe('OK');
  expect(await client.ask('X40080004,3:#$}')).toBe('OK');
  expect(await client.ask('m40080000,7')).toBe('1122334423247d');
  expect(await client.ask('x40080004,3')).toBe('b#$}');
  // The fake has a megabyte: the rest is cut.
  expect(await client.ask('m400ffffe,10')).toBe('0000');
  expect(await client.ask('m50000000,4')).toBe('E.nothing is mapped there');
  expect(await client.ask('M400ffffe,4:11223344')).toMatch(/^E\.only 2 of 4 bytes/);
  expect(await client.ask('X40080000,0:')).toBe('OK');
  expect(await client.ask('M40080000,2:11')).toMatch(/^E\./);
});

test('errors are numbers for a client that does not read their words', async () => {
  const { client } = await connected({}, 'qSupported:multiprocess+;swbreak+');
  expect(await client.ask('m50000000,4')).toBe('E0e');
  expect(await client.ask('m,')).toBe('E16');
});

test('a breakpoint stops at its address, says of which kind it is, and is gone when removed', async () => {
  const { client, at, place } = await connected();
  expect(await client.ask(`Z1,${place('work')},4`)).toBe('OK');
  const stop = await client.ask('vCont;c:p1.-1');
  expect(stop).toMatch(/^T05.*hwbreak:;thread:p1\.1;/);
  expect(pcIn(stop)).toBe(at('work'));
  expect(await client.ask(`z1,${place('work')},4`)).toBe('OK');
  expect(await client.ask(`Z0,${place('back')},4`)).toBe('OK');
  const next = await client.ask('vCont;c');
  expect(next).toMatch(/swbreak:;/);
  expect(pcIn(next)).toBe(at('back'));
  expect(await client.ask('Z9,0,4')).toBe('');
  expect(await client.ask('Z2,0,0')).toMatch(/^E\./);
});

test('a step executes one instruction; a call goes into the function', async () => {
  const { client, at } = await connected();
  expect(pcIn(await client.ask('vCont;s:p1.1;c'))).toBe(at('loop'));
  expect(pcIn(await client.ask('s'))).toBe(at('loop') + 4n);
  expect(pcIn(await client.ask('vCont;s:p1.1'))).toBe(at('work'));
});

test('an interrupt between two instructions runs to completion', async () => {
  // The handler, at the vector 0x280, adds to X3 and returns.
  const handler = [...Array.from({ length: 0x280 / 4 - 7 }, () => NOP), add(3, 1), ERET];
  const { machine, at } = await fakeGuest([...PROGRAM, ...handler], { interruptAt: 1 });
  const client = new GdbTestClient(machine);
  await client.ask(GDB_FEATURES);
  expect(pcIn(await client.ask('vCont;s:p1.1'))).toBe(at('loop'));
  expect(pcIn(await client.ask('vCont;s:p1.1'))).toBe(at('loop') + 4n);
  expect(await client.ask('p3')).toBe(hexOfNumber(1n, 8));
});

test('a step over a range ends where the range is left, or at a breakpoint in it', async () => {
  const { client, at, place } = await connected();
  const range = `${place('start')},${place('back')}`;
  expect(pcIn(await client.ask(`vCont;r${range}:p1.1`))).toBe(at('work'));
  await client.ask('vCont;s:p1.1');
  await client.ask(`Z0,${(at('work') + 8n).toString(16)},4`);
  const function_ = `${place('work')},${(at('work') + 12n).toString(16)}`;
  expect(pcIn(await client.ask(`vCont;r${function_}:p1.1`))).toBe(at('work') + 8n);
});

test('a loop in a range runs freely, an interrupt in between included, and its call is entered', async () => {
  const program = [
    'start',
    mov(2, 4000),
    'loop',
    sub(2, 1),
    NOP,
    cbnz(2, 'loop'),
    bl('work'),
    'end',
    NOP,
    'work',
    RET,
  ];
  const vectors = [...Array.from({ length: 0x280 / 4 - 7 }, () => NOP), add(3, 1), ERET];
  const { machine, fake, at } = await fakeGuest([...program, ...vectors], { interruptAt: 500 });
  const client = new GdbTestClient(machine);
  await client.ask(GDB_FEATURES);
  const range = `${at('start').toString(16)},${at('end').toString(16)}`;
  expect(pcIn(await client.ask(`vCont;r${range}:p1.1`))).toBe(at('work'));
  expect(await client.ask('p2')).toBe(hexOfNumber(0n, 8));
  expect(await client.ask('p3')).toBe(hexOfNumber(1n, 8));
  expect(fake().requests.filter((name) => name === 'step').length).toBeLessThan(30);
});

test('Ctrl-C stops a guest that runs', async () => {
  const { client } = await connected();
  const stop = client.ask('vCont;c');
  await new Promise((resolve) => setImmediate(resolve));
  client.interrupt();
  expect(await stop).toMatch(/^T02.*thread:p1\.1;/);
});

test('packets that come while the guest runs are served when it stands', async () => {
  const { client } = await connected();
  const stop = client.ask('vCont;c');
  const order: string[] = [];
  const first = stop.then(() => order.push('stop'));
  client.interrupt();
  await first;
  expect(await client.ask('qC')).toBe('QCp1.1');
  expect(order).toEqual(['stop']);
});

test('without a client that is attached the guest runs, and stops for the next one', async () => {
  const { client, machine } = await connected();
  expect(await client.ask('D;1')).toBe('OK');
  expect(machine.run.running).toBe(true);
  expect(await client.ask('qfThreadInfo')).toBe('l');
  expect(await client.ask('vAttach;1')).toMatch(/^T00.*thread:p1\.1;/);
  expect(machine.run.running).toBe(false);
  expect(await client.ask('D')).toBe('OK');
  const next = new GdbTestClient(machine);
  await next.ask(GDB_FEATURES);
  expect(await next.ask('?')).toMatch(/^T05/);
});

test('vRun and `monitor reset` begin anew', async () => {
  const { client, at } = await connected();
  await client.ask('s');
  expect(pcIn(await client.ask('vRun;'))).toBe(at('start'));
  await client.ask('s');
  expect(await client.monitor('reset')).toContain('first instruction');
  expect(pcIn(await client.ask('?'))).toBe(at('start'));
});

test('a kernel that has moved itself: how far, and the line that tells gdb', async () => {
  const { machine } = await fakeGuest([MMU_ON, br(1), 'high', NOP, b('high')], {
    link: LINKED,
    slide: 0x20_0000n,
    entry: { 1: LINKED + 0x20_0008n },
  });
  const client = new GdbTestClient(machine);
  await client.ask(GDB_FEATURES);
  expect(await client.ask('qOffsets')).toBe('');
  expect(await client.monitor('slide')).toMatch(/^Not known yet/);
  await client.ask('s');
  await client.ask('s');
  expect(await client.monitor('slide')).toBe('0x200000\n');
  expect(await client.monitor('symbols')).toBe('symbol-file vmlinux -o 0x200000\n');
  expect(await client.ask('qOffsets')).toBe(`TextSeg=${(LINKED + 0x20_0000n).toString(16)}`);
});

test('`monitor` has help, and every other line is a view of the machine', async () => {
  const { client } = await connected();
  expect(await client.monitor('help')).toContain('symbols\n    the line that loads');
  expect(await client.monitor('gic vcpu=0')).toBe('gic vcpu=0\n');
});

test('reverse execution and files are refused by the empty reply', async () => {
  const { client } = await connected();
  for (const packet of ['bs', 'bc', 'vFile:open:61,0,0', 'qFoo', 'QPassSignals:e', 'jThreadsInfo', '']) {
    expect(await client.ask(packet)).toBe('');
  }
});
