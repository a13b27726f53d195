import { expect, test } from 'vitest';
import { EXTERNAL_ABORT } from '../../../../emulator/devices/register-block.ts';
import { FakeMachine } from '../traps/fake-platform.ts';

const GICD = 0x0300_1000;
const GICR = 0x0302_0000;
const EVTCHN = 31;

test('an enabled interrupt goes to a list register, and the guest can take it', () => {
  const { machine, enable, take, end } = guest();
  enable(EVTCHN);
  machine.domain.vgic.injectPrivate(0, EVTCHN);
  expect(take()).toBe(EVTCHN);
  expect(take()).toBe('spurious');
  end(EVTCHN);
  machine.trap(0x01, 0);
  expect(machine.domain.vgic.cpus[0]?.listRegisters.isIdle).toBe(true);
});

test('a disabled interrupt is remembered and shown when it is enabled', () => {
  const { machine, enable, take } = guest();
  machine.domain.vgic.injectPrivate(0, EVTCHN);
  expect(take()).toBe('spurious');
  enable(EVTCHN);
  expect(take()).toBe(EVTCHN);
});

test('an edge during handling makes the interrupt pending once more', () => {
  const { machine, enable, take, end } = guest();
  enable(EVTCHN);
  machine.domain.vgic.injectPrivate(0, EVTCHN);
  expect(take()).toBe(EVTCHN);
  machine.domain.vgic.injectPrivate(0, EVTCHN);
  machine.domain.vgic.injectPrivate(0, EVTCHN);
  end(EVTCHN);
  expect(take()).toBe(EVTCHN);
  end(EVTCHN);
  expect(take()).toBe('spurious');
});

test('more interrupts than list registers wait, most urgent first, for the maintenance interrupt', () => {
  const { machine, enable, take, end, write } = guest();
  for (let intid = 0; intid < 7; intid++) {
    enable(intid);
    write(GICR + 0x1_0000 + 0x400 + intid, 1, BigInt(0x80 - 8 * intid));
    machine.domain.vgic.injectPrivate(0, intid);
  }
  const order: unknown[] = [];
  for (let count = 0; count < 7; count++) {
    const taken = take();
    order.push(taken);
    if (typeof taken === 'number') end(taken);
    machine.pass(0);
  }
  expect(order).toEqual([6, 5, 4, 3, 2, 1, 0]);
  expect(take()).toBe('spurious');
});

test('an urgent interrupt takes the place of one that the guest has not seen yet', () => {
  const { machine, enable, take, write } = guest();
  for (let intid = 0; intid < 4; intid++) {
    enable(intid);
    machine.domain.vgic.injectPrivate(0, intid);
  }
  enable(8);
  write(GICR + 0x1_0000 + 0x400 + 8, 1, 0x20n);
  machine.domain.vgic.injectPrivate(0, 8);
  expect(take()).toBe(8);
});

test('interrupts to a vCPU that is off are dropped', () => {
  const { machine } = guest({ vcpus: 2 });
  machine.domain.vgic.injectPrivate(1, EVTCHN);
  expect(machine.domain.vgic.cpus[1]?.listRegisters.isIdle).toBe(true);
});

test('an SGI by ICC_SGI1R_EL1 reaches the vCPUs of its target list that are on', () => {
  const { machine } = guest({ vcpus: 2 });
  turnOn(machine);
  machine.domain.vgic.cpus[1]!.privateInterrupts[3]!.enabled = true;
  machine.cpu.setX(5, (3n << 24n) | 0b10n);
  const isSgi1r = (3 << 20) | (5 << 17) | (12 << 10) | (5 << 5) | (11 << 1);
  machine.trap(0x18, isSgi1r, { pc: 0x4000_1000n });
  expect(machine.virtual[1]!.lrLow(0)).toBe(3);
  expect(machine.pc()).toBe(0x4000_1004n);
});

test('vGICv3 shows the identity of Xen 4.17', () => {
  const { read } = guest({ vcpus: 2 });
  expect(read(GICD + 0x000, 4)).toBe(0x10n);
  expect(read(GICD + 0x004, 4)).toBe((9n << 19n) | (1n << 5n));
  expect(read(GICD + 0x008, 4)).toBe(0x34cn);
  expect(read(GICD + 0x00c, 4)).toBe(0n);
  expect(read(GICD + 0xffe8, 4)).toBe(0x30n);
  expect(read(GICR + 0x008, 8)).toBe(0n);
  expect(read(GICR + 0x2_0008, 8)).toBe((1n << 32n) | 0x110n);
  expect(read(GICR + 0x2_000c, 4)).toBe(1n);
  expect(read(GICR + 0x014, 4)).toBe(0n);
});

test('a redistributor beyond the last vCPU is a data abort', () => {
  const { read } = guest({ vcpus: 2 });
  expect(read(GICR + 0x4_0000, 4)).toBe('abort');
});

test('vGICv3 refuses what Xen refuses', () => {
  const { read, write } = guest();
  expect(read(GICD + 0x004, 2)).toBe('abort');
  expect(read(GICD + 0x004, 8)).toBe('abort');
  expect(write(GICR + 0x008, 8, 0n)).toBe('abort');
  expect(write(GICR + 0x1_0000 + 0x300, 4, 0n)).toBe('abort');
  expect(write(GICD + 0xf20, 4, 1n)).toBe('abort');
  expect(read(GICD + 0x284, 4)).toBe('abort');
});

test('vGICv3 accepts what Linux writes at boot without effect', () => {
  const { read, write } = guest();
  expect(write(GICR + 0x1_0000 + 0x380, 4, 0xffff_ffffn)).toBe('ok');
  expect(write(GICR + 0x1_0000 + 0x080, 4, 0xffff_ffffn)).toBe('ok');
  expect(read(GICR + 0x1_0000 + 0x080, 4)).toBe(0n);
  expect(write(GICR + 0x014, 4, 2n)).toBe('ok');
  expect(write(GICD + 0x000, 4, 0x12n)).toBe('ok');
  expect(read(GICD + 0x000, 4)).toBe(0x12n);
});

test('priorities keep eight bits and are reached by bytes and words', () => {
  const { read, write } = guest();
  const ipriorityr = GICR + 0x1_0000 + 0x400;
  expect(write(ipriorityr, 4, 0x1122_33a7n)).toBe('ok');
  expect(read(ipriorityr, 1)).toBe(0xa7n);
  expect(read(ipriorityr + 2, 1)).toBe(0x22n);
  expect(read(ipriorityr, 2)).toBe('abort');
});

test('vGICv3 routes an SPI by IROUTER and ignores an affinity that no vCPU has', () => {
  const { machine, read, write } = guest({ vcpus: 2, vuart: true });
  expect(write(GICD + 0x6100, 8, 1n)).toBe('ok');
  expect(machine.domain.vgic.spis[0]?.target).toBe(1);
  expect(write(GICD + 0x6100, 8, 0x500n)).toBe('ok');
  expect(read(GICD + 0x6100, 8)).toBe(1n);
  expect(write(GICD + 0x6100, 4, 0x8000_0000n)).toBe('ok');
  expect(read(GICD + 0x6100, 8)).toBe(0n);
  expect(read(GICD + 0x004, 4)).toBe((9n << 19n) | (1n << 5n) | 1n);
});

test('vGICv2 shows the identity of Xen 4.17 and banks its targets', () => {
  const { read } = guest({ gicVersion: 2, vcpus: 2 });
  expect(read(GICD + 0x004, 4)).toBe(1n << 5n);
  expect(read(GICD + 0x008, 4)).toBe(0x43bn);
  expect(read(GICD + 0x800, 4)).toBe(0x0101_0101n);
  expect(read(GICD + 0xfe8, 4)).toBe('abort');
});

test('vGICv2 sends an SGI by GICD_SGIR, which the guest takes with source CPU 0', () => {
  const { machine, write, enable, take } = guest({ gicVersion: 2, vcpus: 2 });
  turnOn(machine);
  enable(4);
  expect(write(GICD + 0xf00, 4, (2n << 24n) | 4n)).toBe('ok');
  expect(take()).toBe(4);
  expect(write(GICD + 0xf00, 4, (3n << 24n) | 4n)).toBe('abort');
});

test('vGICv2 lets a zero be written to ISACTIVER and nothing else', () => {
  const { write } = guest({ gicVersion: 2 });
  expect(write(GICD + 0x300, 4, 0n)).toBe('ok');
  expect(write(GICD + 0x300, 4, 1n)).toBe('abort');
});

function guest(options: ConstructorParameters<typeof FakeMachine>[0] = {}) {
  const machine = new FakeMachine(options);
  const virtual = machine.virtual[0]!;
  const group = options?.gicVersion === 2 ? 0 : 1;
  virtual.setEnables(3);
  virtual.priorities.setMask(0xf0);
  return {
    machine,
    read(ipa: number, size: number) {
      const region = machine.domain.mmio.find(ipa);
      if (region === undefined) return 'abort';
      const offset = ipa - region.base;
      if (size === 8) return region.readWide(0, offset) ?? 'abort';
      const value = region.read(0, offset, size);
      return value === EXTERNAL_ABORT ? 'abort' : BigInt(value);
    },
    write(ipa: number, size: number, value: bigint) {
      const region = machine.domain.mmio.find(ipa);
      if (region === undefined) return 'abort';
      const offset = ipa - region.base;
      const done =
        size === 8 ? region.writeWide(0, offset, value) : region.write(0, offset, size, Number(value));
      return done ? 'ok' : 'abort';
    },
    enable(intid: number) {
      const vgic = machine.domain.vgic;
      const interrupt = vgic.interrupt(0, intid)!;
      interrupt.configuredPriority = 0xa0;
      vgic.enable(0, interrupt);
    },
    take: () => {
      const lr = virtual.acknowledge(group);
      return lr < 0 ? ('spurious' as const) : virtual.lrLow(lr);
    },
    end: (intid: number) => virtual.endInterrupt(intid, group),
  };
}

/** Switches vCPU 1 on as its guest does, by PSCI. */
function turnOn(machine: FakeMachine) {
  machine.cpu.setX(0, 0xc400_0003n);
  machine.cpu.setX(1, 1n);
  machine.cpu.setX(2, 0x4000_0000n);
  machine.trap(0x16, 0);
}
