import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  bytesOfHex,
  framed,
  type Incoming,
  PACKET_SIZE,
  PacketReader,
  parseAddress,
  parseHex,
} from '../../../debug-adapter/gdb/packets.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const text = (data: Uint8Array): string => Array.from(data, (byte) => String.fromCharCode(byte)).join('');
const read = (wire: string): Incoming[] => new PacketReader().read(bytes(wire));

test('a packet stands between $ and #, and its checksum is the sum of its bytes', () => {
  // The example of the GDB manual's overview is `$m4015bc,2#5a`.
  expect(text(framed('m4015bc,2'))).toBe('$m4015bc,2#5a');
  expect(read('$m4015bc,2#5a')).toEqual([{ kind: 'packet', body: 'm4015bc,2' }]);
});

test('the four special characters are escaped, and escapes count for the checksum as they are sent', () => {
  expect(text(framed('a}b#c$d*'))).toBe('$a}]b}\x03c}\x04d}\n#ec');
  expect(read('$X0,1:}]#f9')).toEqual([{ kind: 'packet', body: 'X0,1:}' }]);
});

test('what comes between packets are acknowledgements and Ctrl-C; line noise is nothing', () => {
  expect(read('+$?#3f-\x03zz+')).toEqual([
    { kind: 'ack' },
    { kind: 'packet', body: '?' },
    { kind: 'nack' },
    { kind: 'interrupt' },
    { kind: 'ack' },
  ]);
});

test('a wrong checksum, or none, damages the packet; the next one is read', () => {
  expect(read('$g#00$g#zz$g#67')).toEqual([
    { kind: 'damaged' },
    { kind: 'damaged' },
    { kind: 'packet', body: 'g' },
  ]);
});

test('a packet that was cut off ends where the next one begins', () => {
  expect(read('$m1234$?#3f')).toEqual([{ kind: 'packet', body: '?' }]);
});

test('an endless packet is not kept', () => {
  const body = 'a'.repeat(10 * PACKET_SIZE);
  expect(read(text(framed(body)))).toEqual([{ kind: 'too long' }]);
});

test('every body arrives as it was sent, however the stream is cut', () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 });
  const body = fc.uint8Array({ maxLength: 200 }).map(text);
  fc.assert(
    fc.property(fc.array(body, { maxLength: 5 }), pieces, (bodies, sizes) => {
      const wire = bodies.flatMap((one) => [...framed(one)]);
      const reader = new PacketReader();
      const found: Incoming[] = [];
      for (let at = 0, i = 0; at < wire.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        found.push(...reader.read(Uint8Array.from(wire.slice(at, at + size))));
        at += size;
      }
      expect(found).toEqual(bodies.map((one) => ({ kind: 'packet', body: one })));
    }),
  );
});

test('arbitrary bytes never stop the reader', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
      const reader = new PacketReader();
      reader.read(noise);
      expect(reader.read(bytes('$?#3f')).at(-1)).toEqual({ kind: 'packet', body: '?' });
    }),
  );
});

test('numbers are hexadecimal, and nothing else is a number', () => {
  expect(parseHex('1f')).toBe(0x1f);
  expect(parseAddress('ffffffffffffffff')).toBe(0xffff_ffff_ffff_ffffn);
  for (const wrong of ['', '-1', '0x1', 'g', ' 1', '10000000000000000']) {
    expect(parseAddress(wrong)).toBeUndefined();
    expect(parseHex(wrong)).toBeUndefined();
  }
  expect(bytesOfHex('00ff')).toEqual(Uint8Array.of(0, 255));
  expect(bytesOfHex('0')).toBeUndefined();
  expect(bytesOfHex('0g')).toBeUndefined();
});
