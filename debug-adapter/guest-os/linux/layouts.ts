// Where the members of the kernel's structures are: out of DWARF, or out of the BTF that the kernel keeps of itself.

import type { Btf, BtfType } from '../../../emulator/formats/btf.ts';
import type { EntryId, ProgramInfo } from '../../../emulator/formats/dwarf/model.ts';

export interface FieldLayout {
  /** Bytes from the start of the structure; of a bit-field the byte in which it begins. */
  readonly offset: number;
  /** Bytes; 0 where the type has no size. */
  readonly size: number;
  /** Of a bit-field: from the least significant bit of that byte. */
  readonly bits?: { readonly offset: number; readonly size: number };
}

export interface StructLayouts {
  /** `thread.cpu_context.pc` of `task_struct`; members of anonymous parts count as those of the whole. */
  field(structure: string, path: string): Promise<FieldLayout | undefined>;
  sizeOf(structure: string): Promise<number | undefined>;
}

/** Anonymous members in anonymous members, typedefs of typedefs. */
const MAX_DEPTH = 16;

function fieldAt(bitOffset: number, size: number, bitSize: number | undefined): FieldLayout {
  const offset = Math.floor(bitOffset / 8);
  return { offset, size, ...(bitSize !== undefined && { bits: { offset: bitOffset % 8, size: bitSize } }) };
}

/** Answers are kept: the same fields are asked for at every stop. */
abstract class KeptLayouts implements StructLayouts {
  private readonly fields = new Map<string, Promise<FieldLayout | undefined>>();
  private readonly sizes = new Map<string, Promise<number | undefined>>();

  field(structure: string, path: string): Promise<FieldLayout | undefined> {
    const key = `${structure} ${path}`;
    let answer = this.fields.get(key);
    if (!answer) {
      answer = this.findField(structure, path.split('.'));
      this.fields.set(key, answer);
    }
    return answer;
  }

  sizeOf(structure: string): Promise<number | undefined> {
    let answer = this.sizes.get(structure);
    if (!answer) {
      answer = this.findSize(structure);
      this.sizes.set(structure, answer);
    }
    return answer;
  }

  protected abstract findField(structure: string, path: readonly string[]): Promise<FieldLayout | undefined>;
  protected abstract findSize(structure: string): Promise<number | undefined>;
}

// ---------------------------------------------------------------- BTF

export class BtfLayouts extends KeptLayouts {
  private readonly btf: Btf;

  constructor(btf: Btf) {
    super();
    this.btf = btf;
  }

  protected override async findField(
    structure: string,
    path: readonly string[],
  ): Promise<FieldLayout | undefined> {
    let type = this.btf.structure(structure);
    let bitOffset = 0;
    let bitSize: number | undefined;
    for (const name of path) {
      const found = type === undefined ? undefined : this.member(type, name, 0);
      if (!found) return undefined;
      bitOffset += found.bitOffset;
      ({ type, bitSize } = found);
    }
    return type === undefined ? undefined : fieldAt(bitOffset, this.btf.sizeOf(type), bitSize);
  }

  protected override async findSize(structure: string): Promise<number | undefined> {
    const type = this.btf.structure(structure);
    return type === undefined ? undefined : this.btf.sizeOf(type);
  }

  private member(type: BtfType, name: string, depth: number): FoundMember<BtfType> | undefined {
    const members = this.btf.members(type);
    const own = members.find((member) => member.name === name);
    if (own) return own;
    for (const member of members) {
      if (member.name !== '' || depth >= MAX_DEPTH) continue;
      const inner = this.member(member.type, name, depth + 1);
      if (inner) return { ...inner, bitOffset: member.bitOffset + inner.bitOffset };
    }
    return undefined;
  }
}

interface FoundMember<T> {
  readonly type: T;
  readonly bitOffset: number;
  readonly bitSize: number | undefined;
}

// ---------------------------------------------------------------- DWARF

export class DwarfLayouts extends KeptLayouts {
  private readonly program: ProgramInfo;

  constructor(program: ProgramInfo) {
    super();
    this.program = program;
  }

  protected override async findField(
    structure: string,
    path: readonly string[],
  ): Promise<FieldLayout | undefined> {
    let type = await this.named(structure);
    let bitOffset = 0;
    let bitSize: number | undefined;
    for (const name of path) {
      const found: FoundMember<EntryId | undefined> | undefined =
        type === undefined ? undefined : await this.member(type, name, 0);
      if (!found) return undefined;
      bitOffset += found.bitOffset;
      ({ type, bitSize } = found);
    }
    return fieldAt(bitOffset, await this.size(type, 0), bitSize);
  }

  protected override async findSize(structure: string): Promise<number | undefined> {
    const type = await this.named(structure);
    return type === undefined ? undefined : this.size(type, 0);
  }

  private async named(structure: string): Promise<EntryId | undefined> {
    return (await this.program.types(`struct ${structure}`))[0];
  }

  private async member(
    of: EntryId,
    name: string,
    depth: number,
  ): Promise<FoundMember<EntryId | undefined> | undefined> {
    const type = await this.program.type(await this.program.definitionOf(of));
    if (depth > MAX_DEPTH) return undefined;
    if (type.kind === 'typedef' || type.kind === 'qualified') {
      return type.target === undefined ? undefined : this.member(type.target, name, depth + 1);
    }
    if (type.kind !== 'structure') return undefined;
    const own = type.members.find((member) => member.name === name);
    if (own) return own;
    for (const member of type.members) {
      if (member.name !== undefined || member.type === undefined) continue;
      const inner = await this.member(member.type, name, depth + 1);
      if (inner) return { ...inner, bitOffset: member.bitOffset + inner.bitOffset };
    }
    return undefined;
  }

  private async size(entry: EntryId | undefined, depth: number): Promise<number> {
    if (entry === undefined || depth > MAX_DEPTH) return 0;
    const type = await this.program.type(await this.program.definitionOf(entry));
    switch (type.kind) {
      case 'base':
      case 'pointer':
      case 'structure':
      case 'enumeration':
      case 'member-pointer':
        return type.size;
      case 'array':
        return type.counts.reduce<number>(
          (product, count) => product * (count ?? 0),
          await this.size(type.element, depth + 1),
        );
      case 'typedef':
      case 'qualified':
        return this.size(type.target, depth + 1);
      case 'function':
      case 'unspecified':
        return 0;
    }
  }
}
