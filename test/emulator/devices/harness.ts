// Wires, clocks and registers for the stories that drive devices.

import type { Clock } from '../../../emulator/devices/clock.ts';
import { gicSystemRegister } from '../../../emulator/devices/gic-v3/system-registers.ts';
import { GicV3, type GicV3Options } from '../../../emulator/devices/gic-v3/gic-v3.ts';
import { GicV2 } from '../../../emulator/devices/gic-v2/gic-v2.ts';
import type { CpuInterruptLines, IrqLine } from '../../../emulator/devices/irq-line.ts';
import type { MmioDevice } from '../../../emulator/devices/register-block.ts';

/** A wire that remembers its level and how often it rose. */
export class Probe implements IrqLine {
  high = false;
  rises = 0;

  set(high: boolean): void {
    if (high && !this.high) this.rises++;
    this.high = high;
  }
}

export class TestClock implements Clock {
  now = 0;

  nanoseconds(): number {
    return this.now;
  }
}

export interface ProbedLines extends CpuInterruptLines {
  readonly irq: Probe;
  readonly fiq: Probe;
  readonly virq: Probe;
  readonly vfiq: Probe;
}

export function probes(): ProbedLines {
  return { irq: new Probe(), fiq: new Probe(), virq: new Probe(), vfiq: new Probe() };
}

/** Which of a CPU's lines are high, for readable expectations: 'irq', 'virq fiq', ''. */
export function raised(lines: ProbedLines): string {
  return (['irq', 'fiq', 'virq', 'vfiq'] as const).filter((name) => lines[name].high).join(' ');
}

/** Registers of a frame as one CPU sees them. */
export function frame(device: MmioDevice, cpu = 0) {
  return {
    read: (offset: number, size = 4) => device.read(offset, size, cpu),
    write: (offset: number, value: number, size = 4) => device.write(offset, size, value >>> 0, cpu),
    peek: (offset: number, size = 4) => device.peek(offset, size, cpu),
  };
}

/** A GICv3 with its system registers called as a processor calls them. */
export function gicV3(cpus = 1, options: Partial<GicV3Options> = {}) {
  const lines = Array.from({ length: cpus }, probes);
  const gic = new GicV3(
    lines.map((each, cpu) => ({ lines: each, affinity: cpu })),
    { spis: 224, ...options },
  );
  const registerOf = (name: string) => {
    const register = gicSystemRegister(name);
    if (register === undefined) throw new Error(`no register ${name}`);
    return register;
  };
  const at = (cpu: number, el: number, hcr: number) => {
    const interfaceOf = () => gic.cpus[cpu]!;
    return {
      mrs: (name: string) => interfaceOf().read(registerOf(name), el, hcr),
      mrsHigh: (name: string) => interfaceOf().readHigh(registerOf(name)),
      msr: (name: string, low: number, high = 0) => interfaceOf().write(registerOf(name), low, high, el, hcr),
      check: (name: string, isWrite = false) => interfaceOf().check(registerOf(name), isWrite, el, hcr),
      peek: (name: string) => interfaceOf().peek(registerOf(name), el, hcr),
    };
  };
  return {
    gic,
    lines,
    gicd: frame(gic.distributorDevice),
    /** The redistributor's control frame; its SGI frame begins at 0x10000. */
    gicr: (cpu: number) => {
      const all = frame(gic.redistributorDevice, cpu);
      return {
        read: (offset: number, size = 4) => all.read(cpu * 0x20000 + offset, size),
        write: (offset: number, value: number, size = 4) => all.write(cpu * 0x20000 + offset, value, size),
      };
    },
    el1: (cpu = 0, hcr = 0) => at(cpu, 1, hcr),
    el2: (cpu = 0, hcr = 0) => at(cpu, 2, hcr),
  };
}

/** The same, set up as Linux does it: all interrupts in group 1, everything enabled, PMR open. */
export function gicV3InUse(cpus = 1) {
  const machine = gicV3(cpus);
  const { gicd, gicr, el1 } = machine;
  for (let word = 1; word < 8; word++) gicd.write(0x080 + 4 * word, 0xffff_ffff);
  gicd.write(0x000, 0x13);
  for (let cpu = 0; cpu < cpus; cpu++) {
    gicr(cpu).write(0x14, 0);
    gicr(cpu).write(0x1_0080, 0xffff_ffff);
    const core = el1(cpu);
    core.msr('ICC_PMR_EL1', 0xf0);
    core.msr('ICC_BPR1_EL1', 0);
    core.msr('ICC_CTLR_EL1', 0);
    core.msr('ICC_IGRPEN1_EL1', 1);
  }
  return machine;
}

export function gicV2(cpus = 1) {
  const lines = Array.from({ length: cpus }, probes);
  const gic = new GicV2(lines, { spis: 256 });
  return {
    gic,
    lines,
    gicd: (cpu = 0) => frame(gic.distributorDevice, cpu),
    gicc: (cpu = 0) => frame(gic.cpuInterfaceDevice, cpu),
    gich: (cpu = 0) => frame(gic.hypervisorDevice, cpu),
    gicv: (cpu = 0) => frame(gic.virtualCpuInterfaceDevice, cpu),
  };
}
