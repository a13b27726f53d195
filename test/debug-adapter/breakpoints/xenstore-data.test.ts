import { expect, test } from 'vitest';
import { xenstoreEvents, xenstorePathOf } from '../../../debug-adapter/breakpoints/xenstore-data.ts';

test('a path is below the home of its domain, or as it is', () => {
  expect(xenstorePathOf('d1/xs:/device/vif/0/state', 7)).toBe('/local/domain/1/device/vif/0/state');
  expect(xenstorePathOf('xs:device/vif/0', 7)).toBe('/local/domain/7/device/vif/0');
  expect(xenstorePathOf('host/xs:/vm/1/name', 7)).toBe('/vm/1/name');
  expect(xenstorePathOf('d1/xs:/local/domain/2/name', 7)).toBe('/local/domain/2/name');
  for (const text of ['xs:', 'd1/xs:', '/device', 'd1/xs:/a b', 'axs:/b']) {
    expect(xenstorePathOf(text, 7)).toBeUndefined();
  }
});

test('a node is watched by its events, whose own condition comes second', () => {
  const isNode = { kind: 'event-text', field: 'path', pattern: '/a' };
  expect(xenstoreEvents('/a', 'read', { hits: { operator: '==', count: 2 } })).toEqual([
    { event: 'xenstore.read', condition: isNode, hits: { operator: '==', count: 2 } },
  ]);
  const condition = { kind: 'constant', value: 1n } as const;
  expect(xenstoreEvents('/a', 'write', { condition }).map((one) => one.condition)).toEqual([
    { kind: 'and', left: isNode, right: condition },
    { kind: 'and', left: isNode, right: condition },
  ]);
});
