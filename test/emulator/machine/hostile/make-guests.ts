// Assembles guests.S and writes the code of each guest into guests.json, as hexadecimal text.
//
//   node test/emulator/machine/hostile/make-guests.ts      needs aarch64-linux-gnu-as and -objcopy

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;
const source = join(here, 'guests.S');
const scratch = mkdtempSync(join(tmpdir(), 'hostile-guests-'));
try {
  const object = join(scratch, 'guests.o');
  execFileSync('aarch64-linux-gnu-gcc', ['-c', '-march=armv8-a+crypto', '-o', object, source]);
  const guests: Record<string, string> = {};
  for (const [, name = ''] of readFileSync(source, 'utf8').matchAll(/^guest (\w+)$/gm)) {
    const code = join(scratch, name);
    execFileSync('aarch64-linux-gnu-objcopy', ['-O', 'binary', '-j', `.text.${name}`, object, code]);
    guests[name] = readFileSync(code).toString('hex');
  }
  writeFileSync(join(here, 'guests.json'), `${JSON.stringify(guests, null, 2)}\n`);
} finally {
  rmSync(scratch, { recursive: true });
}
