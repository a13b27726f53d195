import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli, scratchFolder } from './command-line.ts';

const HELLO = join(import.meta.dirname, '../../media/samples/hello-xen/hello.cfg');

const folder = scratchFolder();

test('a view of a guest at a text that it printed', async () => {
  const { status, stdout, stderr } = await runCli('inspect', HELLO, '--until', 'hello>', '--view', 'machine');
  expect(stderr).toBe('');
  expect(status).toBe(0);
  expect(stdout).toMatch(/^what +value\ninstructions +\d+\n/);
});

test('the JSON form is the same at every call, and says where the machine stands', async () => {
  const args = ['inspect', HELLO, '--until', 'hello>', '--view', 'machine', '--view', 'domains', '--json'];
  const first = await runCli(...args);
  const result = JSON.parse(first.stdout);
  expect(result.views.map(({ name }: { name: string }) => name)).toEqual(['machine', 'domains']);
  expect(result.instructions).toBe(result.views[0].view.instructions);
  expect((await runCli(...args)).stdout).toBe(first.stdout);
});

test('inspecting changes nothing', async () => {
  const hashAfter = async (...more: string[]): Promise<string> => {
    const args = ['--view', 'machine', '--json', '--until', 'hello>'];
    const { stdout } = await runCli('inspect', HELLO, ...more, ...args);
    return JSON.parse(stdout).views.find(({ name }: { name: string }) => name === 'machine').view.stateHash;
  };
  const everything = (await names()).flatMap((name) => ['--view', name]);
  expect(await hashAfter(...everything)).toBe(await hashAfter());
});

test('a text that is never printed: what the guest looks like then, and status 1', async () => {
  const { status, stdout, stderr } = await runCli(
    ...['inspect', HELLO, '--until', 'never', '--max-instructions', '1000', '--view', 'machine'],
  );
  expect(status).toBe(1);
  expect(stdout).toMatch(/instructions +1000\n/);
  expect(stderr).toContain("before it printed 'never'; this is how it stands");
});

test.each([
  [['--view', 'nonsense'], "there is no inspection 'nonsense'"],
  [['--view', 'machine', '--set', 'x=1'], "'machine' takes no 'x'"],
  [['--view', 'machine', '--set', 'x'], "--set is 'x'"],
  [['--view', 'domains', '--domain', 'x'], 'domain'],
])('%j is refused', async (args, complaint) => {
  const { status, stdout, stderr } = await runCli('inspect', HELLO, ...args);
  expect(status).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain(complaint);
});

test('a snapshot shows the same views again', async () => {
  const file = join(folder.path, 'typed.xensnap');
  const views = ['--view', 'machine', '--view', 'domains', '--view', 'rings', '--json'];
  const script = ['--until', 'hello>', '--type', 'xs memory\\n', '--until', 'target'];
  const live = await runCli('inspect', HELLO, ...script, ...views, '--save', file);
  expect(live.stderr).toBe('');
  expect(JSON.parse(readFileSync(file, 'utf8')).inputs).toMatchObject([{ input: { kind: 'console' } }]);
  const again = await runCli('inspect', file, ...views);
  expect(again.stderr).toBe('');
  expect(again.status).toBe(0);
  // How often generated code was left depends on who drives it, and on nothing else.
  const seen = ({ stdout }: { stdout: string }) => {
    const { views: shown, ...moment } = JSON.parse(stdout);
    const [machine, ...others] = shown;
    return { moment, stateHash: machine.view.stateHash, others };
  };
  expect(seen(again)).toEqual(seen(live));
});

test('a snapshot of a guest that has changed since is refused, and so is a file that is none', async () => {
  const file = join(folder.path, 'changed.xensnap');
  await runCli('inspect', HELLO, '--until', 'hello>', '--save', file);
  const snapshot = JSON.parse(readFileSync(file, 'utf8'));
  const refused = async (text: string): Promise<string> => {
    const { status, stdout, stderr } = await runCli('inspect', folder.file('x.xensnap', text));
    expect(stdout).toBe('');
    expect(status).toBe(2);
    return stderr;
  };
  expect(await refused(JSON.stringify({ ...snapshot, launch: { ...snapshot.launch, seed: 7 } }))).toContain(
    'the guest does not run into the state of the snapshot',
  );
  const end = { instructions: 10, virtualNanoseconds: 5 };
  expect(await refused(JSON.stringify({ ...snapshot, end }))).toContain('does not run into the state');
  for (const damaged of [
    'not JSON',
    '{}',
    JSON.stringify({ ...snapshot, stateHash: 'x' }),
    JSON.stringify({
      ...snapshot,
      inputs: [{ ...snapshot.end, sequence: 0, settled: true, input: { kind: 'x' } }],
    }),
  ]) {
    expect(await refused(damaged)).toContain('is not a snapshot of this version');
  }
  expect(await refused(JSON.stringify({ ...snapshot, launch: { config: '/nowhere.cfg' } }))).toContain(
    '/nowhere.cfg',
  );
});

/** Views that need no address. */
async function names(): Promise<string[]> {
  const { stdout } = await runCli('inspect', '--help');
  const views = stdout.slice(stdout.indexOf('Views:'));
  return [...views.matchAll(/^ {2}(\w+) /gm)]
    .map(([, name = '']) => name)
    .filter((name) => !/^(walk|search|registerInfo)$/.test(name));
}
