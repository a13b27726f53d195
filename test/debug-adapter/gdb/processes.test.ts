// Domains as processes, vCPUs as threads; stops of every kind; clients that come and go.

import { expect, test } from 'vitest';
import { framed, PacketReader } from '../../../debug-adapter/gdb/packets.ts';
import { GdbServer } from '../../../debug-adapter/gdb/server.ts';
import { GDB_FEATURES, gdbMachine, GdbTestClient, hexOfNumber } from '../support/gdb-client.ts';
import { NO_CONFIG, ScriptedMachine } from '../support/scripted-machine.ts';

const LLDB_FEATURES = 'qSupported:xmlRegisters=i386,arm,mips,arc;multiprocess+;fork-events+;vfork-events+';

async function connected(features = GDB_FEATURES) {
  const script = new ScriptedMachine();
  const machine = await gdbMachine(script, NO_CONFIG);
  const client = new GdbTestClient(machine);
  await client.ask(features);
  return { client, machine, script };
}

async function attachedToBoth() {
  const all = await connected();
  await all.client.ask('!');
  expect(await all.client.ask('vAttach;2')).toMatch(/thread:p2\.1;/);
  return all;
}

const lastOf = (script: ScriptedMachine, name: string): unknown =>
  script.done.findLast((one) => one.name === name)?.args;

test('the first domain is there at once, another one when it is attached to', async () => {
  const { client } = await connected();
  expect(await client.ask('qfThreadInfo')).toBe('mp1.1,p1.2');
  expect(await client.ask('qsThreadInfo')).toBe('l');
  expect(await client.ask('Tp2.1')).toMatch(/^E\./);
  expect(await client.monitor('inferiors')).toBe('1  d1 front\n2  d2 back (attach 2)\n');
  const processes = await client.ask('qXfer:osdata:read:processes:0,1000');
  expect(processes).toContain('<column name="pid">2</column>');
  expect(await client.ask('vAttach;2')).toMatch(/thread:p2\.1;/);
  expect(await client.ask('qfThreadInfo')).toBe('mp1.1,p1.2,p2.1');
  expect(await client.ask('vAttach;9')).toMatch(/^E\.there is no process 9/);
});

test('a client without processes sees the threads of all domains, numbered', async () => {
  const { client } = await connected(LLDB_FEATURES);
  expect(await client.ask('qfThreadInfo')).toBe('m1,2,3');
  expect(await client.ask('Hg3')).toBe('OK');
  expect(await client.ask('m0,2')).toBe('0202');
  expect(await client.ask('qC')).toBe('QC3');
});

test('threads have names, and say what they do', async () => {
  const { client } = await attachedToBoth();
  const xml = await client.ask('qXfer:threads:read::0,1000');
  expect(xml).toContain('<thread id="p1.1" core="0" name="d1v0 front">EL1</thread>');
  expect(xml).toContain('<thread id="p1.2" core="1" name="d1v1 front">EL1, off</thread>');
  const extra = await client.ask('qThreadExtraInfo,p2.1');
  expect(Buffer.from(extra, 'hex').toString()).toBe('d2v0 back: EL1');
});

test('memory, registers, breakpoints and views are those of the process that is looked at', async () => {
  const { client, script } = await attachedToBoth();
  for (const [thread, domain] of [
    ['p1.2', 1],
    ['p2.1', 2],
  ] as const) {
    expect(await client.ask(`Hg${thread}`)).toBe('OK');
    expect(await client.ask('m1000,2')).toBe(`0${domain}0${domain}`);
    expect(await client.ask('p0')).toBe(hexOfNumber(BigInt(domain), 8));
    expect(await client.ask('Z1,4000,4')).toBe('OK');
    expect(await client.monitor('walk 0x1000')).toBe(`walk 0x1000 of d${domain}\n`);
  }
  expect(lastOf(script, 'setBreakpoints')).toMatchObject({
    breakpoints: [
      { domain: 1, kind: 'va', address: 0x4000n },
      { domain: 2, kind: 'va', address: 0x4000n },
    ],
  });
});

test('`monitor space` makes memory the physical one of the guest, or of the machine', async () => {
  const { client, script } = await connected();
  expect(await client.monitor('space')).toBe('va\n');
  await client.monitor('space ipa');
  expect(await client.ask('m1000,1')).toBe('11');
  await client.monitor('space pa');
  expect(await client.ask('m1000,1')).toBe('aa');
  expect(await client.ask('M1000,1:55')).toBe('OK');
  expect(lastOf(script, 'writeMemory')).toMatchObject({ space: { kind: 'pa' }, address: 0x1000n });
  expect(await client.monitor('space moon')).toMatch(/'moon' is no address space/);
});

test('the thread that stopped is named, and looked at from then on', async () => {
  const { client, script } = await attachedToBoth();
  await client.ask('Hgp2.1');
  await client.ask('Z0,4000,4');
  await client.ask('Hgp1.1');
  const stop = client.ask('vCont;c');
  await script.running();
  script.stop('breakpoint', { domain: 2, vcpu: 0 }, { breakpointIds: [1] });
  expect(await stop).toMatch(/swbreak:;thread:p2\.1;/);
  expect(await client.ask('qC')).toBe('QCp2.1');
});

test('a thread that is resumed alone leaves the others where they are', async () => {
  const { client, script } = await connected();
  const go = async (packet: string): Promise<unknown> => {
    const stop = client.ask(packet);
    await script.running();
    script.stop('step', { domain: 1, vcpu: 0 });
    // A continue goes on until something is to be told.
    await new Promise((resolve) => setImmediate(resolve));
    client.interrupt();
    await stop;
    return script.done.findLast(({ name }) => name === 'run' || name === 'step')?.args;
  };
  const only = { domain: 1, vcpu: 0 };
  expect(await go('vCont;s:p1.1')).toEqual({ vcpu: only, count: 1, only });
  expect(await go('vCont;s:p1.1;c:p1.-1')).toEqual({ vcpu: only, count: 1 });
  expect(await go('vCont;c:p1.1')).toEqual({ only });
  expect(await go('vCont;c:p1.-1')).toEqual({});
  expect(await client.ask('vCont;t')).toMatch(/^E\.vCont resumes no thread/);
  expect(await client.ask('vCont;x')).toMatch(/^E\./);
});

test('a step of a vCPU that is off ends at once, and says why', async () => {
  const { client } = await connected();
  expect(await client.ask('vCont;s:p1.2')).toMatch(/^T05.*thread:p1\.2;/);
  expect(client.console).toBe('This vCPU is off: nothing was executed.\n');
});

// ---------------------------------------------------------------- watchpoints

const hit = (id: number, va: bigint) => ({
  watch: {
    id,
    access: 'write',
    va,
    pa: 0n,
    size: 4,
    before: new Uint8Array(8),
    after: new Uint8Array(8),
  } as const,
});

test('a watchpoint is the machine’s, and its stop names the data', async () => {
  const { client, script } = await connected();
  expect(await client.ask('Z2,8000,8')).toBe('OK');
  expect(await client.ask('Z3,9000,4')).toBe('OK');
  expect(await client.ask('Z4,a000,1')).toBe('OK');
  expect(lastOf(script, 'setWatchpoints')).toMatchObject({
    watchpoints: [
      { space: { kind: 'va', domain: 1 }, address: 0x8000n, size: 8, access: 'write' },
      { address: 0x9000n, size: 4, access: 'read' },
      { address: 0xa000n, size: 1, access: 'access' },
    ],
  });
  const stop = client.ask('vCont;c');
  await script.running();
  script.stop('watchpoint', { domain: 1, vcpu: 0 }, hit(1, 0x8004n));
  expect(await stop).toMatch(/^T05.*watch:8004;thread:p1\.1;/);
});

test('the step by which gdb would let the access happen has been taken', async () => {
  const { client, script } = await connected();
  await client.ask('Z4,8000,8');
  const stop = client.ask('vCont;c');
  await script.running();
  script.stop('watchpoint', { domain: 1, vcpu: 0 }, hit(1, 0x7ffcn));
  // An access that began before the range is told by the range.
  expect(await stop).toMatch(/awatch:8000;/);
  await client.ask('z4,8000,8');
  const steps = () => script.done.filter(({ name }) => name === 'step').length;
  expect(await client.ask('vCont;s:p1.1')).toMatch(/^T05.*thread:p1\.1;/);
  expect(steps()).toBe(0);
  const next = client.ask('vCont;s:p1.1');
  await script.running();
  script.stop('step', { domain: 1, vcpu: 0 });
  await next;
  expect(steps()).toBe(1);
});

test('lldb is told that the access has happened, and takes no such step', async () => {
  const { client, script } = await connected(LLDB_FEATURES);
  expect(await client.ask('qHostInfo')).toContain('watchpoint_exceptions_received:after;');
  await client.ask('Z2,8000,8');
  const stop = client.ask('vCont;c');
  await script.running();
  script.stop('watchpoint', { domain: 1, vcpu: 0 }, hit(1, 0x8000n));
  expect(await stop).toMatch(/watch:8000;thread:1;/);
  const step = client.ask('vCont;s:1');
  await script.running();
  script.stop('step', { domain: 1, vcpu: 0 });
  expect(await step).toMatch(/^T05/);
});

// ---------------------------------------------------------------- ends

test('a guest that powers itself off is a process that exited', async () => {
  const { client, script, machine } = await attachedToBoth();
  const stop = client.ask('vCont;c');
  await script.running();
  script.end(1, 'poweroff', false);
  expect(await stop).toBe('W00;process:1');
  expect(await client.ask('qfThreadInfo')).toBe('mp2.1');
  const last = client.ask('vCont;c');
  await script.running();
  script.end(2, 'poweroff');
  expect(await last).toBe('W00;process:2');
  expect(machine.run.ended).toBe(true);
  expect(await client.ask('vCont;c')).toMatch(/^E/);
  expect(await client.ask('?')).toBe('W00;process:2');
});

test('a crash is there to be looked at before the process is gone', async () => {
  const { client, script } = await connected();
  const stop = client.ask('vCont;c');
  await script.running();
  script.end(1, 'crash');
  expect(await stop).toMatch(/^T06.*thread:p1\.1;/);
  expect(client.console).toBe('The guest crashed.\n');
  expect(await client.ask('m0,1')).toBe('01');
  expect(await client.ask('vCont;c')).toBe('X06;process:1');
});

test('a process that is killed is a domain that is destroyed; the others go on without the client', async () => {
  const { client, script, machine } = await connected();
  expect(await client.ask('vKill;1')).toBe('OK');
  expect(lastOf(script, 'act')).toEqual({ action: { kind: 'destroy', domain: 1 } });
  expect(await client.ask('qfThreadInfo')).toBe('l');
  expect(machine.run.running).toBe(true);
});

test('a machine that cannot go on by itself is not asked again and again', async () => {
  const { client, script } = await connected();
  const stop = client.ask('vCont;c');
  await script.running();
  let asked = 0;
  const { request } = script;
  script.request = (name, args) => {
    if (name !== 'run') return request.call(script, name, args);
    asked++;
    return Promise.reject(new Error('the machine is gone'));
  };
  script.end(1, 'poweroff', false);
  expect(await stop).toBe('W00;process:1');
  await new Promise((resolve) => setImmediate(resolve));
  expect(asked).toBe(1);
});

// ---------------------------------------------------------------- connections

function channelOf(received: string[]) {
  const reader = new PacketReader();
  return {
    write: (bytes: Uint8Array) => {
      for (const one of reader.read(bytes)) if (one.kind === 'packet') received.push(one.body);
    },
    close: () => void received.push('closed'),
    bug: (error: unknown) => {
      throw error;
    },
  };
}

test('a second client is told that there is one, and the next one finds the machine as it was left', async () => {
  const script = new ScriptedMachine();
  const machine = await gdbMachine(script, NO_CONFIG);
  const server = new GdbServer(machine, { once: false });
  const first: string[] = [];
  const connection = server.connect(channelOf(first));
  connection?.receive(framed('Z0,4000,4'));
  await expect.poll(() => first).toEqual(['OK']);
  const second: string[] = [];
  expect(server.connect(channelOf(second))).toBeUndefined();
  expect(second).toEqual(['E.another debugger is connected', 'closed']);

  // Gone in the middle of a run: breakpoints go with it, and the machine runs on.
  connection?.receive(framed('vCont;c'));
  await script.running();
  if (connection) expect(await server.disconnected(connection)).toBe('waiting');
  expect(lastOf(script, 'setBreakpoints')).toEqual({ breakpoints: [] });
  expect(machine.run.running).toBe(true);
  const third: string[] = [];
  const next = server.connect(channelOf(third));
  next?.receive(framed('?'));
  await expect.poll(() => third).toEqual([expect.stringMatching(/^T05/)]);
  expect(machine.run.running).toBe(false);
  // What the first one asked for was answered to nobody.
  expect(first).toEqual(['OK']);
});

test('the server is over with the first client when told so, and with the guest', async () => {
  const script = new ScriptedMachine();
  const machine = await gdbMachine(script, NO_CONFIG);
  const once = new GdbServer(machine, { once: true });
  const connection = once.connect(channelOf([]));
  expect(once.isOver).toBe(false);
  if (connection) expect(await once.disconnected(connection)).toBe('over');

  const server = new GdbServer(machine, { once: false });
  machine.goOn();
  await script.running();
  script.end(1, 'poweroff', false);
  script.end(2, 'poweroff');
  await expect.poll(() => server.isOver).toBe(true);
});
