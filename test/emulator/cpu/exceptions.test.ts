import { expect, test } from 'vitest';
import * as layout from '../../../emulator/memory/layout.ts';
import { CODE, Processor } from './processor.ts';

const HERE = BigInt(CODE);
const NEXT = HERE + 4n;
const HCR_TSC = 1n << 19n;
const HCR_TGE = 1n << 27n;
const HCR_TWI = 1n << 13n;

const hcr = (processor: Processor, bits: bigint) => processor.set({ HCR_EL2: (1n << 31n) | bits });
const raise = (processor: Processor, kernel: string, ...args: unknown[]) => {
  processor.kernels[kernel]?.(...args);
  return processor.exception();
};

test('SVC from EL0 goes to EL1, saves PSTATE and returns behind itself', async () => {
  const processor = await Processor.create();
  processor.atEl(0, 0xa000_0000);
  processor.set({ SP_EL1: 0x9000n });
  processor.cpu.sp = 0x1000n;
  expect(raise(processor, 'svc', 0x12)).toEqual({
    el: 1,
    vector: 0x400,
    ec: 0x15,
    iss: 0x12,
    far: 0n,
    elr: NEXT,
    spsr: 0xa000_0000,
  });
  expect(processor.cpu.pstate).toBe(0xa000_03c5);
  expect(processor.cpu.sp).toBe(0x9000n);
  expect(processor.cpu.spOf(0)).toBe(0x1000n);
});

test('the vector says where the exception came from', async () => {
  const processor = await Processor.create();
  processor.atEl(1, 0x5);
  expect(raise(processor, 'undefinedInstruction')).toMatchObject({ vector: 0x200, ec: 0, iss: 0, elr: HERE });
  processor.atEl(1, 0x4);
  expect(raise(processor, 'undefinedInstruction')).toMatchObject({ vector: 0x000 });
  processor.atEl(0);
  expect(raise(processor, 'undefinedInstruction')).toMatchObject({ vector: 0x400 });
});

test('HVC goes to EL2, unless EL0 tries it or HCD forbids it', async () => {
  const processor = await Processor.create();
  expect(raise(processor, 'hvc', 0xea1)).toMatchObject({
    el: 2,
    vector: 0x400,
    ec: 0x16,
    iss: 0xea1,
    elr: NEXT,
  });
  processor.atEl(0);
  expect(raise(processor, 'hvc', 0)).toMatchObject({ el: 1, ec: 0 });
  processor.atEl(1);
  hcr(processor, 1n << 29n);
  expect(raise(processor, 'hvc', 0)).toMatchObject({ el: 1, ec: 0, elr: HERE });
});

test('SMC reaches the firmware by its conduit, is trapped by TSC, else UNDEFINED', async () => {
  const processor = await Processor.create();
  expect(raise(processor, 'smc', 0)).toMatchObject({ el: 1, ec: 0 });
  processor.atEl(1);
  processor.raw.setInt32(layout.FIRMWARE_CONDUIT, layout.CONDUIT_SMC, true);
  processor.kernels['smc']?.(0);
  expect(processor.raw.getInt32(layout.EXIT_REASON, true)).toBe(layout.EXIT_FIRMWARE);
  expect(processor.cpu.pc).toBe(NEXT);
  expect(processor.cpu.el).toBe(1);
  hcr(processor, HCR_TSC);
  expect(raise(processor, 'smc', 3)).toMatchObject({ el: 2, ec: 0x17, iss: 3, elr: HERE });
});

test('without EL2, HVC reaches the firmware by its conduit', async () => {
  const processor = await Processor.create('a53', { el2: false });
  expect(raise(processor, 'hvc', 0)).toMatchObject({ el: 1, ec: 0 });
  processor.atEl(1);
  processor.raw.setInt32(layout.FIRMWARE_CONDUIT, layout.CONDUIT_HVC, true);
  processor.kernels['hvc']?.(0);
  expect(processor.raw.getInt32(layout.EXIT_REASON, true)).toBe(layout.EXIT_FIRMWARE);
});

test('TGE sends the exceptions of EL0 to EL2', async () => {
  const processor = await Processor.create();
  hcr(processor, HCR_TGE);
  processor.atEl(0);
  expect(raise(processor, 'svc', 1)).toMatchObject({ el: 2, ec: 0x15 });
  processor.atEl(0);
  expect(raise(processor, 'brk', 7)).toMatchObject({ el: 2, ec: 0x3c, iss: 7, elr: HERE });
});

test('an exception for the embedded hypervisor leaves the run loop with its vector', async () => {
  const processor = await Processor.create();
  processor.raw.setInt32(layout.EL2_EMBEDDED, 1, true);
  processor.kernels['hvc']?.(0xea1);
  expect(processor.raw.getInt32(layout.EXIT_REASON, true)).toBe(layout.EXIT_TRAP);
  expect(processor.raw.getInt32(layout.TRAP_VECTOR, true)).toBe(0x400);
  expect(processor.get('ELR_EL2')).toBe(NEXT);
  processor.kernels['exceptionReturn']?.();
  expect(processor.cpu.pc).toBe(NEXT);
  expect(processor.cpu.el).toBe(1);
});

test('ERET restores PSTATE, the stack pointer and opens the exclusive monitor', async () => {
  const processor = await Processor.create();
  processor.set({ SPSR_EL1: 0x6000_0000n, ELR_EL1: 0x1234n });
  processor.cpu.setSpOf(0, 0x7000n);
  processor.raw.setInt32(layout.EXCLUSIVE_VALID, 1, true);
  processor.kernels['exceptionReturn']?.();
  expect(processor.cpu.pstate).toBe(0x6000_0000);
  expect(processor.cpu.pc).toBe(0x1234n);
  expect(processor.cpu.sp).toBe(0x7000n);
  expect(processor.raw.getInt32(layout.EXCLUSIVE_VALID, true)).toBe(0);
  expect(processor.raw.getInt32(layout.EVENT_REGISTER, true)).toBe(1);
});

test('an illegal return stays at its EL and the next instruction faults', async () => {
  // To EL2, to EL3, AArch32, EL0 with SP_ELx, reserved.
  for (const spsr of [0x9n, 0xdn, 0x10n, 0x1n, 0x6n]) {
    const processor = await Processor.create();
    processor.set({ SPSR_EL1: spsr | 0x8000_0000n, ELR_EL1: 0x1234n });
    expect(raise(processor, 'exceptionReturn')).toMatchObject({
      el: 1,
      ec: 0x0e,
      vector: 0x200,
      elr: 0x1234n,
    });
    expect(processor.get('SPSR_EL1')).toBe(0x8010_0005n);
  }
});

test('FP traps by CPACR_EL1 to EL1, by CPTR_EL2 to EL2', async () => {
  const processor = await Processor.create();
  const trapped = () => processor.raw.getInt32(layout.FP_TRAP, true) !== 0;
  expect(trapped()).toBe(true);
  expect(raise(processor, 'fpTrap')).toMatchObject({ el: 1, ec: 0x07, iss: 0x1e0_0000, elr: HERE });
  processor.atEl(1);
  processor.msr('CPACR_EL1', 1n << 20n);
  expect(trapped()).toBe(false);
  processor.atEl(0);
  expect(trapped()).toBe(true);
  processor.set({ CPACR_EL1: 3n << 20n, CPTR_EL2: 0x33ffn | (1n << 10n) });
  expect(raise(processor, 'fpTrap')).toMatchObject({ el: 2, ec: 0x07 });
  processor.set({ CPTR_EL2: 0x33ffn });
  processor.atEl(0);
  expect(trapped()).toBe(false);
});

test('an exception sets PAN unless SPAN keeps it', async () => {
  const processor = await Processor.create('max');
  const pan = async (span: bigint) => {
    processor.set({ SCTLR_EL1: 0x3050_0800n | (span << 23n) });
    processor.atEl(0);
    processor.kernels['svc']?.(0);
    return (processor.cpu.pstate >> 22) & 1;
  };
  expect(await pan(0n)).toBe(1);
  expect(await pan(1n)).toBe(0);
});

const irq = (processor: Processor, lines: number) => {
  processor.raw.setInt32(layout.LINES, lines, true);
  processor.kernels['serviceInterrupts']?.();
  return processor.exception();
};

test('an IRQ is taken at the exact PC when PSTATE.I is clear', async () => {
  const processor = await Processor.create();
  expect(irq(processor, layout.LINE_IRQ)).toBeUndefined();
  processor.atEl(1, 0x345);
  processor.cpu.pc = 0x8888n;
  expect(irq(processor, layout.LINE_IRQ)).toMatchObject({ el: 1, vector: 0x280, elr: 0x8888n });
  processor.atEl(0);
  expect(irq(processor, layout.LINE_FIQ | layout.LINE_IRQ)).toMatchObject({ el: 1, vector: 0x500 });
});

test('IMO sends IRQs to EL2 whatever PSTATE.I says, and masks there', async () => {
  const processor = await Processor.create();
  hcr(processor, 1n << 4n);
  expect(irq(processor, layout.LINE_IRQ)).toMatchObject({ el: 2, vector: 0x480 });
  expect(irq(processor, layout.LINE_IRQ)).toBeUndefined();
  processor.atEl(2, 0x349);
  expect(irq(processor, layout.LINE_IRQ)).toMatchObject({ el: 2, vector: 0x280 });
});

test('without IMO no IRQ is taken at EL2', async () => {
  const processor = await Processor.create();
  processor.atEl(2, 0x9);
  expect(irq(processor, layout.LINE_IRQ)).toBeUndefined();
});

test('a virtual IRQ is taken below EL2 while IMO is set and I clear', async () => {
  const processor = await Processor.create();
  hcr(processor, 1n << 4n);
  expect(irq(processor, layout.LINE_VIRQ)).toBeUndefined();
  processor.atEl(1, 0x345);
  expect(irq(processor, layout.LINE_VIRQ)).toMatchObject({ el: 1, vector: 0x280 });
  hcr(processor, (1n << 4n) | (1n << 7n));
  processor.atEl(0);
  expect(irq(processor, 0)).toMatchObject({ el: 1, vector: 0x480 });
  processor.atEl(2, 0x9);
  expect(irq(processor, layout.LINE_VIRQ)).toBeUndefined();
  hcr(processor, 0n);
  processor.atEl(0);
  expect(irq(processor, layout.LINE_VIRQ)).toBeUndefined();
});

test('a virtual SError is taken once', async () => {
  const processor = await Processor.create();
  hcr(processor, (1n << 5n) | (1n << 8n));
  processor.atEl(0);
  expect(irq(processor, 0)).toMatchObject({ el: 1, vector: 0x580, ec: 0x2f });
  processor.atEl(0);
  expect(irq(processor, 0)).toBeUndefined();
});

test('WFI waits, unless something is pending or it is trapped', async () => {
  const processor = await Processor.create();
  processor.kernels['wfi']?.();
  expect(processor.raw.getInt32(layout.WAITING, true)).toBe(layout.WAIT_WFI);
  processor.raw.setInt32(layout.WAITING, 0, true);
  processor.raw.setInt32(layout.LINES, layout.LINE_IRQ, true);
  processor.kernels['wfi']?.();
  expect(processor.raw.getInt32(layout.WAITING, true)).toBe(0);
  processor.raw.setInt32(layout.LINES, 0, true);
  processor.exception();
  hcr(processor, HCR_TWI);
  expect(raise(processor, 'wfi')).toMatchObject({ el: 2, ec: 0x01, iss: 0x1e0_0000, elr: HERE });
  processor.atEl(0);
  processor.set({ SCTLR_EL1: processor.get('SCTLR_EL1') & ~(1n << 18n) });
  expect(raise(processor, 'wfe')).toMatchObject({ el: 1, ec: 0x01, iss: 0x1e0_0001 });
});

test('an event lets one WFE through', async () => {
  const processor = await Processor.create();
  processor.kernels['sev']?.();
  processor.kernels['wfe']?.();
  expect(processor.raw.getInt32(layout.WAITING, true)).toBe(0);
  processor.kernels['wfe']?.();
  expect(processor.raw.getInt32(layout.WAITING, true)).toBe(layout.WAIT_WFE);
});

test('DAIFSet and DAIFClr; EL0 needs UMA', async () => {
  const processor = await Processor.create();
  processor.atEl(1, 0x5);
  processor.kernels['msrDaifSet']?.(0xf);
  expect(processor.mrs('DAIF')).toBe(0x3c0n);
  processor.kernels['msrDaifClr']?.(2);
  expect(processor.mrs('DAIF')).toBe(0x340n);
  processor.atEl(0);
  processor.executing(0xd50342df);
  expect(raise(processor, 'msrDaifSet', 2)).toMatchObject({ el: 1, ec: 0x18 });
});

test('SPSel switches between SP_EL0 and SP_EL1', async () => {
  const processor = await Processor.create();
  processor.cpu.sp = 0x1111n;
  processor.cpu.setSpOf(0, 0x2222n);
  processor.kernels['msrSpSel']?.(0);
  expect(processor.cpu.sp).toBe(0x2222n);
  processor.cpu.sp = 0x3333n;
  processor.kernels['msrSpSel']?.(1);
  expect(processor.cpu.sp).toBe(0x1111n);
  expect(processor.mrs('SP_EL0')).toBe(0x3333n);
  expect(processor.exception()).toBeUndefined();
});

test('SP_EL0 cannot be named while it is in use', async () => {
  const processor = await Processor.create();
  processor.kernels['msrSpSel']?.(0);
  processor.mrs('SP_EL0');
  expect(processor.exception()).toMatchObject({ el: 1, ec: 0 });
});

test('software step takes its exception after one instruction', async () => {
  const processor = await Processor.create();
  processor.set({ MDSCR_EL1: 1n, SPSR_EL1: 0x20_0000n, ELR_EL1: 0x1000n });
  processor.raw.setInt32(layout.BUDGET, 100, true);
  processor.kernels['exceptionReturn']?.();
  processor.raw.setInt32(layout.ATTENTION, 0, true);
  // The loop gives the budget back and looks.
  processor.raw.setInt32(layout.BUDGET, 100, true);
  processor.raw.setInt32(layout.BUDGET_HELD, 0, true);
  processor.kernels['serviceInterrupts']?.();
  expect(processor.raw.getInt32(layout.BUDGET, true)).toBe(1);
  expect(processor.raw.getInt32(layout.BUDGET_HELD, true)).toBe(99);
  processor.cpu.pc = 0x1004n;
  processor.kernels['serviceInterrupts']?.();
  expect(processor.exception()).toMatchObject({ el: 1, ec: 0x32, vector: 0x400, elr: 0x1004n });
  expect(processor.get('SPSR_EL1')).toBe(0n);
});
