import { expect, test } from 'vitest';
import { pa } from '../../../../emulator/base/address.ts';
import { EXTERNAL_ABORT } from '../../../../emulator/devices/register-block.ts';
import {
  ELR_EL1,
  ESR_EL1,
  FAR_EL1,
  HCR_EL2,
  SCTLR_EL1,
  SPSR_EL1,
  SPSR_EL2,
  VBAR_EL1,
  VMPIDR_EL2,
  VTCR_EL2,
} from '../../../../emulator/memory/layout.ts';
import { FakeMachine } from './fake-platform.ts';

const WFX = 0x01;
const HVC = 0x16;
const SMC = 0x17;
const SYSREG = 0x18;
const FETCH_ABORT = 0x20;
const DATA_ABORT = 0x24;

const UNDEFINED_ESR = 1n << 25n;
const VBAR = 0xffff_8000_0801_0800n;

test('a vCPU starts as Xen starts it', () => {
  const machine = new FakeMachine();
  expect(machine.started).toEqual([0]);
  expect(machine.pc()).toBe(0x4000_0000n);
  expect(machine.pstate()).toBe(0x1c5n);
  expect(machine.cpu.sysreg(SCTLR_EL1)).toBe(0x00c5_0078n);
  expect(machine.cpu.sysreg(VMPIDR_EL2)).toBe(0x8000_0000n);
  expect(machine.cpu.sysreg(VTCR_EL2)).toBe(0x8004_3594n);
  // PTW, BSU inner, AMO, IMO, FMO, VM, TWI, TWE, TID3, TSC, TAC, SWIO, TIDCP, FB, TSW, RW.
  expect(machine.cpu.sysreg(HCR_EL2)).toBe(0x807c_663fn);
});

test('an HVC with an unknown immediate is UNDEFINED for the guest', () => {
  const machine = guest();
  expect(machine.trap(HVC, 0x1234, { pc: 0x4000_0104n })).toBe('resume');
  expectException(machine, { esr: UNDEFINED_ESR, vector: 0x200n, elr: 0x4000_0104n });
});

test('SMC #0 and HVC #0 are the same firmware', () => {
  const machine = guest();
  machine.cpu.setX(0, 0x8400_0000n);
  machine.trap(HVC, 0, { pc: 0x4000_0104n });
  expect([machine.cpu.x(0), machine.pc()]).toEqual([0x0001_0001n, 0x4000_0104n]);
  machine.cpu.setX(0, 0x8000_0000n);
  machine.trap(SMC, 0, { pc: 0x4000_0200n });
  expect([machine.cpu.x(0), machine.pc()]).toEqual([0x0001_0001n, 0x4000_0204n]);
});

test('an unknown firmware function answers -1 in all 64 bits', () => {
  const machine = guest();
  expect(smccc(machine, 0x8400_0050n)).toBe(0xffff_ffff_ffff_ffffn);
  expect(smccc(machine, 0x8600_ff01n)).toBe(0xffff_ffff_ffff_ffffn);
});

test('Xen names itself by its SMCCC UUID', () => {
  const machine = guest();
  smccc(machine, 0x8500_ff01n);
  expect([0, 1, 2, 3].map((register) => machine.cpu.x(register))).toEqual([
    0xdc12_18a7n,
    0x6943_98c6n,
    0xd179_cf9an,
    0x67e6_de8dn,
  ]);
  expect(smccc(machine, 0x8500_ff00n)).toBe(3n);
});

test('PSCI_FEATURES knows the functions of PSCI 1.0 that Xen has', () => {
  const machine = guest();
  expect(smccc(machine, 0x8400_000an, 0xc400_0003n)).toBe(0n);
  expect(smccc(machine, 0x8400_000an, 0x8000_0000n)).toBe(0n);
  expect(smccc(machine, 0x8400_000an, 0x8400_0012n)).toBe(0xffff_ffff_ffff_ffffn);
});

test('CPU_ON starts a vCPU once, at an even address, and only one that exists', () => {
  const machine = guest({ vcpus: 2 });
  const cpuOn = (mpidr: bigint, entry: bigint) =>
    BigInt.asIntN(64, smccc(machine, 0xc400_0003n, mpidr, entry, 77n));
  expect(cpuOn(5n, 0x4000_1000n)).toBe(-2n);
  expect(cpuOn(1n, 0x4000_1001n)).toBe(-9n);
  expect(cpuOn(1n, 0x4000_1000n)).toBe(0n);
  expect([machine.pc(1), machine.cpus[1]!.x(0), machine.pstate(1)]).toEqual([0x4000_1000n, 77n, 0x1c5n]);
  expect(cpuOn(1n, 0x4000_1000n)).toBe(-4n);
  expect(smccc(machine, 0xc400_0004n, 1n, 0n)).toBe(0n);
});

test('SYSTEM_OFF stops every vCPU of the domain and reports it', () => {
  const machine = guest({ vcpus: 2 });
  smccc(machine, 0xc400_0003n, 1n, 0x4000_1000n);
  machine.cpu.setX(0, 0x8400_0008n);
  expect(machine.trap(HVC, 0)).toBe('off');
  expect(machine.shutdowns).toEqual([{ domid: 1, reason: 0 }]);
  expect(machine.hypervisor.view.domains()[1]).toMatchObject({ state: 'shutdown', shutdownCode: 0 });
});

test('WFI waits for an interrupt, WFE yields', () => {
  const machine = guest();
  expect(machine.trap(WFX, 0, { pc: 0x4000_0100n })).toBe('wait');
  expect(machine.pc()).toBe(0x4000_0104n);
  machine.domain.vgic.cpus[0]!.privateInterrupts[31]!.enabled = true;
  machine.domain.vgic.injectPrivate(0, 31);
  expect(machine.woken).toEqual([0]);
  expect(machine.trap(WFX, 1)).toBe('yield');
});

test('the virtual timer injects PPI 27 once and masks itself', () => {
  const machine = guest();
  machine.domain.vgic.cpus[0]!.privateInterrupts[27]!.enabled = true;
  machine.virtual[0]!.priorities.setMask(0xf0);
  machine.timers[0]!.virtual.writeCompare(100, 0);
  machine.timers[0]!.virtual.writeControl(1);
  expect(machine.trap(WFX, 0)).toBe('wait');
  expect(machine.pass(1600)).toBe('resume');
  expect(machine.virtual[0]!.lrLow(0)).toBe(27);
  expect(machine.timers[0]!.virtual.readControl()).toBe(7);
});

test('the physical timer is emulated and fires PPI 30', () => {
  const machine = guest();
  const interrupt = machine.domain.vgic.cpus[0]!.privateInterrupts[30]!;
  interrupt.enabled = true;
  mrsMsr(machine, 'write', [3, 3, 14, 2, 2], 1000n);
  mrsMsr(machine, 'write', [3, 3, 14, 2, 1], 1n);
  expect(mrsMsr(machine, 'read', [3, 3, 14, 2, 0])).toBe(1000n);
  machine.pass(16_000);
  expect(interrupt.visible).toBe(true);
  expect(mrsMsr(machine, 'read', [3, 3, 14, 2, 1])).toBe(5n);
});

test('EL0 reaches the physical timer only while the kernel allows it', () => {
  const machine = guest();
  machine.cpu.setSysreg(SPSR_EL2, 0n);
  mrsMsr(machine, 'read', [3, 3, 14, 2, 1]);
  expectException(machine, { esr: UNDEFINED_ESR, vector: 0x400n, elr: 0x4000_0800n });
});

test('ID registers hide what Xen does not switch, and reserved ones read as zero', () => {
  const machine = guest();
  const all = 0xffff_ffff_ffff_ffffn;
  expect(mrsMsr(machine, 'read', [3, 0, 0, 4, 0])).toBe(all & ~0xff0f_f000_0000n);
  expect(mrsMsr(machine, 'read', [3, 0, 0, 6, 1])).toBe(all & ~0xff00_0ff0n);
  expect(mrsMsr(machine, 'read', [3, 0, 0, 6, 2])).toBe(0n);
  expect(mrsMsr(machine, 'read', [3, 0, 0, 4, 4])).toBe(0n);
  expect(mrsMsr(machine, 'read', [3, 0, 0, 6, 0])).toBe(all);
});

test('debug and PMU registers read as zero, OSLSR says unlocked', () => {
  const machine = guest();
  machine.cpu.setX(2, 99n);
  expect(mrsMsr(machine, 'read', [2, 0, 0, 2, 2])).toBe(0n);
  expect(mrsMsr(machine, 'read', [2, 0, 1, 1, 4])).toBe(8n);
  expect(mrsMsr(machine, 'read', [3, 3, 9, 12, 0])).toBe(0n);
  mrsMsr(machine, 'write', [2, 0, 0, 3, 5], 1n);
  expect(mrsMsr(machine, 'read', [2, 0, 0, 3, 5])).toBe(0n);
});

test('a register that Xen does not know is UNDEFINED', () => {
  const machine = guest();
  mrsMsr(machine, 'read', [3, 3, 14, 15, 7]);
  expectException(machine, { esr: UNDEFINED_ESR, vector: 0x200n, elr: 0x4000_0800n });
});

test('an address with nothing behind it is an abort with an empty syndrome', () => {
  const machine = guest();
  const iss = (1 << 24) | (2 << 22) | (3 << 16) | (1 << 6) | 0x07;
  machine.trap(DATA_ABORT, iss, { far: 0xffff_0000_1234_5678n, ipa: 0x1234_5000, pc: 0x4000_0400n });
  expectException(machine, { esr: (0x25n << 26n) | (1n << 25n), vector: 0x200n, elr: 0x4000_0400n });
  expect(machine.cpu.sysreg(FAR_EL1)).toBe(0xffff_0000_1234_5678n);
  expect(machine.cpu.sysreg(SPSR_EL1)).toBe(0x1c5n);
});

test('a fetch from nowhere by EL0 is an instruction abort from a lower EL', () => {
  const machine = guest();
  machine.cpu.setSysreg(SPSR_EL2, 0x2000_0000n);
  machine.trap(FETCH_ABORT, 0x07, { far: 0x40_0000n, ipa: 0x1234_5000, pc: 0x40_0000n });
  expectException(machine, { esr: (0x20n << 26n) | (1n << 25n), vector: 0x400n, elr: 0x40_0000n });
});

test('a stage 2 permission fault stops for the debugger and says why', () => {
  const machine = guest();
  const iss = (1 << 6) | 0x0f;
  expect(machine.trap(DATA_ABORT, iss, { far: 0x5000n, ipa: 0x5000, pc: 0x4000_0400n })).toBe('stop');
  expect(machine.pc()).toBe(0x4000_0400n);
});

test('a guest whose exception vector is nowhere stops for the debugger', () => {
  const machine = guest();
  const pc = VBAR + 0x200n;
  expect(machine.trap(FETCH_ABORT, 0x07, { far: pc, ipa: 0x1234_5000, pc })).toBe('stop');
  expect(machine.pc()).toBe(pc);
});

test('emulated MMIO is read by the syndrome', () => {
  const machine = guest();
  const ldr = (1 << 24) | (2 << 22) | (7 << 16) | 0x07;
  machine.trap(DATA_ABORT, ldr, { far: 0xffff_8000_0800_0008n, ipa: 0x0300_1000, pc: 0x4000_0400n });
  expect([machine.cpu.x(7), machine.pc()]).toEqual([0x34cn, 0x4000_0404n]);
});

test('a signed byte load extends into the register', () => {
  const machine = guest();
  machine.domain.vgic.cpus[0]!.privateInterrupts[0]!.configuredPriority = 0xa0;
  const ldrsb = (1 << 24) | (1 << 21) | (7 << 16) | (1 << 15) | 0x07;
  machine.trap(DATA_ABORT, ldrsb, { far: 0x400n, ipa: 0x0303_0000, pc: 0x4000_0400n });
  expect(machine.cpu.x(7)).toBe(0xffff_ffff_ffff_ffa0n);
});

test('a post-indexed store without a syndrome is decoded, and its base register moves', () => {
  const machine = guest();
  const page = machine.domain.p2m.lookup(0x4_0000 as never)!.mfn * 4096;
  machine.memory.write32(pa(page + 0x400), 0xb800_4441); // STR W1, [X2], #4
  machine.cpu.setX(1, 0x12n);
  machine.cpu.setX(2, 0x0300_1000n);
  machine.trap(DATA_ABORT, (1 << 6) | 0x07, { far: 0x000n, ipa: 0x0300_1000, pc: 0x4000_0400n });
  expect(machine.cpu.x(2)).toBe(0x0300_1004n);
  expect(machine.pc()).toBe(0x4000_0404n);
  expect(machine.domain.vgic.enabled).toBe(true);
});

test('a paired store to emulated MMIO is an abort', () => {
  const machine = guest();
  const page = machine.domain.p2m.lookup(0x4_0000 as never)!.mfn * 4096;
  machine.memory.write32(pa(page + 0x400), 0xa900_0440); // STP X0, X1, [X2]
  machine.trap(DATA_ABORT, (1 << 6) | 0x07, { far: 0x000n, ipa: 0x0300_1000, pc: 0x4000_0400n });
  expectException(machine, { esr: (0x25n << 26n) | (1n << 25n), vector: 0x200n, elr: 0x4000_0400n });
});

test('a hypercall with a wild pointer answers -EFAULT, an unknown one -ENOSYS', () => {
  const machine = guest();
  expect(hypercall(machine, 34n, 1n, 0xffff_0000_0000_0000n)).toBe(-14n);
  expect(hypercall(machine, 22n)).toBe(-38n);
  expect(hypercall(machine, 0xffff_ffffn)).toBe(-38n);
});

test('xen_version answers through a pointer that crosses a page', () => {
  const machine = guest();
  expect(hypercall(machine, 17n, 0n)).toBe(0x0004_0011n);
  expect(hypercall(machine, 17n, 1n, 0x4000_0ff8n)).toBe(0n);
});

test('SCHEDOP_block unmasks interrupts and waits; an event ends it', () => {
  const machine = guest();
  machine.cpu.setX(16, 29n);
  machine.cpu.setX(0, 1n);
  expect(machine.trap(HVC, 0xea1)).toBe('wait');
  expect(machine.pstate() & 0x80n).toBe(0n);
  machine.hypervisor.sockets.vcpus.raiseEventInterrupt(1, 0);
  expect(machine.woken).toEqual([0]);
});

test('the vPL011 prints, and aborts beyond the SBSA registers', () => {
  const machine = guest({ vuart: true });
  const uart = machine.domain.mmio.find(0x2200_0000)!;
  expect(uart.write(0, 0, 1, 0x41)).toBe(true);
  expect(machine.uart).toEqual([0x41]);
  expect(uart.read(0, 0x18, 4)).toBe(0x90);
  expect(uart.read(0, 0xfe0, 4)).toBe(EXTERNAL_ABORT);
  expect(uart.read(0, 0x44, 4)).toBe(EXTERNAL_ABORT);
  expect(uart.readWide(0, 0x18)).toBeUndefined();
  expect(uart.writeWide(0, 0, 0x41n)).toBe(false);
  machine.domain.vpl011!.receive(Uint8Array.of(0x42));
  expect(uart.read(0, 0x18, 4)).toBe(0x80);
  expect(uart.read(0, 0, 4)).toBe(0x42);
});

function guest(options: ConstructorParameters<typeof FakeMachine>[0] = {}): FakeMachine {
  const machine = new FakeMachine(options);
  machine.cpu.setSysreg(VBAR_EL1, VBAR);
  return machine;
}

function smccc(machine: FakeMachine, ...args: readonly bigint[]): bigint {
  args.forEach((value, register) => machine.cpu.setX(register, value));
  machine.trap(HVC, 0);
  return machine.cpu.x(0);
}

function hypercall(machine: FakeMachine, number: bigint, ...args: readonly bigint[]): bigint {
  machine.cpu.setX(16, number);
  args.forEach((value, register) => machine.cpu.setX(register, value));
  machine.trap(HVC, 0xea1);
  return BigInt.asIntN(64, machine.cpu.x(0));
}

/** MRS or MSR of x2; the value read comes back. */
function mrsMsr(
  machine: FakeMachine,
  direction: 'read' | 'write',
  [op0, op1, crn, crm, op2]: readonly [number, number, number, number, number],
  value = 0n,
): bigint {
  if (direction === 'write') machine.cpu.setX(2, value);
  const iss = (op0 << 20) | (op2 << 17) | (op1 << 14) | (crn << 10) | (2 << 5) | (crm << 1);
  machine.trap(SYSREG, iss | (direction === 'read' ? 1 : 0), { pc: 0x4000_0800n });
  return machine.cpu.x(2);
}

function expectException(machine: FakeMachine, want: { esr: bigint; vector: bigint; elr: bigint }): void {
  expect({
    esr: machine.cpu.sysreg(ESR_EL1),
    pc: machine.pc(),
    elr: machine.cpu.sysreg(ELR_EL1),
    pstate: machine.pstate(),
  }).toEqual({ esr: want.esr, pc: VBAR + want.vector, elr: want.elr, pstate: 0x3c5n });
}
