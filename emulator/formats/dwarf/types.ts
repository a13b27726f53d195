// Types out of their entries (DWARF 5, chapter 5). One entry at a time: what it refers to is another entry.

import * as dw from './constants.ts';
import { BadDwarf } from './cursor.ts';
import type { Die } from './entries.ts';
import { languageOf } from './languages.ts';
import type {
  ArrayType,
  BaseType,
  DwarfType,
  EntryId,
  EnumerationType,
  Enumerator,
  FunctionType,
  Member,
  MemberPointerType,
  PointerType,
  QualifiedType,
  StructureType,
} from './model.ts';
import { withOrigins } from './origins.ts';
import type { ProgramUnits } from './program-units.ts';
import { parentsOf, qualifiedName } from './qualified-names.ts';

/** Chains of typedefs, qualifiers and specifications are short; a damaged one may be a ring. */
const MAX_CHAIN = 64;
/** DW_OP_plus_uconst: how DWARF 2 writes where a member is. */
const DW_OP_plus_uconst = 0x23;

export async function typeOf(units: ProgramUnits, die: Die): Promise<DwarfType> {
  const target = die.reference(dw.DW_AT_type);
  switch (die.tag) {
    case dw.DW_TAG_base_type:
      return baseType(die);
    case dw.DW_TAG_pointer_type:
      return pointer(die, 'pointer');
    case dw.DW_TAG_reference_type:
    case dw.DW_TAG_rvalue_reference_type:
      return pointer(die, 'reference');
    case dw.DW_TAG_structure_type:
      return structure(units, die, 'struct');
    case dw.DW_TAG_class_type:
    case dw.DW_TAG_interface_type:
      return structure(units, die, 'class');
    case dw.DW_TAG_union_type:
      return structure(units, die, 'union');
    case dw.DW_TAG_array_type:
      return array(units, die);
    case dw.DW_TAG_enumeration_type:
      return enumeration(units, die);
    case dw.DW_TAG_typedef:
    case dw.DW_TAG_template_alias:
      return { kind: 'typedef', name: (await nameOfType(units, die)) ?? '', target };
    case dw.DW_TAG_const_type:
    case dw.DW_TAG_immutable_type:
      return qualified('const', target);
    case dw.DW_TAG_volatile_type:
      return qualified('volatile', target);
    case dw.DW_TAG_restrict_type:
      return qualified('restrict', target);
    case dw.DW_TAG_atomic_type:
      return qualified('_Atomic', target);
    case dw.DW_TAG_subroutine_type:
    case dw.DW_TAG_subprogram:
      return functionType(die);
    case dw.DW_TAG_ptr_to_member_type:
      return memberPointer(units, die);
    default:
      return { kind: 'unspecified', name: die.text(dw.DW_AT_name) ?? '' };
  }
}

/** Bytes of the widest number that there is: a complex one of two of 128 bits. */
const MAX_SCALAR = 32;

/** Of a number; others compute with as many bits. */
function scalarSizeOr(die: Die, standard: number): number {
  const size = sizeOr(die, standard);
  if (size >= 0 && size <= MAX_SCALAR) return size;
  throw new BadDwarf(`a number has ${size} bytes`, die.unit.unit.unitOffset + die.at);
}

const sizeOr = (die: Die, standard: number): number => die.number(dw.DW_AT_byte_size) ?? standard;

const qualified = (qualifier: QualifiedType['qualifier'], target: EntryId | undefined): QualifiedType => ({
  kind: 'qualified',
  qualifier,
  target,
});

// ---------------------------------------------------------------- simple types

function baseType(die: Die): BaseType {
  const bits = die.number(dw.DW_AT_bit_size);
  const size = scalarSizeOr(die, bits === undefined ? 0 : Math.ceil(bits / 8));
  const code = die.number(dw.DW_AT_encoding) ?? 0;
  const isSigned = code === dw.DW_ATE_signed || code === dw.DW_ATE_signed_char;
  return { kind: 'base', name: die.text(dw.DW_AT_name) ?? '', size, encoding: encodingOf(code), isSigned };
}

function encodingOf(code: number): BaseType['encoding'] {
  switch (code) {
    case dw.DW_ATE_address:
      return 'address';
    case dw.DW_ATE_boolean:
      return 'boolean';
    case dw.DW_ATE_complex_float:
      return 'complex';
    case dw.DW_ATE_float:
    case dw.DW_ATE_imaginary_float:
      return 'float';
    case dw.DW_ATE_signed:
      return 'signed';
    case dw.DW_ATE_signed_char:
    case dw.DW_ATE_unsigned_char:
    case dw.DW_ATE_ASCII:
      return 'character';
    case dw.DW_ATE_UTF:
    case dw.DW_ATE_UCS:
      return 'utf';
    default:
      return 'unsigned';
  }
}

function pointer(die: Die, form: PointerType['form']): PointerType {
  const tags: string[] = [];
  for (const child of die.unit.children(die)) {
    const isTag = child.tag === dw.DW_TAG_LLVM_annotation && child.text(dw.DW_AT_name) === 'btf_type_tag';
    const tag = isTag ? child.text(dw.DW_AT_const_value) : undefined;
    if (tag !== undefined) tags.push(tag);
  }
  const name = die.text(dw.DW_AT_name);
  const target = die.reference(dw.DW_AT_type);
  return { kind: 'pointer', form, size: sizeOr(die, die.unit.unit.addressSize), target, name, tags };
}

async function memberPointer(units: ProgramUnits, die: Die): Promise<MemberPointerType> {
  const target = die.reference(dw.DW_AT_type);
  const pointee = target === undefined ? undefined : await units.die(target);
  const words = pointee?.tag === dw.DW_TAG_subroutine_type ? 2 : 1;
  const size = scalarSizeOr(die, words * die.unit.unit.addressSize);
  return { kind: 'member-pointer', size, target, owner: die.reference(dw.DW_AT_containing_type) };
}

async function array(units: ProgramUnits, die: Die): Promise<ArrayType> {
  const counts: (number | undefined)[] = [];
  for (const child of die.unit.children(die)) {
    if (child.tag === dw.DW_TAG_subrange_type) counts.push(countOf(child));
    if (child.tag === dw.DW_TAG_enumeration_type)
      counts.push((await enumeration(units, child)).enumerators.length);
  }
  if (counts.length === 0) counts.push(undefined);
  const language = languageOf(die.unit);
  return { kind: 'array', language, element: die.reference(dw.DW_AT_type), counts };
}

/** Undefined where the bound is not given, or is a variable or an expression. */
function countOf(subrange: Die): number | undefined {
  const count = subrange.constant(dw.DW_AT_count);
  if (count !== undefined) return Number(count);
  const upper = subrange.constant(dw.DW_AT_upper_bound);
  if (upper === undefined) return undefined;
  // GCC bounds an array of no elements by -1, in whatever form the type of the index has.
  const bits = subrange.constantBits(dw.DW_AT_upper_bound);
  if (bits === 64 && BigInt.asIntN(64, upper) === -1n) return 0;
  if (bits === 32 && upper === 0xffff_ffffn) return 0;
  const lower = subrange.constant(dw.DW_AT_lower_bound) ?? 0n;
  return Math.max(0, Number(upper - lower + 1n));
}

async function enumeration(units: ProgramUnits, die: Die): Promise<EnumerationType> {
  const underlying = die.reference(dw.DW_AT_type);
  const base = underlying === undefined ? undefined : await strip(units, underlying);
  const values = die.unit.children(die).filter((child) => child.tag === dw.DW_TAG_enumerator);
  const raw = values.map((child) => child.constant(dw.DW_AT_const_value) ?? 0n);
  const encoding = base?.number(dw.DW_AT_encoding);
  const isSigned =
    encoding === undefined
      ? raw.some((value) => value < 0n)
      : encoding === dw.DW_ATE_signed || encoding === dw.DW_ATE_signed_char;
  const size = scalarSizeOr(die, base === undefined ? 4 : sizeOr(base, 4));
  const enumerators = values.map((child, index) => {
    const value = raw[index] ?? 0n;
    const name = child.text(dw.DW_AT_name) ?? '';
    return { name, value: isSigned ? BigInt.asIntN(64, value) : BigInt.asUintN(8 * size, value) };
  });
  const name = await nameOfType(units, die);
  const language = languageOf(die.unit);
  const isScoped = name !== undefined && (language === 'rust' || die.flag(dw.DW_AT_enum_class));
  return { kind: 'enumeration', language, isScoped, name, size, isSigned, enumerators };
}

/** A name of an enumeration, which stands around it. */
export async function enumeratorOf(units: ProgramUnits, die: Die): Promise<Enumerator | undefined> {
  const parent = parentsOf(die.unit, die.at).at(-1);
  if (parent?.tag !== dw.DW_TAG_enumeration_type) return undefined;
  const { enumerators } = await enumeration(units, parent);
  const name = die.text(dw.DW_AT_name);
  const value = enumerators.find((one) => one.name === name)?.value;
  return value === undefined ? undefined : { value, type: parent.id };
}

/** `typed`: where its result stands, if that is told by what it is a copy or a definition of. */
export function functionType(die: Die, typed: Die | undefined = die): FunctionType {
  const parameters: (EntryId | undefined)[] = [];
  let isVariadic = false;
  for (const child of die.unit.children(die)) {
    if (child.tag === dw.DW_TAG_formal_parameter) parameters.push(child.reference(dw.DW_AT_type));
    if (child.tag === dw.DW_TAG_unspecified_parameters) isVariadic = true;
  }
  return { kind: 'function', returns: typed?.reference(dw.DW_AT_type), parameters, isVariadic };
}

// ---------------------------------------------------------------- structures

async function structure(units: ProgramUnits, die: Die, form: StructureType['form']): Promise<StructureType> {
  // A stub of a type unit, or the completion of a class that was declared inside another one.
  const signature = die.reference(dw.DW_AT_signature);
  if (signature !== undefined) {
    const target = await units.die(signature);
    if (!target.has(dw.DW_AT_signature)) return structure(units, target, form);
  }
  const members: Member[] = [];
  const typeArguments: EntryId[] = [];
  for (const child of die.unit.children(die)) {
    const argument =
      child.tag === dw.DW_TAG_template_type_parameter ? child.reference(dw.DW_AT_type) : undefined;
    if (argument !== undefined) typeArguments.push(argument);
    await addMember(units, child, members);
  }
  return {
    kind: 'structure',
    form,
    language: languageOf(die.unit),
    typeArguments,
    name: await nameOfType(units, die),
    size: sizeOr(die, 0),
    // Without its type unit, a stub says as little as a declaration.
    isDeclaration: die.flag(dw.DW_AT_declaration) || die.has(dw.DW_AT_signature),
    members,
  };
}

async function addMember(units: ProgramUnits, die: Die, into: Member[]): Promise<void> {
  if (die.tag === dw.DW_TAG_member || die.tag === dw.DW_TAG_inheritance) {
    // Static members of C++ are variables elsewhere, as DWARF 4 writes them.
    if (die.flag(dw.DW_AT_external) || die.flag(dw.DW_AT_declaration)) return;
    const found = await member(units, die);
    if (found !== undefined) into.push(found);
  } else if (die.tag === dw.DW_TAG_variant_part) {
    for (const part of die.unit.children(die)) {
      if (part.tag === dw.DW_TAG_variant) await addVariant(units, die, part, into);
    }
  }
}

/** A variant of a Rust enumeration: members that count only while the discriminant has one of the values. */
async function addVariant(units: ProgramUnits, part: Die, variant: Die, into: Member[]): Promise<void> {
  const discriminant = await discriminantOf(units, part);
  const values = discriminantValues(variant);
  for (const child of variant.unit.children(variant)) {
    const found = child.tag === dw.DW_TAG_member ? await member(units, child) : undefined;
    if (found === undefined) continue;
    into.push(discriminant === undefined ? found : { ...found, when: { discriminant, values } });
  }
}

async function discriminantOf(units: ProgramUnits, part: Die): Promise<Member | undefined> {
  const reference = part.reference(dw.DW_AT_discr);
  if (reference === undefined || !part.unit.holds(reference)) return undefined;
  return member(units, part.unit.die(reference));
}

/** Empty: the variant for all other values. */
function discriminantValues(variant: Die): (readonly [first: bigint, last: bigint])[] {
  const value = variant.constant(dw.DW_AT_discr_value);
  return value === undefined ? [] : [[value, value]];
}

async function member(units: ProgramUnits, die: Die): Promise<Member | undefined> {
  const start = byteOffset(die);
  if (start === undefined) return undefined;
  const name = die.text(dw.DW_AT_name);
  const type = die.reference(dw.DW_AT_type);
  const bitSize = die.number(dw.DW_AT_bit_size);
  const isBase = die.tag === dw.DW_TAG_inheritance;
  return { name, type, bitOffset: await bitOffset(units, die, start, bitSize), bitSize, isBase };
}

/** Undefined: only known at run time, as that of a virtual base class. */
function byteOffset(die: Die): number | undefined {
  const value = die.get(dw.DW_AT_data_member_location);
  if (value === undefined) return 0;
  if (value.kind === 'number') return value.value;
  if (value.kind !== 'block' || value.bytes[0] !== DW_OP_plus_uconst) return undefined;
  let offset = 0;
  for (let i = 1, scale = 1; i < value.bytes.length; i++, scale *= 128) {
    const byte = value.bytes[i] as number;
    offset += (byte & 0x7f) * scale;
    if (byte < 0x80) return i === value.bytes.length - 1 ? offset : undefined;
  }
  return undefined;
}

async function bitOffset(
  units: ProgramUnits,
  die: Die,
  start: number,
  bitSize: number | undefined,
): Promise<number> {
  const direct = die.number(dw.DW_AT_data_bit_offset);
  if (direct !== undefined) return direct + (die.has(dw.DW_AT_data_member_location) ? 8 * start : 0);
  const fromTop = die.constant(dw.DW_AT_bit_offset);
  if (fromTop === undefined || bitSize === undefined) return 8 * start;
  // DWARF 2 and 3 count from the most significant bit of a storage unit, which may begin before the structure
  // does (GCC then writes a negative offset).
  const type = die.reference(dw.DW_AT_type);
  const storage = die.number(dw.DW_AT_byte_size) ?? (type === undefined ? 0 : await sizeOf(units, type));
  const bits = die.constantBits(dw.DW_AT_bit_offset);
  const top = Number(bits === undefined ? fromTop : BigInt.asIntN(bits === 8 ? 64 : bits, fromTop));
  return 8 * start + 8 * storage - top - bitSize;
}

// ---------------------------------------------------------------- through other entries

/** The entry behind typedefs and qualifiers. */
async function strip(units: ProgramUnits, entry: EntryId): Promise<Die | undefined> {
  let next: EntryId | undefined = entry;
  for (let i = 0; i < MAX_CHAIN && next !== undefined; i++) {
    const die: Die = await units.die(next);
    switch (die.tag) {
      case dw.DW_TAG_typedef:
      case dw.DW_TAG_const_type:
      case dw.DW_TAG_volatile_type:
      case dw.DW_TAG_restrict_type:
      case dw.DW_TAG_atomic_type:
      case dw.DW_TAG_immutable_type:
        next = die.reference(dw.DW_AT_type);
        break;
      default:
        return die;
    }
  }
  return undefined;
}

/** Bytes of a type that may be a storage unit of bit-fields: a base type or an enumeration. */
async function sizeOf(units: ProgramUnits, entry: EntryId): Promise<number> {
  const die = await strip(units, entry);
  return die === undefined ? 0 : sizeOr(die, 0);
}

async function nameOfType(units: ProgramUnits, die: Die): Promise<string | undefined> {
  return qualifiedName(await withOrigins(units, die));
}
