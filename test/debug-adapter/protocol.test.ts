// What the protocol promises beside debugging itself: requests given up, sources and their checksums, text for
// clients that show no colours.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PlainOutput } from '../../debug-adapter/plain-output.ts';
import { launchElf } from './support/drive.ts';

const MAIN = 0xffff_8000_0800_000cn;
const at = { machine: { entry: { 8: MAIN } }, launch: { stopOnEntry: 'main' } };

test('a request that is given up before its turn is answered with that', async () => {
  const session = await launchElf(at);
  await session.send('configurationDone', {});
  await session.until('stopped');
  const long = { memoryReference: `0x${MAIN.toString(16)}`, instructionCount: 400 };
  const first = session.raw('disassemble', long);
  const second = session.raw('disassemble', long);
  const cancel = session.raw('cancel', { requestId: session.lastSeq });
  expect(await cancel).toMatchObject({ success: true });
  expect(await first).toMatchObject({ success: true });
  expect(await second).toMatchObject({ success: false, message: 'cancelled' });
});

test('a request that is given up while it is answered ends early', async () => {
  const session = await launchElf(at);
  await session.send('configurationDone', {});
  await session.until('stopped');
  const long = session.raw('disassemble', {
    memoryReference: `0x${MAIN.toString(16)}`,
    instructionCount: 4000,
  });
  const seq = session.lastSeq;
  // Its turn has come once something else of it has been asked of the machine.
  await Promise.resolve();
  await Promise.resolve();
  expect(await session.raw('cancel', { requestId: seq })).toMatchObject({ success: true });
  expect(await long).toMatchObject({ success: false, message: 'cancelled' });
});

test('cancelling what has been answered, or never was asked, does nothing', async () => {
  const session = await launchElf(at);
  for (const requestId of [1, 77_777])
    expect(await session.raw('cancel', { requestId })).toMatchObject({ success: true });
  expect(await session.raw('cancel', {})).toMatchObject({ success: true });
  expect(await session.raw('cancel', { requestId: 'x' })).toMatchObject({ success: false });
});

test('the source files of a program are listed where they lie on the disk of the user', async () => {
  const session = await launchElf(at);
  const { sources } = await session.send('loadedSources', {});
  expect(sources.filter(({ path }) => path)).toEqual([{ name: 'steps.c', path: '/src/steps.c' }]);
});

async function stackWith(source: string): Promise<{ checksums: unknown; said: string[] }> {
  const elf = new Uint8Array(readFileSync(join(import.meta.dirname, 'fixtures/steps-md5.elf')));
  const session = await launchElf({ ...at, files: { '/steps.elf': elf, '/src/steps.c': source } });
  await session.send('configurationDone', {});
  await session.until('stopped');
  const { stackFrames } = await session.send('stackTrace', { threadId: 1 });
  await session.send('stackTrace', { threadId: 1 });
  const said = session.events.flatMap(({ event, body }) =>
    event === 'output' ? [body.output as string] : [],
  );
  return {
    checksums: stackFrames[0]?.source?.checksums,
    said: said.filter((text) => text.includes('steps.c')),
  };
}

test('a source has the checksum of what was compiled, and one that differs is told of once', async () => {
  const same = await stackWith('');
  expect(same).toEqual({
    checksums: [{ algorithm: 'MD5', checksum: 'd41d8cd98f00b204e9800998ecf8427e' }],
    said: [],
  });
  const { said } = await stackWith('changed since');
  expect(said).toEqual([
    '/src/steps.c differs from the file that the guest was built from: lines may be off\n',
  ]);
});

test('clients with colours get the control sequences of a console, others plain text', async () => {
  for (const [supportsANSIStyling, output] of [
    [true, '\u001b[1mhello\u001b[0m'],
    [false, 'hello'],
  ] as const) {
    const session = await launchElf(at);
    await session.send('initialize', { adapterID: 'xen', supportsANSIStyling });
    await session.send('xen/console', { text: '\u001b[1mhello\u001b[0m' });
    expect((await session.until('output')).body).toMatchObject({ category: 'stdout', output });
  }
});

test('text for clients without colours has no control sequences, also when they come in pieces', () => {
  const whole = 'a\u001b[1;31mred\u001b[0m \u001b]0;title\u0007b\u001b(Bc\u001bMd\n';
  expect(new PlainOutput().write(whole)).toBe('ared bcd\n');
  for (let cut = 0; cut <= whole.length; cut++) {
    const plain = new PlainOutput();
    expect(plain.write(whole.slice(0, cut)) + plain.write(whole.slice(cut))).toBe('ared bcd\n');
  }
  // What never becomes a sequence is not kept for ever.
  const endless = new PlainOutput();
  expect(endless.write(`\u001b]${'x'.repeat(300)}`)).toBe(`]${'x'.repeat(300)}`);
});
