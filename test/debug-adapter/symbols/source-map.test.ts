import { expect, test } from 'vitest';
import { SourceMap } from '../../../debug-adapter/symbols/source-map.ts';

const FILES = new Set(['/src/linux/kernel/sched/core.c', '/src/linux/init/main.c', '/src/linux/main.c']);

function mapWith(entries: Readonly<Record<string, string>> = {}) {
  const asked: string[] = [];
  const exists = async (path: string): Promise<boolean> => {
    asked.push(path);
    return FILES.has(path);
  };
  return { map: new SourceMap(entries, { folder: '/src/linux/', exists }), asked };
}

test('in a source tree a file is found by the end of the path under which it was built', async () => {
  const { map } = mapWith();
  expect(await map.toUser('/build/linux-X7Y/linux-6.1.5/kernel/sched/core.c')).toBe(
    '/src/linux/kernel/sched/core.c',
  );
  expect(await map.toUser('debian/build/build_arm64/init/main.c')).toBe('/src/linux/init/main.c');
});

test('a name alone is not enough, and what is not there stays as it was recorded', async () => {
  const { map } = mapWith();
  expect(await map.toUser('/build/other/main.c')).toBe('/build/other/main.c');
  expect(await map.toUser('/build/kernel/fork.c')).toBe('/build/kernel/fork.c');
});

test('sourceMap goes before the tree', async () => {
  const { map } = mapWith({ '/build': '/home/me' });
  expect(await map.toUser('/build/init/main.c')).toBe('/home/me/init/main.c');
});

test('what one file shows of the place holds for others, and nothing is asked twice', async () => {
  const { map, asked } = mapWith();
  await map.toUser('/build/linux-6.1/init/main.c');
  asked.length = 0;
  await map.toUser('/build/linux-6.1/init/main.c');
  expect(asked).toEqual([]);
  await map.toUser('/build/linux-6.1/kernel/sched/core.c');
  expect(asked).toEqual(['/src/linux/kernel/sched/core.c']);
  expect(map.toRecorded('/src/linux/kernel/fork.c')).toEqual([
    '/build/linux-6.1/kernel/fork.c',
    '/src/linux/kernel/fork.c',
  ]);
});
