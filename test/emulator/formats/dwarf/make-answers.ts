// Asks gdb about the fixtures, for build.sh beside them: node make-answers.ts FIXTURE...

import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SHF_EXECINSTR } from '../../../../emulator/formats/elf.ts';
import { SymbolTable } from '../../../../emulator/formats/symbols.ts';
import { openBytes } from '../elf-fixture.ts';
import { askGdb } from './gdb-comparison.ts';

const STEP = 12n;

for (const path of process.argv.slice(2)) {
  const elf = await openBytes(new Uint8Array(readFileSync(path)));
  const symbols = await SymbolTable.fromElf(elf);
  const addresses: string[] = [];
  for (const { flags, address, size } of elf.sections) {
    if ((flags & SHF_EXECINSTR) === 0) continue;
    for (let at = address; at < address + BigInt(size); at += STEP) {
      if (symbols.lookup(at) !== undefined) addresses.push(String(at));
    }
  }
  const lines = readFileSync(join(import.meta.dirname, '../fixtures/dwarf/questions.txt'), 'utf8')
    .trim()
    .split('\n');
  const ask = (word: string): string[] =>
    lines.filter((line) => line.startsWith(word)).map((line) => line.slice(line.indexOf(' ') + 1));
  const questions = {
    addresses,
    structures: ask('type '),
    enumerations: ask('enumeration '),
    variables: ask('variable '),
  };
  const answers = askGdb(path, questions);
  writeFileSync(
    path.replace(/\.elf$/, '.gdb.json'),
    `${JSON.stringify({ program: basename(path), questions, answers })}\n`,
  );
}
