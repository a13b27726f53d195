// All system registers and system instructions as one table, numbered, and found by encoding or
// by name. A number below INDEX_FIRST is that of the register's slot of storage.

import { SYSREGS, SYSREGS_FREE } from '../../memory/layout.ts';
import { controlRegisters } from './control.ts';
import { debugRegisters } from './debug.ts';
import { systemRegister, type SystemRegisterRow, type Trap } from './define.ts';
import { exceptionRegisters, stateRegisters, threadRegisters } from './exception.ts';
import { identificationRegisters } from './identification.ts';
import { INDEX_COUNT, INDEX_FIRST, INDEX_FREE } from './indexes.ts';
import { interruptControllerRegisters } from './interrupt-controller.ts';
import { performanceMonitorRegisters } from './performance-monitors.ts';
import { systemInstructions } from './system-instructions.ts';
import { timerRegistersTable } from './timer.ts';
import { translationRegisters } from './translation.ts';

export interface NumberedRow {
  readonly row: SystemRegisterRow;
  readonly index: number;
  /** Address of its storage in memory/layout.ts; 0 without storage. */
  readonly slot: number;
}

/** What CRn 11 and 15 hold is IMPLEMENTATION DEFINED: nothing here, but HCR_EL2.TIDCP traps first. */
const idcpTrap: Trap = { control: 'HCR_EL2.TIDCP', from: [1], to: 2 };
const implementationDefined = systemRegister('IMPLEMENTATION DEFINED', {
  encoding: '',
  doc: 'Registers and instructions with CRn 11 or 15: none is implemented',
  minEl: 1,
  access: 'rw',
  storage: false,
  traps: [idcpTrap],
  check: () => 'undefined',
});

/** Registers that belong together, for people. */
export interface RegisterGroup {
  readonly id: string;
  readonly title: string;
  readonly rows: readonly SystemRegisterRow[];
}

/** Numbers follow this order, and with them where registers are stored. */
export const registerGroups: readonly RegisterGroup[] = [
  { id: 'identification', title: 'Identification', rows: identificationRegisters },
  { id: 'control', title: 'Control', rows: controlRegisters },
  { id: 'translation', title: 'Translation', rows: translationRegisters },
  { id: 'exception', title: 'Exceptions', rows: exceptionRegisters },
  { id: 'state', title: 'Processor state', rows: stateRegisters },
  { id: 'thread', title: 'Threads', rows: threadRegisters },
  { id: 'timer', title: 'Timers', rows: timerRegistersTable },
  { id: 'interrupt-controller', title: 'Interrupt controller', rows: interruptControllerRegisters },
  { id: 'performance-monitors', title: 'Performance monitors', rows: performanceMonitorRegisters },
  { id: 'debug', title: 'Debug', rows: debugRegisters },
];

export const systemRegisterRows: readonly SystemRegisterRow[] = [
  ...registerGroups.flatMap(({ rows }) => rows),
  ...systemInstructions,
  implementationDefined,
];

/** By number; holes are undefined. */
export const numberedRows: readonly (NumberedRow | undefined)[] = assignNumbers();

const byName = new Map<string, NumberedRow>();
const byEncoding = new Map<number, NumberedRow>();
for (const numbered of numberedRows) {
  if (numbered === undefined) continue;
  byName.set(numbered.row.name, numbered);
  const words = encodingWords(numbered.row.encoding);
  if (words) byEncoding.set(encodingKey(...words), numbered);
}

/** The row that the words of an MRS, MSR or SYS name; undefined where nothing is allocated. */
export function lookup(
  op0: number,
  op1: number,
  crn: number,
  crm: number,
  op2: number,
): NumberedRow | undefined {
  const found = byEncoding.get(encodingKey(op0, op1, crn, crm, op2));
  if (found) return found;
  const isFree = (op0 === 3 || op0 === 1) && (crn === 11 || crn === 15);
  return isFree ? byName.get('IMPLEMENTATION DEFINED') : undefined;
}

export function lookupName(name: string): NumberedRow | undefined {
  return byName.get(name);
}

/** [op0, op1, CRn, CRm, op2] of `S3_0_C1_C0_0`. */
export function encodingWords(encoding: string): [number, number, number, number, number] | undefined {
  const match = /^S(\d)_(\d)_C(\d+)_C(\d+)_(\d)$/.exec(encoding);
  if (!match) return undefined;
  return match.slice(1).map(Number) as [number, number, number, number, number];
}

function encodingKey(op0: number, op1: number, crn: number, crm: number, op2: number): number {
  return (op0 << 14) | (op1 << 11) | (crn << 7) | (crm << 3) | op2;
}

function assignNumbers(): (NumberedRow | undefined)[] {
  const rows: (NumberedRow | undefined)[] = Array.from({ length: INDEX_COUNT }, () => undefined);
  let nextSlot = SYSREGS_FREE;
  let nextIndex = INDEX_FREE;
  for (const row of systemRegisterRows) {
    let index: number;
    if (row.storage === false) index = row.index ?? nextIndex++;
    else if (row.slot === undefined) index = nextSlot++;
    else index = (row.slot - SYSREGS) / 8;
    if (row.storage !== false && index >= INDEX_FIRST)
      throw new RangeError('more system registers than slots');
    if (rows[index] !== undefined)
      throw new RangeError(`${row.name} has the number of ${rows[index]?.row.name}`);
    rows[index] = { row, index, slot: row.storage === false ? 0 : SYSREGS + 8 * index };
  }
  return rows;
}
