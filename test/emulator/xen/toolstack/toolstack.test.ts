import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pa } from '../../../../emulator/base/address.ts';
import { UserError } from '../../../../emulator/base/errors.ts';
import { readDtb } from '../../../../emulator/formats/dtb.ts';
import { printDts } from '../../../../emulator/formats/dts.ts';
import type { Kernel } from '../../../../emulator/formats/kernel.ts';
import { buildDomain } from '../../../../emulator/xen/toolstack/build.ts';
import { ControlDomain } from '../../../../emulator/xen/toolstack/control-domain.ts';
import type { DomainConfig } from '../../../../emulator/xen/toolstack/domain-config.ts';
import { extendedRegions } from '../../../../emulator/xen/toolstack/guest-layout.ts';
import { guestTree } from '../../../../emulator/xen/toolstack/guest-tree.ts';
import { placeKernel, placeModules } from '../../../../emulator/xen/toolstack/placement.ts';
import { randomBytes, randomUuid, uuidText } from '../../../../emulator/base/random.ts';
import { FakeMachine } from '../traps/fake-platform.ts';

const MIB = 2 ** 20;
const golden = (name: string) => readFileSync(new URL(`golden/${name}`, import.meta.url), 'utf8');

// What Linux hides in the tree it shows, from which the golden trees were made.
const blankedByLinux = /\n\t\trng-seed = [^;]*;/;

const trees = [
  {
    file: 'domU-xl-gicv3.dts',
    cmdline: 'console=hvc0 nokaslr',
    memory: 128 * MIB,
    vcpus: 1,
    gicVersion: 3 as const,
    vuart: false,
    ramdisk: { start: 0x47e7_c000, end: 0x47ff_f000 },
  },
  {
    file: 'domU-xl-gicv2.dts',
    cmdline: 'console=hvc0 nokaslr cryptomgr.notests',
    memory: 128 * MIB,
    vcpus: 1,
    gicVersion: 2 as const,
    vuart: false,
    ramdisk: { start: 0x47e7_c000, end: 0x47ff_f000 },
  },
  {
    file: 'domU-xl-2vcpu-vuart-gicv3.dts',
    cmdline: 'console=hvc0 earlycon=xenboot cryptomgr.notests',
    memory: 256 * MIB,
    vcpus: 2,
    gicVersion: 3 as const,
    vuart: true,
    ramdisk: { start: 0x4800_0000, end: 0x4818_3000 },
  },
];

for (const { file, ...options } of trees) {
  test(`the device tree is the one libxl made: ${file}`, () => {
    const tree = guestTree({ ...options, ipaBits: 44, rngSeed: new Uint8Array(128).fill(7) });
    expect(normalized(printDts(tree).replace(blankedByLinux, ''))).toBe(normalized(golden(file)));
  });
}

test('modules go where libxc put them in a 128 MiB domain', () => {
  const kernel = { start: 0x4000_0000, end: 0x4000_0000 + 32_956_352 };
  expect(placeModules(kernel, 128 * MIB, { ramdisk: 0x18_26d4, deviceTree: 0x5d7 }, 'Image')).toEqual({
    ramdisk: { start: 0x47e7_c000, end: 0x47ff_f000 },
    deviceTree: 0x47ff_f000,
  });
});

test('modules go to 128 MiB above the start of RAM when there is more', () => {
  const kernel = { start: 0x4000_0000, end: 0x4200_0000 };
  const placed = placeModules(kernel, 256 * MIB, { ramdisk: 0x18_2900, deviceTree: 0x600 }, 'Image');
  expect(placed).toEqual({ ramdisk: { start: 0x4800_0000, end: 0x4818_3000 }, deviceTree: 0x4818_3000 });
});

test('what does not fit is told with the memory that would do', () => {
  const kernel = { start: 0x4000_0000, end: 0x4200_0000 };
  expect(() => placeModules(kernel, 32 * MIB, { ramdisk: 8 * MIB, deviceTree: 4096 }, 'Image')).toThrow(
    UserError,
  );
  expect(() => placeKernel(elf(0x1000), 128 * MIB, 'kernel.elf')).toThrow(/0x1000/);
});

test('extended regions begin behind the RAM and end with the banks', () => {
  expect(extendedRegions(128 * MIB, 44)).toEqual([
    { base: 0x4800_0000, size: 0xb800_0000 },
    { base: 0x2_0000_0000, size: 0xfe_0000_0000 },
  ]);
  expect(extendedRegions(128 * MIB, 36)[1]).toEqual({ base: 0x2_0000_0000, size: 0xe_0000_0000 });
});

test('randomness comes from the seed and nothing else', () => {
  expect(randomBytes(1, 'a', 8)).toEqual(randomBytes(1, 'a', 8));
  expect(randomBytes(1, 'a', 8)).not.toEqual(randomBytes(2, 'a', 8));
  expect(randomBytes(1, 'a', 8)).not.toEqual(randomBytes(1, 'b', 8));
  expect(uuidText(randomUuid(0, 'x'))).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
});

test('the xenstore nodes are those of the real toolstack', () => {
  const { control } = build({ name: 'guest2', vcpus: 2, memory: 16 * MIB, uuid: Uint8Array.from(UUID) });
  const ours: string[] = [];
  const walk = (path: string) => {
    const value = control.client.read(path === '' ? '/' : path);
    if (path !== '') ours.push(`${path} = "${value}"   (${control.client.getPermissions(path)})`);
    for (const name of control.client.directory(path === '' ? '/' : path) ?? []) walk(`${path}/${name}`);
  };
  walk('');
  const theirs = golden('xenstore-running-2vcpu-vuart.txt')
    .split('\n')
    .filter((line) => line.startsWith('/') && !/vuart|^\/tool|^\/local\/domain\/0\/control/.test(line))
    // The guest filled these in; the terminal, the time and the size are others here.
    .map((line) => line.replace(/(control\/feature-\w+) = "1"/, '$1 = ""').replace('/dev/pts/0', ''))
    .map((line) => line.replace('1795330902.50', '5.00').replace('262144', `${16 * 1024}`));
  expect(ours.filter((line) => !line.startsWith('/tool')).toSorted()).toEqual(theirs.toSorted());
});

test('a domain is built as xl builds it', () => {
  const { built, machine, control } = build({ ramdisk: new Uint8Array(5000).fill(9) });
  const { domain } = built.domain;
  expect([0, 1, 2, 17, 18].map((index) => domain.getParam(index))).toEqual([
    0x0200_0000_0000_021fn,
    0x39001n,
    1n,
    0x39000n,
    2n,
  ]);
  expect(domain.grantTable.list().map(({ reference, domid, gfn }) => [reference, domid, gfn])).toEqual([
    [0, 0, 0x39000],
    [1, 0, 0x39001],
  ]);
  expect(control.client.read('/local/domain/2/name')).toBe('guest');

  const cpu = machine.cpus[1]!;
  expect([machine.pc(1), cpu.x(0)]).toEqual([0x4000_0000n, BigInt(built.modules.deviceTree)]);
  expect(read(machine, built.domain, 0x4000_0000, 4)).toEqual(Uint8Array.of(1, 2, 3, 4));
  const ramdisk = built.modules.ramdisk!;
  expect(read(machine, built.domain, ramdisk.start, 2)).toEqual(Uint8Array.of(9, 9));
  const tree = readDtb(read(machine, built.domain, built.modules.deviceTree, built.deviceTree.length));
  expect(tree.node('/chosen')?.getU64('linux,initrd-end')).toBe(BigInt(ramdisk.end));
  expect(tree.node('/chosen')?.properties.get('rng-seed')?.length).toBe(128);
});

test('what the guest writes into its console ring comes out, and what is typed goes in', () => {
  const { built, control, printed } = build({});
  const { domain } = built.domain;
  const ring = domain.ownPage(0x39000 as never)!;
  ring.write8(1024, 0x41);
  ring.write32(3084, 1);
  domain.eventChannels.send(2);
  expect(printed).toEqual([0x41]);
  control.type(2, Uint8Array.of(0x42));
  expect([ring.read8(0), ring.read32(3076)]).toEqual([0x42, 1]);
});

test('a domain larger than the machine is refused in words', () => {
  expect(() => build({ memory: 512 * MIB })).toThrow(/more than the machine has left/);
});

test('contradictory configurations are refused in words', () => {
  expect(() => build({ vcpus: 0 })).toThrow(UserError);
  expect(() => build({ memory: 1000 })).toThrow(/1000 bytes/);
  expect(() => build({ vcpus: 4 })).toThrow(/room for/);
  expect(() => build({ gicVersion: 2 })).toThrow(/GICv2/);
});

function build(overrides: Partial<DomainConfig>) {
  const machine = new FakeMachine({ ramSize: 48 * MIB, cpus: 3 });
  const printed: number[] = [];
  const control = new ControlDomain(machine.hypervisor, () => ({ write: (bytes) => printed.push(...bytes) }));
  const built = buildDomain(
    {
      name: 'guest',
      kernel: image(),
      kernelFile: 'Image',
      cmdline: 'quiet',
      memory: 16 * MIB,
      vcpus: 1,
      gicVersion: 3,
      ...overrides,
    },
    { hypervisor: machine.hypervisor, control, domid: 2, seed: 0, startTime: 5 },
  );
  return { machine, built, control, printed };
}

const UUID = [0x92, 0xea, 0xb2, 0x23, 0xc5, 0x8b, 0x44, 0x10, 0x80, 0xf2, 0x0b, 0xd8, 0xe4, 0x3b, 0xb9, 0xf2];

const image = (): Kernel => {
  const data = Uint8Array.of(1, 2, 3, 4);
  return {
    kind: 'image',
    header: {} as never,
    textOffset: 0,
    entry: 0,
    segments: [{ address: 0, data, memorySize: 4096 }],
  };
};

const elf = (address: number): Kernel => ({
  kind: 'elf',
  entry: address,
  segments: [{ address, data: Uint8Array.of(1), memorySize: 4096 }],
});

function read(
  machine: FakeMachine,
  domain: ReturnType<typeof buildDomain>['domain'],
  ipa: number,
  length: number,
) {
  const entry = domain.p2m.lookup(Math.floor(ipa / 4096) as never)!;
  return machine.memory.bytes(pa(entry.mfn * 4096 + (ipa % 4096)), length).slice();
}

const normalized = (text: string) =>
  text
    .replaceAll(/\r/g, '')
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .join('\n');
