// The demo, and breakpoints in both halves of the bundled guest.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { expect, test } from 'vitest';
import { runDemo } from '../../../debug-adapter/node/commands/demo.ts';
import { DirectClient } from '../../../debug-adapter/node/direct-client.ts';
import { guestFolder } from '../../tools/build-guest.ts';

test('the demo shows a stop in C and lets the guest end', async () => {
  let text = '';
  const status = await runDemo((part) => {
    text += part;
  });
  expect(status).toBe(0);

  const [boot = '', stop = '', stack = '', registers = '', stage2 = '', rest = ''] = text
    .split(/^── (?:boot|stopped|call stack|registers|stage 2|continue).*$/m)
    .slice(1);
  expect(boot).toContain('grants:    1 of 64 frames');
  expect(stop).toMatch(/^ {2}--> +\d+ {6}print\("hello %u:/m);
  expect(stack).toMatch(
    /#0 +say_hello\+0x\w+ +src\/main\.c:\d+\n +#1 +greet\+0x\w+ +src\/main\.c:\d+\n +#2 +kernel_main/,
  );
  expect(registers).toMatch(/pc +0xffffff80000\w+/);
  expect(registers).toContain('EL1h');
  expect(stage2).toMatch(/^ {2}0x39001000 .* rwx +ram$/m);
  expect(rest).toContain("hello 3:   I am domain 1, 'hello-xen'");
  expect(rest).toContain('hello> poweroff\nbye\n');
});

test('a breakpoint in the program at EL0 stops there, with its own call stack', async () => {
  const path = join(guestFolder, 'src/task-program.c');
  const line = 1 + readFileSync(path, 'utf8').split('\n').indexOf('    primes.found++;');
  const client = new DirectClient();
  await client.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await client.send('launch', {
    config: join(guestFolder, 'hello.cfg'),
    symbols: join(guestFolder, 'hello-xen.elf'),
    sourceMap: { '/hello-xen': guestFolder },
  } as Dap.LaunchRequestArguments);
  const set = await client.send('setBreakpoints', { source: { path }, breakpoints: [{ line }] });
  expect(set?.breakpoints[0]).toMatchObject({ verified: true, line });

  const stopped = client.next(({ event }) => event === 'stopped');
  await client.send('configurationDone', {});
  const { body } = (await stopped) as Dap.StoppedEvent;
  const stack = await client.send('stackTrace', { threadId: body.threadId ?? 0 });
  const places = stack?.stackFrames.map(({ name, source }) => `${name.split('+')[0]} ${source?.name}`);
  expect(places).toEqual(['count_primes task-program.c', 'task_main task-program.c']);
  await client.send('disconnect', {});
});
