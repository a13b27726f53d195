// What debug information says of a program's types, variables and frames, taken out of the encoding of
// DWARF (DWARF 5, chapters 2 to 6). Addresses are link addresses; where the program runs is the caller's business.

/** A debugging information entry, unique in a program: its offset in .debug_info, or past that for split units. */
export type EntryId = number;

// ---------------------------------------------------------------- types

/** Of a unit, as far as types are written otherwise. */
export type Language = 'c' | 'c++' | 'rust';

export type DwarfType =
  | BaseType
  | PointerType
  | MemberPointerType
  | StructureType
  | ArrayType
  | EnumerationType
  | TypedefType
  | QualifiedType
  | FunctionType
  | UnspecifiedType;

export interface BaseType {
  readonly kind: 'base';
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  readonly encoding:
    | 'signed'
    | 'unsigned'
    | 'boolean'
    | 'float'
    | 'character'
    | 'utf'
    | 'address'
    | 'complex';
  /** Of characters. */
  readonly isSigned: boolean;
}

export interface PointerType {
  readonly kind: 'pointer';
  /** `reference`: of C++; it shows what it refers to. */
  readonly form: 'pointer' | 'reference';
  readonly size: number;
  /** Undefined: to void. */
  readonly target: EntryId | undefined;
  /** As Rust writes it: `&u32`, `*const u8`. */
  readonly name: string | undefined;
  /** Marks of what it points to, which the compiler was told of (btf_type_tag): `user`, `percpu`. */
  readonly tags: readonly string[];
}

/** To a member of a C++ class: a distance in it; to a member function, two words (Itanium C++ ABI, 2.3). */
export interface MemberPointerType {
  readonly kind: 'member-pointer';
  readonly size: number;
  readonly target: EntryId | undefined;
  readonly owner: EntryId | undefined;
}

export interface StructureType {
  readonly kind: 'structure';
  readonly form: 'struct' | 'union' | 'class';
  readonly language: Language;
  readonly name: string | undefined;
  readonly size: number;
  /** What a template or a generic type was made for. */
  readonly typeArguments: readonly EntryId[];
  /** Only declared here: the definition is in another unit. */
  readonly isDeclaration: boolean;
  readonly members: readonly Member[];
}

export interface Member {
  /** Undefined: an anonymous structure or union, whose members count as members of the outer one. */
  readonly name: string | undefined;
  readonly type: EntryId | undefined;
  /** From the start of the structure; bit-fields count from its least significant bit. */
  readonly bitOffset: number;
  /** Set for bit-fields. */
  readonly bitSize: number | undefined;
  /** A base class. */
  readonly isBase: boolean;
  /**
   * Of a variant of a Rust enumeration: it is there while the discriminant has one of these values. No values: while
   * it has none of the other variants' values.
   */
  readonly when?: {
    readonly discriminant: Member;
    readonly values: readonly (readonly [first: bigint, last: bigint])[];
  };
}

export interface ArrayType {
  readonly kind: 'array';
  readonly language: Language;
  readonly element: EntryId | undefined;
  /** Outermost first; undefined: not known, as of a flexible array member. */
  readonly counts: readonly (number | undefined)[];
}

export interface EnumerationType {
  readonly kind: 'enumeration';
  readonly language: Language;
  /** Its names count only behind its own. */
  readonly isScoped: boolean;
  readonly name: string | undefined;
  readonly size: number;
  readonly isSigned: boolean;
  readonly enumerators: readonly { readonly name: string; readonly value: bigint }[];
}

export interface TypedefType {
  readonly kind: 'typedef';
  readonly name: string;
  readonly target: EntryId | undefined;
}

export interface QualifiedType {
  readonly kind: 'qualified';
  readonly qualifier: 'const' | 'volatile' | 'restrict' | '_Atomic';
  readonly target: EntryId | undefined;
}

export interface FunctionType {
  readonly kind: 'function';
  /** Undefined: void. */
  readonly returns: EntryId | undefined;
  readonly parameters: readonly (EntryId | undefined)[];
  readonly isVariadic: boolean;
}

export interface UnspecifiedType {
  readonly kind: 'unspecified';
  readonly name: string;
}

// ---------------------------------------------------------------- variables and scopes

/** A DWARF expression and what is needed to evaluate it. */
export interface Expression {
  readonly bytes: Uint8Array;
  /** Of the unit: 4 or 5; and its offset, which typed operations and DW_OP_addrx refer to. */
  readonly version: number;
  readonly unit: EntryId;
}

export type Location =
  | { readonly kind: 'expression'; readonly expression: Expression }
  /** DW_AT_const_value: the value itself, little endian bytes or a number. */
  | { readonly kind: 'constant'; readonly value: bigint | Uint8Array }
  /** Nowhere at this address: optimised out. */
  | { readonly kind: 'none' };

export interface Variable {
  readonly name: string;
  readonly kind: 'parameter' | 'local' | 'static' | 'global';
  readonly type: EntryId | undefined;
  readonly entry: EntryId;
  /** At the address that was asked for, or anywhere for statics and globals. */
  readonly location: Location;
  readonly declared: { readonly file: string; readonly line: number } | undefined;
}

/** A function, inlined function or block around an address. */
export interface LexicalScope {
  readonly kind: 'function' | 'inlined' | 'block';
  readonly entry: EntryId;
  /** Of functions. */
  readonly name: string | undefined;
  readonly returns: EntryId | undefined;
  readonly variables: readonly Variable[];
  /** DW_AT_frame_base of the function, at the address. */
  readonly frameBase: Location | undefined;
  /** Address ranges, [start, end). */
  readonly ranges: readonly (readonly [start: bigint, end: bigint])[];
  /** Where an inlined function was called. */
  readonly call: { readonly file: string; readonly line: number; readonly column: number } | undefined;
}

/** A function around an address, without what is in it. */
export interface FunctionAt {
  readonly entry: EntryId;
  readonly name: string | undefined;
  readonly inlined: boolean;
  /** The part that holds the address asked for: [start, end). */
  readonly start: bigint;
  readonly end: bigint;
  /** Which one of the function's parts that is; the first has its entry. */
  readonly part: number;
  /** Where an inlined function was called. */
  readonly call: { readonly file: string; readonly line: number } | undefined;
}

/** Parameters at a call: what DW_OP_entry_value of the callee asks for (DW_TAG_call_site). */
export interface CallSite {
  /** The address the call returns to. */
  readonly returns: bigint;
  readonly parameters: readonly {
    /** Where the callee finds it at its entry: DW_AT_location. */
    readonly at: Expression;
    /** What it is, in the caller's terms: DW_AT_call_value. */
    readonly value: Expression;
  }[];
}

/** A name of a unit's top level. */
export interface NamedEntry {
  readonly name: string;
  readonly entry: EntryId;
  readonly kind: 'function' | 'variable' | 'type' | 'enumerator';
}

export interface Enumerator {
  readonly value: bigint;
  /** Of the enumeration. */
  readonly type: EntryId;
}

/** What a debugger asks beside lines. Damaged units are skipped, and named once through the report. */
export interface ProgramInfo {
  type(entry: EntryId): Promise<DwarfType>;
  /** From the innermost block to the function, variables in order of declaration. Empty where nothing is known. */
  scopesAt(address: bigint): Promise<readonly LexicalScope[]>;
  /** Inlined functions from the innermost on, the real one last. Empty where nothing is known. */
  functionsAt(address: bigint): Promise<readonly FunctionAt[]>;
  /** Statics of the file around an address. */
  staticsAt(address: bigint): Promise<readonly Variable[]>;
  callSiteBefore(returns: bigint): Promise<CallSite | undefined>;
  /**
   * Definitions of a global or static variable. Where the unit of `near` has any, they are the ones meant; else those
   * of all units. The same holds for types, enumerators and functions.
   */
  variables(name: string, near?: bigint): Promise<readonly Variable[]>;
  /** Types of this name: `struct task_struct`, `enum pid_type`, `u64`, `unsigned int`. Definitions before declarations. */
  types(name: string, near?: bigint): Promise<readonly EntryId[]>;
  /** The definition that a declaration stands for; the same entry where there is none. */
  definitionOf(entry: EntryId): Promise<EntryId>;
  enumerator(name: string, near?: bigint): Promise<Enumerator | undefined>;
  /** Of a function by name: its type. */
  functionType(name: string, near?: bigint): Promise<FunctionType | undefined>;
  /** Names that begin so, sorted; for completion. */
  names(prefix: string, limit: number): Promise<readonly NamedEntry[]>;
  /** .debug_addr entry of DW_OP_addrx and DW_OP_constx in a unit. */
  indexedAddress(unit: EntryId, index: number): Promise<bigint>;
}
