// What the inspection says, against what the guest itself reads from the registers of its interrupt controller.

import { expect, test } from 'vitest';
import { Driver, frames, runGuest, type Setting, type StoppedGuest } from './guest-program.ts';

const IGROUPR = 0x080;
const ISENABLER = 0x100;
const ISPENDR = 0x200;
const ISACTIVER = 0x300;
const IPRIORITYR = 0x400;
const ITARGETSR = 0x800;
const ICFGR = 0xc00;
const IROUTER = 0x6000;

const settings: readonly Setting[] = [
  { kind: 'bare', version: 3, cpus: 2 },
  { kind: 'bare', version: 2, cpus: 2 },
  { kind: 'domain', version: 3, cpus: 2, vuart: true },
  { kind: 'domain', version: 2, cpus: 2, vuart: true },
];

/** The results of reads, in the order in which they were put into the program. */
class Reads {
  readonly driver: Driver;
  private readonly checks: ((guest: StoppedGuest, value: number, index: number) => void)[] = [];

  constructor(driver: Driver) {
    this.driver = driver;
  }

  /** What the register holds, and what the view says that it should hold. */
  add(address: number, expected: (guest: StoppedGuest) => number): void {
    this.driver.read(address);
    this.checks.push((guest, value) =>
      expect(`0x${address.toString(16)}: ${value.toString(16)}`).toBe(
        `0x${address.toString(16)}: ${expected(guest).toString(16)}`,
      ),
    );
  }

  check(guest: StoppedGuest): number {
    this.checks.forEach((check, index) => check(guest, guest.result(index), index));
    return this.checks.length;
  }
}

/** One bit for each of 32 INTIDs. */
const bitmap =
  (first: number, pick: (row: ReturnType<StoppedGuest['row']>) => boolean) =>
  (guest: StoppedGuest): number => {
    const rows = guest.gic({ all: true }).interrupts;
    return rows
      .filter((row) => row.intid >= first && row.intid < first + 32 && pick(row))
      .reduce((value, row) => (value | (1 << (row.intid - first))) >>> 0, 0);
  };

const field =
  (first: number, width: number, pick: (row: ReturnType<StoppedGuest['row']>) => number) =>
  (guest: StoppedGuest): number => {
    let value = 0;
    for (let n = 0; n < 32 / width; n++) value = (value | (pick(guest.row(first + n)) << (n * width))) >>> 0;
    return value;
  };

for (const setting of settings) {
  const { kind, version } = setting;
  const v3 = version === 3;

  test(`${kind} on a GICv${version}: what the guest reads is what the view shows`, () => {
    const { distributor, own } = frames(setting);
    const driver = new Driver(setting).start();
    // All different, with bits that neighbours do not have.
    for (const [intid, priority] of [
      [3, 0x20],
      [17, 0x58],
      [27, 0x98],
      [30, 0xf8],
      [31, 0xa0],
      [32, 0x48],
      [40, 0xe0],
      [63, 0x08],
    ] as const) {
      driver.priority(intid, priority);
      if (intid % 2 === 1 || intid === 40) driver.enable(intid);
    }
    driver.write(distributor + ICFGR + 8, 0x8002_0008).write(own + ICFGR + 4, 0x0000_8020);
    if (kind === 'bare') driver.write(distributor + IGROUPR + 4, 0x8000_0100);
    for (const intid of [17, 27, 40, 63]) driver.pend(intid);
    driver.acknowledge();
    if (v3) driver.write(distributor + IROUTER + 8 * 32, 1, 8);
    else driver.write(distributor + ITARGETSR + 32, 2, 1).write(distributor + ITARGETSR + 40, 1, 1);

    const reads = new Reads(driver);
    // The first result is that of the acknowledge.
    reads.add(
      own + ISENABLER,
      bitmap(0, ({ enabled }) => enabled),
    );
    reads.add(
      distributor + ISENABLER + 4,
      bitmap(32, ({ enabled }) => enabled),
    );
    for (const intid of [0, 16, 24, 28])
      reads.add(
        own + IPRIORITYR + intid,
        field(intid, 8, ({ priority }) => Number(priority)),
      );
    for (const intid of [32, 40, 60]) {
      reads.add(
        distributor + IPRIORITYR + intid,
        field(intid, 8, ({ priority }) => Number(priority)),
      );
    }
    reads.add(
      own + ICFGR + 4,
      field(16, 2, ({ trigger }) => (trigger === 'edge' ? 2 : 0)),
    );
    reads.add(
      distributor + ICFGR + 8,
      field(32, 2, ({ trigger }) => (trigger === 'edge' ? 2 : 0)),
    );
    if (kind === 'bare') {
      // Xen does not let a guest read these back.
      reads.add(
        own + IGROUPR,
        bitmap(0, ({ group }) => group === 1),
      );
      reads.add(
        distributor + IGROUPR + 4,
        bitmap(32, ({ group }) => group === 1),
      );
      reads.add(
        own + ISPENDR,
        bitmap(0, ({ pending }) => pending),
      );
      reads.add(
        distributor + ISPENDR + 4,
        bitmap(32, ({ pending }) => pending),
      );
      reads.add(
        own + ISACTIVER,
        bitmap(0, ({ active }) => active),
      );
      reads.add(
        distributor + ISACTIVER + 4,
        bitmap(32, ({ active }) => active),
      );
    }
    if (v3) {
      const affinity = (intid: number) => (guest: StoppedGuest) =>
        Number(/^affinity 0\.0\.0\.(\d)$/.exec(guest.row(intid).route ?? '')?.[1]);
      for (const intid of [32, 40]) reads.add(distributor + IROUTER + 8 * intid, affinity(intid));
    } else {
      const mask = (row: ReturnType<StoppedGuest['row']>): number =>
        Number(/^mask (0x\d\d)$/.exec(row.route ?? '')?.[1]);
      for (const intid of [32, 40]) reads.add(distributor + ITARGETSR + intid, field(intid, 8, mask));
    }
    driver.read(distributor);

    const guest = runGuest(setting, driver);
    const [acknowledged, ...results] = Array.from({ length: 40 }, (_, index) => guest.result(index));
    const shifted: StoppedGuest = { ...guest, result: (index) => results[index] ?? NaN };
    const count = reads.check(shifted);

    const { interface: cpuInterface, registers } = guest.gic();
    expect(cpuInterface.runningIntids).toEqual([(acknowledged ?? 0) & 0x3ff]);
    expect(registers.find(({ name }) => name === 'GICD_CTLR')?.value).toBe(
      `0x${results[count]?.toString(16)}`,
    );
  });

  test(`${kind} on a GICv${version}: what the guest reads from its CPU interface is what the view shows`, () => {
    const { cpu } = frames(setting);
    const driver = new Driver(setting).start().priorityMask(0xb8).priority(17, 0x40).priority(18, 0x20);
    driver.enable(17).enable(18).pend(17).acknowledge().pend(18);
    if (v3) {
      driver.msr('ICC_BPR1_EL1', 5).msr('ICC_CTLR_EL1', 2);
      for (const name of ['ICC_PMR_EL1', 'ICC_RPR_EL1', 'ICC_HPPIR1_EL1', 'ICC_IGRPEN1_EL1', 'ICC_BPR1_EL1'])
        driver.mrs(name);
      driver.mrs('ICC_CTLR_EL1');
    } else {
      driver.write(cpu + 8, 5).write(cpu, 0x201);
      for (const offset of [0x04, 0x14, 0x18, 0x00, 0x08, 0x00]) driver.read(cpu + offset);
    }
    const guest = runGuest(setting, driver);
    const [, mask, running, highest, enables, point, control] = Array.from({ length: 7 }, (_, index) =>
      guest.result(index),
    );
    const view = guest.gic().interface;
    expect(Number(view.priorityMask)).toBe(mask);
    expect(Number(view.runningPriority)).toBe(running);
    expect(view.highestPending).toBe(highest);
    expect(v3 ? view.group1Enabled : view.group0Enabled).toBe(((enables ?? 0) & 1) === 1);
    expect(v3 ? view.binaryPoint1 : view.binaryPoint0).toBe(point);
    expect(view.splitEoi).toBe(((control ?? 0) & (v3 ? 2 : 0x200)) !== 0);
    expect([running, highest, point]).toEqual([0x40, 18, 5]);
  });
}

for (const version of [2, 3] as const) {
  const setting: Setting = { kind: 'bare at EL2', version };
  const { hypervisor } = frames(setting);

  test(`GICv${version}, a hypervisor of the guest's own: list registers as it reads them`, () => {
    // Pending, of a physical interrupt; active; both, with a maintenance interrupt at its end; invalid with remains.
    const rows =
      version === 3
        ? [0x70b8_0037_0000_0025n, 0x9040_0000_0000_001bn, 0xd0f8_0200_0000_0003n, 0x0010_0000_0000_03ffn]
        : [0xdb80_dc25n, 0x2400_001bn, 0x7f88_0003n, 0x0100_03ffn];
    const driver = new Driver(setting);
    rows.forEach((value, index) => {
      if (version === 3) driver.msr(`ICH_LR${index}_EL2`, value);
      else driver.write(hypervisor + 0x100 + 4 * index, value);
    });
    for (let index = 0; index < 4; index++) {
      if (version === 3) driver.mrs(`ICH_LR${index}_EL2`);
      else driver.read(hypervisor + 0x100 + 4 * index);
    }
    const guest = runGuest(setting, driver);
    const shown = guest.gic().listRegisters ?? [];
    expect(shown.map(({ raw }) => BigInt(raw))).toEqual(rows);
    for (let index = 0; index < 4; index++) {
      expect(Number(BigInt(shown[index]?.raw ?? 0) & 0xffff_ffffn)).toBe(guest.result(index));
    }
    expect(
      shown.map(({ intid, state, priority, group, physicalIntid, eoiMaintenance }) => [
        intid,
        state,
        priority,
        group,
        physicalIntid,
        eoiMaintenance,
      ]),
    ).toEqual([
      [0x25, 'pending', '0xb8', 1, 0x37, false],
      [0x1b, 'active', '0x40', version === 3 ? 1 : 0, undefined, false],
      [0x03, 'pending and active', '0xf8', 1, undefined, true],
      [0x3ff, 'invalid', '0x10', 0, undefined, false],
    ]);
  });
}
