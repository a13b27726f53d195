// The machine's GIC as the hypervisor drives it. GICv2 and GICv3 differ in how their registers are
// reached; the state behind them has the same shape, and this is written to that state.

import type { Distributor } from '../../devices/gic/distributor.ts';
import {
  HCR_EN,
  LIST_REGISTERS,
  LR_STATE_ACTIVE,
  LR_STATE_PENDING,
  lrHighOf,
  type VirtualInterface,
} from '../../devices/gic/virtual-interface.ts';
import type { HostGic, ListRegister } from './platform.ts';

export interface GicParts {
  readonly version: 2 | 3;
  readonly distributor: Distributor;
  /** The virtualization side of each CPU. */
  readonly virtual: readonly VirtualInterface[];
  /** GICv2: PA of GICV. */
  readonly virtualCpuInterface?: number;
}

/** PPIs that Xen takes: maintenance, hypervisor timer, virtual timer. */
const XEN_PPIS = (1 << 25) | (1 << 26) | (1 << 27);
/** Priority of device interrupts in Xen (GIC_PRI_IRQ). */
const PRIORITY_IRQ = 0xa0;
const HCR_UIE = 1 << 1;
const BOTH_GROUPS = 3;

export function hostGic({ version, distributor, virtual, virtualCpuInterface }: GicParts): HostGic {
  // Group 1 is signalled as IRQ by a GICv3; a GICv2 without security extensions has group 0 only.
  const group = version === 3 ? 1 : 0;
  const interfaceOf = (cpu: number) => distributor.interfaces[cpu]!;
  const virtualOf = (cpu: number) => virtual[cpu]!;

  const setControlBit = (cpu: number, bit: number, on: boolean): void => {
    const { control } = virtualOf(cpu);
    virtualOf(cpu).setControl(on ? control | bit : control & ~bit);
  };

  return {
    version,
    listRegisters: LIST_REGISTERS,
    ...(virtualCpuInterface === undefined ? {} : { virtualCpuInterface }),

    start(cpu) {
      const bank = distributor.private[cpu]!;
      if (version === 3) bank.group[0] = 0xffff_ffff;
      for (let intid = 16; intid < 32; intid++) bank.priority[intid] = PRIORITY_IRQ;
      bank.enabled[0] = (bank.enabled[0] ?? 0) | XEN_PPIS;
      const cpuInterface = interfaceOf(cpu);
      cpuInterface.priorities.setMask(0xff);
      cpuInterface.splitEoi = true;
      cpuInterface.setEnables(BOTH_GROUPS);
      distributor.setEnables(BOTH_GROUPS);
    },

    acknowledge: (cpu) => interfaceOf(cpu).acknowledge(group) & 0x3ff,

    complete(cpu, intid) {
      interfaceOf(cpu).endInterrupt(intid);
      interfaceOf(cpu).deactivate(intid);
    },

    readListRegister(cpu, index): ListRegister {
      const high = virtualOf(cpu).lrHigh(index);
      return {
        intid: virtualOf(cpu).lrLow(index),
        priority: (high >>> 16) & 0xff,
        pending: (high & LR_STATE_PENDING) !== 0,
        active: (high & LR_STATE_ACTIVE) !== 0,
      };
    },

    writeListRegister(cpu, index, { intid, priority, pending, active }) {
      const state = (pending ? LR_STATE_PENDING : 0) | (active ? LR_STATE_ACTIVE : 0);
      virtualOf(cpu).setLr(index, intid, lrHighOf({ priority, state, group }));
    },

    clearListRegister(cpu, index) {
      virtualOf(cpu).setLr(index, 0, 0);
    },

    setVirtualInterface(cpu, enabled) {
      setControlBit(cpu, HCR_EN, enabled);
    },

    setUnderflowInterrupt(cpu, enabled) {
      setControlBit(cpu, HCR_UIE, enabled);
    },

    resetVirtualInterface(cpu) {
      const one = virtualOf(cpu);
      for (let index = 0; index < LIST_REGISTERS; index++) one.setLr(index, 0, 0);
      one.priorities.active0 = 0;
      one.priorities.active1 = 0;
      one.writeVmcr(0);
    },

    virtualPriorityMask: (cpu) => virtualOf(cpu).priorities.mask,
    virtualGroupEnabled: (cpu) => (virtualOf(cpu).enables & (1 << group)) !== 0,
    virtualActivePriority: (cpu) => virtualOf(cpu).priorities.running(),
  };
}
