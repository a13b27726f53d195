// Why a translation was refused, in words, and how ESR_ELx would say it. DDI 0487, ESR_EL1 (ISS encoding of aborts).

import type { Access } from './attributes.ts';
import type { El, TranslationRegisters } from './regime.ts';
import { writeImpliesNoExecute } from './regime.ts';
import type { Fault, FaultKind, Leaf, TranslationRequest } from './translate.ts';

const has = (value: bigint, bit: bigint): boolean => ((value >> bit) & 1n) === 1n;

/** Which bit of which descriptor forbids the access of stage 1. */
export function explainPermission(
  registers: TranslationRegisters,
  { el, access, pan }: TranslationRequest,
  { descriptor, level, restrictions }: Leaf,
): string {
  const leaf = `the level ${level} descriptor`;
  const isOpenToEl0 = has(descriptor, 6n) && !restrictions.noEl0;
  const isReadOnly = has(descriptor, 7n) || restrictions.readOnly;
  const readOnly = has(descriptor, 7n)
    ? `AP[2] of ${leaf} is 1: the page is read-only.`
    : 'APTable[1] of a table above is 1: all pages below are read-only.';
  if (access !== 'execute') {
    if (el === 0 && !isOpenToEl0) {
      return has(descriptor, 6n)
        ? 'APTable[0] of a table above is 1: EL0 may not access the pages below.'
        : `AP[1] of ${leaf} is 0: EL0 may not access the page.`;
    }
    if (el === 1 && pan && isOpenToEl0) return 'PSTATE.PAN is 1, and EL0 may access the page: EL1 may not.';
    return readOnly;
  }
  if (el === 2) {
    if (has(descriptor, 54n)) return `XN of ${leaf} is 1: nothing may be executed in the page.`;
    if (restrictions.uxn) return 'XNTable of a table above is 1: nothing may be executed below.';
    return 'SCTLR_EL2.WXN is 1, and the page is writable: nothing may be executed in it.';
  }
  const bit =
    el === 0
      ? { name: 'UXN', at: 54n, table: restrictions.uxn }
      : { name: 'PXN', at: 53n, table: restrictions.pxn };
  if (has(descriptor, bit.at)) return `${bit.name} of ${leaf} is 1: EL${el} may not execute from the page.`;
  if (bit.table) return `${bit.name}Table of a table above is 1: EL${el} may not execute below.`;
  if (writeImpliesNoExecute(registers, el) && !isReadOnly) {
    return 'SCTLR_EL1.WXN is 1, and the page is writable: nothing may be executed in it.';
  }
  return 'EL0 may write the page (AP is 1): EL1 may not execute from it.';
}

export function explainStage2Permission(access: Access, { descriptor, level }: Leaf): string {
  const leaf = `the level ${level} descriptor of stage 2`;
  if (access === 'execute') return `XN of ${leaf} is 1: the guest may not execute from the page.`;
  const s2ap = Number((descriptor >> 6n) & 3n);
  const allowed = ['no access', 'reading only', 'writing only'][s2ap] ?? 'reading and writing';
  return `S2AP of ${leaf} is ${s2ap}: it allows ${allowed}.`;
}

const STATUS: Readonly<Record<FaultKind, { code: number; name: string }>> = {
  'address size': { code: 0x00, name: 'Address size fault' },
  translation: { code: 0x04, name: 'Translation fault' },
  'access flag': { code: 0x08, name: 'Access flag fault' },
  permission: { code: 0x0c, name: 'Permission fault' },
  'external abort on a table walk': { code: 0x14, name: 'Synchronous External abort on a table walk' },
};

export interface Syndrome {
  /** Where the exception goes. */
  readonly el: 1 | 2;
  readonly ec: number;
  readonly exception: string;
  /** DFSC or IFSC. */
  readonly statusField: 'DFSC' | 'IFSC';
  readonly status: number;
  readonly words: string;
  readonly s1ptw: boolean;
  readonly wnr: boolean;
  /** EC, IL and the bits of ISS above; what describes the instruction (ISV and below) is left out. */
  readonly esr: number;
}

/** As the exception would report it. */
export function syndromeOf(
  fault: Fault,
  request: { readonly el: El; readonly access: Access },
  tge: boolean,
): Syndrome {
  const { code, name } = STATUS[fault.kind];
  const target = fault.stage === 2 || request.el === 2 || tge ? 2 : 1;
  const isFetch = request.access === 'execute';
  const same = request.el === target ? 1 : 0;
  const ec = (isFetch ? 0x20 : 0x24) + same;
  const status = code + fault.level;
  // A walk only reads, whatever the access it serves: said of permission faults only.
  const wnr = request.access === 'write' && !(fault.onWalk && fault.kind === 'permission');
  const statusField = isFetch ? 'IFSC' : 'DFSC';
  const esr = (ec * 2 ** 26 + 2 ** 25 + (fault.onWalk ? 0x80 : 0) + (wnr ? 0x40 : 0) + status) >>> 0;
  return {
    el: target,
    ec,
    exception: `${isFetch ? 'Instruction' : 'Data'} Abort from ${same === 1 ? 'the same' : 'a lower'} EL, taken to EL${target}`,
    statusField,
    status,
    words: `${name}, level ${fault.level}, stage ${fault.stage}${fault.onWalk ? ', on a stage 1 table walk (S1PTW)' : ''}`,
    s1ptw: fault.onWalk,
    wnr,
    esr,
  };
}
