import { expect, test } from 'vitest';
import { mappingInto, missingSource, withMapping } from '../../extension/sources/missing.ts';
import { parseJsonc } from '../../debug-adapter/node/jsonc.ts';

const frame = (source: object) => ({ id: 1, name: 'f', line: 1, column: 1, source });

test('a frame whose source is not there says where it was', () => {
  const listing = { name: 'f (disassembly)', sourceReference: 7 };
  expect(missingSource(frame({ ...listing, origin: '/build/linux/init/main.c:870' }))).toBe(
    '/build/linux/init/main.c',
  );
  expect(missingSource(frame({ ...listing, origin: 'disassembly' }))).toBeUndefined();
  expect(missingSource(frame({ name: 'main.c', path: '/linux/init/main.c' }))).toBeUndefined();
  expect(missingSource(undefined)).toBeUndefined();
});

test('the longest end of the path that is below the folder decides', async () => {
  const files = new Set(['/home/me/linux/init/main.c', '/home/me/linux/main.c']);
  const exists = (path: string) => Promise.resolve(files.has(path));
  const path = '/build/linux-6.1/init/main.c';
  expect(await mappingInto(path, '/home/me/linux', exists)).toEqual({
    from: '/build/linux-6.1',
    to: '/home/me/linux',
  });
  files.delete('/home/me/linux/init/main.c');
  expect(await mappingInto(path, '/home/me/linux', exists)).toEqual({
    from: '/build/linux-6.1/init',
    to: '/home/me/linux',
  });
  expect(await mappingInto(path, '/home/me', exists)).toBeUndefined();
});

const LAUNCH = `{
  // "name": "Linux" in a comment
  "version": "0.2.0",
  "configurations": [
    { "type": "xen", "name": "Other", "domains": [{ "name": "Linux", "kernel": "a" }] },
    {
      "type": "xen",
      "name": "Linux", // the one
      "config": "domu.cfg"
    },
    { "name": "Mapped", "sourceMap": { "/a": "/b" }, "config": "x {" },
    { "name": "Empty", "sourceMap": {} }
  ]
}
`;
const mapping = { from: '/build/linux', to: '${workspaceFolder}/linux' };
const entries = (text: string | undefined) =>
  (parseJsonc(text ?? '', 'launch.json') as { configurations: { name: string; sourceMap?: object }[] })
    .configurations;

test.each([
  ['Linux', { '/build/linux': '${workspaceFolder}/linux' }],
  ['Mapped', { '/build/linux': '${workspaceFolder}/linux', '/a': '/b' }],
  ['Empty', { '/build/linux': '${workspaceFolder}/linux' }],
])('the entry goes into the configuration %s, and nothing else changes', (name, expected) => {
  const text = withMapping(LAUNCH, name, mapping);
  const before = entries(LAUNCH);
  entries(text).forEach((configuration, i) => {
    if (configuration.name !== name) expect(configuration).toEqual(before[i]);
    else expect(configuration).toEqual({ ...before[i], sourceMap: expected });
  });
  expect(text).toContain('// "name": "Linux" in a comment');
});

test('where paths begin in many ways, the folder is the tree of all', () => {
  const relative = { from: 'debian/build', to: '/linux' };
  const first = withMapping(LAUNCH, 'Linux', relative);
  expect(entries(first)[1]).toMatchObject({ config: 'domu.cfg', sourceTree: '/linux' });
  const again = withMapping(first ?? '', 'Linux', { ...relative, to: '/other' });
  expect(entries(again)[1]).toEqual({ ...entries(first)[1], sourceTree: '/other' });
});

test('what launch.json does not name is not written into it', () => {
  expect(withMapping(LAUNCH, 'Nobody', mapping)).toBeUndefined();
});
