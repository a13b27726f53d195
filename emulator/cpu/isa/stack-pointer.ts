// Which instructions may leave SP misaligned. An access through a misaligned SP faults (SCTLR_ELx.SA, SA0), and
// testing SP at each access would cost what nobody wants to pay. So the alignment is looked at where SP is
// written: a word that may change it has a second row, which does the same and then tells the kernels.
//
// Deviation: structures (LD1, ST4 and their kin) post-indexed by SP go unnoticed until SP is written otherwise.
// Nobody pops a stack that way, and a second set of their handlers would be a tenth of the interpreter.

import type { InstructionRow } from './define.ts';

type Fields = Readonly<Record<string, number>>;
type Condition = (fields: Fields) => boolean;

const toSp: Condition = ({ Rd }) => Rd === 31;
const multipleOf16 = (bytes: number): boolean => (bytes & 15) === 0;

/** Base write-back by an offset in units of so many bytes. */
const writesBack =
  (units: (fields: Fields) => number): Condition =>
  (fields) =>
    fields['Rn'] === 31 && !multipleOf16(units(fields));

const byImm9 = writesBack(({ imm9 = 0 }) => imm9);
/** Pre- and post-indexed pairs have an odd mode. */
const byPair = (scale: (opc: number) => number): Condition => {
  const moves = writesBack(({ opc = 0, imm7 = 0 }) => imm7 << scale(opc));
  return (fields) => ((fields['mode'] ?? 0) & 1) === 1 && moves(fields);
};

const mayMisalign: Readonly<Record<string, Condition>> = {
  'ADD, ADDS, SUB, SUBS (immediate)': (fields) =>
    fields['S'] === 0 && toSp(fields) && !(fields['Rn'] === 31 && multipleOf16(fields['imm12'] ?? 0)),
  'ADD, ADDS, SUB, SUBS (extended register)': (fields) => fields['S'] === 0 && toSp(fields),
  'AND, ORR, EOR, ANDS (immediate)': (fields) => fields['opc'] !== 3 && toSp(fields),
  'STR, LDR, LDRS (post- and pre-indexed)': byImm9,
  'LDR, STR (immediate, SIMD&FP, pre- and post-indexed)': byImm9,
  'STP, LDP, LDPSW, STNP, LDNP': byPair((opc) => (opc === 2 ? 3 : 2)),
  'LDP, STP, LDNP, STNP (SIMD&FP)': byPair((opc) => 2 + opc),
};

/** The rows, with those that may misalign SP split in two. */
export function watchingStackPointer(rows: readonly InstructionRow[]): readonly InstructionRow[] {
  const missing = Object.keys(mayMisalign).filter((name) => !rows.some((row) => row.name === name));
  if (missing.length > 0) throw new Error(`no instruction is called ${missing.join(' or ')}`);
  return rows.flatMap((row) => {
    const condition = mayMisalign[row.name];
    if (!condition) return row;
    const { accept, execute } = row;
    const plain: InstructionRow = {
      ...row,
      accept: (fields) => !condition(fields) && (accept?.(fields) ?? true),
    };
    const watched: InstructionRow = {
      ...row,
      name: `${row.name}, misaligning SP`,
      accept: (fields) => condition(fields) && (accept?.(fields) ?? true),
      hot: undefined,
      execute(ops, operands) {
        execute(ops, operands);
        ops.call('stackPointerWritten');
      },
    };
    return [plain, watched];
  });
}
