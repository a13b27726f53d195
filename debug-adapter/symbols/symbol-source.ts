// What the debugger asks of symbols and debug information, whatever file they come from. All addresses
// are link addresses; where the program really runs is the business of `load-map.ts`.

export interface SymbolInfo {
  readonly name: string;
  readonly start: bigint;
  /** The end of the symbol, or where the next one begins. */
  readonly end: bigint;
}

export interface SymbolSource {
  /** For people: `kallsyms of vmlinuz`. */
  readonly description: string;
  /** The symbol that holds the address. */
  symbolAt(address: bigint): SymbolInfo | undefined;
  /** Every address that has this name: static functions of several files may share one. */
  addressesOf(name: string): readonly bigint[];
  /** The same for a breakpoint, which may leave out the first parts of a path of C++ or Rust. */
  functionsNamed(name: string): readonly bigint[];
  /** Where functions begin whose name matches, up to `limit` of them. */
  functionsMatching(pattern: RegExp, limit: number): readonly bigint[];
  /** What has a byte from `from` on and before `to`, in order of address. */
  symbolsWithin(from: bigint, to: bigint, limit: number): readonly SymbolInfo[];
  /** Data between code, as far as the file tells. */
  isData(address: bigint): boolean;
}

/** A line of a source file and the code of it around an address. */
export interface LinePlace {
  /** As the compiler recorded it. */
  readonly path: string;
  /** From 1. */
  readonly line: number;
  /** From 1; 0 when not known. */
  readonly column: number;
  /** Of the file that was compiled, where it is recorded: 32 hexadecimal digits. */
  readonly md5?: string;
  /** The contiguous code of this line that holds the address asked for. */
  readonly start: bigint;
  readonly end: bigint;
  /** Of that, the code with the same column. */
  readonly statement: { readonly start: bigint; readonly end: bigint };
}

/** A function around an address. */
export interface FunctionScope {
  readonly name: string;
  readonly inlined: boolean;
  /** First address of the part that holds the address asked for. */
  readonly start: bigint;
  /** Where an inlined function was called. */
  readonly call?: { readonly path: string; readonly line: number };
}

/** Where a breakpoint on a line may stand. */
export interface LineCode {
  readonly path: string;
  /** The line with code: the one asked for, or the next one that has any. */
  readonly line: number;
  /** Of the statement; 0 when not known. */
  readonly column?: number;
  readonly addresses: readonly bigint[];
}

/** Where a statement begins in the text. */
export interface StatementPlace {
  readonly line: number;
  /** From 1; 0 when not known. */
  readonly column: number;
}

export type LineLookup =
  | { readonly kind: 'found'; readonly code: readonly LineCode[] }
  | { readonly kind: 'no-code'; readonly nearest?: number }
  | { readonly kind: 'no-file' };

export interface LineSource {
  /** Every source file the program was made of, as the compiler recorded it. */
  sourceFiles(): Promise<readonly string[]>;
  lineAt(address: bigint): Promise<LinePlace | undefined>;
  /** Inlined functions from the innermost on, the real one last; empty where nothing is known. */
  functionsAt(address: bigint): Promise<readonly FunctionScope[]>;
  /**
   * `paths`: the names under which the file may be recorded, best first. With a column, the statement that begins
   * there, or behind it on the same line.
   */
  addressesOfLine(paths: readonly string[], line: number, column?: number): Promise<LineLookup>;
  /** Of the lines from `first` to `last`, in order. */
  statementsIn(paths: readonly string[], first: number, last: number): Promise<readonly StatementPlace[]>;
}
