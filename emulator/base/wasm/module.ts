// Writes a WebAssembly module (WebAssembly Core Specification, "Modules" of "Binary Format").

import { CodeBuffer } from './code.ts';
import { VALUE_TYPE_CODE, type ValueType } from './opcodes.ts';

const KIND_FUNCTION = 0;
const KIND_TABLE = 1;
const KIND_MEMORY = 2;
const FUNCREF = 0x70;

export interface FunctionSignature {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

export interface FunctionBody {
  readonly locals: readonly ValueType[];
  readonly code: CodeBuffer;
}

interface ImportedFunction {
  readonly module: string;
  readonly name: string;
  readonly type: number;
}

/** Collects types, imports, functions and one table, and writes them as a module. */
export class ModuleWriter {
  private readonly types: FunctionSignature[] = [];
  private readonly typeIndexes = new Map<string, number>();
  private readonly importedFunctions: ImportedFunction[] = [];
  private readonly functions: { type: number; body: FunctionBody }[] = [];
  private readonly exports: { name: string; index: number }[] = [];
  private memory: { module: string; name: string; minimumPages: number } | undefined;
  private importedTable: { module: string; name: string } | undefined;
  private table: readonly number[] = [];
  private tableRoom = 0;
  private tableName: string | undefined;
  private readonly names = new Map<number, string>();
  private readonly data: { address: number; bytes: Uint8Array }[] = [];

  typeIndex(signature: FunctionSignature): number {
    const key = `${signature.params.join()}>${signature.results.join()}`;
    let index = this.typeIndexes.get(key);
    if (index === undefined) {
      index = this.types.push(signature) - 1;
      this.typeIndexes.set(key, index);
    }
    return index;
  }

  /** All imports come before the first function. Returns the function's index. */
  importFunction(module: string, name: string, signature: FunctionSignature): number {
    if (this.functions.length > 0) throw new Error('imports come before functions');
    return this.importedFunctions.push({ module, name, type: this.typeIndex(signature) }) - 1;
  }

  importMemory(module: string, name: string, minimumPages: number): void {
    this.memory = { module, name, minimumPages };
  }

  /** The table is then that one, and the module has none of its own. */
  importTable(module: string, name: string): void {
    this.importedTable = { module, name };
  }

  addFunction(signature: FunctionSignature, body: FunctionBody, exportName?: string): number {
    const index = this.importedFunctions.length + this.functions.length;
    this.functions.push({ type: this.typeIndex(signature), body });
    if (exportName !== undefined) this.exports.push({ name: exportName, index });
    return index;
  }

  /** Put at this address of the memory when the module is instantiated. */
  addData(address: number, bytes: Uint8Array): void {
    this.data.push({ address, bytes });
  }

  /** A name for profilers. */
  nameFunction(index: number, name: string): void {
    this.names.set(index, name);
  }

  /** The module's own table, filled with these functions from index 0; behind them there may be free places. */
  setTable(
    functions: readonly number[],
    options: { readonly exportName?: string; readonly room?: number } = {},
  ): void {
    this.table = functions;
    this.tableRoom = options.room ?? 0;
    this.tableName = options.exportName;
  }

  build(): Uint8Array {
    const out = new CodeBuffer(1 << 12);
    out.bytes([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
    this.section(out, 1, this.types.length, (section) => {
      for (const type of this.types) {
        section.byte(0x60);
        this.valueTypes(section, type.params);
        this.valueTypes(section, type.results);
      }
    });
    const otherImports = (this.memory ? 1 : 0) + (this.importedTable ? 1 : 0);
    this.section(out, 2, this.importedFunctions.length + otherImports, (section) => {
      for (const entry of this.importedFunctions) {
        section.name(entry.module);
        section.name(entry.name);
        section.byte(KIND_FUNCTION);
        section.unsigned(entry.type);
      }
      if (this.importedTable) {
        section.name(this.importedTable.module);
        section.name(this.importedTable.name);
        section.bytes([KIND_TABLE, FUNCREF, 0x00, 0x00]);
      }
      if (!this.memory) return;
      section.name(this.memory.module);
      section.name(this.memory.name);
      section.byte(KIND_MEMORY);
      section.byte(0x00);
      section.unsigned(this.memory.minimumPages);
    });
    this.section(out, 3, this.functions.length, (section) => {
      for (const { type } of this.functions) section.unsigned(type);
    });
    this.section(out, 4, this.table.length > 0 ? 1 : 0, (section) => {
      section.bytes([FUNCREF, 0x01]);
      section.unsigned(this.table.length + this.tableRoom);
      section.unsigned(this.table.length + this.tableRoom);
    });
    this.section(out, 7, this.exports.length + (this.tableName === undefined ? 0 : 1), (section) => {
      if (this.tableName !== undefined) {
        section.name(this.tableName);
        section.byte(KIND_TABLE);
        section.unsigned(0);
      }
      for (const entry of this.exports) {
        section.name(entry.name);
        section.byte(KIND_FUNCTION);
        section.unsigned(entry.index);
      }
    });
    this.section(out, 9, this.table.length > 0 ? 1 : 0, (section) => {
      // Active segment of table 0 at offset i32.const 0.
      section.bytes([0x00, 0x41, 0x00, 0x0b]);
      section.unsigned(this.table.length);
      for (const index of this.table) section.unsigned(index);
    });
    this.section(out, 10, this.functions.length, (section) => {
      for (const { body } of this.functions) this.functionBody(section, body);
    });
    this.section(out, 11, this.data.length, (section) => {
      for (const { address, bytes } of this.data) {
        // Active segment of memory 0 at offset i32.const.
        section.bytes([0x00, 0x41]);
        section.signed(address);
        section.byte(0x0b);
        section.unsigned(bytes.length);
        section.bytes(bytes);
      }
    });
    this.nameSection(out);
    return out.view().slice();
  }

  /** Function names for profilers: a custom section that engines ignore otherwise. */
  private nameSection(out: CodeBuffer): void {
    if (this.names.size === 0) return;
    const map = new CodeBuffer(1 << 12);
    map.unsigned(this.names.size);
    for (const [index, name] of [...this.names].sort(([a], [b]) => a - b)) {
      map.unsigned(index);
      map.name(name);
    }
    const content = new CodeBuffer(1 << 12);
    content.name('name');
    content.byte(0x01);
    content.unsigned(map.length);
    content.append(map);
    out.byte(0x00);
    out.unsigned(content.length);
    out.append(content);
  }

  private valueTypes(out: CodeBuffer, types: readonly ValueType[]): void {
    out.unsigned(types.length);
    for (const type of types) out.byte(VALUE_TYPE_CODE[type]);
  }

  private functionBody(out: CodeBuffer, { locals, code }: FunctionBody): void {
    const header = new CodeBuffer(64);
    const runs: { type: ValueType; count: number }[] = [];
    for (const type of locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    header.unsigned(runs.length);
    for (const run of runs) {
      header.unsigned(run.count);
      header.byte(VALUE_TYPE_CODE[run.type]);
    }
    out.unsigned(header.length + code.length + 1);
    out.append(header);
    out.append(code);
    out.byte(0x0b);
  }

  private section(out: CodeBuffer, id: number, count: number, write: (section: CodeBuffer) => void): void {
    if (count === 0) return;
    const content = new CodeBuffer(1 << 12);
    content.unsigned(count);
    write(content);
    out.byte(id);
    out.unsigned(content.length);
    out.append(content);
  }
}
