import { expect, test } from 'vitest';
import { lookup, numberedRows } from '../../../../emulator/cpu/sysregs/lookup.ts';
import { encodingWords, lookupName } from '../../../../emulator/cpu/sysregs/lookup.ts';
import { Processor } from '../processor.ts';

const SYSREG = 0x18;

/** The ISS of a trapped access: the instruction's words, Rt 0. */
function issOf(name: string, isRead: boolean): number {
  const [op0, op1, crn, crm, op2] = encodingWords(lookupName(name)?.row.encoding ?? '') ?? [0, 0, 0, 0, 0];
  return (op0 << 20) | (op2 << 17) | (op1 << 14) | (crn << 10) | (crm << 1) | (isRead ? 1 : 0);
}

/** Executes MRS or MSR of a register with X0, and tells what came of it. */
function access(processor: Processor, name: string, kind: 'read' | 'write', value = 0n): string {
  const [op0, op1, crn, crm, op2] = encodingWords(lookupName(name)?.row.encoding ?? '') ?? [0, 0, 0, 0, 0];
  const word =
    0xd5000000 |
    ((kind === 'read' ? 1 : 0) << 21) |
    (op0 << 19) |
    (op1 << 16) |
    (crn << 12) |
    (crm << 8) |
    (op2 << 5);
  const el = processor.cpu.el as 0 | 1 | 2;
  processor.executing(word >>> 0);
  if (kind === 'read') processor.mrs(name);
  else processor.msr(name, value);
  const exception = processor.exception();
  if (exception === undefined) return 'ok';
  processor.atEl(el);
  if (exception.ec === 0) return `undefined at EL${exception.el}`;
  expect(exception).toMatchObject({ ec: SYSREG, iss: issOf(name, kind === 'read') });
  return `trap to EL${exception.el}`;
}

test('every encoding names one row', () => {
  const seen = new Set<string>();
  for (const numbered of numberedRows) {
    if (numbered === undefined || numbered.row.encoding === '') continue;
    expect(seen.has(numbered.row.encoding), numbered.row.name).toBe(false);
    seen.add(numbered.row.encoding);
    const words = encodingWords(numbered.row.encoding);
    expect(words, numbered.row.name).toBeDefined();
    if (words) expect(lookup(...words)?.row.name).toBe(numbered.row.name);
  }
});

test('no register can be accessed below the EL of its encoding', () => {
  const lowest = [1, 1, 1, 0, 2];
  for (const numbered of numberedRows) {
    const op1 = encodingWords(numbered?.row.encoding ?? '')?.[1];
    if (numbered === undefined || op1 === undefined) continue;
    expect(numbered.row.minEl, numbered.row.name).toBeGreaterThanOrEqual(lowest[op1] ?? 3);
  }
});

test('registers of EL1 are UNDEFINED at EL0, those of EL2 also at EL1', async () => {
  const processor = await Processor.create();
  expect(access(processor, 'SCTLR_EL1', 'read')).toBe('ok');
  expect(access(processor, 'HCR_EL2', 'read')).toBe('undefined at EL1');
  processor.atEl(0);
  expect(access(processor, 'SCTLR_EL1', 'read')).toBe('undefined at EL1');
  expect(access(processor, 'TPIDR_EL0', 'write')).toBe('ok');
  expect(access(processor, 'TPIDRRO_EL0', 'read')).toBe('ok');
  expect(access(processor, 'TPIDRRO_EL0', 'write')).toBe('undefined at EL1');
  processor.atEl(2);
  expect(access(processor, 'HCR_EL2', 'write', 1n << 31n)).toBe('ok');
});

test('without EL2 its registers are UNDEFINED and trap nothing', async () => {
  const processor = await Processor.create('a53', { el2: false });
  expect(access(processor, 'VTTBR_EL2', 'read')).toBe('undefined at EL1');
  expect(access(processor, 'CNTPCT_EL0', 'read')).toBe('ok');
  expect(processor.mrs('ID_AA64PFR0_EL1') & 0xf00n).toBe(0n);
});

test('a read-only register cannot be written', async () => {
  const processor = await Processor.create();
  expect(access(processor, 'MIDR_EL1', 'write')).toBe('undefined at EL1');
  expect(access(processor, 'OSLAR_EL1', 'read')).toBe('undefined at EL1');
});

test('TVM traps writes, TRVM reads of the stage 1 registers', async () => {
  const processor = await Processor.create();
  const names = [
    'SCTLR_EL1',
    'TTBR0_EL1',
    'TTBR1_EL1',
    'TCR_EL1',
    'ESR_EL1',
    'FAR_EL1',
    'AFSR0_EL1',
    'MAIR_EL1',
    'CONTEXTIDR_EL1',
  ];
  processor.set({ HCR_EL2: (1n << 31n) | (1n << 26n) });
  for (const name of names) {
    expect(access(processor, name, 'write'), name).toBe('trap to EL2');
    expect(access(processor, name, 'read'), name).toBe('ok');
  }
  processor.set({ HCR_EL2: (1n << 31n) | (1n << 30n) });
  for (const name of names) expect(access(processor, name, 'read'), name).toBe('trap to EL2');
  expect(access(processor, 'VBAR_EL1', 'read')).toBe('ok');
  expect(access(processor, 'VBAR_EL1', 'write')).toBe('ok');
});

test('the ID groups trap by TID1, TID2 and TID3', async () => {
  const processor = await Processor.create();
  const groups: [number, string][] = [
    [16, 'REVIDR_EL1'],
    [16, 'AIDR_EL1'],
    [17, 'CTR_EL0'],
    [17, 'CCSIDR_EL1'],
    [18, 'ID_AA64ISAR0_EL1'],
    [18, 'MVFR0_EL1'],
    [18, 'S3_0_C0_C7_7'],
  ];
  for (const [bit, name] of groups) {
    processor.set({ HCR_EL2: (1n << 31n) | (1n << BigInt(bit)) });
    expect(access(processor, name, 'read'), name).toBe('trap to EL2');
    processor.set({ HCR_EL2: 1n << 31n });
    expect(access(processor, name, 'read'), name).toBe('ok');
  }
});

test('a trap of EL1 comes before the one of EL2', async () => {
  const processor = await Processor.create();
  processor.set({ HCR_EL2: (1n << 31n) | (1n << 17n) });
  processor.atEl(0);
  expect(access(processor, 'CTR_EL0', 'read')).toBe('trap to EL1');
  processor.set({ SCTLR_EL1: processor.get('SCTLR_EL1') | (1n << 15n) });
  expect(access(processor, 'CTR_EL0', 'read')).toBe('trap to EL2');
});

test('the virtual counter at EL0 needs CNTKCTL_EL1, the physical one CNTHCTL_EL2 as well', async () => {
  const processor = await Processor.create();
  processor.atEl(0);
  expect(access(processor, 'CNTVCT_EL0', 'read')).toBe('trap to EL1');
  expect(access(processor, 'CNTFRQ_EL0', 'read')).toBe('trap to EL1');
  processor.set({ CNTKCTL_EL1: 3n, CNTHCTL_EL2: 2n });
  expect(access(processor, 'CNTVCT_EL0', 'read')).toBe('ok');
  expect(access(processor, 'CNTFRQ_EL0', 'read')).toBe('ok');
  expect(access(processor, 'CNTPCT_EL0', 'read')).toBe('trap to EL2');
  expect(access(processor, 'CNTP_CTL_EL0', 'read')).toBe('trap to EL1');
  processor.atEl(1);
  expect(access(processor, 'CNTPCT_EL0', 'read')).toBe('trap to EL2');
  expect(access(processor, 'CNTP_CTL_EL0', 'read')).toBe('ok');
  expect(access(processor, 'CNTV_CTL_EL0', 'read')).toBe('ok');
});

test('HCR_EL2.TGE takes the traps of EL0 to EL2', async () => {
  const processor = await Processor.create();
  processor.set({ HCR_EL2: (1n << 31n) | (1n << 27n) });
  processor.atEl(0);
  expect(access(processor, 'CNTVCT_EL0', 'read')).toBe('trap to EL2');
});

test('IMPLEMENTATION DEFINED registers are UNDEFINED, or trapped by TIDCP', async () => {
  const processor = await Processor.create();
  const row = lookup(3, 1, 15, 2, 1);
  expect(row).toBeDefined();
  processor.executing(0xd539f220);
  processor.kernels['readSystemRegister']?.(row?.index);
  expect(processor.exception()).toMatchObject({ el: 1, ec: 0 });
  processor.set({ HCR_EL2: (1n << 31n) | (1n << 20n) });
  processor.atEl(1);
  processor.kernels['readSystemRegister']?.(row?.index);
  expect(processor.exception()).toMatchObject({ el: 2, ec: SYSREG });
});

test('debug and performance monitor registers trap by MDCR_EL2', async () => {
  const processor = await Processor.create();
  const bits: [number, string][] = [
    [9, 'MDSCR_EL1'],
    [9, 'DBGBVR0_EL1'],
    [10, 'OSLSR_EL1'],
    [11, 'MDRAR_EL1'],
    [6, 'PMCCNTR_EL0'],
    [5, 'PMCR_EL0'],
  ];
  for (const [bit, name] of bits) {
    processor.set({ MDCR_EL2: 0n });
    expect(access(processor, name, 'read'), name).toBe('ok');
    processor.set({ MDCR_EL2: 1n << BigInt(bit) });
    expect(access(processor, name, 'read'), name).toBe('trap to EL2');
  }
});

test('cache maintenance and TLBI trap by their bits', async () => {
  const processor = await Processor.create();
  const bits: [number, string][] = [
    [22, 'DC ISW'],
    [23, 'DC CIVAC'],
    [24, 'IC IALLU'],
    [25, 'TLBI VAE1IS'],
    [28, 'DC ZVA'],
  ];
  for (const [bit, name] of bits) {
    processor.set({ HCR_EL2: (1n << 31n) | (1n << BigInt(bit)) });
    expect(access(processor, name, 'write'), name).toBe('trap to EL2');
  }
});

test('EL1 sees VPIDR_EL2 and VMPIDR_EL2 as its identity', async () => {
  const processor = await Processor.create();
  expect(processor.mrs('MIDR_EL1')).toBe(0x410f_d034n);
  expect(processor.mrs('MPIDR_EL1')).toBe(0x8000_0000n);
  processor.set({ VPIDR_EL2: 0x1234n, VMPIDR_EL2: 0x8000_0003n });
  expect(processor.mrs('MIDR_EL1')).toBe(0x1234n);
  expect(processor.mrs('MPIDR_EL1')).toBe(0x8000_0003n);
  processor.atEl(2);
  expect(processor.mrs('MIDR_EL1')).toBe(0x410f_d034n);
});

test('the ID registers of the two cores say what they have', async () => {
  const a53 = await Processor.create();
  expect(a53.mrs('ID_AA64ISAR0_EL1')).toBe(0x0001_1120n);
  expect(a53.mrs('ID_AA64ISAR1_EL1')).toBe(0n);
  expect(a53.mrs('ID_AA64PFR0_EL1')).toBe(0x0100_0111n);
  expect(a53.mrs('ID_AA64MMFR0_EL1') & 0xfn).toBe(2n);
  const max = await Processor.create('max');
  expect(max.mrs('ID_AA64ISAR0_EL1')).toBe(0x0021_1111_1021_2120n);
  expect(max.mrs('ID_AA64MMFR1_EL1') & 0xf0_0000n).toBe(0x10_0000n);
});

test('PAN exists on max only', async () => {
  expect(access(await Processor.create(), 'PAN', 'read')).toBe('undefined at EL1');
  const max = await Processor.create('max');
  expect(access(max, 'PAN', 'read')).toBe('ok');
  max.kernels['msrPan']?.(1);
  expect(max.mrs('PAN')).toBe(1n << 22n);
});

test('RES1 bits of HCR_EL2, CPTR_EL2 and SCTLR_EL2 stay', async () => {
  const processor = await Processor.create();
  processor.atEl(2);
  processor.msr('HCR_EL2', 0n);
  processor.msr('CPTR_EL2', 0n);
  processor.msr('SCTLR_EL2', 0n);
  expect(processor.mrs('HCR_EL2')).toBe(1n << 31n);
  expect(processor.mrs('CPTR_EL2')).toBe(0x33ffn);
  expect(processor.mrs('SCTLR_EL2')).toBe(0x30c5_0830n);
});

test('the virtual count lags by CNTVOFF_EL2, and its timer pulls the line', async () => {
  const processor = await Processor.create();
  processor.now = 16_000;
  expect(processor.mrs('CNTPCT_EL0')).toBe(1000n);
  processor.atEl(2);
  processor.msr('CNTVOFF_EL2', 400n);
  processor.atEl(1);
  expect(processor.mrs('CNTVCT_EL0')).toBe(600n);
  processor.msr('CNTV_CVAL_EL0', 600n);
  processor.msr('CNTV_CTL_EL0', 1n);
  expect(processor.mrs('CNTV_CTL_EL0')).toBe(5n);
  expect(processor.lines).toContain('CNTV up');
});

test('the cycle counter counts while it is enabled', async () => {
  const processor = await Processor.create();
  processor.now = 100;
  processor.msr('PMCNTENSET_EL0', 1n << 31n);
  processor.msr('PMCR_EL0', 5n);
  processor.now = 350;
  expect(processor.mrs('PMCCNTR_EL0')).toBe(250n);
  processor.msr('PMCR_EL0', 0n);
  processor.now = 900;
  expect(processor.mrs('PMCCNTR_EL0')).toBe(250n);
});

test('the OS lock is set and cleared through OSLAR_EL1', async () => {
  const processor = await Processor.create();
  expect(processor.mrs('OSLSR_EL1')).toBe(0xan);
  processor.msr('OSLAR_EL1', 0n);
  expect(processor.mrs('OSLSR_EL1')).toBe(8n);
});

test('FPCR keeps what a core without half-precision has', async () => {
  const processor = await Processor.create();
  processor.msr('CPACR_EL1', 3n << 20n);
  processor.msr('FPCR', 0xffff_ffffn);
  expect(processor.mrs('FPCR')).toBe(0x07f7_0000n);
  processor.msr('FPSR', 0xffff_ffffn);
  expect(processor.mrs('FPSR')).toBe(0xf800_009fn);
  expect(processor.mrs('NZCV')).toBe(0n);
});

test('FPCR traps as FP does', async () => {
  const processor = await Processor.create();
  processor.mrs('FPCR');
  expect(processor.exception()).toMatchObject({ el: 1, ec: 0x07 });
});

test('a debugger reads registers by name without effect', async () => {
  const processor = await Processor.create();
  expect(processor.registers.peek('SCTLR_EL1')).toBe(0x30d0_0838n);
  expect(processor.registers.peek('CurrentEL')).toBe(4n);
  expect(processor.registers.peek('CNTPCT_EL0')).toBe(0n);
  expect(processor.registers.peek('TLBI ALLE1')).toBeUndefined();
  expect(processor.registers.peek('NOSUCH_EL1')).toBeUndefined();
});
