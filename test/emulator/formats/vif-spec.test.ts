import { expect, test } from 'vitest';
import { parseVifSpec } from '../../../emulator/formats/vif-spec.ts';

test('an empty text is an interface with all defaults', () => {
  expect(parseVifSpec('')).toEqual({
    bridge: 'xenbr0',
    script: '/etc/xen/scripts/vif-bridge',
    mtu: 1500,
    trusted: true,
  });
});

test('every word that the backend of domain 0 can honour', () => {
  expect(
    parseVifSpec(
      'mac=0:16:3E:1:2:3, bridge=lan, ip=10.0.0.2, vifname=uplink, rate=1MB/s@20ms, devid=3, mtu=9000, untrusted, quick, script=/x',
    ),
  ).toEqual({
    mac: '00:16:3e:01:02:03',
    bridge: 'lan',
    ip: '10.0.0.2',
    script: '/x',
    name: 'uplink',
    rate: { bytes: 20_000, microseconds: 20_000 },
    id: 3,
    mtu: 9000,
    trusted: false,
  });
});

/** The examples of xl-network-configuration(5), by their bytes in each interval. */
test.each([
  ['10Mb/s', 62_500, 50_000],
  ['250KB/s', 12_500, 50_000],
  ['1MB/s@20ms', 20_000, 20_000],
  ['1GB/s@2s', 2_000_000_000, 2_000_000],
])('a rate of %s', (rate, bytes, microseconds) => {
  expect(parseVifSpec(`rate=${rate}`)).toMatchObject({ rate: { bytes, microseconds } });
});

test.each([
  ['type=ioemu', "a network interface of type 'ioemu'"],
  ['backend=netdom', "a network interface served by 'netdom'"],
  ['mac=00:16:3e', "'00:16:3e' is no MAC address"],
  ['rate=fast', "rate 'fast' of a network interface"],
  ['rate=1b/s', "rate '1b/s' of a network interface"],
  ['mtu=10', "mtu '10' of a network interface"],
  ['devid=-1', "devid '-1' of a network interface"],
])('%s is refused', (text, message) => {
  expect(parseVifSpec(text)).toMatchObject({ message });
});
