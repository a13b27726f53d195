// The decoded line number program of one unit (DWARF 5, section 6.2): rows in typed arrays, cut
// into sequences. Only rows within a sequence are in order of address; sequences are sorted here.

import { lastAtMost } from '../address-window.ts';
import type { AddressWindow } from '../address-window.ts';
import { Cursor } from './cursor.ts';
import type { LineHeader } from './line-header.ts';

const IS_STATEMENT = 1;
const END_SEQUENCE = 2;

const DW_LNS_copy = 1;
const DW_LNS_advance_pc = 2;
const DW_LNS_advance_line = 3;
const DW_LNS_set_file = 4;
const DW_LNS_set_column = 5;
const DW_LNS_negate_stmt = 6;
const DW_LNS_const_add_pc = 8;
const DW_LNS_fixed_advance_pc = 9;
const DW_LNE_end_sequence = 1;
const DW_LNE_set_address = 2;

export interface LineRow {
  /** Distances from the program's base: this row describes [start, end). */
  readonly start: number;
  readonly end: number;
  /** Index into the header's files. */
  readonly file: number;
  readonly line: number;
  readonly column: number;
}

interface Sequence {
  readonly start: number;
  readonly end: number;
  /** Rows [first, last]; the last one only tells the end. */
  readonly first: number;
  readonly last: number;
}

export class LineTable {
  readonly header: LineHeader;
  private readonly rows: Rows;
  private readonly sequences: readonly Sequence[];
  private readonly sequenceStarts: Float64Array;

  constructor(header: LineHeader, program: Cursor, window: AddressWindow) {
    this.header = header;
    this.rows = new Rows(16 + Math.ceil(program.bytes.length / BYTES_FOR_A_ROW));
    this.sequences = runProgram(header, program, window, this.rows).sort((a, b) => a.start - b.start);
    this.sequenceStarts = Float64Array.from(this.sequences, (sequence) => sequence.start);
  }

  /** Bytes of memory the rows take, for caches. */
  get rowCount(): number {
    return this.rows.count;
  }

  /** The row that describes an address. */
  rowAt(address: number): LineRow | undefined {
    const sequence = this.sequences[lastAtMost(this.sequenceStarts, this.sequences.length, address)];
    if (sequence === undefined || address >= sequence.end) return undefined;
    const { first, last } = sequence;
    const addresses = this.rows.addresses.subarray(first, last);
    return this.row(first + lastAtMost(addresses, addresses.length, address));
  }

  /**
   * The run of rows around an address that belong to one line: what a step by line leaves. `byColumn`: to one
   * statement of it.
   */
  lineRunAt(address: number, byColumn = false): LineRow | undefined {
    const sequence = this.sequences[lastAtMost(this.sequenceStarts, this.sequences.length, address)];
    if (sequence === undefined || address >= sequence.end) return undefined;
    const { addresses, files, lines, columns } = this.rows;
    const slice = addresses.subarray(sequence.first, sequence.last);
    const index = sequence.first + lastAtMost(slice, slice.length, address);
    const same = (i: number): boolean =>
      files[i] === files[index] && lines[i] === lines[index] && (!byColumn || columns[i] === columns[index]);
    let first = index;
    while (first > sequence.first && same(first - 1)) first--;
    let next = index + 1;
    while (next < sequence.last && same(next)) next++;
    return { ...this.row(index), start: addresses[first] ?? 0, end: addresses[next] ?? sequence.end };
  }

  /** Visits the first row of every run of statements of one line of one file. */
  forEachRun(file: number, visit: (row: LineRow) => void): void {
    const { files, lines, flags } = this.rows;
    for (const { first, last } of this.sequences) {
      for (let i = first; i < last; i++) {
        if (files[i] !== file || !((flags[i] ?? 0) & IS_STATEMENT)) continue;
        const before = i - 1;
        const isStatement = before >= first && ((flags[before] ?? 0) & IS_STATEMENT) !== 0;
        const continued = isStatement && files[before] === file && lines[before] === lines[i];
        if (!continued) visit(this.row(i));
      }
    }
  }

  /** Visits every row of a file at which a statement begins. */
  forEachStatement(file: number, visit: (row: LineRow) => void): void {
    const { files, flags } = this.rows;
    for (const { first, last } of this.sequences) {
      for (let i = first; i < last; i++) {
        if (files[i] === file && ((flags[i] ?? 0) & IS_STATEMENT) !== 0) visit(this.row(i));
      }
    }
  }

  private row(index: number): LineRow {
    const { addresses, files, lines, columns } = this.rows;
    return {
      start: addresses[index] ?? 0,
      end: addresses[index + 1] ?? 0,
      file: files[index] ?? 0,
      line: lines[index] ?? 0,
      column: columns[index] ?? 0,
    };
  }
}

/** Of GCC's programs; they have more where there are few columns. */
const BYTES_FOR_A_ROW = 3;

/** Growing columns: a program tells only roughly in advance how many rows it makes. */
class Rows {
  count = 0;
  addresses: Float64Array;
  files: Uint32Array;
  lines: Uint32Array;
  columns: Uint16Array;
  flags: Uint8Array;

  constructor(expected: number) {
    this.addresses = new Float64Array(expected);
    this.files = new Uint32Array(expected);
    this.lines = new Uint32Array(expected);
    this.columns = new Uint16Array(expected);
    this.flags = new Uint8Array(expected);
  }

  add(address: number, file: number, line: number, column: number, flags: number): void {
    const i = this.count++;
    if (i === this.addresses.length) this.grow();
    this.addresses[i] = address;
    this.files[i] = file;
    this.lines[i] = line;
    this.columns[i] = Math.min(column, 0xffff);
    this.flags[i] = flags;
  }

  private grow(): void {
    const size = 2 * this.addresses.length;
    const larger = <T extends { set(from: T): void }>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.addresses = larger(new Float64Array(size), this.addresses);
    this.files = larger(new Uint32Array(size), this.files);
    this.lines = larger(new Uint32Array(size), this.lines);
    this.columns = larger(new Uint16Array(size), this.columns);
    this.flags = larger(new Uint8Array(size), this.flags);
  }
}

function runProgram(header: LineHeader, cursor: Cursor, window: AddressWindow, rows: Rows): Sequence[] {
  const { minInstructionLength, lineBase, lineRange, opcodeBase, operandCounts } = header;
  const constAdvance = Math.floor((255 - opcodeBase) / lineRange) * minInstructionLength;
  const sequences: Sequence[] = [];
  let first = rows.count;
  let address = 0;
  let file = 1;
  let line = 1;
  let column = 0;
  let statement = header.defaultIsStatement ? IS_STATEMENT : 0;

  const endSequence = (): void => {
    rows.add(address, file, line, column, statement | END_SEQUENCE);
    const start = rows.addresses[first] ?? Number.NaN;
    // Code that the linker dropped is left behind at address 0, below or out of reach of the base.
    if (start >= 0 && address > start) sequences.push({ start, end: address, first, last: rows.count - 1 });
    else rows.count = first;
    first = rows.count;
    address = 0;
    file = 1;
    line = 1;
    column = 0;
    statement = header.defaultIsStatement ? IS_STATEMENT : 0;
  };

  const extended = (): void => {
    const length = cursor.uleb();
    const next = cursor.at + length;
    const opcode = length === 0 ? 0 : cursor.u8();
    if (opcode === DW_LNE_end_sequence) endSequence();
    else if (opcode === DW_LNE_set_address) address = cursor.address(length - 1, window);
    cursor.at = next;
  };

  while (!cursor.atEnd) {
    const opcode = cursor.u8();
    if (opcode >= opcodeBase) {
      const adjusted = opcode - opcodeBase;
      address += Math.floor(adjusted / lineRange) * minInstructionLength;
      line += lineBase + (adjusted % lineRange);
      rows.add(address, file, line, column, statement);
      continue;
    }
    switch (opcode) {
      case 0:
        extended();
        break;
      case DW_LNS_copy:
        rows.add(address, file, line, column, statement);
        break;
      case DW_LNS_advance_pc:
        address += cursor.uleb() * minInstructionLength;
        break;
      case DW_LNS_advance_line:
        line += cursor.sleb();
        break;
      case DW_LNS_set_file:
        file = cursor.uleb();
        break;
      case DW_LNS_set_column:
        column = cursor.uleb();
        break;
      case DW_LNS_negate_stmt:
        statement ^= IS_STATEMENT;
        break;
      case DW_LNS_const_add_pc:
        address += constAdvance;
        break;
      case DW_LNS_fixed_advance_pc:
        address += cursor.u16();
        break;
      default:
        // Basic blocks, prologue and epilogue marks, ISA, and whatever the header lets us skip.
        for (let count = operandCounts[opcode] ?? 0; count > 0; count--) cursor.skipLeb();
    }
  }
  return sequences;
}
