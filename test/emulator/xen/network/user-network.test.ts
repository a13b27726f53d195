// A guest on the user network, told by the packets that it exchanges.

import { expect, test } from 'vitest';
import { Bridge } from '../../../../emulator/xen/network/bridge.ts';
import { BROADCAST_MAC, ipv4Text } from '../../../../emulator/xen/network/addresses.ts';
import {
  ARP_REQUEST,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  readArp,
  readEthernet,
  readIcmp,
  readIpv4,
  readTcp,
  readUdp,
  type Tcp,
  writeArp,
  writeEthernet,
  writeIcmp,
  writeIpv4,
  writeTcp,
  writeUdp,
} from '../../../../emulator/xen/network/headers.ts';
import { type Packet, plainPacket } from '../../../../emulator/xen/network/packet.ts';
import { UserNetwork } from '../../../../emulator/xen/network/user-network.ts';
import { bytesOf, FakeTimers, fromHex, textOf } from './support.ts';

const GATEWAY_MAC = 0x5254_0000_0002;
const GUEST_MAC = 0x0016_3e00_0001;
const GUEST = 0x0a00_020f;
const GATEWAY = 0x0a00_0202;
const NAME_SERVER = 0x0a00_0203;

function network() {
  const timers = new FakeTimers();
  const host: string[] = [];
  const refused: string[] = [];
  const received: Packet[] = [];
  const bridge = new Bridge('xenbr0');
  const user = new UserNetwork({
    mac: GATEWAY_MAC,
    timers,
    refused: (what) => refused.push(what),
    streams: {
      destinationOf: (port) => (port === 8080 ? 'web' : undefined),
      open: (stream, name) => host.push(`open ${stream} ${name}`),
      send: (stream, bytes) => host.push(`send ${stream} ${textOf(bytes)}`),
      end: (stream) => host.push(`end ${stream}`),
      abort: (stream) => host.push(`abort ${stream}`),
    },
  });
  user.connect(bridge.attach('gateway', user));
  const port = bridge.attach('vif1.0', { deliver: (packet) => received.push(packet) });
  const send = (type: number, payload: Uint8Array, destination = GATEWAY_MAC): void =>
    port.send(plainPacket(writeEthernet({ destination, source: GUEST_MAC, type, payload })));
  const sendIp = (protocol: number, destination: number, payload: Uint8Array, more: object = {}): void =>
    send(
      ETHERTYPE_IPV4,
      writeIpv4({
        source: GUEST,
        destination,
        protocol,
        timeToLive: 64,
        identification: 1,
        fragmentOffset: 0,
        moreFragments: false,
        payload,
        ...more,
      }),
    );
  const sendTcp = (tcp: Partial<Tcp>, destination = GATEWAY): void =>
    sendIp(
      PROTOCOL_TCP,
      destination,
      writeTcp(
        {
          sourcePort: 4000,
          destinationPort: 8080,
          sequence: 100,
          acknowledgement: 0,
          flags: 2,
          window: 60_000,
          payload: new Uint8Array(0),
          ...tcp,
        },
        GUEST,
        destination,
      ),
    );
  const next = () => {
    const packet = received.shift();
    if (!packet) throw new Error('nothing was received');
    return readEthernet(packet.bytes);
  };
  const nextIp = () => readIpv4(next()?.payload ?? new Uint8Array(0));
  const nextTcp = () => readTcp(nextIp()?.payload ?? new Uint8Array(0));
  return { user, bridge, timers, host, refused, received, send, sendIp, sendTcp, next, nextIp, nextTcp };
}

test('the gateway answers for its addresses, and nobody for others', () => {
  const { send, next, received } = network();
  const ask = (targetIp: number) =>
    send(
      ETHERTYPE_ARP,
      writeArp({ operation: ARP_REQUEST, senderMac: GUEST_MAC, senderIp: GUEST, targetMac: 0, targetIp }),
      BROADCAST_MAC,
    );
  for (const address of [GATEWAY, NAME_SERVER]) {
    ask(address);
    const frame = next();
    expect(frame).toMatchObject({ destination: GUEST_MAC, source: GATEWAY_MAC });
    expect(readArp(frame?.payload ?? new Uint8Array(0))).toMatchObject({ operation: 2, senderIp: address });
  }
  ask(0x0a00_0263);
  expect(received).toEqual([]);
});

/** A DHCPDISCOVER and a DHCPREQUEST as busybox's udhcpc sends them. */
const dhcp = (type: number, requested?: number): Uint8Array => {
  const message = new Uint8Array(240 + 64);
  const view = new DataView(message.buffer);
  view.setUint32(0, 0x0101_0600);
  view.setUint32(4, 0xdead_beef);
  view.setUint16(28, 0x0016);
  view.setUint32(30, 0x3e00_0001);
  view.setUint32(236, 0x6382_5363);
  message.set([53, 1, type, 12, 4, ...bytesOf('Deby')], 240);
  const rest = requested === undefined ? [] : [50, 4, ...fromHex(requested.toString(16).padStart(8, '0'))];
  message.set([...rest, 255], 249);
  return message;
};

test('a guest gets an address, and keeps it; its name is known', () => {
  const { sendIp, send, nextIp, user } = network();
  const ask = (type: number, requested?: number) => {
    const udp = writeUdp(
      { sourcePort: 68, destinationPort: 67, payload: dhcp(type, requested) },
      0,
      0xffff_ffff,
    );
    const fields = { timeToLive: 64, identification: 1, fragmentOffset: 0, moreFragments: false };
    const ip = writeIpv4({
      source: 0,
      destination: 0xffff_ffff,
      protocol: PROTOCOL_UDP,
      payload: udp,
      ...fields,
    });
    send(ETHERTYPE_IPV4, ip, BROADCAST_MAC);
    const answer = nextIp();
    const message = readUdp(answer?.payload ?? new Uint8Array(0))?.payload ?? new Uint8Array(0);
    const view = new DataView(message.buffer, message.byteOffset, message.length);
    return {
      to: ipv4Text(answer?.destination ?? 0),
      yours: ipv4Text(view.getUint32(16)),
      type: message[242],
      id: view.getUint32(4),
    };
  };
  const broadcast = { to: '255.255.255.255', id: 0xdead_beef };
  expect(ask(1)).toEqual({ ...broadcast, yours: '10.0.2.15', type: 2 });
  expect(ask(3, GUEST)).toEqual({ ...broadcast, yours: '10.0.2.15', type: 5 });
  expect(ask(3, 0x0a00_0210)).toEqual({ ...broadcast, yours: '0.0.0.0', type: 6 });
  expect(user.leases).toEqual([{ mac: GUEST_MAC, address: GUEST, name: 'Deby' }]);

  // The query of a resolver: deby, A, IN.
  const query = fromHex('12340100000100000000000004646562790000010001');
  sendIp(
    PROTOCOL_UDP,
    NAME_SERVER,
    writeUdp({ sourcePort: 5000, destinationPort: 53, payload: query }, GUEST, NAME_SERVER),
  );
  const answer = readUdp(nextIp()?.payload ?? new Uint8Array(0));
  expect(answer).toMatchObject({ sourcePort: 53, destinationPort: 5000 });
  expect([...(answer?.payload.subarray(-4) ?? [])]).toEqual([10, 0, 2, 15]);
});

test('pings are answered, whole and in fragments; what is outside is refused and said', () => {
  const { sendIp, nextIp, refused } = network();
  const ping = (size: number) =>
    writeIcmp({
      type: 8,
      code: 0,
      rest: 0x1234_0001,
      payload: Uint8Array.from({ length: size }, (_, i) => i & 255),
    });
  sendIp(PROTOCOL_ICMP, GATEWAY, ping(56));
  expect(readIcmp(nextIp()?.payload ?? new Uint8Array(0))).toMatchObject({ type: 0, rest: 0x1234_0001 });

  const whole = ping(4000);
  for (let at = 0; at < whole.length; at += 1480) {
    const payload = whole.subarray(at, at + 1480);
    sendIp(PROTOCOL_ICMP, GATEWAY, payload, { fragmentOffset: at, moreFragments: at + 1480 < whole.length });
  }
  const parts = [nextIp(), nextIp(), nextIp()];
  expect(parts.map((part) => [part?.fragmentOffset, part?.moreFragments])).toEqual([
    [0, true],
    [1480, true],
    [2960, false],
  ]);

  sendIp(PROTOCOL_ICMP, 0x0808_0808, ping(8));
  expect(readIcmp(nextIp()?.payload ?? new Uint8Array(0))).toMatchObject({ type: 3, code: 13 });
  expect(refused).toEqual(['a ping of 8.8.8.8']);
});

test('a port that the configuration opens leads to the host', () => {
  const { sendTcp, nextTcp, host, user, received } = network();
  sendTcp({});
  expect(host).toEqual(['open 1 web']);
  expect(received).toEqual([]);
  user.streams.hostOpened(1);
  const answer = nextTcp();
  expect(answer).toMatchObject({ flags: 0x12, acknowledgement: 101, maximumSegment: 1460 });
  const acknowledgement = ((answer?.sequence ?? 0) + 1) >>> 0;
  sendTcp({ flags: 0x18, sequence: 101, acknowledgement, payload: bytesOf('GET /') });
  expect(host).toEqual(['open 1 web', 'send 1 GET /']);
  expect(nextTcp()).toMatchObject({ flags: 0x10, acknowledgement: 106 });
  user.streams.hostSent(1, bytesOf('200 OK'));
  expect(textOf(nextTcp()?.payload ?? new Uint8Array(0))).toBe('200 OK');
  user.streams.hostEnded(1);
  sendTcp({ flags: 0x10, sequence: 106, acknowledgement: acknowledgement + 6 });
  sendTcp({ flags: 0x11, sequence: 106, acknowledgement: acknowledgement + 7 });
  expect(host.at(-1)).toBe('end 1');
  expect(user.streams.views).toEqual([]);
});

test('other ports and other addresses are refused at once', () => {
  const { sendTcp, nextTcp, refused, host } = network();
  sendTcp({ destinationPort: 22 });
  expect(nextTcp()).toMatchObject({ flags: 0x14, acknowledgement: 101 });
  sendTcp({}, 0x0808_0808);
  expect(nextTcp()).toMatchObject({ flags: 0x14 });
  expect(refused).toEqual(['TCP to 10.0.2.2 port 22', 'TCP to 8.8.8.8 port 8080']);
  expect(host).toEqual([]);
});

test('a host that cannot be reached resets what the guest opened', () => {
  const { sendTcp, nextTcp, user } = network();
  sendTcp({});
  user.streams.hostClosed(1);
  expect(nextTcp()).toMatchObject({ flags: 0x14, acknowledgement: 101 });
});
