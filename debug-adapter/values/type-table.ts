// Types out of a program's debug information, each converted once.

import type { DwarfType, EntryId, Member, ProgramInfo } from '../../emulator/formats/dwarf/model.ts';
import { arrayOf, builtInType, integer, known, VOID } from './types.ts';
import type { ArrayType, FunctionType, StructureMember, Type, TypeReference } from './types.ts';

/** The types of one program's debug information. */
export class TypeTable {
  readonly program: ProgramInfo;
  private readonly types = new Map<EntryId, Promise<Type>>();

  constructor(program: ProgramInfo) {
    this.program = program;
  }

  reference(entry: EntryId | undefined): TypeReference {
    return entry === undefined ? known(VOID) : { resolve: () => this.get(entry) };
  }

  get(entry: EntryId): Promise<Type> {
    let type = this.types.get(entry);
    if (!type) {
      type = this.program.type(entry).then((dwarf) => this.convert(entry, dwarf));
      this.types.set(entry, type);
    }
    return type;
  }

  /** `struct page`, `u64`, `enum pid_type`. */
  async named(name: string, near: bigint | undefined): Promise<Type | undefined> {
    const plain = builtInType(name);
    const [entry] = await this.program.types(name, near);
    if (entry !== undefined) return this.get(entry);
    return plain;
  }

  functionType({ returns, parameters, isVariadic }: Extract<DwarfType, { kind: 'function' }>): FunctionType {
    return {
      kind: 'function',
      returns: this.reference(returns),
      parameters: parameters.map((parameter) => this.reference(parameter)),
      isVariadic,
    };
  }

  private async convert(entry: EntryId, type: DwarfType): Promise<Type> {
    switch (type.kind) {
      case 'base':
        return baseType(type);
      case 'pointer':
        return {
          kind: 'pointer',
          target: this.reference(type.target),
          isReference: type.form === 'reference',
          ...(type.name !== undefined && { name: type.name }),
          ...(type.tags.length > 0 && { marks: type.tags.map((tag) => `__${tag}`) }),
        };
      case 'member-pointer': {
        const { kind, size } = type;
        return { kind, size, target: this.reference(type.target), owner: this.reference(type.owner) };
      }
      case 'structure': {
        if (type.isDeclaration) {
          const definition = await this.program.definitionOf(entry);
          if (definition !== entry) return this.get(definition);
        }
        const members = type.members.map((member) => this.member(member));
        const { form, language, name, size, isDeclaration } = type;
        const typeArguments = type.typeArguments.map((argument) => this.reference(argument));
        return { kind: 'structure', form, language, name, size, isDeclaration, members, typeArguments };
      }
      case 'array':
        return this.arrayFrom(this.reference(type.element), type.counts, type.language === 'rust');
      case 'enumeration': {
        const { language, isScoped, name, size, isSigned: signed, enumerators } = type;
        return { kind: 'enumeration', language, isScoped, name, size, signed, enumerators };
      }
      case 'typedef':
        return { kind: 'typedef', name: type.name, target: this.reference(type.target) };
      case 'qualified':
        return { kind: 'qualified', qualifier: type.qualifier, target: this.reference(type.target) };
      case 'function':
        return this.functionType(type);
      case 'unspecified':
        return { kind: 'other', name: type.name, size: 0 };
    }
  }

  private member({ name, type, bitOffset, bitSize, isBase, when }: Member): StructureMember {
    const plain = { name, type: this.reference(type), bitOffset, bitSize, isBase };
    if (!when) return plain;
    return { ...plain, when: { discriminant: this.member(when.discriminant), values: when.values } };
  }

  private arrayFrom(
    element: TypeReference,
    counts: readonly (number | undefined)[],
    isRust: boolean,
  ): ArrayType {
    const [count, ...inner] = counts;
    const array = arrayOf(inner.length === 0 ? element : this.arrayFrom(element, inner, isRust), count);
    return isRust ? { ...array, isRust } : array;
  }
}

function baseType({ name, size, encoding, isSigned }: Extract<DwarfType, { kind: 'base' }>): Type {
  switch (encoding) {
    case 'float':
      return { kind: 'float', name, size };
    case 'complex':
      return { kind: 'other', name, size, isComplex: true };
    case 'boolean':
      return integer(name, size, false, 'boolean');
    case 'character':
      // Wider ones are no characters in C.
      return integer(name, size, isSigned, size === 1 ? 'character' : 'number');
    case 'address':
      return integer(name, size, false, 'word');
    case 'utf':
      return integer(name, size, false, 'character');
    case 'signed':
    case 'unsigned':
      return integer(name, size, encoding === 'signed', name === 'wchar_t' ? 'character' : 'number');
  }
}
