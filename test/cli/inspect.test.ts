import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli } from './command-line.ts';

const HELLO = join(import.meta.dirname, '../../media/samples/hello-xen/hello.cfg');

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

/** Views that need no address. */
async function names(): Promise<string[]> {
  const { stdout } = await runCli('inspect', '--help');
  const views = stdout.slice(stdout.indexOf('Views:'));
  return [...views.matchAll(/^ {2}(\w+) /gm)]
    .map(([, name = '']) => name)
    .filter((name) => !/^(walk|search|registerInfo)$/.test(name));
}
