// Every form of the expressions' grammar, on the bundled guest: registers, spaces, ranges, formats, functions,
// objects of the hypervisor. The forms of Linux have their own guests.

import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { expect, test } from 'vitest';
import { nodeHost } from '../../../debug-adapter/node/node-host.ts';
import { TestSession } from '../support/drive.ts';

const SAMPLE = join(import.meta.dirname, '../../../media/samples/hello-xen');

/** By form: what is evaluated, and what comes of it; a sentence begins with `!`. */
const FORMS: Readonly<Record<string, readonly (readonly [expression: string, result: RegExp])[]>> = {
  registers: [
    ['$x0 == greeting', /^1$/],
    ['$w0', /^0x[0-9a-f]{1,8}$/],
    ['$sp & 0xf', /^0x0$/],
    ['$pc', /^0x\w+ <say_hello>$/],
    ['$lr', /^0x\w+ <greet\+0x\w+>$/],
    ['$nzcv', /^0x[0-9a-f]0000000$|^0x0$/],
    ['$v0.b[3]', /^0x\w+$/],
    ['$z2', /^!There is no register 'z2'/],
  ],
  'system registers and fields': [
    ['$SCTLR_EL1', /^0x\w+/],
    ['$SCTLR_EL1.M', /^0x1/],
    ['$ESR_EL1.EC', /^0x0 <Unknown reason>$/],
    ['$VTCR_EL2.T0SZ', /^0x18 <40-bit addresses/],
    ['d1.v0.$SCTLR_EL1 == $SCTLR_EL1', /^1$/],
    ['v0.$pc == $pc', /^1$/],
    ['d7.v0.$SCTLR_EL1', /^!/],
  ],
  'names of other programs and files': [
    ['d1!say_hello', /^0x\w+ <say_hello>$/],
    ['hello-xen!say_hello', /^0x\w+ <say_hello>$/],
    ["main.c'say_hello", /^0x\w+ <say_hello>$/],
    ["src/main.c'say_hello == say_hello", /^1$/],
    ["'main.c'::say_hello == say_hello", /^1$/],
    ["nowhere.c'say_hello", /^!No symbol/],
    ['d7!say_hello', /^!No symbol 'd7!say_hello'/],
  ],
  'address spaces': [
    ['*(unsigned *){d1/ipa}$va2ipa(greeting) == *(unsigned *)greeting', /^1$/],
    ['*(unsigned *){host/pa}$ipa2pa($va2ipa(greeting)) == *(unsigned *)greeting', /^1$/],
    ['((struct greeting *){d1/ipa}$va2ipa(greeting))->times', /^3$/],
    ['d1/ipa:0x40000000', /^0x40000000$/],
    ['*(unsigned *){d9/ipa}0', /^!/],
  ],
  ranges: [
    ['*greeting->name @ 5', /^"hello"$/],
    ['greeting->name[0:5]', /^"hello"$/],
    ['greeting->name[6:]', /^!The slice needs an end/],
    ['greeting->name[:3]', /^"hel"$/],
    ['greeting->name, [9]', /^"hello-xen"$/],
    ['greeting->name[2:0]', /^!The slice ends at 0/],
  ],
  formats: [
    ['greeting->times,x', /^0x3$/],
    ['greeting->times,d', /^3$/],
    ['greeting->times,o', /^03$/],
    ['greeting->times,b', /^0b11$/],
    ['greeting->times+62,c', /^65 'A'$/],
    ['greeting->name,s', /^0x\w+ "hello-xen"$/],
    ['(unsigned long)greeting->name,su', /^"hello-xen"$/],
    ['1500,t', /^1\.5 µs$/],
    ['greeting->name,raw', /^0x\w+$/],
    ['greeting->times,q', /^!.*one of x, d, o/],
  ],
  'translation and lookup': [
    ['$va2ipa(greeting) & 0xfff', /^0x\w+$/],
    ['$walk(greeting).access', /^read$/],
    ['$sym(say_hello)', /^say_hello$/],
    ['$line(say_hello)', /main\.c:\d+$/],
    ['$dis(say_hello)', /^stp x29, x30, \[sp, #-0x\w+\]!$/],
    ['$va2ipa(0x10)', /^!0x10: /],
  ],
  'the guest system': [
    ['$current', /^!Nothing is known of an operating system in d1/],
    ['$task(1)', /^!Nothing is known of an operating system/],
    ['$threads', /^!Nothing is known of an operating system/],
    ['$percpu(greeting)', /^!The program has no per-CPU variables/],
    ['$container_of(&greeting->domid, struct greeting, domid) == greeting', /^1$/],
    ['$offsetof(struct greeting, times)', /^12$/],
  ],
  context: [
    ['$dom', /^1$/],
    ['$vcpu', /^0$/],
    ['$el', /^0x1$/],
    ['$now > 0 && $insn > 0', /^1$/],
    ['$asid', /^0$/],
    ['$vmid', /^1$/],
  ],
  'objects of the hypervisor': [
    ['$evtchn[1].state', /^interdomain$/],
    ['$evtchn(1).port', /^1$/],
    ['$grant[0].readOnly', /^false$/],
    ['$ring("console").protocol', /^console$/],
    ['$ring["console"].domain', /^1$/],
    ['$xs("/local/domain/1/name")', /^hello-xen$/],
    ['$gic[27].type', /^PPI$/],
    ['$gic.interrupts[0].intid >= 0', /^1$/],
    ['$evtchn[999]', /^!There is no \$evtchn\[999\]/],
  ],
  'what is only there elsewhere': [
    ['$ev', /^!The machine was not stopped by an event/],
    ['$old', /^!\$old is only there in the conditions/],
    ['$hit', /^!\$hit is only there in the conditions/],
    ['$prev(greeting->times)', /^<not evaluated at the stop before>$/],
    ['$at(100, greeting)', /^!There is no history to look back into/],
    ['greeting->times = 5', /^!The guest cannot be changed by a watch/],
    ['say_hello(greeting)', /^!'say_hello' is not called/],
  ],
};

test('every form of the grammar has the result or the sentence that it should', async () => {
  const session = new TestSession(nodeHost(() => {}));
  await session.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await session.send('launch', {
    config: join(SAMPLE, 'hello.cfg'),
    symbols: join(SAMPLE, 'hello-xen.elf'),
    sourceMap: { '/hello-xen': SAMPLE },
  } as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await session.send('setFunctionBreakpoints', { breakpoints: [{ name: 'say_hello' }] });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: 257 });
  const frameId = stackFrames[0]?.id ?? 0;
  const wrong: string[] = [];
  for (const [form, rows] of Object.entries(FORMS)) {
    for (const [expression, expected] of rows) {
      const { success, body } = await session.raw('evaluate', { expression, frameId, context: 'watch' });
      const text = success ? (body.result as string) : `!${body.error.format as string}`;
      if (!expected.test(text)) wrong.push(`${form}: ${expression} is ${text}`);
    }
  }
  expect(wrong).toEqual([]);
  // What was looked at is known at the next stop.
  await session.send('next', { threadId: 257 });
  await session.until('stopped');
  const next = (await session.send('stackTrace', { threadId: 257 })).stackFrames[0]?.id ?? 0;
  const { result } = await session.send('evaluate', {
    expression: '$prev(greeting->times)',
    frameId: next,
    context: 'watch',
  });
  expect(result).toBe('3');
  await session.raw('disconnect', {});
});
