// Compares what emulator/formats/dwarf says of a program with what gdb says: the scopes and variables at random
// addresses, random structures, enumerations and globals. Prints how many agree, and how the others differ.
//
//   node test/tools/dwarf-oracle.ts [PROGRAM] [--count N] [--seed N] [--show N]
//
// PROGRAM: an ELF file with DWARF; Debian's vmlinux, if it is not given. Needs gdb-multiarch with Python.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { decompress, openFile } from '../../debug-adapter/node/files.ts';
import { ElfFile, SHF_EXECINSTR } from '../../emulator/formats/elf.ts';
import type {
  DwarfType,
  EntryId,
  LexicalScope,
  Member,
  ProgramInfo,
} from '../../emulator/formats/dwarf/model.ts';
import { openProgramInfo } from '../../emulator/formats/dwarf/program-info.ts';
import { SymbolTable } from '../../emulator/formats/symbols.ts';
import { fetchDebian } from './fetch-debian.ts';

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

interface Answers {
  readonly scopes: readonly (readonly GdbScope[])[];
  readonly there: readonly Readonly<Record<string, boolean>>[];
  readonly structures: readonly ({ size: number; fields: readonly GdbField[] } | null)[];
  readonly enumerations: readonly (Readonly<Record<string, string>> | null)[];
  readonly variables: readonly (readonly { address: string; type: GdbType }[])[];
}

const DW_OP_addr = 0x03;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    show: { type: 'string', default: '5' },
  },
});

const random = generator(Number(values.seed));
const count = Number(values.count);
const path = positionals[0] ?? (await debianVmlinux());
const elf = await ElfFile.open(await openFile(path), decompress);
const opened = openProgramInfo(elf, (error) => process.stderr.write(`${error.toString()}\n`));
if (opened === undefined) throw new Error(`${path} has no debug information`);
const info: ProgramInfo = opened;
const symbols = await SymbolTable.fromElf(elf);

async function compare(): Promise<void> {
  const kinds = await timed('name index', () => nameKinds());
  const addresses = randomAddresses();
  const questions = {
    addresses: addresses.map(String),
    structures: sample(kinds.structures),
    enumerations: sample(kinds.enumerations),
    variables: sample(kinds.variables),
  };
  const answers = askGdb(questions);

  const ours: (readonly LexicalScope[])[] = [];
  await timed(`scopes at ${addresses.length} addresses`, async () => {
    for (const address of addresses) ours.push(await info.scopesAt(address));
  });
  const scopes = new Tally('scopes with their variables');
  const there = new Tally('variables that are somewhere');
  for (const [i, address] of addresses.entries()) {
    const found = ours[i] ?? [];
    compareScopes(scopes, address, found, answers.scopes[i] ?? []);
    compareThere(there, address, found, answers.there[i] ?? {});
  }
  const structures = new Tally('structures');
  await timed('structures', async () => {
    for (const [i, name] of questions.structures.entries()) {
      const theirs = answers.structures[i];
      if (theirs)
        structures.addAny(name, await structureTexts(name), gdbFields(theirs.fields, 0, theirs.size));
    }
  });
  const enumerations = new Tally('enumerations');
  for (const [i, name] of questions.enumerations.entries()) {
    const theirs = answers.enumerations[i];
    if (theirs)
      enumerations.addAny(name, await enumerationTexts(name), Object.entries(theirs).sort().join('\n'));
  }
  const variables = new Tally('variables');
  for (const [i, name] of questions.variables.entries()) {
    const theirs = (answers.variables[i] ?? []).map((v) => `${v.address} ${v.type.size}`);
    // gdb does not list all statics of a name, and none whose place is no address.
    if (theirs.length > 0) variables.addSubset(name, await variableTexts(name), theirs);
  }
  for (const tally of [scopes, there, structures, enumerations, variables]) tally.print();
}

// ---------------------------------------------------------------- questions

async function nameKinds(): Promise<{ structures: string[]; enumerations: string[]; variables: string[] }> {
  const kinds = { structures: [] as string[], enumerations: [] as string[], variables: [] as string[] };
  for (const { name, kind, entry } of await info.names('', Number.POSITIVE_INFINITY)) {
    if (kind === 'variable') kinds.variables.push(name);
    if (kind !== 'type' || random() > 0.05) continue;
    const type = await info.type(entry);
    if (type.kind === 'structure' && !type.isDeclaration && type.form !== 'class') {
      kinds.structures.push(`${type.form} ${name}`);
    }
    if (type.kind === 'enumeration') kinds.enumerations.push(`enum ${name}`);
  }
  return kinds;
}

function randomAddresses(): bigint[] {
  const code = elf.sections.filter(
    (section) => section.flags & SHF_EXECINSTR && section.name !== '.head.text',
  );
  const addresses: bigint[] = [];
  for (let tries = 0; addresses.length < count && tries < 100 * count; tries++) {
    const section = code[Math.floor(random() * code.length)];
    if (section === undefined) break;
    const address = section.address + 4n * BigInt(Math.floor((random() * section.size) / 4));
    const symbol = symbols.lookup(address);
    if (symbol !== undefined && symbol.offset >= 8) addresses.push(address);
  }
  return addresses;
}

function sample(names: readonly string[]): string[] {
  const pool = [...names];
  const chosen: string[] = [];
  while (pool.length > 0 && chosen.length < count) {
    const [name] = pool.splice(Math.floor(random() * pool.length), 1);
    if (name !== undefined) chosen.push(name);
  }
  return chosen;
}

function askGdb(questions: unknown): Answers {
  const folder = mkdtempSync(join(tmpdir(), 'dwarf-oracle-'));
  try {
    const files = { QUESTIONS: join(folder, 'questions.json'), ANSWERS: join(folder, 'answers.json') };
    writeFileSync(files.QUESTIONS, JSON.stringify(questions));
    const script = join(import.meta.dirname, 'dwarf-oracle.py');
    const options = ['-batch', '-nx', '-ex', 'set complaints 0', '-ex', `source ${script}`, path];
    const run = spawnSync('gdb-multiarch', options, { env: { ...process.env, ...files }, encoding: 'utf8' });
    if (!existsSync(files.ANSWERS))
      throw new Error(`gdb did not answer: ${run.stdout}${run.stderr}${run.error?.message ?? ''}`);
    return JSON.parse(readFileSync(files.ANSWERS, 'utf8')) as Answers;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function debianVmlinux(): Promise<string> {
  const { vmlinux } = await fetchDebian({ debugSymbols: true });
  if (vmlinux === undefined) throw new Error('the package has no vmlinux');
  return vmlinux;
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
    return { name: scope.function, names: [...scope.variables, ...both].sort() };
  });
  const text = (scopes: typeof known): string =>
    scopes
      .filter(({ name, names }) => name !== null || names.length > 0)
      .map(({ name, names }) => `${name ?? '-'}: ${names.join(' ')}`)
      .join('\n');
  tally.add(`0x${address.toString(16)}`, text(known), text(other as typeof known));
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

async function structureTexts(name: string): Promise<string[]> {
  const texts: string[] = [];
  for (const entry of await info.types(name)) {
    const type = await info.type(entry);
    if (type.kind === 'structure') texts.push(await fieldLines(type.members, 0, type.size));
  }
  return texts;
}

async function fieldLines(members: readonly Member[], start: number, total: number): Promise<string> {
  const lines = [`size ${total}`];
  for (const { name, bitOffset, bitSize, type } of members) {
    const { size, stripped } = await measure(type);
    if (name === undefined && stripped?.kind === 'structure') {
      lines.push(await fieldLines(stripped.members, start + bitOffset, size));
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
    else lines.push(`${field.name} at ${start + field.bit} bits ${field.bits} size ${field.type.size ?? 0}`);
  }
  return lines.join('\n');
}

async function measure(
  entry: EntryId | undefined,
): Promise<{ size: number; stripped: DwarfType | undefined }> {
  if (entry === undefined) return { size: 1, stripped: undefined };
  const type = await info.type(entry);
  switch (type.kind) {
    case 'typedef':
    case 'qualified':
      return measure(type.target);
    case 'array': {
      const { size } = await measure(type.element);
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
      return { size: type.size, stripped: type };
  }
}

async function enumerationTexts(name: string): Promise<string[]> {
  const texts: string[] = [];
  for (const entry of await info.types(name)) {
    const type = await info.type(entry);
    if (type.kind !== 'enumeration') continue;
    const rows = type.enumerators.map(({ name: word, value }) => [word, String(value)]);
    texts.push(rows.sort().join('\n'));
  }
  return texts;
}

async function variableTexts(name: string): Promise<string[]> {
  const texts: string[] = [];
  for (const { location, type } of await info.variables(name)) {
    if (location.kind !== 'expression' || location.expression.bytes[0] !== DW_OP_addr) continue;
    const { buffer, byteOffset } = location.expression.bytes;
    const address = new DataView(buffer, byteOffset).getBigUint64(1, true);
    texts.push(`${address} ${(await measure(type)).size}`);
  }
  return texts;
}

// ---------------------------------------------------------------- counting

class Tally {
  private readonly title: string;
  private same = 0;
  private readonly different: string[] = [];

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

  print(): void {
    console.log(`${this.title}: ${this.same} of ${this.same + this.different.length} agree`);
    for (const text of this.different.slice(0, Number(values.show))) console.log(text);
  }
}

async function timed<T>(what: string, action: () => Promise<T>): Promise<T> {
  const before = process.cpuUsage();
  const result = await action();
  const { user, system } = process.cpuUsage(before);
  console.log(`${what}: ${((user + system) / 1000).toFixed(0)} ms of CPU`);
  return result;
}

/** Mulberry32: the same numbers for the same seed. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

await compare();
