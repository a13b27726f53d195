// Debugging information entries of one unit that is in memory (DWARF 5, chapter 2): their attributes, children and
// siblings. What an attribute says is decoded when somebody asks for it.

import { stringAt } from '../elf.ts';
import * as dw from './constants.ts';
import { BadDwarf, Cursor } from './cursor.ts';
import { directForm, readForm } from './forms.ts';
import type { FormValue } from './forms.ts';
import type { EntryId } from './model.ts';
import { locateValues, plansOf, skipValues } from './plans.ts';
import type { Plan, Plans } from './plans.ts';
import type { DwarfSections } from './sections.ts';
import type { Unit } from './units.ts';

/** Sections that are read whole, as every name needs them. */
export interface Tables {
  readonly str: Uint8Array;
  readonly line_str: Uint8Array;
  readonly str_offsets: Uint8Array;
  readonly addr: Uint8Array;
}

/** What the entries of a unit may refer to outside of it. */
export interface Links {
  /** The entry that a type signature stands for. */
  signature(value: bigint): EntryId | undefined;
  supplementaryEntry(offset: number): EntryId | undefined;
  /** .debug_str of the supplementary file. */
  readonly supplementaryStrings: Uint8Array | undefined;
}

export class LoadedUnit {
  readonly unit: Unit;
  readonly sections: DwarfSections;
  /** The entry identifier that offset 0 of its section has. */
  readonly sectionId: EntryId;
  readonly tables: Tables;
  readonly links: Links;
  /** Of a split unit: what of it is in the program. */
  readonly skeleton: LoadedUnit | undefined;
  readonly plans: Plans;
  /** Over the whole unit, header included. */
  readonly cursor: Cursor;

  constructor(parts: {
    unit: Unit;
    sections: DwarfSections;
    sectionId: EntryId;
    bytes: Uint8Array;
    tables: Tables;
    links: Links;
    skeleton?: LoadedUnit;
  }) {
    this.unit = parts.unit;
    this.sections = parts.sections;
    this.sectionId = parts.sectionId;
    this.tables = parts.tables;
    this.links = parts.links;
    this.skeleton = parts.skeleton;
    this.plans = plansOf(parts.unit.table, parts.unit);
    this.cursor = new Cursor(parts.bytes, parts.unit.unitOffset);
  }

  get id(): EntryId {
    return this.sectionId + this.unit.unitOffset;
  }

  get end(): EntryId {
    return this.sectionId + this.unit.end;
  }

  /** The unit whose line table names the source files: a split one has none of its own. */
  get lines(): LoadedUnit {
    return this.skeleton ?? this;
  }

  holds(entry: EntryId): boolean {
    return entry >= this.id && entry < this.end;
  }

  root(): Die {
    const root = this.dieAt(this.unit.entries - this.unit.unitOffset);
    if (root === undefined) throw new BadDwarf('a unit has no entry', this.unit.entries);
    return root;
  }

  die(entry: EntryId): Die {
    const die = this.dieAt(entry - this.id);
    if (die === undefined || entry < this.sectionId + this.unit.entries) {
      throw new BadDwarf('a reference leads to no entry', entry - this.sectionId);
    }
    return die;
  }

  /** Undefined: the null entry that ends a list of siblings. */
  dieAt(at: number): Die | undefined {
    const { cursor } = this;
    cursor.at = at;
    const plan = this.plans.at(cursor);
    if (plan === undefined) return undefined;
    const positions = locateValues(cursor, plan, this.unit);
    return new Die(this, at, plan, positions, cursor.at);
  }

  /**
   * Visits the children of an entry by their tags and places in the bytes of the unit. Those that nobody asks about
   * need no more.
   */
  forEachChild(parent: Die, visit: (tag: number, at: number) => void): void {
    if (!parent.plan.hasChildren) return;
    const { cursor } = this;
    for (let at = parent.end; at < cursor.bytes.length; ) {
      cursor.at = at;
      const plan = this.plans.at(cursor);
      if (plan === undefined) return;
      const behind = this.behind(at, plan);
      visit(plan.tag, at);
      at = behind;
    }
  }

  /** Behind an entry and its children; the cursor is at its first value. */
  private behind(at: number, plan: Plan): number {
    const { cursor } = this;
    if (!plan.hasChildren) {
      skipValues(cursor, plan, this.unit);
      return cursor.at;
    }
    if (plan.siblingAt >= 0) {
      const values = cursor.at;
      cursor.skip(plan.siblingAt);
      const sibling = cursor.u32();
      if (sibling > values && sibling <= cursor.bytes.length) return sibling;
    }
    const die = this.dieAt(at);
    return die === undefined ? at + 1 : this.afterChildren(die);
  }

  firstChild(die: Die): Die | undefined {
    return die.plan.hasChildren ? this.next(die.end) : undefined;
  }

  nextSibling(die: Die): Die | undefined {
    return this.next(this.afterChildren(die));
  }

  children(die: Die): Die[] {
    const children: Die[] = [];
    for (let child = this.firstChild(die); child; child = this.nextSibling(child)) children.push(child);
    return children;
  }

  /** The end of a unit ends its lists as well: old linkers pad, and some compilers leave null entries out. */
  private next(at: number): Die | undefined {
    return at < this.cursor.bytes.length ? this.dieAt(at) : undefined;
  }

  /** Where the children of an entry end in the bytes of the unit. */
  afterChildren(die: Die): number {
    if (!die.plan.hasChildren) return die.end;
    const sibling = die.get(dw.DW_AT_sibling);
    const { cursor, unit } = this;
    if (sibling?.kind === 'entry') {
      const at = sibling.value - unit.unitOffset;
      if (at > die.end && at <= cursor.bytes.length) return at;
    }
    cursor.at = die.end;
    for (let depth = 1; depth > 0 && !cursor.atEnd; ) {
      const plan = this.plans.at(cursor);
      if (plan === undefined) {
        depth--;
      } else {
        skipValues(cursor, plan, unit);
        if (plan.hasChildren) depth++;
      }
    }
    return cursor.at;
  }

  /** An address as distance from the program's base. */
  addressOf(value: FormValue | undefined): number | undefined {
    if (value?.kind === 'address') return value.value;
    return value?.kind === 'address-index' ? this.indexedAddress(value.value) : undefined;
  }

  indexedAddress(index: number): number {
    return this.slot(index).address(this.unit.addressSize, this.sections.window);
  }

  /** A slot of .debug_addr as it is: it may as well be a number that is no address of the program. */
  indexedValue(index: number): bigint {
    const slot = this.slot(index);
    return this.unit.addressSize === 8 ? slot.big64() : BigInt(slot.u32());
  }

  private slot(index: number): Cursor {
    const { unit, tables } = this;
    const at = unit.bases.addresses + index * unit.addressSize;
    if (!(at >= 0 && at + unit.addressSize <= tables.addr.length)) {
      throw new BadDwarf(`address ${index} is not in .debug_addr`, unit.unitOffset);
    }
    return cursorAt(tables.addr, at);
  }

  textOf(value: FormValue | undefined): string | undefined {
    if (value === undefined) return undefined;
    const { tables, unit } = this;
    switch (value.kind) {
      case 'text':
        return value.value;
      case 'str':
        return this.stringIn(tables.str, value.value);
      case 'line_str':
        return this.stringIn(tables.line_str, value.value);
      case 'string-index':
        return this.stringIn(tables.str, this.stringOffset(value.value));
      case 'supplementary-string':
        return this.links.supplementaryStrings && this.stringIn(this.links.supplementaryStrings, value.value);
      case 'number':
      case 'address':
      case 'address-index':
      case 'entry':
      case 'supplementary-entry':
      case 'signature':
      case 'range-list-index':
      case 'location-list-index':
      case 'block':
      case 'other':
        return undefined;
    }
    throw new BadDwarf('a form is unknown', unit.unitOffset);
  }

  /** Where in .debug_str a string by index stands. */
  stringOffset(index: number): number {
    const { tables, unit } = this;
    const at = unit.bases.strings + index * unit.offsetSize;
    if (at + unit.offsetSize > tables.str_offsets.length) {
      throw new BadDwarf(`string ${index} is not in .debug_str_offsets`, unit.unitOffset);
    }
    return cursorAt(tables.str_offsets, at).unsigned(unit.offsetSize);
  }

  private stringIn(table: Uint8Array, offset: number): string {
    if (offset >= table.length) {
      throw new BadDwarf(
        `a string at 0x${offset.toString(16)} is outside of its section`,
        this.unit.unitOffset,
      );
    }
    return stringAt(table, offset);
  }
}

function cursorAt(bytes: Uint8Array, at: number): Cursor {
  const cursor = new Cursor(bytes, 0);
  cursor.at = at;
  return cursor;
}

export class Die {
  readonly unit: LoadedUnit;
  readonly plan: Plan;
  /** Where it stands in the bytes of the unit, and where its attributes end. */
  readonly at: number;
  readonly end: number;
  private readonly positions: readonly number[];

  constructor(unit: LoadedUnit, at: number, plan: Plan, positions: readonly number[], end: number) {
    this.unit = unit;
    this.at = at;
    this.plan = plan;
    this.positions = positions;
    this.end = end;
  }

  get id(): EntryId {
    return this.unit.id + this.at;
  }

  get tag(): number {
    return this.plan.tag;
  }

  has(attribute: number): boolean {
    return this.plan.attributes.includes(attribute);
  }

  get(attribute: number): FormValue | undefined {
    const index = this.plan.attributes.indexOf(attribute);
    if (index < 0) return undefined;
    const { cursor, unit, sections } = this.unit;
    cursor.at = this.positions[index] as number;
    const { forms, implicit } = this.plan;
    return readForm(cursor, forms[index] as number, implicit[index] as number, unit, sections.window);
  }

  number(attribute: number): number | undefined {
    const value = this.get(attribute);
    return value?.kind === 'number' ? value.value : undefined;
  }

  flag(attribute: number): boolean {
    const value = this.get(attribute);
    return value?.kind === 'number' && value.value !== 0;
  }

  text(attribute: number): string | undefined {
    return this.unit.textOf(this.get(attribute));
  }

  address(attribute: number): number | undefined {
    return this.unit.addressOf(this.get(attribute));
  }

  /** A copy, which does not hold the unit in memory. */
  block(attribute: number): Uint8Array | undefined {
    const value = this.get(attribute);
    return value?.kind === 'block' ? value.bytes.slice() : undefined;
  }

  reference(attribute: number): EntryId | undefined {
    const value = this.get(attribute);
    if (value?.kind === 'entry') return this.unit.sectionId + value.value;
    if (value?.kind === 'signature') return this.unit.links.signature(value.value);
    if (value?.kind === 'supplementary-entry') return this.unit.links.supplementaryEntry(value.value);
    return undefined;
  }

  /** A constant, exact; forms that do not tell whether they are signed count as unsigned. */
  constant(attribute: number): bigint | undefined {
    const index = this.plan.attributes.indexOf(attribute);
    if (index < 0) return undefined;
    const { cursor } = this.unit;
    cursor.at = this.positions[index] as number;
    let form = this.plan.forms[index] as number;
    if (form === dw.DW_FORM_indirect) form = directForm(cursor);
    switch (form) {
      case dw.DW_FORM_data1:
      case dw.DW_FORM_flag:
        return BigInt(cursor.u8());
      case dw.DW_FORM_data2:
        return BigInt(cursor.u16());
      case dw.DW_FORM_data4:
        return BigInt(cursor.u32());
      case dw.DW_FORM_data8:
        return cursor.big64();
      case dw.DW_FORM_udata:
        return cursor.bigUleb();
      case dw.DW_FORM_sdata:
        return cursor.bigSleb();
      case dw.DW_FORM_flag_present:
        return 1n;
      case dw.DW_FORM_implicit_const:
        return BigInt(this.plan.implicit[index] as number);
      default:
        return undefined;
    }
  }

  /** Whether a constant has a form of fixed size, whose sign only the type tells. */
  constantBits(attribute: number): number | undefined {
    const index = this.plan.attributes.indexOf(attribute);
    const form = this.plan.forms[index];
    if (form === dw.DW_FORM_data1) return 8;
    if (form === dw.DW_FORM_data2) return 16;
    if (form === dw.DW_FORM_data4) return 32;
    return form === dw.DW_FORM_data8 ? 64 : undefined;
  }
}
