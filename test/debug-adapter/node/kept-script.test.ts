import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const MODULE = join(import.meta.dirname, '../../../debug-adapter/node/kept-script.ts');
const folder = mkdtempSync(join(tmpdir(), 'xenscope-kept-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const script = join(folder, 'script.cjs');
const write = (result: string): void =>
  writeFileSync(
    script,
    `(function (exports, require) { exports.say = () => require('node:path').basename('${result}'); })`,
  );

/** What a process of its own says after it ran the script: whether it found anything kept, and the script's result. */
function run(identity: string, environment: Record<string, string> = {}): string {
  const program = `
    import { enableCompileCache } from 'node:module';
    import vm from 'node:vm';
    let rejected = 'nothing kept';
    const { Script } = vm;
    vm.Script = class extends Script {
      constructor(source, options) {
        super(source, options);
        if (options.cachedData) rejected = this.cachedDataRejected ? 'refused' : 'taken';
      }
    };
    enableCompileCache();
    const { loadKeptScript } = await import(${JSON.stringify(MODULE)});
    const { exports, keep } = loadKeptScript(${JSON.stringify(script)}, ${JSON.stringify(identity)}, 'test');
    console.log(rejected + ': ' + exports.say());
    keep();`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'cache'), NODE_NO_WARNINGS: '1', ...environment },
  }).trim();
}

const kept = (): string[] => globSync(join(folder, 'cache/*/xenscope-*'));

test('what one process compiled of a script the next one takes, while the script is the same', () => {
  write('first');
  expect(run('identity-1......')).toBe('nothing kept: first');
  expect(run('identity-1......')).toBe('taken: first');
  // As long as the other: only its identity tells them apart.
  write('other');
  expect(run('identity-2......')).toBe('nothing kept: other');
  expect(run('identity-2......')).toBe('taken: other');
  expect(kept()).toHaveLength(1);
});

test('damaged or foreign data is refused, and replaced', () => {
  write('whole');
  run('identity-3......');
  const [place = ''] = kept();
  const bytes = readFileSync(place);
  bytes.fill(0x55, 24, 200);
  writeFileSync(place, bytes);
  expect(run('identity-3......')).toBe('refused: whole');
  expect(run('identity-3......')).toBe('taken: whole');
  writeFileSync(place, bytes.subarray(0, 10));
  expect(run('identity-3......')).toBe('nothing kept: whole');
});

test('nothing is kept where Node may keep nothing', () => {
  write('never');
  rmSync(join(folder, 'cache'), { recursive: true });
  expect(run('identity-4......', { NODE_DISABLE_COMPILE_CACHE: '1' })).toBe('nothing kept: never');
  expect(kept()).toEqual([]);
});
