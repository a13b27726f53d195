// Debian's network frontend: on the user network, and between two domains.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { MOUNTS } from '../../debug-adapter/node/bench/initramfs.ts';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { folder, run } from './console.ts';

interface NetworkGuest {
  readonly kernel: string;
  readonly busybox: string;
  readonly files: Readonly<Record<string, Uint8Array>>;
}

const networkGuest = await external(
  "Debian's arm64 kernel with its network frontend",
  async (): Promise<NetworkGuest> => {
    const { kernelVersion, vmlinuz, busybox, netModules = '' } = await fetchDebian({ modules: true });
    console.log(`Debian's kernel ${kernelVersion}`);
    const files = { '/xen-netfront.ko': readFileSync(join(netModules, 'xen-netfront.ko')) };
    return { kernel: vmlinuz, busybox, files };
  },
);

/** An xl.cfg file of a domain that does this and powers off. */
function domain(
  { kernel, busybox, files }: NetworkGuest,
  name: string,
  script: string,
  more: string,
): string {
  const init = `${MOUNTS}insmod /xen-netfront.ko\n${script}poweroff -f\n`;
  const ramdisk = writeInitramfs(join(folder, `${name}.cpio`), { busybox, files, init });
  const file = join(folder, `${name}.cfg`);
  const keys = { name, kernel, ramdisk, extra: 'console=hvc0 cryptomgr.notests quiet' };
  const lines = Object.entries(keys).map(([key, value]) => `${key} = "${value}"`);
  writeFileSync(file, `${lines.join('\n')}\nmemory = 256\n${more}\n`);
  return file;
}

const ON_USER_NETWORK = `
cat > /tmp/bound <<'X'
#!/bin/busybox sh
[ "$1" = bound ] || exit 0
ip addr add $ip/24 dev eth0
ip route add default via $router
mkdir -p /etc; echo "nameserver $dns" > /etc/resolv.conf
echo "bound $ip router $router dns $dns"
X
chmod +x /tmp/bound
cat /sys/class/net/eth0/address /sys/class/net/eth0/mtu
ip link set eth0 up
udhcpc -i eth0 -s /tmp/bound -n -q -x hostname:deby 2>/dev/null
ping -c 3 10.0.2.2 | grep received
ping -c 1 -s 4000 10.0.2.2 | grep received
nslookup gateway.xenscope | grep ^Address | tail -n 1
nslookup deby | grep ^Address | tail -n 1
ping -c 1 -W 1 8.8.8.8 | grep received
nc -w 2 10.0.2.2 80 </dev/null
`;

testWith([networkGuest], 'Linux gets an address, names and pings; nothing else is reached', async (guest) => {
  const config = domain(guest, 'user', ON_USER_NETWORK, 'vcpus = 2\nvif = [ "mac=00:16:3e:11:22:33" ]');
  const capture = join(folder, 'user.pcapng');
  const result = await run([config, '--capture', capture]);
  expect(result.console.replaceAll(/^\[.*\n/gm, '')).toBe(`\
00:16:3e:11:22:33
1500
bound 10.0.2.15 router 10.0.2.2 dns 10.0.2.3
3 packets transmitted, 3 packets received, 0% packet loss
1 packets transmitted, 1 packets received, 0% packet loss
Address: 10.0.2.2
Address: 10.0.2.15
1 packets transmitted, 0 packets received, 100% packet loss
nc: can't connect to remote host (10.0.2.2): Connection refused
`);
  // The guest's name in its DHCP request, and the echo requests: what went over the bridge is in the file.
  const captured = readFileSync(capture).toString('latin1');
  expect(captured.split('deby').length - 1).toBeGreaterThanOrEqual(2);
  expect(captured).toContain('xenbr0/vif1.0');
  expect(captured).toContain('xenbr0/gateway');
  expect(result.errors).toContain('xenbr0: a ping of 8.8.8.8');
  expect(result.errors).toContain('xenbr0: TCP to 10.0.2.2 port 80');
  expect(result.status).toBe(0);
});

const DATA = 'dd if=/dev/zero bs=64k count=16 2>/dev/null';
const address = (ip: string): string => `ip addr add ${ip}/24 dev eth0; ip link set eth0 up\n`;

testWith(
  [networkGuest],
  'two domains on a bridge: what one sends by TCP the other receives',
  async (guest) => {
    const server = `${address('10.0.2.50')}nc -l -p 5001 | sha256sum\n`;
    const client = `${address('10.0.2.51')}sleep 1\n${DATA} | sha256sum\n${DATA} | nc 10.0.2.50 5001\n`;
    const interfaces = 'vif = [ "bridge=lan" ]';
    const configs = [
      domain(guest, 'server', server, interfaces),
      domain(guest, 'client', client, interfaces),
    ];
    const result = await run(configs);
    const sums = [...result.console.matchAll(/([0-9a-f]{64}) {2}-/g)].map(([, sum]) => sum);
    expect(sums).toHaveLength(2);
    expect(sums[0]).toBe(sums[1]);
    expect(result.status).toBe(0);
    const again = await run(configs);
    expect(again.figures.stateHash).toBe(result.figures.stateHash);
  },
);
