import { expect, test } from 'vitest';
import { PcapngWriter } from '../../../emulator/formats/pcapng.ts';

const words = (bytes: Uint8Array): number[] => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: bytes.length / 4 }, (_, i) => view.getUint32(4 * i, true));
};

// Of the draft: figures 9 (section header), 10 (interface description) and 11 (enhanced packet).
test('blocks have their length at both ends, and packets their time in nanoseconds', () => {
  const writer = new PcapngWriter();
  const section = words(writer.section('abcd'));
  expect(section.slice(0, 6)).toEqual([0x0a0d0d0a, 40, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff]);
  expect(section.slice(6)).toEqual([0x0004_0004, 0x64636261, 0, 40]);

  const { index, block } = writer.addInterface('vif1.0');
  expect(index).toBe(0);
  expect(words(block).slice(0, 4)).toEqual([1, 44, 1, 0]);
  expect(writer.addInterface('vif2.0').index).toBe(1);

  const packet = writer.packet({ interface: 1, time: 0x1_0000_0002n, bytes: Uint8Array.of(1, 2, 3, 4, 5) });
  expect(words(packet)).toEqual([6, 40, 1, 1, 2, 5, 5, 0x04030201, 5, 40]);
});
