// Registers as panels see them, against the processor's state, against what MRS answers to a guest, and with
// values that no guest should write.

import { expect, test } from 'vitest';
import { encodingWords, lookupName } from '../../../../emulator/cpu/sysregs/lookup.ts';
import type { CpuState } from '../../../../emulator/cpu/state.ts';
import { createInspector } from '../../../../emulator/debug/inspect/inspector.ts';
import type { RegisterInfo } from '../../../../emulator/debug/inspect/register-info.ts';
import {
  registersInspection,
  type RegistersView,
  type RegisterView,
} from '../../../../emulator/debug/inspect/registers.ts';
import type { Machine } from '../../../../emulator/machine/machine.ts';
import type { MachineConfig } from '../../../../emulator/machine/messages.ts';
import { writeRegister } from '../../../../emulator/machine/registers.ts';
import { stateHash } from '../../../../emulator/machine/state-hash.ts';
import { fresh, helloGuest, runUntil, type TestMachine } from '../../machine/guests.ts';

const registersOf = ({ loaded }: TestMachine, args: Record<string, unknown> = {}): RegistersView =>
  createInspector(loaded).inspect('registers', args) as RegistersView;

function named(view: RegistersView, name: string): RegisterView {
  const found = view.groups.flatMap(({ registers }) => registers).find((register) => register.name === name);
  if (found === undefined) throw new RangeError(`no ${name}`);
  return found;
}

const fieldsOf = (view: RegistersView, name: string): Record<string, string> =>
  Object.fromEntries(named(view, name).fields.map((field) => [field.name, field.words ?? field.value]));

/** The bundled guest once it has spoken. */
async function helloMachine(gic: 2 | 3 = 3, vcpus = 1): Promise<TestMachine> {
  const machine = fresh(await helloGuest(gic, vcpus));
  runUntil(machine, 'hello');
  return machine;
}

/** A bare machine at EL2 that has executed these words. */
function executed(words: readonly number[]): TestMachine {
  const data = new Uint8Array(new Uint32Array([...words, 0x1400_0000]).buffer);
  const entry = 0x4008_0000;
  const kernel = {
    kind: 'elf' as const,
    entry,
    segments: [{ address: entry, data, memorySize: data.length }],
  };
  const config: MachineConfig = {
    cpu: 'max',
    seed: 0,
    bare: {
      kernel: { name: 'words', kernel },
      cmdline: '',
      memory: 32 << 20,
      cpus: 1,
      gicVersion: 3,
      el: 2,
    },
  };
  const machine = fresh(config);
  machine.loaded.machine.runSlice(words.length + 1);
  return machine;
}

/** MRS Xn, register; MSR register, Xn. */
function systemWord(name: string, x: number, isRead: boolean): number {
  const [op0, op1, crn, crm, op2] = encodingWords(lookupName(name)?.row.encoding ?? '') ?? [0, 0, 0, 0, 0];
  const encoding = (op0 << 19) | (op1 << 16) | (crn << 12) | (crm << 8) | (op2 << 5);
  return (0xd500_0000 | (isRead ? 1 << 21 : 0) | encoding | x) >>> 0;
}
const mrs = (x: number, name: string): number => systemWord(name, x, true);
const msr = (name: string, x: number): number => systemWord(name, x, false);
const movz = (x: number, value: number, shift = 0): number =>
  (0xd280_0000 | ((shift / 16) << 21) | (value << 5) | x) >>> 0;

test('the view shows what the processor holds', async () => {
  const machine = await helloMachine();
  const cpu = machine.loaded.machine.cpus[0] as CpuState;
  cpu.setX(7, 0xdead_beefn);
  cpu.setV(3, (0x4008_0000_0000_0000n << 64n) | 0xbff0_0000_0000_0000n);
  const view = registersOf(machine);
  expect(named(view, 'x7').value).toBe('0x00000000deadbeef');
  for (let n = 0; n < 31; n++) expect(BigInt(named(view, `x${n}`).value ?? '')).toBe(cpu.x(n));
  expect(BigInt(named(view, 'pc').value ?? '')).toBe(cpu.pc);
  expect(BigInt(named(view, 'sp').value ?? '')).toBe(cpu.sp);
  expect(BigInt(named(view, 'pstate').value ?? '')).toBe(BigInt(cpu.pstate));
  // The greeting comes from the program at EL0.
  expect(fieldsOf(view, 'pstate')['M']).toBe('EL0, SP_EL0 (EL0t)');
  expect(fieldsOf(view, 'CurrentEL')).toEqual({ EL: 'EL0' });
  // Doubles by IEEE 754: 3 and -1.
  expect(fieldsOf(view, 'v3')).toMatchObject({ D1: '3', D0: '-1' });
  // It runs on SP_EL0, which the kernel's own stack pointer waits beside.
  expect(BigInt(named(view, 'SP_EL0').value ?? '')).toBe(cpu.sp);
  expect(BigInt(named(view, 'SP_EL1').value ?? '')).toBe(cpu.spOf(1));
});

test('the EL2 registers are those that the embedded hypervisor programmed', async () => {
  const view = registersOf(await helloMachine());
  expect(fieldsOf(view, 'HCR_EL2')).toMatchObject({ VM: 'on', RW: 'AArch64', IMO: 'yes', FMO: 'yes' });
  expect(fieldsOf(view, 'VTCR_EL2')).toMatchObject({ TG0: '4 KiB', SH0: 'Inner Shareable' });
  const { VMID = '0', BADDR = '0' } = fieldsOf(view, 'VTTBR_EL2');
  expect(BigInt(VMID)).toBeGreaterThan(0n);
  expect(BigInt(BADDR) & 0xfffn).toBe(0n);
});

test('what MRS answers to a guest is what the view shows', () => {
  const names = [
    'MIDR_EL1',
    'MPIDR_EL1',
    'ID_AA64PFR0_EL1',
    'ID_AA64MMFR0_EL1',
    'ID_AA64ISAR0_EL1',
    'ID_AA64DFR0_EL1',
    'CTR_EL0',
    'CLIDR_EL1',
    'CCSIDR_EL1',
    'SCTLR_EL1',
    'SCTLR_EL2',
    'HCR_EL2',
    'CPTR_EL2',
    'TCR_EL1',
    'VTCR_EL2',
    'MAIR_EL1',
    'VBAR_EL1',
    'CNTFRQ_EL0',
    'CNTHCTL_EL2',
    'ICC_PMR_EL1',
    'ICC_CTLR_EL1',
    'ICH_VTR_EL2',
    'ICH_LR0_EL2',
    'PMCR_EL0',
    'OSLSR_EL1',
    'CurrentEL',
    'FPCR',
  ];
  const machine = executed([
    movz(28, 0x3510),
    msr('TCR_EL1', 28),
    movz(28, 0x3558),
    msr('VTCR_EL2', 28),
    movz(28, 0xff44),
    msr('MAIR_EL1', 28),
    movz(28, 0x1800),
    msr('VBAR_EL1', 28),
    movz(28, 0xa0),
    msr('ICC_PMR_EL1', 28),
    movz(28, 0x1b),
    movz(27, 0x50a0, 48),
    0xaa1b_039c, // ORR X28, X28, X27
    msr('ICH_LR0_EL2', 28),
    // The last registers are read into X0 upwards.
    ...names.map((name, x) => mrs(x, name)),
  ]);
  const view = registersOf(machine);
  const cpu = machine.loaded.machine.cpus[0] as CpuState;
  expect(cpu.pc).toBe(BigInt(0x4008_0000 + 4 * (14 + names.length)));
  const shown = Object.fromEntries(names.map((name) => [name, BigInt(named(view, name).value ?? '')]));
  const read = Object.fromEntries(names.map((name, x) => [name, cpu.x(x)]));
  expect(shown).toEqual(read);
  expect(shown['VBAR_EL1']).toBe(0x1800n);
  expect(fieldsOf(view, 'TCR_EL1')['T0SZ']).toBe('48-bit addresses, 256 TiB');
  expect(named(view, 'ICH_LR0_EL2').words).toBe('PPI 11, pending');
});

test('looking changes nothing, even where reading would', async () => {
  for (const gic of [2, 3] as const) {
    const machine = await helloMachine(gic, 2);
    const before = stateHash(machine.loaded);
    const first = registersOf(machine);
    expect(registersOf(machine)).toEqual(first);
    registersOf(machine, { vcpu: 1 });
    expect(stateHash(machine.loaded)).toBe(before);
  }
});

test('registers that this machine lacks are left out, and those that only write say so', async () => {
  const without = registersOf(await helloMachine(2));
  expect(without.groups.map(({ id }) => id)).not.toContain('interrupt-controller-el1');
  const view = registersOf(await helloMachine(3));
  const names = view.groups.flatMap(({ registers }) => registers.map(({ name }) => name));
  expect(new Set(names).size).toBe(names.length);
  expect(names).not.toContain('ICH_LR4_EL2');
  expect(names).not.toContain('TLBI ALLE1');
  expect(names.filter((name) => name.startsWith('start of'))).toEqual([]);
  const end = named(view, 'ICC_EOIR1_EL1');
  expect(end.value).toBeUndefined();
  expect(end).toMatchObject({ unreadable: 'write-only', fields: [], writable: true });
  expect(named(view, 'ICC_IAR1_EL1').note).toContain('acknowledges');
  expect(named(view, 'MIDR_EL1').writable).toBe(false);
});

test('what the view calls writable can be written, the rest cannot', async () => {
  const { loaded } = await helloMachine();
  const view = createInspector(loaded).inspect('registers', {}) as RegistersView;
  for (const { name, writable, value } of view.groups.flatMap(({ registers }) => registers)) {
    // Sending an interrupt by hand is no way to find out.
    if (/SGI|^ICC_(EOIR|DIR)/.test(name)) continue;
    const write = (): void => writeRegister(loaded.machine, 0, name, BigInt(value ?? '0'));
    if (writable) expect(write, name).not.toThrow();
    else expect(write, name).toThrow('is not a register that can be written');
  }
});

test('groups are chosen by name, and a name that is none is refused', async () => {
  const machine = await helloMachine();
  const view = registersOf(machine, { groups: 'translation, general' });
  expect(view.groups.map(({ id }) => id)).toEqual(['general', 'translation-el1', 'translation-el2']);
  expect(view.groups[1]).toMatchObject({ title: 'Translation', el: 1 });
  expect(view.available).toContain('performance-monitors');
  expect(() => registersOf(machine, { groups: 'general,nonsense' })).toThrow(
    "there is no group of registers 'nonsense'",
  );
  expect(() => registersOf(machine, { vcpu: 7 })).toThrow('there is no vCPU 7');
  expect(() => registersOf(machine, { domain: 99 })).toThrow('there is no domain 99');
});

test('any value at all is shown, with a word or as a number', async () => {
  const machine = await helloMachine();
  const { loaded } = machine;
  const all = 0xffff_ffff_ffff_ffffn;
  for (const value of [all, 0x5555_5555_5555_5555n, 0xaaaa_aaaa_aaaa_aaaan, 1n << 63n]) {
    setAll(loaded.machine, value);
    const view = registersOf(machine);
    expect(JSON.stringify(view).length).toBeLessThan(300_000);
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
    const text = registersInspection.text(view);
    expect(text).not.toMatch(/undefined|NaN=|\[object/);
    for (const { fields, value: shown } of view.groups.flatMap(({ registers }) => registers)) {
      if (shown === undefined || fields.length === 0) continue;
      const sum = fields
        .filter(({ within }) => within === undefined)
        .reduce((total, { bits, value: part }) => total | (BigInt(part) << lowOf(bits)), 0n);
      expect(sum).toBe(BigInt(shown));
    }
  }
});

test('the documentation of a register says where it is and what traps', async () => {
  const { loaded } = await helloMachine();
  const inspector = createInspector(loaded);
  const info = (name: string): RegisterInfo => inspector.inspect('registerInfo', { name }) as RegisterInfo;
  expect(info('SCTLR_EL1')).toMatchObject({
    encoding: 'S3_0_C1_C0_0',
    group: 'Control',
    el: 1,
    access: 'read and write',
    lowestEl: 1,
    implemented: true,
    traps: [
      'A write from EL1 traps to EL2 while HCR_EL2.TVM is 1.',
      'A read from EL1 traps to EL2 while HCR_EL2.TRVM is 1.',
    ],
  });
  const granule = info('tcr_el1').fields.find(({ name }) => name === 'TG0');
  expect(granule).toMatchObject({ bits: '15:14', values: ['0b00 4 KiB', '0b01 64 KiB', '0b10 16 KiB'] });
  expect(info('ICH_LR5_EL2').implemented).toBe(false);
  expect(info('CNTKCTL_EL1').partial).toContain('event stream');
  expect(() => info('TLBI ALLE1')).toThrow("there is no system register 'TLBI ALLE1'");
  expect(() => info('<script>')).toThrow('there is no system register');
  expect(() => info('start of PMCCNTR_EL0')).toThrow('there is no system register');
});

const lowOf = (bits: string): bigint => BigInt(bits.split(':').at(-1) ?? '0');

/** Whatever the hypervisor or a guest could leave in storage, past every check of a write. */
function setAll(machine: Machine, value: bigint): void {
  const cpu = machine.cpus[0] as CpuState;
  const storage = [
    'TCR_EL1',
    'ESR_EL1',
    'ESR_EL2',
    'SPSR_EL1',
    'SPSR_EL2',
    'PAR_EL1',
    'MAIR_EL1',
    'VTCR_EL2',
    'TTBR0_EL1',
  ];
  for (const name of [...storage, 'CONTEXTIDR_EL1', 'ELR_EL1', 'FAR_EL1', 'CPACR_EL1', 'MDSCR_EL1']) {
    cpu.setSysreg(lookupName(name)?.slot ?? 0, value);
  }
  for (let n = 0; n < 31; n++) cpu.setX(n, value);
  for (let n = 0; n < 32; n++) cpu.setV(n, (value << 64n) | value);
  for (const name of ['ICH_LR0_EL2', 'ICH_VMCR_EL2', 'ICC_AP1R0_EL1', 'CNTV_CVAL_EL0', 'PMCCNTR_EL0']) {
    writeRegister(machine, 0, name, value);
  }
}
