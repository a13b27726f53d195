// ESR_ELx: exception class, and the syndrome of each class. DDI 0487, ESR_EL1.

import { bit, bits, type Fields, type Words } from './define.ts';

const EXCEPTION_CLASSES: Readonly<Record<number, string>> = {
  0x00: 'Unknown reason',
  0x01: 'Trapped WFI or WFE',
  0x03: 'Trapped MCR or MRC, coprocessor 15 (AArch32)',
  0x04: 'Trapped MCRR or MRRC, coprocessor 15 (AArch32)',
  0x05: 'Trapped MCR or MRC, coprocessor 14 (AArch32)',
  0x06: 'Trapped LDC or STC (AArch32)',
  0x07: 'Trapped access to FP, AdvSIMD, SVE or SME',
  0x08: 'Trapped VMRS (AArch32)',
  0x09: 'Trapped pointer authentication',
  0x0a: 'Trapped LD64B or ST64B',
  0x0c: 'Trapped MRRC, coprocessor 14 (AArch32)',
  0x0d: 'Branch Target exception',
  0x0e: 'Illegal Execution state',
  0x11: 'SVC (AArch32)',
  0x12: 'HVC (AArch32)',
  0x13: 'SMC (AArch32)',
  0x15: 'SVC',
  0x16: 'HVC',
  0x17: 'SMC',
  0x18: 'Trapped MSR, MRS or system instruction',
  0x19: 'Trapped SVE',
  0x1a: 'Trapped ERET',
  0x1c: 'Pointer authentication failed',
  0x1d: 'Trapped SME',
  0x1e: 'Granule Protection Check',
  0x20: 'Instruction Abort from a lower EL',
  0x21: 'Instruction Abort from the same EL',
  0x22: 'PC alignment fault',
  0x24: 'Data Abort from a lower EL',
  0x25: 'Data Abort from the same EL',
  0x26: 'SP alignment fault',
  0x27: 'Memory copy or set exception',
  0x28: 'Floating-point exception (AArch32)',
  0x2c: 'Floating-point exception',
  0x2d: 'Guarded control stack exception',
  0x2f: 'SError',
  0x30: 'Breakpoint from a lower EL',
  0x31: 'Breakpoint from the same EL',
  0x32: 'Software Step from a lower EL',
  0x33: 'Software Step from the same EL',
  0x34: 'Watchpoint from a lower EL',
  0x35: 'Watchpoint from the same EL',
  0x38: 'BKPT (AArch32)',
  0x3a: 'Vector Catch (AArch32)',
  0x3c: 'BRK',
};

const LEVELED_FAULTS: Readonly<Record<number, string>> = {
  0b0000: 'Address size fault',
  0b0001: 'Translation fault',
  0b0010: 'Access flag fault',
  0b0011: 'Permission fault',
  0b0101: 'Synchronous External abort on a table walk',
  0b0111: 'Parity or ECC error on a table walk',
};
const OTHER_FAULTS: Readonly<Record<number, string>> = {
  0b010000: 'Synchronous External abort',
  0b010001: 'Tag check fault',
  0b011000: 'Parity or ECC error',
  0b100001: 'Alignment fault',
  0b100010: 'Debug exception',
  0b110000: 'TLB conflict abort',
  0b110001: 'Unsupported update of descriptors by hardware',
  0b110100: 'Lockdown fault',
  0b110101: 'Unsupported exclusive or atomic access',
};

/** DFSC, IFSC and PAR_EL1.FST. */
export const faultStatus: Words = (value) => {
  const code = Number(value);
  const leveled = LEVELED_FAULTS[code >> 2];
  return leveled === undefined ? OTHER_FAULTS[code] : `${leveled}, level ${code & 3}`;
};

const conditions = ['EQ', 'NE', 'CS', 'CC', 'MI', 'PL', 'VS', 'VC', 'HI', 'LS', 'GE', 'LT', 'GT', 'LE', 'AL'];
const condition: Fields = {
  CV: bit(24, 'COND is valid'),
  COND: bits(23, 20, 'Condition of the instruction', { ...conditions }),
};
const register: Words = (value) => (value === 31n ? 'XZR' : `X${value}`);

const waitFields: Fields = {
  ...condition,
  TI: bits(1, 0, 'Instruction', { 0: 'WFI', 1: 'WFE', 2: 'WFIT', 3: 'WFET' }),
};

const callFields: Fields = { imm16: bits(15, 0, 'Immediate of the instruction') };
const breakFields: Fields = { Comment: bits(15, 0, 'Immediate of the instruction') };

const systemFields: Fields = {
  Op0: bits(21, 20, 'Encoding of the register'),
  Op2: bits(19, 17, 'Encoding of the register'),
  Op1: bits(16, 14, 'Encoding of the register'),
  CRn: bits(13, 10, 'Encoding of the register'),
  Rt: bits(9, 5, 'General-purpose register', register),
  CRm: bits(4, 1, 'Encoding of the register'),
  Direction: bit(0, 'Direction', ['MSR: write', 'MRS: read']),
};

const faultStatusCode = (name: 'DFSC' | 'IFSC'): Fields => ({
  [name]: bits(5, 0, 'Fault status', faultStatus),
});

const syncErrorType = { 0: 'recoverable', 2: 'uncontainable', 3: 'restartable or corrected' };

const instructionAbortFields: Fields = {
  SET: bits(12, 11, 'Synchronous error type', syncErrorType),
  FnV: bit(10, 'FAR is not valid'),
  EA: bit(9, 'External abort type'),
  S1PTW: bit(7, 'Stage 2 fault on a table walk of stage 1'),
  ...faultStatusCode('IFSC'),
};

const dataAbortFields: Fields = {
  ISV: bit(24, 'Bits 23 to 14 are valid'),
  SAS: bits(23, 22, 'Access size', { 0: 'byte', 1: 'halfword', 2: 'word', 3: 'doubleword' }),
  SSE: bit(21, 'Loads sign-extend'),
  SRT: bits(20, 16, 'Register loaded or stored', register),
  SF: bit(15, 'Width of the register', ['32 bits', '64 bits']),
  AR: bit(14, 'Acquire or release'),
  VNCR: bit(13, 'Access through VNCR_EL2'),
  SET: bits(12, 11, 'Synchronous error type', syncErrorType),
  FnV: bit(10, 'FAR is not valid'),
  EA: bit(9, 'External abort type'),
  CM: bit(8, 'Cache maintenance or address translation'),
  S1PTW: bit(7, 'Stage 2 fault on a table walk of stage 1'),
  WnR: bit(6, 'Access', ['read', 'write']),
  ...faultStatusCode('DFSC'),
};

const watchpointFields: Fields = {
  VNCR: bit(13, 'Access through VNCR_EL2'),
  CM: bit(8, 'Cache maintenance'),
  WnR: bit(6, 'Access', ['read', 'write']),
  ...faultStatusCode('DFSC'),
};

const stepFields: Fields = {
  ISV: bit(24, 'EX is valid'),
  EX: bit(6, 'A load-exclusive was stepped'),
  ...faultStatusCode('IFSC'),
};

const errorFields: Fields = {
  IDS: bit(24, 'The rest is IMPLEMENTATION DEFINED'),
  IESB: bit(13, 'Taken at an implicit barrier'),
  AET: bits(12, 10, 'Asynchronous error type', {
    0: 'uncontainable',
    1: 'unrecoverable',
    2: 'restartable',
    3: 'recoverable',
    6: 'corrected',
  }),
  EA: bit(9, 'External abort type'),
  ...faultStatusCode('DFSC'),
};

const floatFields: Fields = {
  TFV: bit(23, 'The flags below are valid'),
  VECITR: bits(10, 8, 'Reserved for AArch64: 7'),
  IDF: bit(7, 'Input denormal'),
  IXF: bit(4, 'Inexact'),
  UFF: bit(3, 'Underflow'),
  OFF: bit(2, 'Overflow'),
  DZF: bit(1, 'Division by zero'),
  IOF: bit(0, 'Invalid operation'),
};

const SYNDROMES: Readonly<Record<number, Fields>> = {
  0x01: waitFields,
  0x07: condition,
  0x15: callFields,
  0x16: callFields,
  0x17: callFields,
  0x18: systemFields,
  0x20: instructionAbortFields,
  0x21: instructionAbortFields,
  0x24: dataAbortFields,
  0x25: dataAbortFields,
  0x2c: floatFields,
  0x2f: errorFields,
  0x30: faultStatusCode('IFSC'),
  0x31: faultStatusCode('IFSC'),
  0x32: stepFields,
  0x33: stepFields,
  0x34: watchpointFields,
  0x35: watchpointFields,
  0x3c: breakFields,
};

const classOf = (syndrome: bigint): number => Number((syndrome >> 26n) & 0x3fn);

export const syndromeFields: Fields = {
  ISS2: bits(55, 32, 'More of the syndrome'),
  EC: bits(31, 26, 'Exception class', EXCEPTION_CLASSES),
  IL: bit(25, 'Length of the instruction', ['16 bits', '32 bits']),
  ISS: bits(24, 0, 'Syndrome of the class'),
};

/** What the ISS consists of, by the class. */
export const syndromeVariant = (value: bigint): Fields => SYNDROMES[classOf(value)] ?? {};

/**
 * One line: `Data Abort from a lower EL: write, Translation fault, level 3`. No exception leaves zero: IL is set
 * where the reason is unknown.
 */
export const syndromeWords: Words = (value) => {
  const number = classOf(value);
  const name = EXCEPTION_CLASSES[number];
  if (value === 0n || name === undefined) return undefined;
  const detail = detailOf(number, value);
  return detail === undefined ? name : `${name}: ${detail}`;
};

function detailOf(number: number, value: bigint): string | undefined {
  const iss = Number(value & 0x1ff_ffffn);
  const fault = faultStatus(value & 0x3fn, value);
  switch (number) {
    case 0x01:
      return ['WFI', 'WFE', 'WFIT', 'WFET'][iss & 3];
    case 0x15:
    case 0x16:
    case 0x17:
    case 0x3c:
      return `#0x${(iss & 0xffff).toString(16)}`;
    case 0x18:
      return systemAccess(iss);
    case 0x20:
    case 0x21:
      return fault;
    case 0x24:
    case 0x25: {
      const access = (iss & 0x40) !== 0 ? 'write' : 'read';
      return fault === undefined ? access : `${access}, ${fault}`;
    }
    default:
      return undefined;
  }
}

/** Encodings such as S3_0_C1_C0_0 become names in decode.ts. */
function systemAccess(iss: number): string {
  const bitsOf = (high: number, low: number): number => (iss >>> low) & ((1 << (high - low + 1)) - 1);
  const encoding = `S${bitsOf(21, 20)}_${bitsOf(16, 14)}_C${bitsOf(13, 10)}_C${bitsOf(4, 1)}_${bitsOf(19, 17)}`;
  const rt = bitsOf(9, 5);
  const general = rt === 31 ? 'XZR' : `X${rt}`;
  if (bitsOf(21, 20) === 1) return `${encoding}, ${general}`;
  return (iss & 1) !== 0 ? `MRS ${general}, ${encoding}` : `MSR ${encoding}, ${general}`;
}
