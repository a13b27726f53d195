// Names on the top level of a unit, fast: vmlinux has 1.41 million of them. Each abbreviation becomes a short program
// that jumps over all attributes but the few that count here; children are jumped over by DW_AT_sibling.

import type { Abbreviation, AbbreviationTable } from './abbrev.ts';
import * as dw from './constants.ts';
import { OutOfBytes } from './cursor.ts';
import type { Cursor } from './cursor.ts';
import { directForm, skipForm } from './forms.ts';
import type { Encoding } from './forms.ts';
import { FIRST_OPERATION, PlanTable, SKIP, SKIP_FORM, stepsOver } from './plans.ts';

/** What a name stands for; types that are only declared are told apart. */
export const FUNCTION = 0;
export const VARIABLE = 1;
export const TYPE = 2;
export const DECLARED_TYPE = 3;
export const ENUMERATOR = 4;

/** Where a name stands: its form and its value there, or the text itself. */
export interface NameSink {
  /** A name in .debug_str. */
  strp(offset: number): number;
  /** An inline one, in the bytes of the unit. */
  inline(bytes: Uint8Array, start: number, end: number): number;
  /** A name in another form, with the cursor at its value. */
  other(form: number, cursor: Cursor): number;
  /** Whether this was new; names are what the methods above returned. */
  add(kind: number, name: number, at: number, size: number, line: number): boolean;
  /** A namespace or a type with names inside is entered, and left. */
  enter(name: number): void;
  leave(): void;
}

const NAME = FIRST_OPERATION;
const SIBLING = FIRST_OPERATION + 1;
const DECLARATION = FIRST_OPERATION + 2;
const SIZE = FIRST_OPERATION + 3;
const LINE = FIRST_OPERATION + 4;
const SPECIFICATION = FIRST_OPERATION + 5;

const NONE = -1;

interface ScanPlan {
  readonly kind: number;
  readonly hasChildren: boolean;
  readonly steps: readonly number[];
}

/** Kinds beyond those that are names. */
const ENUMERATION = 5;
const NAMESPACE = 6;
/** A type that may have others inside. */
const CLASS = 7;
const NOTHING = 8;

const KINDS: ReadonlyMap<number, number> = new Map([
  [dw.DW_TAG_subprogram, FUNCTION],
  [dw.DW_TAG_variable, VARIABLE],
  [dw.DW_TAG_base_type, TYPE],
  [dw.DW_TAG_structure_type, CLASS],
  [dw.DW_TAG_union_type, CLASS],
  [dw.DW_TAG_class_type, CLASS],
  [dw.DW_TAG_interface_type, CLASS],
  [dw.DW_TAG_typedef, TYPE],
  [dw.DW_TAG_template_alias, TYPE],
  [dw.DW_TAG_unspecified_type, TYPE],
  [dw.DW_TAG_enumeration_type, ENUMERATION],
  [dw.DW_TAG_enumerator, ENUMERATOR],
  [dw.DW_TAG_namespace, NAMESPACE],
]);

const OPERATIONS: ReadonlyMap<number, number> = new Map([
  [dw.DW_AT_name, NAME],
  [dw.DW_AT_sibling, SIBLING],
  [dw.DW_AT_declaration, DECLARATION],
  [dw.DW_AT_byte_size, SIZE],
  [dw.DW_AT_decl_line, LINE],
  [dw.DW_AT_specification, SPECIFICATION],
]);

export type ScanPlans = PlanTable<ScanPlan>;

export const scanPlansOf = (table: AbbreviationTable, encoding: Encoding): ScanPlans =>
  new PlanTable(table, encoding, compile);

function compile({ tag, hasChildren, attributes }: Abbreviation, encoding: Encoding): ScanPlan {
  const kind = KINDS.get(tag) ?? NOTHING;
  const operationOf = (attribute: number): number | undefined => {
    const operation = OPERATIONS.get(attribute);
    return kind !== NOTHING || operation === SIBLING ? operation : undefined;
  };
  return { kind, hasChildren, steps: stepsOver(attributes, encoding, operationOf) };
}

/** Namespaces and damaged chains of siblings nest no deeper. */
const MAX_DEPTH = 64;

/** Scans one unit, whose bytes (header included) the cursor is over. */
export class NameScan {
  private readonly cursor: Cursor;
  private readonly plans: ScanPlans;
  private readonly encoding: Encoding;
  private readonly sink: NameSink;
  // Of the entry that was read last.
  private name = NONE;
  private sibling = NONE;
  private size = 0;
  private line = 0;
  private specification = NONE;
  private isDeclaration = false;

  constructor(cursor: Cursor, plans: ScanPlans, encoding: Encoding, sink: NameSink) {
    this.cursor = cursor;
    this.plans = plans;
    this.encoding = encoding;
    this.sink = sink;
  }

  /** `root`: where the unit's first entry stands in the cursor's bytes. */
  run(root: number): void {
    this.cursor.at = root;
    if (this.next()?.hasChildren) this.siblings(0);
  }

  private siblings(depth: number): void {
    const { cursor, sink } = this;
    while (cursor.at < cursor.bytes.length) {
      const { at } = cursor;
      const plan = this.next();
      if (plan === undefined) return;
      const { kind } = plan;
      const { sibling, name } = this;
      let known = false;
      if (kind === FUNCTION || kind === VARIABLE) this.addDefinition(kind, at);
      else if (kind === TYPE || kind === ENUMERATION || kind === CLASS) known = !this.addType(at);
      if (!plan.hasChildren) continue;
      if (kind === ENUMERATION && !known) {
        this.enumerators();
      } else if (depth < MAX_DEPTH && (kind === NAMESPACE || (kind === CLASS && !known))) {
        sink.enter(name);
        this.siblings(depth + 1);
        sink.leave();
      } else if (sibling > cursor.at && sibling <= cursor.bytes.length) {
        cursor.at = sibling;
      } else {
        this.skipChildren();
      }
    }
  }

  private addDefinition(kind: number, at: number): void {
    if (this.isDeclaration) return;
    const { line } = this;
    const name =
      this.name === NONE && this.specification !== NONE ? this.nameAt(this.specification) : this.name;
    if (name !== NONE) this.sink.add(kind, name, at, 0, kind === VARIABLE ? at : line);
  }

  /** Whether it is a new one; enumerations without a name always are. */
  private addType(at: number): boolean {
    if (this.name === NONE) return true;
    return this.sink.add(this.isDeclaration ? DECLARED_TYPE : TYPE, this.name, at, this.size, this.line);
  }

  private enumerators(): void {
    const { cursor } = this;
    while (cursor.at < cursor.bytes.length) {
      const { at } = cursor;
      const plan = this.next();
      if (plan === undefined) return;
      if (plan.kind === ENUMERATOR && this.name !== NONE) this.sink.add(ENUMERATOR, this.name, at, 0, 0);
      if (plan.hasChildren) this.skipChildren();
    }
  }

  private nameAt(at: number): number {
    const { cursor } = this;
    const behind = cursor.at;
    if (at < 0 || at >= cursor.bytes.length) return NONE;
    cursor.at = at;
    this.next();
    cursor.at = behind;
    return this.name;
  }

  private skipChildren(): void {
    const { cursor } = this;
    for (let depth = 1; depth > 0 && cursor.at < cursor.bytes.length; ) {
      const plan = this.next();
      if (plan === undefined) {
        depth--;
      } else if (plan.hasChildren) {
        const { sibling } = this;
        if (sibling > cursor.at && sibling <= cursor.bytes.length) cursor.at = sibling;
        else depth++;
      }
    }
  }

  /** Reads the entry at the cursor, and leaves it behind its attributes; undefined: a null entry. */
  private next(): ScanPlan | undefined {
    const { cursor } = this;
    const plan = this.plans.at(cursor);
    if (plan === undefined) return undefined;
    this.name = NONE;
    this.sibling = NONE;
    this.size = 0;
    this.line = 0;
    this.specification = NONE;
    this.isDeclaration = false;
    const { steps } = plan;
    for (let i = 0; i < steps.length; i += 3) {
      const argument = steps[i + 1] as number;
      switch (steps[i] as number) {
        case SKIP:
          cursor.at += argument;
          break;
        case SKIP_FORM:
          skipForm(cursor, argument, this.encoding);
          break;
        case NAME:
          this.name = this.readName(argument);
          break;
        case SIBLING:
          this.sibling = this.readReference(argument);
          break;
        case DECLARATION:
          this.isDeclaration = this.readNumber(argument, 1) !== 0;
          break;
        case SIZE:
          this.size = this.readNumber(argument, steps[i + 2] as number);
          break;
        case LINE:
          this.line = this.readNumber(argument, steps[i + 2] as number);
          break;
        case SPECIFICATION:
          this.specification = this.readReference(argument);
          break;
      }
    }
    if (cursor.at > cursor.bytes.length) throw new OutOfBytes();
    return plan;
  }

  private readName(form: number): number {
    const { cursor, sink } = this;
    if (form === dw.DW_FORM_strp) return sink.strp(cursor.unsigned(this.encoding.offsetSize));
    if (form === dw.DW_FORM_string) {
      const start = cursor.at;
      cursor.skipString();
      return sink.inline(cursor.bytes, start, cursor.at - 1);
    }
    const name = sink.other(form === dw.DW_FORM_indirect ? directForm(cursor) : form, cursor);
    return name;
  }

  /** Where the entry that is referred to stands in the unit's bytes. */
  private readReference(form: number): number {
    const { cursor } = this;
    switch (form) {
      case dw.DW_FORM_ref4:
        return cursor.u32();
      case dw.DW_FORM_ref2:
        return cursor.u16();
      case dw.DW_FORM_ref1:
        return cursor.u8();
      case dw.DW_FORM_ref8:
        return cursor.u64();
      case dw.DW_FORM_ref_udata:
        return cursor.uleb();
      default:
        skipForm(cursor, form, this.encoding);
        return NONE;
    }
  }

  private readNumber(form: number, implicit: number): number {
    const { cursor } = this;
    switch (form) {
      case dw.DW_FORM_data1:
      case dw.DW_FORM_flag:
        return cursor.u8();
      case dw.DW_FORM_data2:
        return cursor.u16();
      case dw.DW_FORM_data4:
        return cursor.u32();
      case dw.DW_FORM_udata:
        return cursor.uleb();
      case dw.DW_FORM_implicit_const:
        return implicit;
      case dw.DW_FORM_flag_present:
        return 1;
      default:
        skipForm(cursor, form, this.encoding);
        return 0;
    }
  }
}
