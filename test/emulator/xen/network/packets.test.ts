// Packets against examples with known results, and against each other.

import { expect, test } from 'vitest';
import { checksumOf, sumOf } from '../../../../emulator/xen/network/checksum.ts';
import {
  ETHERTYPE_IPV4,
  PROTOCOL_TCP,
  readEthernet,
  readIpv4,
  readTcp,
  writeEthernet,
  writeIpv4,
  writeTcp,
} from '../../../../emulator/xen/network/headers.ts';
import { macText, ipv4Text, parseIpv4, parseMac } from '../../../../emulator/xen/network/addresses.ts';
import { segmentsOf, withChecksum } from '../../../../emulator/xen/network/packet.ts';
import { fromHex } from './support.ts';

/** RFC 1071, section 3: the sum of these is ddf2. */
test('the checksum of the RFC', () => {
  expect(checksumOf(sumOf(fromHex('0001f203f4f5f6f7')))).toBe(0xddf2 ^ 0xffff);
});

test('an IPv4 header whose checksum is known', () => {
  // The example that encyclopedias give: 45 00 00 73 ... with checksum b861.
  const header = fromHex('450000730000400040 11b861c0a80001c0a800c7'.replaceAll(' ', ''));
  const datagram = new Uint8Array(0x73);
  datagram.set(header);
  expect(readIpv4(datagram)).toMatchObject({ protocol: 17, source: 0xc0a80001, destination: 0xc0a800c7 });
  datagram[10] = 0;
  expect(readIpv4(datagram)).toBeUndefined();
});

test('addresses are written and read', () => {
  expect(macText(0x00163e010203)).toBe('00:16:3e:01:02:03');
  expect(parseMac('00:16:3E:01:02:03')).toBe(0x00163e010203);
  expect(parseMac('00:16:3e:01:02')).toBeUndefined();
  expect(ipv4Text(0x0a000202)).toBe('10.0.2.2');
  expect(parseIpv4('10.0.2.2')).toBe(0x0a000202);
  expect(parseIpv4('10.0.2.256')).toBeUndefined();
});

const tcpPacket = (payload: Uint8Array): Uint8Array => {
  const tcp = {
    sourcePort: 1234,
    destinationPort: 80,
    sequence: 0xffff_fffe,
    acknowledgement: 7,
    flags: 0x19,
    window: 9,
  };
  const [source, destination] = [0x0a00020f, 0x0a000202];
  return writeEthernet({
    destination: 2,
    source: 1,
    type: ETHERTYPE_IPV4,
    payload: writeIpv4({
      source,
      destination,
      protocol: PROTOCOL_TCP,
      timeToLive: 64,
      identification: 0xffff,
      fragmentOffset: 0,
      moreFragments: false,
      payload: writeTcp({ ...tcp, payload }, source, destination),
    }),
  });
};

test('a checksum that was left out is filled in as it would have been', () => {
  const right = tcpPacket(Uint8Array.from({ length: 101 }, (_, i) => i));
  const blank = right.slice();
  blank[14 + 20 + 16] = 0xab;
  expect(withChecksum({ bytes: blank, isChecksumBlank: true, segmentSize: 0 }).bytes).toEqual(right);
});

test('data that is still to be cut becomes segments with headers of their own', () => {
  const payload = Uint8Array.from({ length: 3000 }, (_, i) => i & 255);
  const segments = segmentsOf({ bytes: tcpPacket(payload), isChecksumBlank: true, segmentSize: 1400 });
  const parts = segments.map(({ bytes }) => {
    const ip = readIpv4(readEthernet(bytes)?.payload ?? new Uint8Array(0));
    const tcp = readTcp(ip?.payload ?? new Uint8Array(0));
    // A right checksum stays what it is when it is filled in again.
    expect(withChecksum({ bytes, isChecksumBlank: true, segmentSize: 0 }).bytes).toEqual(bytes);
    return {
      id: ip?.identification,
      sequence: tcp?.sequence,
      flags: tcp?.flags,
      length: tcp?.payload.length,
    };
  });
  expect(parts).toEqual([
    { id: 0xffff, sequence: 0xffff_fffe, flags: 0x10, length: 1400 },
    { id: 0, sequence: 1398, flags: 0x10, length: 1400 },
    { id: 1, sequence: 2798, flags: 0x19, length: 200 },
  ]);
});
