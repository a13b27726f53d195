// Entry of the test suite inside the extension host. VS Code calls `run`; what mocha prints also goes to
// $SUITE_OUTPUT, as the host's own console is mixed with the editor's log.

import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';

export async function run(): Promise<void> {
  const output = process.env['SUITE_OUTPUT'];
  Mocha.reporters.Base.consoleLog = (...items: unknown[]) => {
    if (output !== undefined) appendFileSync(output, `${format(...items)}\n`);
    else console.log(...items);
  };
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, color: false, reporter: 'spec' });
  for (const name of ['extension', 'debugging', 'domains', 'open-panels', 'linux'])
    mocha.addFile(join(__dirname, `${name}.cjs`));
  const failures = await new Promise<number>((resolve) => mocha.run(resolve));
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
