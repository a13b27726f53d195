// Types of C as an expression computes with them: those of a program's debug information, and those
// that casts, registers and operators make. What a type refers to is read when it is asked for.

import type { Language } from '../../emulator/formats/dwarf/model.ts';

export type Type =
  | VoidType
  | IntegerType
  | FloatType
  | PointerType
  | MemberPointerType
  | ArrayType
  | StructureType
  | EnumerationType
  | TypedefType
  | QualifiedType
  | FunctionType
  | OtherType;

export interface VoidType {
  readonly kind: 'void';
}

export interface IntegerType {
  readonly kind: 'integer';
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  /** `word`: of a register, an address: shown in hexadecimal. */
  readonly role: 'number' | 'boolean' | 'character' | 'word';
}

export interface FloatType {
  readonly kind: 'float';
  readonly name: string;
  readonly size: number;
}

export interface PointerType {
  readonly kind: 'pointer';
  readonly target: TypeReference;
  readonly isReference: boolean;
  /** As Rust writes it. */
  readonly name?: string;
  /** Of what it points to: `__user`. */
  readonly marks?: readonly string[];
}

/** Of C++: where in an object of a class something is. */
export interface MemberPointerType {
  readonly kind: 'member-pointer';
  readonly size: number;
  readonly target: TypeReference;
  readonly owner: TypeReference;
}

export interface ArrayType {
  readonly kind: 'array';
  readonly element: TypeReference;
  /** Undefined: not known. */
  readonly count: number | undefined;
  /** Index of the first element of a slice. */
  readonly first: number;
  readonly isRust?: boolean;
}

export interface StructureType {
  readonly kind: 'structure';
  readonly form: 'struct' | 'union' | 'class';
  /** Undefined: C. */
  readonly language?: Language;
  readonly typeArguments?: readonly TypeReference[];
  readonly name: string | undefined;
  readonly size: number;
  readonly isDeclaration: boolean;
  readonly members: readonly StructureMember[];
}

export interface StructureMember {
  /** Undefined: its members count as members of the structure around it. */
  readonly name: string | undefined;
  readonly type: TypeReference;
  readonly bitOffset: number;
  readonly bitSize: number | undefined;
  readonly isBase: boolean;
  /** Of a variant: it is there while the discriminant has one of the values; none: of all other values. */
  readonly when?: {
    readonly discriminant: StructureMember;
    readonly values: readonly (readonly [first: bigint, last: bigint])[];
  };
}

export interface EnumerationType {
  readonly kind: 'enumeration';
  readonly language?: Language;
  /** Its names stand behind that of the enumeration. */
  readonly isScoped?: boolean;
  readonly name: string | undefined;
  readonly size: number;
  readonly signed: boolean;
  readonly enumerators: readonly { readonly name: string; readonly value: bigint }[];
}

export interface TypedefType {
  readonly kind: 'typedef';
  readonly name: string;
  readonly target: TypeReference;
}

export interface QualifiedType {
  readonly kind: 'qualified';
  readonly qualifier: string;
  readonly target: TypeReference;
}

export interface FunctionType {
  readonly kind: 'function';
  readonly returns: TypeReference;
  readonly parameters: readonly TypeReference[];
  readonly isVariadic: boolean;
}

export interface OtherType {
  readonly kind: 'other';
  readonly name: string;
  readonly size: number;
  /** Two numbers of half the size, the real part first. */
  readonly isComplex?: boolean;
}

/** A type that is read when it is needed. */
export interface TypeReference {
  resolve(): Promise<Type>;
}

export const VOID: VoidType = { kind: 'void' };

export const integer = (
  name: string,
  size: number,
  signed: boolean,
  role: IntegerType['role'] = 'number',
): IntegerType => ({ kind: 'integer', name, size, signed, role });

export const INT = integer('int', 4, true);
export const UNSIGNED_INT = integer('unsigned int', 4, false);
export const LONG = integer('long', 8, true);
export const UNSIGNED_LONG = integer('unsigned long', 8, false);
export const INT128 = integer('__int128', 16, true);
export const UNSIGNED_INT128 = integer('unsigned __int128', 16, false);
export const CHAR = integer('char', 1, false, 'character');
/** What a register or a plain address is. */
export const word = (bits: number): IntegerType => integer(`u${bits}`, Math.ceil(bits / 8), false, 'word');
export const WORD = word(64);
export const FLOAT: FloatType = { kind: 'float', name: 'float', size: 4 };
export const DOUBLE: FloatType = { kind: 'float', name: 'double', size: 8 };

export const known = (type: Type): TypeReference => ({ resolve: () => Promise.resolve(type) });

export const pointerTo = (target: Type | TypeReference): PointerType => ({
  kind: 'pointer',
  target: 'resolve' in target ? target : known(target),
  isReference: false,
});

export const arrayOf = (element: Type | TypeReference, count: number | undefined, first = 0): ArrayType => ({
  kind: 'array',
  element: 'resolve' in element ? element : known(element),
  count,
  first,
});

/** By how they may be written without debug information: words sorted. AArch64 Linux: char is unsigned. */
const BUILT_IN: ReadonlyMap<string, Type> = new Map<string, Type>([
  ['void', VOID],
  ['_Bool', integer('_Bool', 1, false, 'boolean')],
  ['bool', integer('bool', 1, false, 'boolean')],
  ['char', CHAR],
  ['char signed', integer('signed char', 1, true, 'character')],
  ['char unsigned', integer('unsigned char', 1, false, 'character')],
  ['short', integer('short', 2, true)],
  ['short unsigned', integer('unsigned short', 2, false)],
  ['int', INT],
  ['unsigned', UNSIGNED_INT],
  ['long', LONG],
  ['long unsigned', UNSIGNED_LONG],
  ['long long', integer('long long', 8, true)],
  ['long long unsigned', integer('unsigned long long', 8, false)],
  ['__int128', INT128],
  ['__int128 unsigned', UNSIGNED_INT128],
  ['float', FLOAT],
  ['double', DOUBLE],
  ['double long', { kind: 'float', name: 'long double', size: 16 }],
  ...[8, 16, 32, 64].flatMap((bits): [string, Type][] => [
    [`u${bits}`, integer(`u${bits}`, bits / 8, false)],
    [`s${bits}`, integer(`s${bits}`, bits / 8, true)],
    [`uint${bits}_t`, integer(`uint${bits}_t`, bits / 8, false)],
    [`int${bits}_t`, integer(`int${bits}_t`, bits / 8, true)],
  ]),
  ['size_t', integer('size_t', 8, false)],
  ['uintptr_t', integer('uintptr_t', 8, false)],
]);

/** `long unsigned int` and its many spellings; undefined for what needs debug information. */
export function builtInType(name: string): Type | undefined {
  const words = name.split(' ').sort();
  const isPlain = (candidate: string): boolean => candidate !== 'signed' && candidate !== 'int';
  const exact = BUILT_IN.get(words.join(' '));
  if (exact) return exact;
  if (!words.every((one) => /^(void|char|short|int|long|signed|unsigned|float|double|__int128)$/.test(one))) {
    return undefined;
  }
  const core = words.filter(isPlain);
  return core.length === 0 ? INT : BUILT_IN.get(core.join(' '));
}

/** Chains of typedefs and qualifiers are short; a damaged one may be a ring. */
const MAX_CHAIN = 64;

/** Without typedefs and qualifiers. */
export async function bare(type: Type): Promise<Exclude<Type, TypedefType | QualifiedType>> {
  let at = type;
  for (let i = 0; i < MAX_CHAIN; i++) {
    if (at.kind !== 'typedef' && at.kind !== 'qualified') return at;
    at = await at.target.resolve();
  }
  return { kind: 'other', name: '<damaged type>', size: 0 };
}

/** Undefined: it has none, as void, a function, and what is only declared. */
export async function sizeOf(type: Type): Promise<number | undefined> {
  const core = await bare(type);
  switch (core.kind) {
    case 'integer':
    case 'float':
    case 'enumeration':
    case 'member-pointer':
    case 'other':
      return core.size;
    case 'structure':
      return core.isDeclaration ? undefined : core.size;
    case 'pointer':
      return 8;
    case 'array': {
      const element = await sizeOf(await core.element.resolve());
      return element === undefined || core.count === undefined ? undefined : element * core.count;
    }
    case 'void':
    case 'function':
      return undefined;
  }
}

const MAX_SPELLING = 24;

/** As C writes it: `const char *`, `int (*)(struct inode *, void *)`, `u8 [16]`. */
export async function spell(type: Type, declarator = '', depth = 0): Promise<string> {
  if (depth > MAX_SPELLING) return '…';
  const inner = (target: Type, text: string): Promise<string> => spell(target, text, depth + 1);
  const named = (name: string): string => (declarator === '' ? name : `${name} ${declarator}`);
  switch (type.kind) {
    case 'void':
      return named('void');
    case 'integer':
    case 'float':
    case 'other':
    case 'typedef':
      return named(type.name);
    case 'structure':
    case 'enumeration': {
      const tag = type.kind === 'structure' ? type.form : 'enum';
      // Only in C the name alone is none of the type.
      const isTagged = (type.language ?? 'c') === 'c' || type.name === undefined;
      return named(isTagged ? `${tag} ${type.name ?? '{…}'}` : (type.name ?? ''));
    }
    case 'member-pointer': {
      const owner = await inner(await type.owner.resolve(), '');
      const target = await type.target.resolve();
      return inner(
        target,
        target.kind === 'function' ? `(${owner}::*${declarator})` : `${owner}::*${declarator}`,
      );
    }
    case 'qualified': {
      const target = await type.target.resolve();
      // A qualifier of a pointer stands behind its star.
      if (target.kind === 'pointer') {
        return inner(target, declarator === '' ? type.qualifier : `${type.qualifier} ${declarator}`);
      }
      // Of an array it is its elements that are constant; they may say so themselves.
      if (target.kind === 'array') {
        const element = await target.element.resolve();
        const own = element.kind === 'qualified' ? element : { ...type, target: target.element };
        return inner({ ...target, element: known(own) }, declarator);
      }
      return `${type.qualifier} ${await inner(target, declarator)}`;
    }
    case 'pointer': {
      if (type.name !== undefined) return named(type.name);
      const target = await type.target.resolve();
      const marks = type.marks === undefined ? '' : `${type.marks.join(' ')} `;
      const star = `${marks}${type.isReference ? '&' : '*'}${/^[a-z]/.test(declarator) ? ' ' : ''}${declarator}`;
      const isGrouped = target.kind === 'array' || target.kind === 'function';
      return inner(target, isGrouped ? `(${star})` : star);
    }
    case 'array': {
      if (type.isRust === true) {
        const element = await inner(await type.element.resolve(), '');
        return named(`[${element}${type.count === undefined ? '' : `; ${type.count}`}]`);
      }
      const dimension = `[${type.count ?? ''}]`;
      return inner(await type.element.resolve(), `${declarator}${dimension}`);
    }
    case 'function': {
      const parameters: string[] = [];
      for (const parameter of type.parameters) parameters.push(await inner(await parameter.resolve(), ''));
      if (type.isVariadic) parameters.push('...');
      return inner(
        await type.returns.resolve(),
        `${declarator}(${parameters.length === 0 ? 'void' : parameters.join(', ')})`,
      );
    }
  }
}
