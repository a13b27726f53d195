// Assembles harness.S and writes its code into harness.json, as hexadecimal text.
//
//   node test/emulator/engine/translator/make-harness.ts      needs aarch64-linux-gnu-gcc and -objcopy

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;
const scratch = mkdtempSync(join(tmpdir(), 'translator-harness-'));
try {
  const object = join(scratch, 'harness.o');
  const code = join(scratch, 'harness.bin');
  execFileSync('aarch64-linux-gnu-gcc', ['-c', '-o', object, join(here, 'harness.S')]);
  execFileSync('aarch64-linux-gnu-objcopy', ['-O', 'binary', '-j', '.text', object, code]);
  const harness = readFileSync(code).toString('hex');
  writeFileSync(join(here, 'harness.json'), `${JSON.stringify({ harness }, null, 2)}\n`);
} finally {
  rmSync(scratch, { recursive: true });
}
