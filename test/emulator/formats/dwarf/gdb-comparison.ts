// Compares what emulator/formats/dwarf says of a program with what gdb says.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  DwarfType,
  EntryId,
  Expression,
  LexicalScope,
  Member,
  ProgramInfo,
} from '../../../../emulator/formats/dwarf/model.ts';

export interface Questions {
  /** Decimal: what scopes and variables are there. */
  readonly addresses: readonly string[];
  readonly structures: readonly string[];
  readonly enumerations: readonly string[];
  readonly variables: readonly string[];
}

interface GdbType {
  readonly size: number | null;
  readonly code: number;
  readonly name: string | null;
}

interface GdbField {
  readonly name: string | null;
  readonly bit: number;
  readonly bits: number;
  readonly type: GdbType;
  readonly fields?: readonly GdbField[];
}

interface GdbScope {
  readonly function: string | null;
  readonly variables: readonly string[];
  /** Those that are optimised out. */
  readonly gone: readonly string[];
}

export interface Answers {
  readonly scopes: readonly (readonly GdbScope[])[];
  readonly there: readonly Readonly<Record<string, boolean>>[];
  readonly structures: readonly ({ size: number; fields: readonly GdbField[] } | null)[];
  readonly enumerations: readonly (Readonly<Record<string, string>> | null)[];
  readonly variables: readonly (readonly { address: string; type: GdbType }[])[];
}

const DW_OP_addr = 0x03;
const DW_OP_addrx = 0xa1;
const DW_OP_GNU_addr_index = 0xfb;

/** Of each kind of questions, how many answers agree. */
export async function compare(info: ProgramInfo, questions: Questions, answers: Answers): Promise<Tally[]> {
  const scopes = new Tally('scopes with their variables');
  const there = new Tally('variables that are somewhere');
  for (const [i, text] of questions.addresses.entries()) {
    const found = await info.scopesAt(BigInt(text));
    compareScopes(scopes, BigInt(text), found, answers.scopes[i] ?? []);
    compareThere(there, BigInt(text), found, answers.there[i] ?? {});
  }
  const structures = new Tally('structures');
  for (const [i, name] of questions.structures.entries()) {
    const theirs = answers.structures[i];
    if (theirs) {
      structures.addAny(name, await structureTexts(info, name), gdbFields(theirs.fields, 0, theirs.size));
    }
  }
  const enumerations = new Tally('enumerations');
  for (const [i, name] of questions.enumerations.entries()) {
    const theirs = answers.enumerations[i];
    if (theirs) {
      enumerations.addAny(name, await enumerationTexts(info, name), gdbEnumerators(theirs));
    }
  }
  const variables = new Tally('variables');
  for (const [i, name] of questions.variables.entries()) {
    const theirs = (answers.variables[i] ?? []).map((v) => `${v.address} ${v.type.size}`);
    // gdb does not list all statics of a name, and none whose place is no address.
    if (theirs.length > 0) variables.addSubset(name, await variableTexts(info, name), theirs);
  }
  return [scopes, there, structures, enumerations, variables];
}

export function askGdb(path: string, questions: Questions): Answers {
  const folder = mkdtempSync(join(tmpdir(), 'dwarf-oracle-'));
  try {
    const files = { QUESTIONS: join(folder, 'questions.json'), ANSWERS: join(folder, 'answers.json') };
    writeFileSync(files.QUESTIONS, JSON.stringify(questions));
    const script = join(import.meta.dirname, 'answer.py');
    const options = ['-batch', '-nx', '-ex', 'set complaints 0', '-ex', `source ${script}`, path];
    const run = spawnSync('gdb-multiarch', options, { env: { ...process.env, ...files }, encoding: 'utf8' });
    if (!existsSync(files.ANSWERS))
      throw new Error(`gdb did not answer: ${run.stdout}${run.stderr}${run.error?.message ?? ''}`);
    return JSON.parse(readFileSync(files.ANSWERS, 'utf8')) as Answers;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// ---------------------------------------------------------------- the same words for both

/**
 * What gdb calls optimised out counts only where we know it as well: of an inlined function gdb lists the variables of
 * inner blocks once more in the outer ones, and labels.
 */
function compareScopes(
  tally: Tally,
  address: bigint,
  ours: readonly LexicalScope[],
  theirs: readonly GdbScope[],
): void {
  const known = ours.map((scope) => {
    const names = scope.variables.map((variable) => variable.name).sort();
    return { name: scope.kind === 'block' ? null : scope.name, names };
  });
  const other = theirs.map((scope, i) => {
    const wanted = [...(known[i]?.names ?? [])];
    for (const name of scope.variables) {
      const at = wanted.indexOf(name);
      if (at >= 0) wanted.splice(at, 1);
    }
    const gone = [...scope.gone];
    const both = wanted.filter((name) => gone.includes(name) && gone.splice(gone.indexOf(name), 1));
    return {
      name: scope.function && functionName(scope.function, known[i]?.name ?? ''),
      names: [...scope.variables, ...both].sort(),
    };
  });
  const text = (scopes: typeof known): string =>
    scopes
      .filter(({ name, names }) => name !== null || names.length > 0)
      .map(({ name, names }) => `${name ?? '-'}: ${names.join(' ')}`)
      .join('\n');
  tally.add(`0x${address.toString(16)}`, text(known), text(other as typeof known));
}

/** Without the parameters, which gdb has in names of C++; and as ours where that has more of what is around. */
function functionName(theirs: string, ours: string): string {
  const name = theirs.replace(/(?<!operator)\(.*\)( const)?$/, '');
  return ours.endsWith(`::${name}`) ? ours : name;
}

function compareThere(
  tally: Tally,
  address: bigint,
  scopes: readonly LexicalScope[],
  theirs: Readonly<Record<string, boolean>>,
): void {
  const ours = new Map<string, boolean>();
  for (const scope of scopes) {
    for (const { name, location } of scope.variables) {
      if (!ours.has(name)) ours.set(name, location.kind !== 'none');
    }
    if (scope.kind !== 'block') break;
  }
  if (scopes.length === 0) return;
  for (const [name, isThere] of Object.entries(theirs)) {
    // Labels, and what inner blocks of inlined functions have.
    if (!isThere && !ours.has(name)) continue;
    tally.add(`${name} at 0x${address.toString(16)}`, String(ours.get(name)), String(isThere));
  }
}

async function structureTexts(info: ProgramInfo, name: string): Promise<string[]> {
  const texts: string[] = [];
  for (const entry of await info.types(name)) {
    const type = (await measure(info, entry)).stripped;
    if (type?.kind === 'structure') texts.push(await fieldLines(info, type.members, 0, type.size));
  }
  return texts;
}

async function fieldLines(
  info: ProgramInfo,
  members: readonly Member[],
  start: number,
  total: number,
): Promise<string> {
  const lines = [`size ${total}`];
  for (const { name: own, bitOffset, bitSize, type, isBase } of members) {
    const { size, stripped } = await measure(info, type);
    const name = isBase && stripped?.kind === 'structure' ? stripped.name?.replace(/^.*::/, '') : own;
    if (name === undefined && stripped?.kind === 'structure') {
      lines.push(await fieldLines(info, stripped.members, start + bitOffset, size));
    } else {
      lines.push(`${name} at ${start + bitOffset} bits ${bitSize ?? 0} size ${size}`);
    }
  }
  return lines.join('\n');
}

function gdbFields(fields: readonly GdbField[], start: number, total: number): string {
  const lines = [`size ${total}`];
  for (const field of fields) {
    if (field.fields) lines.push(gdbFields(field.fields, start + field.bit, field.type.size ?? 0));
    else
      lines.push(
        `${field.name?.replace(/^.*::/, '')} at ${start + field.bit} bits ${field.bits} size ${field.type.size ?? 0}`,
      );
  }
  return lines.join('\n');
}

async function measure(
  info: ProgramInfo,
  entry: EntryId | undefined,
): Promise<{ size: number; stripped: DwarfType | undefined }> {
  if (entry === undefined) return { size: 1, stripped: undefined };
  const type = await info.type(entry);
  switch (type.kind) {
    case 'typedef':
    case 'qualified':
      return measure(info, type.target);
    case 'array': {
      const { size } = await measure(info, type.element);
      return { size: type.counts.reduce<number>((all, n) => all * (n ?? 0), size), stripped: type };
    }
    case 'function':
    case 'unspecified':
      return { size: 1, stripped: type };
    case 'structure': {
      const definition = type.isDeclaration ? await info.type(await info.definitionOf(entry)) : type;
      return { size: definition.kind === 'structure' ? definition.size : 0, stripped: definition };
    }
    case 'base':
    case 'pointer':
    case 'enumeration':
    case 'member-pointer':
      return { size: type.size, stripped: type };
  }
}

async function enumerationTexts(info: ProgramInfo, name: string): Promise<string[]> {
  const texts: string[] = [];
  for (const entry of await info.types(name)) {
    const type = (await measure(info, entry)).stripped;
    if (type?.kind !== 'enumeration') continue;
    const rows = type.enumerators.map(({ name: word, value }) => [word, String(value)]);
    texts.push(rows.sort().join('\n'));
  }
  return texts;
}

const gdbEnumerators = (values: Readonly<Record<string, string>>): string =>
  Object.entries(values)
    .map(([name, value]) => [name.replace(/^.*::/, ''), value])
    .sort()
    .join('\n');

async function variableTexts(info: ProgramInfo, name: string): Promise<string[]> {
  const texts: string[] = [];
  for (const { location, type } of await info.variables(name)) {
    if (location.kind !== 'expression') continue;
    const address = await addressIn(info, location.expression);
    if (address !== undefined) texts.push(`${address} ${(await measure(info, type)).size}`);
  }
  return texts;
}

async function addressIn(info: ProgramInfo, { bytes, unit }: Expression): Promise<bigint | undefined> {
  const [operation, index] = bytes;
  if (operation === DW_OP_addr) return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(1, true);
  const isIndexed = operation === DW_OP_addrx || operation === DW_OP_GNU_addr_index;
  // The fixtures have fewer than 128 addresses.
  return isIndexed && index !== undefined ? info.indexedAddress(unit, index) : undefined;
}

// ---------------------------------------------------------------- counting

export class Tally {
  readonly title: string;
  same = 0;
  readonly different: string[] = [];

  constructor(title: string) {
    this.title = title;
  }

  add(what: string, ours: string, theirs: string): void {
    this.addAny(what, [ours], theirs);
  }

  addAny(what: string, ours: readonly string[], theirs: string): void {
    if (ours.includes(theirs)) this.same++;
    else this.different.push(`${what}\n  ours:\n${ours.join('\n---\n')}\n  gdb:\n${theirs}`);
  }

  addSubset(what: string, ours: readonly string[], theirs: readonly string[]): void {
    if (theirs.every((text) => ours.includes(text))) this.same++;
    else this.different.push(`${what}\n  ours: ${ours.join(', ')}\n  gdb: ${theirs.join(', ')}`);
  }
}
