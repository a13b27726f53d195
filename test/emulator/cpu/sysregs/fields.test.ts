// The fields of system registers: what must hold for every row, and where fields stand by a source
// that is not ours (`expected-fields.ts`).

import { expect, test } from 'vitest';
import { featureSet } from '../../../../emulator/cpu/features.ts';
import { decodeFields, isImplemented, wordsOf } from '../../../../emulator/cpu/sysregs/decode.ts';
import type { Fields, SystemRegisterRow } from '../../../../emulator/cpu/sysregs/define.ts';
import { lookupName, registerGroups } from '../../../../emulator/cpu/sysregs/lookup.ts';
import { expectedFields } from './expected-fields.ts';

const rows = registerGroups.flatMap((group) => group.rows).filter(({ encoding }) => encoding !== '');

/** Values under which a row with a variant shows its layouts: every exception class, both of one bit. */
const samples = [
  0n,
  1n,
  0xffff_ffff_ffff_ffffn,
  ...Array.from({ length: 64 }, (_, n) => (BigInt(n) << 26n) | 0x3ff_ffffn),
];

function rowOf(name: string): SystemRegisterRow {
  const row = lookupName(name)?.row;
  if (row === undefined) throw new RangeError(`no register ${name}`);
  return row;
}

function overlaps(fields: Fields): string[] {
  const owner = new Map<number, string>();
  return Object.entries(fields).flatMap(([name, { low, width }]) =>
    Array.from({ length: width }, (_, i) => low + i).flatMap((position) => {
      const other = owner.get(position);
      owner.set(position, name);
      return other === undefined ? [] : [`${name} and ${other} at ${position}`];
    }),
  );
}

/** The words of a register's fields, by name. */
function words(name: string, value: bigint): Record<string, string> {
  const fields = decodeFields(rowOf(name), value);
  return Object.fromEntries(
    fields.flatMap((field) => (field.words === undefined ? [] : [[field.name, field.words]])),
  );
}

const line = (name: string, value: bigint): string | undefined => wordsOf(rowOf(name), value);

test.each(rows.map((row) => [row.name, row] as const))(
  '%s has fields that fit, or speaks as a whole',
  (_, row) => {
    expect(row.fields !== undefined || row.whole !== undefined).toBe(true);
    for (const fields of [row.fields ?? {}, ...samples.map((value) => row.variant?.(value) ?? {})]) {
      expect(overlaps(fields)).toEqual([]);
      for (const [name, { low, width, doc, values }] of Object.entries(fields)) {
        expect(low >= 0 && width > 0 && low + width <= 64, name).toBe(true);
        expect(doc.length, name).toBeGreaterThan(1);
        for (const value of Object.keys(values ?? {}))
          expect(Number(value), `${name}=${value}`).toBeLessThan(2 ** width);
      }
    }
  },
);

test('decoding keeps every set bit, and puts parts behind what they are in', () => {
  for (const row of rows) {
    if (row.fields === undefined) continue;
    for (const value of samples) {
      const fields = decodeFields(row, value);
      const whole = fields
        .filter(({ within }) => within === undefined)
        .reduce((sum, field) => sum | (field.value << BigInt(field.low)), 0n);
      expect(whole, row.name).toBe(value);
      fields.forEach((field, i) => {
        if (field.within === undefined) return;
        expect(fields.slice(0, i).map(({ name }) => name)).toContain(field.within);
      });
      for (const text of [wordsOf(row, value), ...fields.map((field) => field.words)])
        expect(text ?? '', row.name).not.toMatch(/undefined|NaN/);
    }
  }
});

test('fields stand where the manual has them', () => {
  expect(expectedFields.length).toBeGreaterThan(150);
  const wrong = expectedFields.filter(([register, field, high, low]) => {
    const row = rowOf(register);
    const all = [row.fields ?? {}, ...samples.map((value) => row.variant?.(value) ?? {})];
    return !all.some((fields) =>
      Object.entries(fields).some(
        ([name, bits]) =>
          name.toLowerCase() === field.toLowerCase() &&
          bits.low === low &&
          bits.low + bits.width - 1 === high,
      ),
    );
  });
  expect(wrong).toEqual([]);
});

test('registers of a core without GICv3 or EL2 are not implemented', () => {
  const names = (options: Parameters<typeof featureSet>[1]): Set<string> =>
    new Set(rows.filter((row) => isImplemented(row, featureSet('a53', options))).map(({ name }) => name));
  expect(names({})).toContain('ICH_LR3_EL2');
  expect(names({})).not.toContain('ICH_LR4_EL2');
  expect(names({})).not.toContain('PAN');
  expect(names({ gicV3: false })).not.toContain('ICC_PMR_EL1');
  expect(names({ el2: false })).not.toContain('HCR_EL2');
  expect(names({ el2: false })).toContain('RVBAR_EL1');
  expect(names({})).not.toContain('RVBAR_EL1');
  expect(names({})).toContain('DBGBVR5_EL1');
  expect(names({})).not.toContain('DBGBVR6_EL1');
});

test('translation control says sizes and granules', () => {
  // What Linux with 48-bit addresses and 4 KiB pages programs.
  expect(words('TCR_EL1', 0x0000_0035_b550_3510n)).toMatchObject({
    T0SZ: '48-bit addresses, 256 TiB',
    T1SZ: '48-bit addresses, 256 TiB',
    TG0: '4 KiB',
    TG1: '4 KiB',
    IPS: '48 bits, 256 TiB',
    AS: '16 bits',
    SH0: 'Inner Shareable',
    IRGN0: 'Write-Back, read- and write-allocate',
    TBI0: 'is ignored',
    TBI1: 'is part of the address',
  });
  // Xen on Arm: 40-bit IPAs, walks from level 1.
  expect(words('VTCR_EL2', 0x8002_3558n)).toMatchObject({
    T0SZ: '40-bit addresses, 1 TiB',
    SL0: 'level 1',
    TG0: '4 KiB',
    PS: '40 bits, 1 TiB',
    VS: '8 bits',
  });
  expect(words('VTTBR_EL2', 0x0003_0000_8020_4000n)).toMatchObject({ BADDR: '0x80204000' });
});

test('memory attributes have names', () => {
  // MAIR_EL1 of Linux: Device-nGnRnE, Device-nGnRE, Device-GRE, Normal-NC, Normal, Normal-WT.
  expect(words('MAIR_EL1', 0x0000_bbff_440c_0400n)).toEqual({
    Attr7: 'Device-nGnRnE',
    Attr6: 'Device-nGnRnE',
    Attr5: 'Normal, Write-Through, read- and write-allocate',
    Attr4: 'Normal, Write-Back, read- and write-allocate',
    Attr3: 'Normal, Non-cacheable',
    Attr2: 'Device-GRE',
    Attr1: 'Device-nGnRE',
    Attr0: 'Device-nGnRnE',
  });
  expect(words('MAIR_EL1', 0x4fn)['Attr0']).toBe(
    'Normal, inner Write-Back, read- and write-allocate, outer Non-cacheable',
  );
});

test('a syndrome is decoded by its class', () => {
  expect(line('ESR_EL1', 0x9200_0047n)).toBe('Data Abort from a lower EL: write, Translation fault, level 3');
  expect(words('ESR_EL1', 0x9200_0047n)).toMatchObject({ WnR: 'write', DFSC: 'Translation fault, level 3' });
  expect(line('ESR_EL1', 0x8600_000fn)).toBe('Instruction Abort from the same EL: Permission fault, level 3');
  expect(line('ESR_EL1', 0x5600_0000n)).toBe('SVC: #0x0');
  expect(line('ESR_EL2', 0x5a00_0ea1n)).toBe('HVC: #0xea1');
  expect(line('ESR_EL2', 0x623a_3016n)).toBe('Trapped MSR, MRS or system instruction: MSR ICC_SGI1R_EL1, X0');
  expect(line('ESR_EL1', 0xf200_0800n)).toBe('BRK: #0x800');
  expect(line('ESR_EL1', 0x0200_0000n)).toBe('Unknown reason');
  expect(line('ESR_EL1', 0n)).toBeUndefined();
  const parts = decodeFields(rowOf('ESR_EL2'), 0x93df_0046n);
  expect(parts.map(({ name, within }) => (within === undefined ? name : `${within}.${name}`))).toEqual([
    'ISS2',
    'EC',
    'IL',
    'ISS',
    'ISS.ISV',
    'ISS.SAS',
    'ISS.SSE',
    'ISS.SRT',
    'ISS.SF',
    'ISS.AR',
    'ISS.VNCR',
    'ISS.SET',
    'ISS.FnV',
    'ISS.EA',
    'ISS.CM',
    'ISS.S1PTW',
    'ISS.WnR',
    'ISS.DFSC',
  ]);
  expect(words('ESR_EL2', 0x93df_0046n)).toMatchObject({ SAS: 'doubleword', SRT: 'XZR', SF: '32 bits' });
});

test('the result of an address translation has two layouts', () => {
  expect(words('PAR_EL1', 0xff00_0000_4123_4b80n)).toEqual({
    ATTR: 'Normal, Write-Back, read- and write-allocate',
    PA: '0x41234000',
    NS: 'yes',
    SH: 'Inner Shareable',
    F: 'no',
  });
  expect(words('PAR_EL1', 0x80fn)).toMatchObject({
    F: 'yes',
    FST: 'Translation fault, level 3',
    S: 'stage 1',
  });
});

test('processor state says level, stack pointer and masks', () => {
  expect(words('SPSR_EL1', 0x6000_03c5n)).toMatchObject({
    N: 'no',
    Z: 'yes',
    C: 'yes',
    V: 'no',
    D: 'masked',
    I: 'masked',
    M: 'EL1, SP_EL1 (EL1h)',
  });
  expect(words('SPSR_EL2', 0n)['M']).toBe('EL0, SP_EL0 (EL0t)');
  expect(words('CurrentEL', 8n)).toEqual({ EL: 'EL2' });
});

test('list registers and priorities say what is pending', () => {
  expect(line('ICH_LR0_EL2', 0x50a0_0000_0000_001bn)).toBe('PPI 11, pending');
  expect(line('ICH_LR0_EL2', 0x30a0_001b_0000_001bn)).toBe('empty');
  expect(words('ICH_LR0_EL2', 0x70a0_001b_0000_001bn)).toMatchObject({
    State: 'pending',
    HW: 'yes',
    Group: '1',
    vINTID: 'PPI 11',
    pINTID: 'PPI 11',
  });
  expect(line('ICC_AP1R0_EL1', 0x30_0000n)).toBe('active: 0xa0, 0xa8');
  expect(words('ICC_RPR_EL1', 0xffn)).toEqual({ Priority: 'idle: no interrupt is active' });
  // Reset values with five priority bits: both groups preempt by all of them (IHI 0069, 4.8.3).
  expect(words('ICC_BPR0_EL1', 2n)).toEqual({ BinaryPoint: 'bits 7 to 3' });
  expect(words('ICC_BPR1_EL1', 3n)).toEqual({ BinaryPoint: 'bits 7 to 3' });
  expect(words('ICC_IAR1_EL1', 1023n)).toEqual({ INTID: 'none' });
  expect(words('ICC_HPPIR1_EL1', 33n)).toEqual({ INTID: 'SPI 1' });
});

test('identification speaks of the core and its caches', () => {
  expect(words('MIDR_EL1', 0x410f_d034n)).toEqual({
    Implementer: 'Arm',
    Variant: 'r0',
    Architecture: 'see the ID registers',
    PartNum: 'Cortex-A53',
    Revision: 'p4',
  });
  expect(words('ID_AA64PFR0_EL1', 0x0000_0000_0100_0111n)).toMatchObject({
    EL0: 'AArch64 only',
    EL3: 'no',
    FP: 'single and double precision',
    GIC: 'GICv3 or GICv4.0',
  });
  expect(words('ID_AA64MMFR0_EL1', 0x0000_0000_0010_1122n)).toMatchObject({
    PARange: '40 bits, 1 TiB',
    ASIDBits: '16 bits',
    TGran4: 'yes',
    TGran16: 'yes',
  });
  // The Cortex-A53 of DDI 0500: 32 KiB of four ways, and 1 MiB of sixteen.
  expect(line('CCSIDR_EL1', 0x700f_e01an)).toBe('32 KiB');
  expect(words('CCSIDR_EL1', 0x707f_e07an)).toMatchObject({
    NumSets: '1024',
    Associativity: '16',
    LineSize: '64 bytes',
  });
  expect(line('CCSIDR_EL1', 0x707f_e07an)).toBe('1024 KiB');
  expect(words('CTR_EL0', 0x8444_8004n)).toMatchObject({ DminLine: '64 bytes', L1Ip: 'VIPT' });
  expect(words('DCZID_EL0', 4n)).toMatchObject({ BS: '64 bytes' });
});

test('timers say when they are due', () => {
  expect(line('CNTFRQ_EL0', 62_500_000n)).toBe('62.5 MHz');
  expect(line('CNTV_TVAL_EL0', 62_500n)).toBe('due in 1.000 ms');
  expect(line('CNTV_TVAL_EL0', 0xffff_ffffn - 62_499n)).toBe('due 1.000 ms ago');
  expect(line('CNTVCT_EL0', 125_000_000n)).toBe('2.000 s');
  expect(words('CNTV_CTL_EL0', 5n)).toEqual({ ENABLE: 'on', IMASK: 'not masked', ISTATUS: 'yes' });
});

test('bits without a name are shown only where they are set', () => {
  expect(decodeFields(rowOf('CNTV_CTL_EL0'), 0xf0n << 32n).filter(({ reserved }) => reserved)).toEqual([
    { name: 'reserved', high: 39, low: 36, value: 15n, doc: 'Bits without a name here', reserved: true },
  ]);
  expect(decodeFields(rowOf('CNTV_CTL_EL0'), 7n).filter(({ reserved }) => reserved)).toEqual([]);
});
