// What a guest may do to system registers, and what it sees of the trapped ones: the EL2 controls
// as Xen 4.17 sets them for a vCPU, and one row for each trapped register (xen/arch/arm/arm64/
// vsysreg.c, cpufeature.c). A register without a row is UNDEFINED for the guest.

// ---------------------------------------------------------------- EL2 controls

const HCR_VM = 1n << 0n;
const HCR_SWIO = 1n << 1n;
const HCR_PTW = 1n << 2n;
const HCR_FMO = 1n << 3n;
const HCR_IMO = 1n << 4n;
const HCR_AMO = 1n << 5n;
const HCR_FB = 1n << 9n;
const HCR_BSU_INNER = 1n << 10n;
const HCR_TWI = 1n << 13n;
const HCR_TWE = 1n << 14n;
const HCR_TID3 = 1n << 18n;
const HCR_TSC = 1n << 19n;
const HCR_TIDCP = 1n << 20n;
const HCR_TAC = 1n << 21n;
const HCR_TSW = 1n << 22n;
const HCR_RW = 1n << 31n;

export const GUEST_HCR =
  HCR_PTW |
  HCR_BSU_INNER |
  HCR_AMO |
  HCR_IMO |
  HCR_FMO |
  HCR_VM |
  HCR_TWI |
  HCR_TWE |
  HCR_TID3 |
  HCR_TSC |
  HCR_TAC |
  HCR_SWIO |
  HCR_TIDCP |
  HCR_FB |
  HCR_TSW |
  HCR_RW;

/** TDRA, TDOSA, TDA: debug registers; TPM, TPMCR: performance monitors. */
export const GUEST_MDCR = (1n << 11n) | (1n << 10n) | (1n << 9n) | (1n << 6n) | (1n << 5n);

/** TTA (trace), TAM (activity monitors), and the bits that are RES1; FP and AdvSIMD do not trap. */
export const GUEST_CPTR = (1n << 20n) | (1n << 30n) | 0x33ffn;

/** T15: CP15 accesses of AArch32 with CRn = 15. */
export const GUEST_HSTR = 1n << 15n;

/** EL1PCTEN: the physical counter can be read. EL1PCEN is clear: the physical timer is emulated. */
export const GUEST_CNTHCTL = 1n;

/** SCTLR_EL1 at the entry of a vCPU: RES1 bits, MMU and caches off. */
export const SCTLR_GUEST_INIT = 0x00c5_0078n;

/** PSTATE at the entry of a vCPU: EL1h with A, I and F masked; D is not. */
export const PSR_GUEST64_INIT = 0x1c5n;

// ---------------------------------------------------------------- trapped registers

/** What an access to a trapped register does. */
export type SysregRule =
  /** Reads as a constant, zero unless it says otherwise; a write is UNDEFINED. */
  | { readonly kind: 'read-only'; readonly value?: bigint; readonly minimumEl: 0 | 1 }
  /** Writes are ignored; a read is UNDEFINED. */
  | { readonly kind: 'write-ignored'; readonly minimumEl: 0 | 1 }
  /** Reads as zero, ignores writes. */
  | { readonly kind: 'raz-wi'; readonly minimumEl: 0 | 1 }
  /** An ID register: what the CPU says less what Xen hides; a write is UNDEFINED. */
  | { readonly kind: 'id'; readonly crm: number; readonly op2: number; readonly hidden: bigint }
  /** Reads the value at reset, ignores writes. UNDEFINED at EL0. */
  | { readonly kind: 'actlr' }
  /** Cache maintenance by set and way: caches are not modelled, so there is nothing to clean. */
  | { readonly kind: 'set-way' }
  | { readonly kind: 'physical-timer'; readonly register: 'CTL' | 'TVAL' | 'CVAL' }
  | { readonly kind: 'sgi'; readonly register: 'ICC_SGI1R_EL1' };

export interface SysregRow {
  readonly name: string;
  readonly rule: SysregRule;
}

/** op0, op1, CRn, CRm, op2 as one number: the layout of ISS in an exception of class 0x18. */
const encoding = (op0: number, op1: number, crn: number, crm: number, op2: number): number =>
  (op0 << 20) | (op2 << 17) | (op1 << 14) | (crn << 10) | (crm << 1);

/** The bits of that ISS that name the register. */
export const ENCODING_MASK = 0x3f_fc1e;

const field = (low: number): bigint => 0xfn << BigInt(low);

/** Fields of ID registers that Xen 4.17 clears: what it does not context switch. */
const HIDDEN: Readonly<Record<string, bigint>> = {
  ID_PFR0_EL1: field(28) | field(20), // RAS, AMU
  ID_AA64PFR0_EL1: field(28) | field(32) | field(40) | field(44), // RAS, SVE, MPAM, AMU
  ID_AA64PFR1_EL1: field(8) | field(16), // MTE, MPAM_frac
  ID_AA64ISAR1_EL1: field(4) | field(8) | field(24) | field(28), // APA, API, GPA, GPI
  ID_AA64ZFR0_EL1: 0xffff_ffff_ffff_ffffn,
};

/** The ID registers of group 3 (CRm 1..7) that Xen 4.17 knows; the others read as zero. */
const ID_REGISTERS: Readonly<Record<number, readonly (string | undefined)[]>> = {
  1: ['ID_PFR0', 'ID_PFR1', 'ID_DFR0', 'ID_AFR0', 'ID_MMFR0', 'ID_MMFR1', 'ID_MMFR2', 'ID_MMFR3'],
  2: ['ID_ISAR0', 'ID_ISAR1', 'ID_ISAR2', 'ID_ISAR3', 'ID_ISAR4', 'ID_ISAR5', 'ID_MMFR4', 'ID_ISAR6'],
  3: ['MVFR0', 'MVFR1', 'MVFR2', undefined, 'ID_PFR2', 'ID_DFR1', 'ID_MMFR5', undefined],
  4: ['ID_AA64PFR0', 'ID_AA64PFR1', undefined, undefined, 'ID_AA64ZFR0', undefined, undefined, undefined],
  5: ['ID_AA64DFR0', 'ID_AA64DFR1', undefined, undefined, 'ID_AA64AFR0', 'ID_AA64AFR1', undefined, undefined],
  6: ['ID_AA64ISAR0', 'ID_AA64ISAR1', undefined, undefined, undefined, undefined, undefined, undefined],
  7: ['ID_AA64MMFR0', 'ID_AA64MMFR1', 'ID_AA64MMFR2', undefined, undefined, undefined, undefined, undefined],
};

const razWi = (minimumEl: 0 | 1): SysregRule => ({ kind: 'raz-wi', minimumEl });
const readOnly = (minimumEl: 0 | 1, value = 0n): SysregRule => ({ kind: 'read-only', minimumEl, value });

/** OSLSR_EL1.OSLM: the OS lock is implemented; it is not locked. */
const OSLSR_OSLM = 1n << 3n;

function buildTable(): ReadonlyMap<number, SysregRow> {
  const table = new Map<number, SysregRow>();
  const add = (name: string, code: number, rule: SysregRule) => table.set(code, { name, rule });

  add('ACTLR_EL1', encoding(3, 0, 1, 0, 1), { kind: 'actlr' });
  add('DC ISW', encoding(1, 0, 7, 6, 2), { kind: 'set-way' });
  add('DC CSW', encoding(1, 0, 7, 10, 2), { kind: 'set-way' });
  add('DC CISW', encoding(1, 0, 7, 14, 2), { kind: 'set-way' });

  add('MDRAR_EL1', encoding(2, 0, 1, 0, 0), readOnly(1));
  add('OSLAR_EL1', encoding(2, 0, 1, 0, 4), { kind: 'write-ignored', minimumEl: 1 });
  add('OSLSR_EL1', encoding(2, 0, 1, 1, 4), readOnly(1, OSLSR_OSLM));
  add('OSDLR_EL1', encoding(2, 0, 1, 3, 4), razWi(1));
  add('MDSCR_EL1', encoding(2, 0, 0, 2, 2), razWi(1));
  add('MDCCSR_EL0', encoding(2, 3, 0, 1, 0), readOnly(0));
  for (let n = 0; n < 16; n++) {
    add(`DBGBVR${n}_EL1`, encoding(2, 0, 0, n, 4), razWi(1));
    add(`DBGBCR${n}_EL1`, encoding(2, 0, 0, n, 5), razWi(1));
    add(`DBGWVR${n}_EL1`, encoding(2, 0, 0, n, 6), razWi(1));
    add(`DBGWCR${n}_EL1`, encoding(2, 0, 0, n, 7), razWi(1));
  }

  add('PMINTENSET_EL1', encoding(3, 0, 9, 14, 1), razWi(1));
  add('PMINTENCLR_EL1', encoding(3, 0, 9, 14, 2), razWi(1));
  // At EL0 it is read-only: the row says what a write at EL1 does, the handler looks at the EL.
  add('PMUSERENR_EL0', encoding(3, 3, 9, 14, 0), razWi(0));
  const monitors: readonly (readonly [string, number, number])[] = [
    ['PMCR_EL0', 12, 0],
    ['PMCNTENSET_EL0', 12, 1],
    ['PMCNTENCLR_EL0', 12, 2],
    ['PMOVSCLR_EL0', 12, 3],
    ['PMSWINC_EL0', 12, 4],
    ['PMSELR_EL0', 12, 5],
    ['PMCEID0_EL0', 12, 6],
    ['PMCEID1_EL0', 12, 7],
    ['PMCCNTR_EL0', 13, 0],
    ['PMXEVTYPER_EL0', 13, 1],
    ['PMXEVCNTR_EL0', 13, 2],
    ['PMOVSSET_EL0', 14, 3],
  ];
  // PMUSERENR_EL0 reads as zero, so EL0 may use none of them.
  for (const [name, crm, op2] of monitors) add(name, encoding(3, 3, 9, crm, op2), razWi(1));

  add('CNTP_TVAL_EL0', encoding(3, 3, 14, 2, 0), { kind: 'physical-timer', register: 'TVAL' });
  add('CNTP_CTL_EL0', encoding(3, 3, 14, 2, 1), { kind: 'physical-timer', register: 'CTL' });
  add('CNTP_CVAL_EL0', encoding(3, 3, 14, 2, 2), { kind: 'physical-timer', register: 'CVAL' });
  add('ICC_SGI1R_EL1', encoding(3, 0, 12, 11, 5), { kind: 'sgi', register: 'ICC_SGI1R_EL1' });
  // Traps only for a GICv2 guest on a GICv3: it is told to use the memory-mapped interface.
  add('ICC_SRE_EL1', encoding(3, 0, 12, 12, 5), razWi(1));

  for (const [crm, names] of Object.entries(ID_REGISTERS)) {
    names.forEach((name, op2) => {
      const code = encoding(3, 0, 0, Number(crm), op2);
      if (name === undefined) {
        add(`S3_0_C0_C${crm}_${op2}`, code, readOnly(1));
        return;
      }
      const full = `${name}_EL1`;
      add(full, code, { kind: 'id', crm: Number(crm), op2, hidden: HIDDEN[full] ?? 0n });
    });
  }
  return table;
}

export const trappedRegisters: ReadonlyMap<number, SysregRow> = buildTable();

/** The register's name, or its encoding as the assembler takes it. */
export function sysregName(iss: number): string {
  const code = iss & ENCODING_MASK;
  const row = trappedRegisters.get(code);
  if (row) return row.name;
  const op0 = (code >>> 20) & 3;
  const op1 = (code >>> 14) & 7;
  const crn = (code >>> 10) & 15;
  const crm = (code >>> 1) & 15;
  const op2 = (code >>> 17) & 7;
  return `S${op0}_${op1}_C${crn}_C${crm}_${op2}`;
}
