// Compares what emulator/formats/dwarf says of a program with what gdb and addr2line say: lines, scopes and variables at
// random addresses, random structures, enumerations and globals. Prints how many agree, and how the others differ.
//
//   node test/tools/dwarf-oracle.ts [PROGRAM] [--count N] [--seed N] [--show N]
//
// PROGRAM: an ELF file with DWARF; Debian's vmlinux, if it is not given. Needs gdb-multiarch with
// Python, and binutils for aarch64-linux-gnu.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { decompress, openFile } from '../../debug-adapter/node/files.ts';
import { ElfFile, SHF_EXECINSTR } from '../../emulator/formats/elf.ts';
import { DebugInfo } from '../../emulator/formats/dwarf/debug-info.ts';
import { normalizePath } from '../../emulator/formats/dwarf/file-index.ts';
import type { ProgramInfo } from '../../emulator/formats/dwarf/model.ts';
import { openProgramInfo } from '../../emulator/formats/dwarf/program-info.ts';
import { SymbolTable } from '../../emulator/formats/symbols.ts';
import { Tally, askGdb, compare } from '../emulator/formats/dwarf/gdb-comparison.ts';
import { fetchDebian } from './fetch-debian.ts';

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

async function main(): Promise<void> {
  const kinds = await timed('name index', () => nameKinds());
  const questions = {
    addresses: randomAddresses().map(String),
    structures: sample(kinds.structures),
    enumerations: sample(kinds.enumerations),
    variables: sample(kinds.variables),
  };
  const answers = askGdb(path, questions);
  const tallies = await timed('answers', () => compare(info, questions, answers));
  tallies.unshift(await timed('lines', () => compareLines(questions.addresses.map(BigInt))));
  for (const { title, same, different } of tallies) {
    console.log(`${title}: ${same} of ${same + different.length} agree`);
    for (const text of different.slice(0, Number(values.show))) console.log(text);
  }
}

/** The functions around addresses with the lines of their calls, against addr2line of binutils. */
async function compareLines(addresses: readonly bigint[]): Promise<Tally> {
  const tally = new Tally('lines with the functions inlined there');
  const lines = DebugInfo.open(elf, info);
  const input = addresses.map((address) => `0x${address.toString(16)}`).join('\n');
  const run = spawnSync('aarch64-linux-gnu-addr2line', ['-a', '-f', '-i', '-e', path], {
    input,
    encoding: 'utf8',
  });
  const theirs = run.stdout.split(/^0x/m).slice(1);
  for (const [i, address] of addresses.entries()) {
    const location = await lines?.locate(address);
    const functions = (await lines?.functionsAt(address)) ?? [];
    const calls = functions.filter(({ inlined }) => inlined).map(({ call }) => `${call?.file}:${call?.line}`);
    const places = [location ? `${location.file}:${location.line}` : '??:0', ...calls];
    // What has no function in DWARF has its name from the symbol table.
    const names = functions.length > 0 ? functions.map(({ name }) => name) : [symbols.lookup(address)?.name];
    const ours = names.map((name, n) => `${name}\n${places[n]}`).join('\n');
    const [, ...frames] = (theirs[i] ?? '').trim().split('\n');
    tally.add(`0x${address.toString(16)}`, ours, plainLines(frames));
  }
  return tally;
}

/** Without discriminators, `?` for no line, and `..` in paths. */
const plainLines = (frames: readonly string[]): string =>
  frames
    .map((line) => line.replace(/ \(discriminator \d+\)$/, '').replace(/:\?$/, ':0'))
    .map((line, i) => (i % 2 === 1 ? normalizePath(line) : line))
    .join('\n');

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

async function debianVmlinux(): Promise<string> {
  const { vmlinux } = await fetchDebian({ debugSymbols: true });
  if (vmlinux === undefined) throw new Error('the package has no vmlinux');
  return vmlinux;
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

await main();
