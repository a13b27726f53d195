// Two Debian guests of one kernel on one machine.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { expect } from 'vitest';
import { DirectClient } from '../../debug-adapter/node/direct-client.ts';
import { stopsInTwoGuests } from '../tools/domain-breakpoint.ts';
import { testWith } from '../tools/external.ts';
import { folder, type Run, run } from './console.ts';
import { debian, type Guest, PROMPT, xlConfig } from './debian.ts';

function twoGuests(guest: Guest): string[] {
  return [1, 2].map((vcpus) => {
    const config = join(folder, `two-${vcpus}.cfg`);
    writeFileSync(config, xlConfig(guest, { gic: 3, vcpus }).replace('"debian"', `"debian-${vcpus}"`));
    return config;
  });
}

/** Each shell is asked once it prompts, whichever is first. */
const QUESTION = 'echo "cpus: $(nproc)"';
const script = [
  ...['--until', PROMPT, '--type', `${QUESTION}\\n`, '--until', 'cpus: ', '--until', PROMPT],
  ...['--until', PROMPT, '--type', `${QUESTION}\\n`, '--until', 'cpus: ', '--until', PROMPT],
];

const linesOf = ({ console }: Run, domain: number): string =>
  console
    .split('\n')
    .filter((line) => line.startsWith(`(d${domain}) `))
    .join('\n');

testWith([debian], 'two guests boot side by side, the same way each time', async (guest: Guest) => {
  const args = [...twoGuests(guest), ...script];
  const [one, again, interpreted] = [
    await run(args),
    await run(args),
    await run([...args, '--no-translate']),
  ];
  expect(one.errors).not.toContain('was not printed');
  expect(one.status).toBe(0);
  for (const domain of [1, 2]) {
    expect(linesOf(one, domain)).toContain(`smp: Brought up 1 node, ${domain} CPU`);
    expect(linesOf(one, domain)).toContain('Xen 4.17 support found');
  }
  expect(again.console).toBe(one.console);
  for (const { figures } of [again, interpreted]) {
    expect(figures.stateHash).toBe(one.figures.stateHash);
    expect(figures.instructions).toBe(one.figures.instructions);
  }
});

testWith([debian], 'vCPUs that Linux switches on are threads that start', async (guest: Guest) => {
  const client = new DirectClient();
  const started = new Set<number>();
  client.listen(({ event, body }) => {
    if (event === 'thread') started.add((body as Dap.ThreadEvent['body']).threadId);
  });
  await client.send('initialize', { adapterID: 'xen' });
  await client.send('launch', { config: twoGuests(guest) } as Dap.LaunchRequestArguments);
  await client.send('configurationDone', {});
  const stopped = client.next(({ event }) => event === 'stopped');
  const { body } = await client.next(({ event }) => event === 'thread');
  expect(body).toEqual({ reason: 'started', threadId: 2 * 256 + 1 + 1 });
  await client.send('pause', { threadId: 257 });
  await stopped;
  const answer = (await client.send('threads', {})) as Dap.ThreadsResponse['body'];
  expect(answer.threads.map(({ name }) => name.slice(0, 5))).toEqual(['d1 v0', 'd2 v0', 'd2 v1']);
  await client.send('disconnect', {});
  expect([...started]).toEqual([514]);
});

testWith([debian], 'each guest has its own symbols', async ({ vmlinuz }: Guest) => {
  const client = new DirectClient();
  await client.send('initialize', { adapterID: 'xen' });
  const domains = [
    { name: 'debian', kernel: vmlinuz, cmdline: 'console=hvc0', memory: 256 },
    { name: 'hello', kernel: join(import.meta.dirname, '../../media/samples/hello-xen/hello-xen.elf') },
  ];
  await client.send('launch', { domains } as Dap.LaunchRequestArguments);
  const { breakpoints } = (await client.send('setFunctionBreakpoints', {
    breakpoints: [{ name: 'start_kernel' }, { name: 'say_hello' }, { name: 'd2!start_kernel' }],
  })) as Dap.SetFunctionBreakpointsResponse['body'];
  expect(breakpoints.map(({ verified }) => verified)).toEqual([true, true, false]);
  let stopped = client.next(({ event }) => event === 'stopped');
  await client.send('configurationDone', {});
  const seen = new Map<number, string | undefined>();
  while (seen.size < 2) {
    const { threadId = 0 } = (await stopped).body as Dap.StoppedEvent['body'];
    const { stackFrames } = (await client.send('stackTrace', { threadId })) as Dap.StackTraceResponse['body'];
    seen.set(threadId, stackFrames[0]?.name);
    stopped = client.next(({ event }) => event === 'stopped');
    await client.send('continue', { threadId });
  }
  await client.send('disconnect', {});
  expect([...seen].sort(([a], [b]) => a - b)).toEqual([
    [257, 'start_kernel'],
    [513, 'say_hello'],
  ]);
});

testWith([debian], 'a breakpoint stops in the guest asked for only', async (guest: Guest) => {
  const { stops, otherRounds } = await stopsInTwoGuests(guest, 40);
  expect([...stops]).toEqual([[2, 40]]);
  expect(otherRounds).toBeGreaterThan(0);
});
