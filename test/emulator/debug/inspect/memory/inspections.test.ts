// What the inspections of memory say of real machines: the bundled guest under the embedded Xen, and bare machines.
// Second sources are the device trees that a real Xen 4.17 gave its guests, and the hypervisor's own list of what
// its p2m maps.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkedArguments } from '../../../../../emulator/debug/inspect/inspection.ts';
import { memoryMapInspection } from '../../../../../emulator/debug/inspect/memory/memory-map.ts';
import { physicalMapInspection } from '../../../../../emulator/debug/inspect/memory/physical-map.ts';
import { searchInspection } from '../../../../../emulator/debug/inspect/memory/search.ts';
import { stage1MapInspection } from '../../../../../emulator/debug/inspect/memory/stage1-map.ts';
import { walkInspection } from '../../../../../emulator/debug/inspect/memory/walk.ts';
import { Recorder } from '../../../../../emulator/debug/record/recorder.ts';
import type { LoadedMachine } from '../../../../../emulator/machine/guest.ts';
import { stateHash } from '../../../../../emulator/machine/state-hash.ts';
import * as layout from '../../../../../emulator/memory/layout.ts';
import { P2M_GRANT_MAP_RO, P2M_MAP_FOREIGN_RW } from '../../../../../emulator/xen/p2m.ts';
import { configured, fresh, helloGuest, runUntil } from '../../../machine/guests.ts';

const MIB = 2 ** 20;
const subjectOf = (loaded: LoadedMachine) => ({ loaded, record: new Recorder(loaded) });

const mapOf = (loaded: LoadedMachine, args = {}) => memoryMapInspection.inspect(subjectOf(loaded), args);
const walkOf = (loaded: LoadedMachine, args: Parameters<typeof walkInspection.inspect>[1]) =>
  walkInspection.inspect(subjectOf(loaded), args);

let hello: LoadedMachine;
beforeAll(async () => {
  const guest = fresh(await helloGuest(3));
  runUntil(guest, 'hello');
  hello = guest.loaded;
});

/** `reg` of a node in a golden device tree, as [base, size] pairs of two cells each. */
function golden(file: string, node: string): [number, number][] {
  const text = readFileSync(join(import.meta.dirname, '../../../xen/toolstack/golden', file), 'utf8');
  const body = text.slice(text.indexOf(`${node} {`));
  const cells = (/reg = <([^>]*)>/.exec(body)?.[1] ?? '').trim().split(/\s+/).map(Number);
  const pairs: [number, number][] = [];
  for (let i = 0; i + 3 < cells.length; i += 4) {
    const [baseHigh = 0, base = 0, sizeHigh = 0, size = 0] = cells.slice(i, i + 4);
    pairs.push([baseHigh * 2 ** 32 + base, sizeHigh * 2 ** 32 + size]);
  }
  return pairs;
}

/** Everything of some kinds, neighbours joined. */
function extents(loaded: LoadedMachine, ...kinds: string[]): [number, number][] {
  const found: [number, number][] = [];
  for (const { ipa, size, kind } of mapOf(loaded).ranges) {
    if (!kinds.includes(kind)) continue;
    const last = found.at(-1);
    if (last && last[0] + last[1] === Number(ipa)) last[1] += Number(size);
    else found.push([Number(ipa), Number(size)]);
  }
  return found;
}

describe('the guest physical map', () => {
  test('has RAM, GIC, UART and windows where a real Xen put them, with a GICv3', async () => {
    const config = await configured({
      domains: [{ name: 'hello', kernel: 'hello-xen.elf', memory: 256, gicVersion: 3, vcpus: 2 }],
    });
    const domains = config.domains?.map((domain) => ({ ...domain, vuart: true })) ?? [];
    const { loaded } = fresh({ ...config, domains });
    const file = 'domU-xl-2vcpu-vuart-gicv3.dts';
    expect(extents(loaded, 'ram', 'shared-info')).toEqual(golden(file, 'memory@40000000'));
    expect(extents(loaded, 'emulated')).toEqual([
      ...golden(file, 'interrupt-controller@3001000'),
      ...golden(file, 'sbsa-pl011'),
    ]);
    const [window, ...extended] = golden(file, 'hypervisor');
    expect(extents(loaded, 'grant-window', 'grant-table')).toEqual([window]);
    expect(extents(loaded, 'extended')).toEqual(extended);
  });

  test('has them with a GICv2 too, whose CPU interface is the hardware', async () => {
    const config = await configured({
      domains: [{ name: 'hello', kernel: 'hello-xen.elf', memory: 128, gicVersion: 2 }],
    });
    const { loaded } = fresh(config);
    const file = 'domU-xl-gicv2.dts';
    const [distributor, cpuInterface] = golden(file, 'interrupt-controller@3001000');
    expect(extents(loaded, 'ram', 'shared-info')).toEqual(golden(file, 'memory@40000000'));
    expect(extents(loaded, 'emulated')).toEqual([distributor]);
    expect(extents(loaded, 'device')).toEqual([cpuInterface]);
    const device = mapOf(loaded).ranges.find(({ kind }) => kind === 'device');
    expect(device).toMatchObject({
      name: 'GIC virtual CPU interface',
      pa: '0x8040000',
      permissions: 'rw-',
      attributes: 'Device-nGnRE',
    });
  });

  test('covers the whole space without gaps or overlaps, and what it maps is what the p2m maps', () => {
    const view = mapOf(hello);
    let at = 0;
    for (const { ipa, size } of view.ranges) {
      expect(Number(ipa)).toBe(at);
      at += Number(size);
    }
    expect(at).toBe(2 ** view.bits);
    const pages = new Map<number, string>();
    for (const { ipa, pa, size, permissions } of view.ranges) {
      if (pa === undefined) continue;
      for (let page = 0; page < Number(size); page += 4096) {
        pages.set(Number(ipa) + page, `${Number(pa) + page} ${permissions}`);
      }
    }
    const expected = new Map<number, string>();
    for (const { ipa, pa, size, access } of hello.stage2Map(1)) {
      for (let page = 0; page < size; page += 4096) expected.set(ipa + page, `${pa + page} ${access}`);
    }
    expect(pages).toEqual(expected);
  });

  test('knows magic pages, shared info and grant frames by name', () => {
    const named = mapOf(hello).ranges.filter(({ kind }) =>
      ['magic', 'shared-info', 'grant-table'].includes(kind),
    );
    expect(named.map(({ ipa, name }) => `${ipa} ${name}`)).toEqual([
      '0x38000000 grant table frame 0',
      '0x39000000 console ring',
      '0x39001000 xenstore ring',
      '0x39002000 memory access ring',
      '0x39003000 vuart ring (not in use)',
      expect.stringMatching(/^0x4\w+ shared info$/),
    ]);
  });

  test('a window shows only what is in it', () => {
    const view = mapOf(hello, { from: '0x39000000', size: '0x2000' });
    expect(view.ranges.map(({ name }) => name)).toEqual(['console ring', 'xenstore ring']);
  });

  test('pages of other domains say whose they are', () => {
    const guest = withForeignPages(hello);
    const view = mapOf(guest, { from: '0x50000000', size: '0x3000' });
    expect(view.ranges).toMatchObject([
      { kind: 'grant', name: 'granted by d2', from: 2, permissions: 'r--', writeProtected: true },
      { kind: 'foreign', name: 'page of d3', from: 3, permissions: 'rw-' },
      { kind: 'extended' },
    ]);
  });

  test('without stage 2 it is RAM and devices of the board', async () => {
    const { loaded } = fresh(await configured({ bare: { kernel: 'hello-xen.elf', memory: 64 } }));
    const view = mapOf(loaded);
    expect(view.notes).toEqual(['Stage 2 is off: an IPA is the PA.']);
    expect(view.ranges.filter(({ kind }) => kind !== 'hole')).toMatchObject([
      { ipa: '0x8000000', name: 'GIC distributor' },
      { ipa: expect.any(String), name: expect.stringMatching(/^GIC/) },
      { ipa: '0x9000000', name: 'UART (PL011)' },
      { ipa: '0x9010000', name: 'real-time clock (PL031)' },
      { ipa: '0x40000000', size: '0x4000000', kind: 'ram', reference: 'host/ipa:0x40000000' },
    ]);
  });

  test('of a hypervisor that is not ours it shows what its tables say', async () => {
    const { loaded } = fresh(await configured({ bare: { kernel: 'hello-xen.elf', memory: 64, el: 2 } }));
    const { memory, cpus } = loaded.machine;
    const root = 0x4300_0000;
    const table = root + 0x2000;
    memory.write64(root + 8, BigInt(table) | 3n);
    // A read-only block of 2 MiB, the p2m type of Xen's RAM in its software bits.
    memory.write64(
      table,
      0x4000_0000n | (1n << 10n) | (3n << 8n) | (1n << 6n) | (0xfn << 2n) | 1n | (1n << 55n),
    );
    memory.write64(
      table + 8,
      0x900_0000n | (1n << 10n) | (3n << 6n) | (1n << 2n) | 1n | (1n << 54n) | (3n << 55n),
    );
    cpus[0]?.setSysreg(layout.VTTBR_EL2, BigInt(root) | (7n << 48n));
    cpus[0]?.setSysreg(layout.VTCR_EL2, 0x8002_3558n);
    cpus[0]?.setSysreg(layout.HCR_EL2, 1n | (1n << 31n));
    const view = mapOf(loaded);
    expect(view.stage2).toMatchObject({ vmid: 7, root: 'host/pa:0x43000000' });
    expect(view.notes).toEqual([expect.stringContaining('is not ours')]);
    expect(view.ranges.filter(({ kind }) => kind !== 'hole')).toMatchObject([
      {
        ipa: '0x40000000',
        pa: '0x40000000',
        kind: 'ram',
        permissions: 'r-x',
        block: '2 MiB block',
        level: 2,
      },
      { ipa: '0x40200000', pa: '0x9000000', kind: 'device', name: 'UART (PL011)', permissions: 'rw-' },
    ]);
  });
});

/** The same machine, in which d1 maps a page of d2 that was granted, and one of d3. */
function withForeignPages(loaded: LoadedMachine): LoadedMachine {
  const { view, machine } = loaded;
  if (!view) throw new Error('a hypervisor is there');
  const pages = view.memory.machinePages();
  const free = pages.find(({ owner }) => owner === 'free');
  if (!free) throw new Error('pages are free');
  // The table of level 3 for 0x50000000 stands in the first free page; stage 2 begins at level 1.
  const root = Number((view.domains().find(({ id }) => id === 1)?.vttbr ?? 0n) & 0xffff_ffff_ffffn);
  const level2 = Number(machine.memory.read64(root + 8) & 0xffff_ffff_f000n);
  const level3 = free.pa;
  const [granted, foreign] = [free.pa + 0x1000, free.pa + 0x2000];
  const entry = (pa: number, type: number, access: bigint) =>
    BigInt(pa) |
    (BigInt(type) << 55n) |
    (1n << 54n) |
    (1n << 10n) |
    (3n << 8n) |
    (access << 6n) |
    (0xfn << 2n) |
    3n;
  machine.memory.write64(level2 + 8 * 128, BigInt(level3) | 3n);
  machine.memory.write64(level3, entry(granted, P2M_GRANT_MAP_RO, 1n));
  machine.memory.write64(level3 + 8, entry(foreign, P2M_MAP_FOREIGN_RW, 3n));
  const owned = [
    ...pages.filter((run) => run !== free),
    { pa: level3, pages: 1, owner: 'xen' as const },
    { pa: granted, pages: 1, owner: 2 },
    { pa: foreign, pages: 1, owner: 3 },
  ].sort((a, b) => a.pa - b.pa);
  return { ...loaded, view: { ...view, memory: { ...view.memory, machinePages: () => owned } } };
}

describe('the physical map', () => {
  test('names the owner of all RAM, and the devices of the board', () => {
    const view = physicalMapInspection.inspect(subjectOf(hello), {});
    const ram = view.ranges.filter(({ kind }) => ['domain', 'xen', 'free'].includes(kind));
    expect(ram.reduce((sum, { size }) => sum + Number(size), 0)).toBe(hello.machine.memory.size);
    const domainPages = ram.filter(({ domain }) => domain === 1).reduce((sum, { pages }) => sum + pages, 0);
    expect(domainPages).toBe(hello.view?.domains().find(({ id }) => id === 1)?.pages);
    expect(view.ranges.filter(({ kind }) => kind === 'device').map(({ pa }) => pa)).toEqual(
      [...hello.machine.devices.bus.regions()].map(({ base }) => `0x${base.toString(16)}`),
    );
    expect(view.ranges.map(({ name }) => name)).toContain('shared info of d1');
  });

  test('says where a domain sees its pages', () => {
    const { ranges } = physicalMapInspection.inspect(subjectOf(hello), {});
    for (const { pa, ipa } of ranges) {
      if (ipa !== undefined) expect(hello.paOfIpa(1, Number(ipa))).toBe(Number(pa));
    }
    expect(ranges.filter(({ ipa }) => ipa !== undefined).length).toBeGreaterThan(2);
  });
});

describe('a walk', () => {
  test('of the PC leads to the instruction, with every bit of each descriptor in one field', () => {
    const [cpu] = hello.machine.cpus;
    const pc = cpu?.pc ?? 0n;
    const view = walkOf(hello, { address: `0x${pc.toString(16)}`, access: 'execute' });
    const pa = hello.machine.withCpu(0, () => hello.machine.engine.kernels.probe(pc, 1, 0));
    expect(BigInt(view.result?.pa ?? '0')).toBe(pa);
    const steps = view.stages.flatMap(({ steps: own }) => [
      ...own,
      ...own.flatMap(({ nested = [] }) => nested),
    ]);
    expect(steps.length).toBeGreaterThan(6);
    for (const { fields, value } of steps) {
      let covered = 0n;
      for (const { bits, value: part } of fields) {
        const [high = 0, low = high] = bits.split(':').map(Number);
        const mask = ((1n << BigInt(high - low + 1)) - 1n) << BigInt(low);
        expect(covered & mask).toBe(0n);
        covered |= mask;
        expect((BigInt(value ?? '0') & mask) >> BigInt(low)).toBe(BigInt(part));
      }
      expect(covered).toBe((1n << 64n) - 1n);
    }
  });

  test('of an unmapped address marks the step at which it ends', () => {
    const view = walkOf(hello, { address: '0x1000', access: 'write' });
    const [stage] = view.stages;
    expect(stage?.steps.filter(({ failed }) => failed !== undefined)).toHaveLength(1);
    expect(stage?.steps.at(-1)?.failed).toBe(view.fault?.why);
    expect(view.fault?.why).toMatch(
      /^The level \d descriptor is 0: nothing is mapped in the \d+ \wiB at 0x0\.$/,
    );
    expect(view.fault?.exception).toContain('Data Abort');
    expect(view.result).toBeUndefined();
  });

  test('of an emulated device says that the hypervisor takes it', () => {
    const view = walkOf(hello, { ipa: '0x3001000' });
    expect(view.fault?.why).toContain('descriptor of stage 2 is 0');
    expect(view.fault?.consequence).toContain('Xen emulates the GIC distributor');
  });

  test('of a write to a read-only page names the bit', () => {
    const page = stage1MapInspection
      .inspect(subjectOf(hello), { which: 'ttbr0' })
      .ranges.find(({ el1 }) => el1.startsWith('r-'));
    const view = walkOf(hello, { address: page?.va ?? '', access: 'write', el: 1 });
    expect(view.summary).toMatch(
      /does not translate: AP\[2\] of the level \d descriptor is 1: the page is read-only\.$/,
    );
    expect(view.fault?.words).toMatch(/^Permission fault, level \d, stage 1$/);
  });

  test('of a write to a page granted read-only says what Xen makes of it', () => {
    const view = walkOf(withForeignPages(hello), { ipa: '0x50000000', access: 'write' });
    expect(view.fault?.why).toBe('S2AP of the level 3 descriptor of stage 2 is 1: it allows reading only.');
    expect(view.fault?.consequence).toContain('executes the instruction again, for ever');
  });

  test('refuses an EL that the guest does not have, and what is no access', () => {
    expect(() => walkOf(hello, { address: '0', el: 2 })).toThrow('EL2');
    expect(() => walkOf(hello, { address: '0', access: 'jump' })).toThrow('jump');
    expect(() => walkOf(hello, { address: 'main' })).toThrow('not an address');
  });
});

describe('stage 1', () => {
  test('every page of its ranges is where the MMU finds it', () => {
    for (const which of ['ttbr0', 'ttbr1']) {
      const view = stage1MapInspection.inspect(subjectOf(hello), { which });
      for (const { va, ipa, size, el1 } of view.ranges) {
        if (ipa === undefined || !el1.startsWith('r')) continue;
        for (const offset of [0n, BigInt(size) - 4096n]) {
          const found = hello.machine.withCpu(0, () =>
            hello.machine.engine.kernels.probeStage1(BigInt(va) + offset, 1, 0),
          );
          expect(found).toBe(BigInt(ipa) + offset);
        }
      }
    }
  });

  test('says why there is nothing while the MMU is off', async () => {
    const { loaded } = fresh(await helloGuest(3));
    const view = stage1MapInspection.inspect(subjectOf(loaded), {});
    expect(view.off).toBe('SCTLR_EL1.M is 0: the MMU is off at EL1 and EL0.');
  });
});

describe('a search', () => {
  const search = (text: string) => searchInspection.inspect(subjectOf(hello), { text });

  test('finds an IPA, its PA, and the virtual addresses of both', () => {
    const { hits } = search('d1/ipa:0x40008000');
    expect(hits).toHaveLength(1);
    const pa = hello.paOfIpa(1, 0x4000_8000) ?? 0;
    expect(hits[0]?.aliases.map(({ reference }) => reference)).toContain(`host/pa:0x${pa.toString(16)}`);
    for (const alias of hits[0]?.aliases ?? []) {
      if (alias.space !== 'va') continue;
      const found = hello.machine.withCpu(0, () =>
        hello.machine.engine.kernels.probeStage1(BigInt(alias.address), 1, 0),
      );
      expect(found).toBe(0x4000_8000n);
    }
  });

  test('leads from a PA back to the IPA of its domain', () => {
    const pa = hello.paOfIpa(1, 0x3900_0000) ?? 0;
    const [hit] = search(`pa:0x${pa.toString(16)}`).hits;
    expect(hit?.words).toContain('RAM of d1');
    expect(hit?.aliases.map(({ reference }) => reference)).toContain('d1/ipa:0x39000000');
  });

  test('says what is no address', () => {
    expect(search('start_kernel').problem).toBe("'start_kernel' is no address.");
    expect(search('0x1ffffffffffffffff').problem).toContain('is no address');
  });
});

test('nothing that is asked changes the machine, whatever its tables hold', async () => {
  const guest = fresh(await helloGuest(3));
  runUntil(guest, 'hello');
  const { loaded } = guest;
  const { machine } = loaded;
  const [cpu] = machine.cpus;
  const roots = [layout.TTBR0_EL1, layout.TTBR1_EL1].map((register) =>
    Number((cpu?.sysreg(register) ?? 0n) & 0xffff_ffff_f000n),
  );
  const addresses = fc.oneof(fc.bigInt(0n, (1n << 64n) - 1n), fc.bigInt(0n, 1n << 40n));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(511), fc.bigInt(0n, (1n << 64n) - 1n)), { maxLength: 20 }),
      fc.bigInt(0n, (1n << 64n) - 1n),
      addresses,
      fc.constantFrom('read', 'write', 'execute'),
      (entries, tcr, address, access) => {
        for (const root of roots) {
          const pa = loaded.paOfIpa(1, root);
          if (pa === undefined) continue;
          for (const [index, value] of entries) machine.memory.write64(pa + 8 * index, value);
          // One entry leads back to its table.
          machine.memory.write64(pa, BigInt(root) | 3n);
        }
        cpu?.setSysreg(layout.TCR_EL1, tcr);
        const before = stateHash(loaded);
        const subject = subjectOf(loaded);
        const hex = `0x${address.toString(16)}`;
        for (const el of [0, 1])
          walkInspection.text(walkInspection.inspect(subject, { address: hex, access, el }));
        for (const which of ['ttbr0', 'ttbr1']) {
          const view = stage1MapInspection.inspect(subject, { which });
          expect(view.ranges.length).toBeLessThanOrEqual(1000);
          stage1MapInspection.text(view);
        }
        expect(searchInspection.inspect(subject, { text: hex }).hits.length).toBeLessThanOrEqual(3);
        memoryMapInspection.text(memoryMapInspection.inspect(subject, {}));
        expect(stateHash(loaded)).toBe(before);
      },
    ),
    { numRuns: 12 },
  );
});

test('stage-2 tables of nonsense are shown as far as they go, with a reason', async () => {
  const { loaded } = fresh(await configured({ bare: { kernel: 'hello-xen.elf', memory: 64, el: 2 } }));
  const { memory, cpus } = loaded.machine;
  const root = 0x4300_0000;
  const fill = (value: bigint): void =>
    memory.write(root, new Uint8Array(new BigUint64Array(1024).fill(value).buffer));
  cpus[0]?.setSysreg(layout.VTTBR_EL2, BigInt(root));
  cpus[0]?.setSysreg(layout.VTCR_EL2, 0x8002_3558n);
  cpus[0]?.setSysreg(layout.HCR_EL2, 1n | (1n << 31n));
  fill(BigInt(root) | 3n);
  expect(mapOf(loaded).truncated).toMatch(/^The tables have too many entries: reading them ended at IPA 0x/);
  fill(0xffff_ffff_ffff_ffffn);
  expect(mapOf(loaded).notes).toContain('1024 entries hold addresses that are too long.');
  cpus[0]?.setSysreg(layout.VTCR_EL2, 0xc0n);
  expect(mapOf(loaded).notes[0]).toContain('VTCR_EL2.SL0 is 3');
  expect(walkOf(loaded, { ipa: '0x40000000' }).fault?.why).toContain('VTCR_EL2.SL0 is 3');
});

test('arguments of another kind are refused by name', () => {
  expect(() => checkedArguments(walkInspection, { address: 12 })).toThrow("'address' of 'walk'");
  expect(() => mapOf(hello, { domain: 9 })).toThrow('there is no domain 9');
  expect(() => mapOf(hello, { vcpu: 3 })).toThrow('there is no vCPU 3');
});

test('16 MiB of RAM are 16 MiB in the counts', () => {
  const counted = mapOf(hello).counts.filter(({ kind }) => kind === 'ram' || kind === 'shared-info');
  expect(counted.reduce((sum, { pages }) => sum + pages, 0) * 4096).toBe(16 * MIB);
});
