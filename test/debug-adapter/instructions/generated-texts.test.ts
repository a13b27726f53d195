import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { generatedTexts } from '../../../debug-adapter/instructions/generated-texts.ts';
import { decompress } from '../../../debug-adapter/node/files.ts';
import type { Debuggee } from '../../../debug-adapter/debuggee.ts';

const START = 0xffff_8000_0800_1000n;
const CONFIG = 'CONFIG_ARM64=y\n# CONFIG_XEN is not set\n';
const PACKED = new Uint8Array(gzipSync(CONFIG));

/** A kernel with these symbols, whose memory has these bytes. */
function debuggee(symbols: Readonly<Record<string, bigint>>, memory: Uint8Array): Debuggee {
  const target = {
    domain: 1,
    info: { name: 'linux' },
    map: { toIpa: (link: bigint) => Number(link - START) + 0x4000_0000 },
    addressesOf: (name: string) => (name in symbols ? [symbols[name]] : []),
  };
  return {
    targets: [target],
    machine: { request: async () => undefined },
    readMemory: async (_space: unknown, address: bigint, length: number) =>
      memory.subarray(Number(address) - 0x4000_0000).subarray(0, length),
  } as unknown as Debuggee;
}

const textsOf = (of: Debuggee) => generatedTexts({ decompress }, of, { cpu: 'a53', seed: 0 });
const symbols = {
  kernel_config_data: START,
  kernel_config_data_end: START + BigInt(PACKED.length),
};

test('the configuration inside a kernel is a source', async () => {
  const texts = await textsOf(debuggee(symbols, PACKED));
  expect(texts.map(({ name }) => name)).toEqual(['machine.json', 'linux.config']);
  expect(await texts[1]?.text()).toBe(CONFIG);
});

test('a kernel without one, or whose memory is not there, has no such source', async () => {
  for (const of of [debuggee({}, PACKED), debuggee(symbols, PACKED.subarray(0, 4))])
    expect((await textsOf(of)).map(({ name }) => name)).toEqual(['machine.json']);
});
