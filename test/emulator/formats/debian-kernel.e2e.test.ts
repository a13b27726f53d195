// The readers on Debian's newest kernel, as it is installed.

import { readFileSync } from 'node:fs';

import { expect, test } from 'vitest';

import { bytesOf, memorySource, noDecompress } from '../../../emulator/formats/byte-source.ts';
import { readKallsyms } from '../../../emulator/formats/kallsyms.ts';
import { loadKernel } from '../../../emulator/formats/kernel.ts';
import { SymbolTable } from '../../../emulator/formats/symbols.ts';
import { fetchDebian } from '../../tools/fetch-debian.ts';

const debian = await fetchDebian({ log: (line) => console.log(line) });

test(`the kernel ${debian.kernelVersion} and its own symbols can be read`, async () => {
  const kernel = await loadKernel(
    memorySource(new Uint8Array(readFileSync(debian.vmlinuz)), debian.vmlinuz),
    noDecompress,
  );
  expect(kernel).toMatchObject({
    kind: 'image',
    entry: 0,
    header: { placement: 'anywhere', pageSize: 4096 },
  });
  const [{ data: content, memorySize }] =
    kernel.kind === 'image' ? kernel.segments : [{ data: new Uint8Array(), memorySize: 0 }];
  const data = bytesOf(content);
  expect(memorySize).toBeGreaterThan(data.length);

  const found = readKallsyms(data);
  expect(found?.symbols.functionCount).toBeGreaterThan(40_000);
  expect((found?.imageBase ?? 0n) & 0xffffn).toBe(0n);
  const [start] = found?.symbols.addressesOf('start_kernel') ?? [];
  expect(found?.symbols.lookup(start ?? 0n)).toMatchObject({ name: 'start_kernel', offset: 0 });
  // The Image's branch to its entry lands on the function of that name.
  const view = new DataView(data.buffer, data.byteOffset, 8);
  const at = view.getUint32(0, true) >>> 26 === 0b000101 ? 0 : 4;
  const target = at + ((view.getUint32(at, true) << 6) >> 4);
  expect(found?.symbols.lookup((found?.imageBase ?? 0n) + BigInt(target))).toMatchObject({
    name: 'primary_entry',
    offset: 0,
  });
});

test(`Xen ${debian.xenVersion} is an Image`, async () => {
  const kernel = await loadKernel(
    memorySource(new Uint8Array(readFileSync(debian.xen)), debian.xen),
    noDecompress,
  );
  expect(kernel).toMatchObject({ kind: 'image', textOffset: 0 });
});

test("Debian's placeholder of a System.map is refused", () => {
  const text = readFileSync(debian.systemMap, 'utf8');
  if (text.length > 1000) return; // A release that ships the real one.
  expect(() => SymbolTable.fromSystemMap(text, debian.systemMap)).toThrow('holds no symbols');
});
