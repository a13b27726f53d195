// Every reason for which a pending interrupt is not taken, made on purpose by a guest, on both versions of the GIC,
// on the machine's own controller and on a domain's. Conditions: IHI 0069, chapter 4 (GICv3); IHI 0048, chapter 3
// (GICv2); DDI 0487, "Asynchronous exception types, routing, masking and priorities".

import { expect, test } from 'vitest';
import {
  Driver,
  frames,
  GuestProgram,
  runGuest,
  SECOND_ENTRY,
  type Setting,
  type StoppedGuest,
} from './guest-program.ts';

const A = 20;
const B = 21;
const SPI = 40;

const settings: readonly Setting[] = [
  { kind: 'bare', version: 3 },
  { kind: 'bare', version: 2 },
  { kind: 'domain', version: 3 },
  { kind: 'domain', version: 2 },
];
const both = [2, 3] as const;

const title = ({ kind, version }: Setting): string => `${kind} on a GICv${version}`;
const prepared = (setting: Setting): Driver =>
  new Driver(setting).start().priority(A, 0xa0).priority(B, 0x80);

/** The sentence about an INTID; it stands in the row too. */
function why(guest: StoppedGuest, intid: number, args: Record<string, unknown> = {}): string {
  const view = guest.gic(args);
  const found = view.pending.filter((one) => one.intid === intid);
  expect(found).toHaveLength(1);
  expect(view.interrupts.find((row) => row.intid === intid)?.why).toBe(found[0]?.why);
  return `${found[0]?.obstacle}: ${found[0]?.why}`;
}

for (const setting of settings) {
  const { version } = setting;
  const v3 = version === 3;
  const name = setting.kind === 'domain' ? 'vCPU 0' : 'CPU 0';

  test(`${title(setting)}: an interrupt that is not enabled`, () => {
    const guest = runGuest(setting, prepared(setting).pend(A));
    expect(why(guest, A)).toBe(
      `not enabled: It is not enabled: bit 20 of ${v3 ? 'GICR_ISENABLER0' : 'GICD_ISENABLER0'} is 0.`,
    );
  });

  test(`${title(setting)}: an interrupt that is active and pending again`, () => {
    const guest = runGuest(setting, prepared(setting).enable(A).pend(A).acknowledge().pend(A));
    expect(guest.result(0) & 0x3ff).toBe(A);
    expect(why(guest, A)).toBe(
      `active already: It is active already: it is taken again after the guest has ended it (${
        v3 ? 'ICC_EOIR1_EL1' : 'GICC_EOIR'
      }).`,
    );
    expect(guest.row(A)).toMatchObject({ pending: true, active: true, state: 'pending and active' });
  });

  test(`${title(setting)}: a priority that the mask holds back`, () => {
    const guest = runGuest(setting, prepared(setting).priorityMask(0xa0).enable(A).pend(A));
    expect(why(guest, A)).toBe(
      `priority mask: Its priority 0xa0 is not above the mask: ${v3 ? 'ICC_PMR_EL1' : 'GICC_PMR'} is 0xa0.`,
    );
  });

  test(`${title(setting)}: a priority that does not preempt the interrupt being handled`, () => {
    const guest = runGuest(setting, prepared(setting).enable(A).enable(B).pend(B).acknowledge().pend(A));
    expect(guest.result(0) & 0x3ff).toBe(B);
    expect(why(guest, A)).toBe(
      `running priority: Its priority 0xa0 is not above the running priority, ${
        v3 ? 'ICC_RPR_EL1' : 'GICC_RPR'
      } is 0x80: INTID 21 is being handled.`,
    );
    expect(guest.gic().interface).toMatchObject({ runningPriority: '0x80', runningIntids: [B] });
  });

  test(`${title(setting)}: a more urgent interrupt goes first`, () => {
    const guest = runGuest(setting, prepared(setting).enable(A).enable(B).pend(A).pend(B));
    expect(why(guest, A)).toBe('another goes first: INTID 21 has priority 0x80 and goes first.');
    expect(why(guest, B)).toMatch(/^masked: /);
    expect(guest.gic().interface.highestPending).toBe(B);
  });

  test(`${title(setting)}: a CPU interface that does not signal the group`, () => {
    const guest = runGuest(setting, prepared(setting).enable(A).pend(A).groupEnable(0));
    expect(why(guest, A)).toBe(
      v3
        ? 'interface group off: The CPU interface does not signal group 1: ICC_IGRPEN1_EL1.Enable is 0.'
        : 'interface group off: The CPU interface does not signal group 0: GICC_CTLR.EnableGrp0 is 0.',
    );
  });

  test(`${title(setting)}: PSTATE.I, with the PC`, () => {
    const guest = runGuest(setting, prepared(setting).enable(A).pend(A));
    const { pc } = guest.loaded.machine.cpus[0]!;
    expect(why(guest, A)).toBe(`masked: PSTATE.I is 1: ${name} masks IRQs at PC 0x${pc.toString(16)} (EL1).`);
  });

  test(`${title(setting)}: an interrupt that nothing holds back is taken at the next instruction`, () => {
    const isDomain = setting.kind === 'domain';
    // A key on the console: an event of a domain, the UART of a bare machine.
    const key = isDomain ? 31 : 33;
    const driver = prepared(setting).priority(key, 0x80).enable(key);
    if (!isDomain && v3) driver.write(frames(setting).distributor + 0x84, 0xffff_ffff);
    const guest = runGuest(setting, isDomain ? driver.unmask() : driver.write(0x0900_0038, 0x10).unmask());
    guest.loaded.consoleInput(isDomain ? 1 : -1, new Uint8Array([65]));
    expect(why(guest, key)).toBe(`none: It will be taken at the next instruction of ${name}.`);
    guest.run(1);
    // IRQ from the current EL with SP_ELx: 0x280 of the vector table.
    expect(Number(guest.loaded.machine.cpus[0]!.pc) & 0x7ff).toBe(0x280);
    expect(why(guest, key)).toMatch(/^masked: /);
  });

  test(`${title(setting)}: a processor that is off`, () => {
    const two = { ...setting, cpus: 2 };
    const second = new Driver(two);
    // The redistributor of CPU 1 stands behind that of CPU 0; a GICv2 banks its registers.
    const own = frames(two).own + (v3 ? 0x2_0000 : 0);
    second.startInterface();
    if (v3 && setting.kind === 'bare') second.write(own + 0x80, 0xffff_ffff);
    second
      .write(own + 0x100, 1 << A)
      .write(own + 0x200, 1 << A)
      .psci(0x8400_0002);
    const guest = runGuest(two, prepared(two).psci(0xc400_0003, 1, SECOND_ENTRY, 0), second);
    expect(guest.loaded.machine.stateOf(1)).toBe('off');
    expect(why(guest, A, { vcpu: 1 })).toBe(
      setting.kind === 'domain'
        ? 'not running: vCPU 1 is off: PSCI CPU_ON starts it, and forgets what is pending.'
        : 'not running: CPU 1 is off.',
    );
    expect(guest.gic().processors.map(({ state, pending }) => [state, pending])).toEqual([
      ['running', 0],
      ['off', 1],
    ]);
  });
}

for (const version of both) {
  const setting: Setting = { kind: 'bare', version };
  const v3 = version === 3;

  test(`GICv${version}: a distributor that is off`, () => {
    const driver = prepared(setting).enable(A).pend(A).write(frames(setting).distributor, 0);
    expect(why(runGuest(setting, driver), A)).toBe(
      `distributor off: The distributor is off: GICD_CTLR is ${v3 ? '0x50' : '0x0'}.`,
    );
  });

  test(`GICv${version}: a group that the distributor does not forward`, () => {
    const other = v3 ? 0 : 1 << A;
    const driver = prepared(setting)
      .enable(A)
      .pend(A)
      .write(frames(setting).own + 0x80, other);
    expect(why(runGuest(setting, driver), A)).toBe(
      `distributor group off: The distributor does not forward group ${v3 ? 0 : 1}: GICD_CTLR is ${v3 ? '0x52' : '0x1'}.`,
    );
  });

  test(`GICv${version}: a shared interrupt that goes to no CPU`, () => {
    const two = { ...setting, cpus: 2 };
    const { distributor } = frames(two);
    const driver = prepared(two).priority(SPI, 0x90).enable(SPI).pend(SPI);
    if (v3) driver.write(distributor + 0x84, 0xffff_ffff).write(distributor + 0x6000 + 8 * SPI, 0x500, 8);
    expect(why(runGuest(two, driver), SPI)).toBe(
      `no target: It goes to no CPU: ${
        v3 ? 'GICD_IROUTER40 names affinity 0.0.5.0, which no CPU has' : 'byte 0 of GICD_ITARGETSR10 is 0x00'
      }.`,
    );
  });

  test(`GICv${version}: a level line that is enabled and asserted is pending like any other`, () => {
    // The UART of the board: INTID 33, asserted while a byte waits and UARTIMSC lets it.
    const driver = prepared(setting).write(0x0900_0038, 0x10);
    const guest = runGuest(setting, driver);
    guest.loaded.consoleInput(-1, new Uint8Array([65]));
    expect(guest.row(33)).toMatchObject({
      name: 'pl011@9000000',
      lineHigh: true,
      pendingSource: 'level line',
      trigger: 'level',
    });
    expect(guest.row(33).obstacle).toBe(v3 ? 'distributor group off' : 'not enabled');
  });

  const guestHypervisor: Setting = { kind: 'bare at EL2', version };
  const listRegister = (state: number, priority = 0xa0): [bigint, number] => [
    // GICv3: state 63..62, group 60, priority 55..48; GICv2: state 29..28, priority 27..23, group 0.
    (BigInt(state) << 62n) | (1n << 60n) | (BigInt(priority) << 48n) | BigInt(A),
    ((state << 28) | ((priority >>> 3) << 23) | A) >>> 0,
  ];
  const inject = (program: Driver, state: number): Driver => {
    const [wide, narrow] = listRegister(state);
    const { hypervisor } = frames(guestHypervisor);
    return v3 ? program.msr('ICH_LR0_EL2', wide) : program.write(hypervisor + 0x100, narrow);
  };
  const open = (program: Driver): Driver => {
    const { hypervisor } = frames(guestHypervisor);
    return v3
      ? program.msr('ICH_HCR_EL2', 1).msr('ICH_VMCR_EL2', 0xf800_0002)
      : program.write(hypervisor, 1).write(hypervisor + 8, 0xf800_0001);
  };
  const HCR_IMO = 1n << 4n;
  const HCR_RW = 1n << 31n;

  const virtualWhy = (program: GuestProgram): string => {
    const [one, ...others] = runGuest(guestHypervisor, program).gic().virtualPending ?? [];
    expect(others).toEqual([]);
    return `${one?.obstacle}: ${one?.why}`;
  };

  test(`GICv${version}, a hypervisor of the guest's own: its virtual interface is off`, () => {
    const driver = open(new Driver(guestHypervisor));
    const off = v3 ? driver.msr('ICH_HCR_EL2', 0) : driver.write(frames(guestHypervisor).hypervisor, 0);
    expect(virtualWhy(inject(off, 1))).toBe(
      `interface off: The virtual CPU interface is off: ${v3 ? 'ICH_HCR_EL2' : 'GICH_HCR'}.En is 0.`,
    );
  });

  test(`GICv${version}, a hypervisor of the guest's own: HCR_EL2.IMO is 0, or the CPU is at EL2`, () => {
    const program = (hcr: bigint) => inject(open(new Driver(guestHypervisor).msr('HCR_EL2', hcr)), 1);
    expect(virtualWhy(program(HCR_RW))).toBe('not routed: HCR_EL2.IMO is 0: virtual IRQs are not taken.');
    expect(virtualWhy(program(HCR_RW | HCR_IMO))).toBe(
      'not routed: CPU 0 executes at EL2: virtual IRQs are taken at EL1 and EL0 only.',
    );
    expect(virtualWhy(program(HCR_RW | HCR_IMO | (1n << 27n)))).toBe(
      'not routed: HCR_EL2.TGE is 1: virtual IRQs are not taken.',
    );
  });

  test(`GICv${version}: at EL2 without HCR_EL2.IMO, physical IRQs wait for EL1`, () => {
    const driver = new Driver(guestHypervisor)
      .msr('HCR_EL2', HCR_RW)
      .start()
      .priority(A, 0xa0)
      .enable(A)
      .pend(A);
    const guest = runGuest(guestHypervisor, driver);
    expect(why(guest, A)).toBe('not routed: HCR_EL2.IMO is 0: IRQs go to EL1, and CPU 0 executes at EL2.');
  });

  const domain: Setting = { kind: 'domain', version };
  const pendFive = (): Driver => {
    const driver = prepared(domain);
    for (let intid = 16; intid <= 20; intid++) driver.priority(intid, 0x40 + 8 * (intid - 16)).enable(intid);
    for (let intid = 16; intid <= 20; intid++) driver.pend(intid);
    return driver;
  };

  test(`vGICv${version}: more interrupts than list registers`, () => {
    const guest = runGuest(domain, pendFive());
    expect(why(guest, 20)).toBe(
      'no list register: No list register is free: all 4 are in use, by INTID 16, INTID 17, INTID 18, INTID 19.',
    );
    expect(guest.row(20)).toMatchObject({ waiting: true, pending: true });
    expect(guest.row(16)).toMatchObject({ listRegister: 0, listRegisterState: 'pending' });
  });

  test(`vGICv${version}: a list register that became free, and that Xen has not filled yet`, () => {
    const guest = runGuest(domain, pendFive().acknowledge().end(16));
    const [register, control] = v3 ? ['ICH_LR0_EL2', 'ICH_HCR_EL2'] : ['GICH_LR0', 'GICH_HCR'];
    expect(why(guest, 20)).toBe(
      `no list register: ${register} has become free, and Xen fills it when it is entered next (${control}.UIE is 1).`,
    );
    expect(guest.row(16)).toMatchObject({ pending: false, active: false, listRegisterState: 'invalid' });
  });

  test(`vGICv${version}: a distributor that is off gates nothing, as in Xen`, () => {
    const driver = prepared(domain).enable(A).pend(A).write(frames(domain).distributor, 0);
    const guest = runGuest(domain, driver);
    expect(why(guest, A)).toMatch(/^masked: /);
    expect(guest.gic().registers.find(({ name }) => name === 'GICD_CTLR')?.meaning).toBe(
      'the distributor is off, and Xen delivers all the same',
    );
  });

  test(`vGICv${version}: what stands in a list register is delivered although it was disabled, as in Xen`, () => {
    const guest = runGuest(domain, prepared(domain).enable(A).pend(A).disable(A));
    expect(guest.row(A)).toMatchObject({
      enabled: false,
      pending: true,
      listRegister: 0,
      obstacle: 'masked',
    });
  });

  test(`vGICv${version}: a domain that is paused`, () => {
    const guest = runGuest(domain, prepared(domain).enable(A).pend(A));
    guest.loaded.act({ kind: 'pause', domain: 1 });
    expect(why(guest, A)).toBe('not running: Domain 1 is paused: its vCPUs stand.');
    guest.loaded.act({ kind: 'unpause', domain: 1 });
    expect(why(guest, A)).toMatch(/^masked: /);
  });

  test(`vGICv${version}: a domain that was shut down`, () => {
    // SCHEDOP_shutdown with reason 3, a crash.
    const reason = 0x4010_8000;
    const driver = prepared(domain).enable(A).pend(A).write(reason, 3).hypercall(29, 2, reason);
    expect(why(runGuest(domain, driver), A)).toBe('not running: Domain 1 is shut down: its vCPUs stand.');
  });
}

test('GICv3: group 0 is signalled as FIQ, which PSTATE.F masks', () => {
  const setting: Setting = { kind: 'bare', version: 3 };
  const { distributor, own } = frames(setting);
  const driver = prepared(setting)
    .enable(A)
    .pend(A)
    .write(distributor, 3)
    .write(own + 0x80, 0);
  expect(why(runGuest(setting, driver), A)).toBe(
    'interface group off: The CPU interface does not signal group 0: ICC_IGRPEN0_EL1.Enable is 0.',
  );
  const guest = runGuest(setting, driver.msr('ICC_IGRPEN0_EL1', 1));
  const { pc } = guest.loaded.machine.cpus[0]!;
  expect(why(guest, A)).toBe(`masked: PSTATE.F is 1: CPU 0 masks FIQs at PC 0x${pc.toString(16)} (EL1).`);
});

test('a CPU that waits for interrupts wakes for one', () => {
  const setting: Setting = { kind: 'bare', version: 2 };
  const driver = prepared(setting).priority(33, 0x80).enable(33).write(0x0900_0038, 0x10).unmask().sleep();
  const guest = runGuest(setting, driver);
  expect(guest.gic().state).toBe('wfi');
  guest.loaded.consoleInput(-1, new Uint8Array([65]));
  expect(why(guest, 33)).toBe('none: It wakes CPU 0, which waits, and is taken at the next instruction.');
  guest.run(1);
  expect(Number(guest.loaded.machine.cpus[0]!.pc) & 0x7ff).toBe(0x280);
});
