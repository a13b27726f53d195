import { expect, test } from 'vitest';
import { threadIdOf } from '../../debug-adapter/protocol.ts';
import {
  expressionInCode,
  linkOf,
  type LinkKind,
  vcpuOfThread,
} from '../../extension/editor/variable-links.ts';

const pointer = { name: 'p', value: '0x10', evaluateName: 'q->p', memoryReference: 'd2/va@v1:0x10' };

test.each<[LinkKind, object, object | undefined]>([
  ['memory', pointer, { kind: 'memory', reference: 'd2/va@v1:0x10' }],
  ['code', pointer, { kind: 'source', reference: 'd2/va@v1:0x10' }],
  [
    'walk',
    pointer,
    { kind: 'panel', panel: 'memory', arguments: { domain: 2, vcpu: 1, search: 'd2/va@v1:0x10' } },
  ],
  ['memory', { name: 'i', value: '1' }, undefined],
  [
    'register',
    { name: 'ttbr0_el1', value: '0x1', evaluateName: '$ttbr0_el1' },
    { kind: 'panel', panel: 'registers', arguments: { filter: 'TTBR0_EL1' } },
  ],
  [
    'register',
    { name: 'd1.v2.$SCTLR_EL1', value: '0x1' },
    { kind: 'panel', panel: 'registers', arguments: { domain: 1, vcpu: 2, filter: 'SCTLR_EL1' } },
  ],
  [
    'ring',
    { name: '$ring["vbd-51712"]', value: '{name = "vbd-51712"}' },
    { kind: 'panel', panel: 'rings', arguments: { ring: 'vbd-51712' } },
  ],
  [
    'ring',
    { name: 'ring', value: '"console"', evaluateName: '$ev.ring' },
    { kind: 'panel', panel: 'rings', arguments: { ring: 'console' } },
  ],
  [
    'port',
    { name: 'port', value: '3', evaluateName: '$ev.port' },
    { kind: 'panel', panel: 'event-channels', arguments: { port: 3 } },
  ],
  [
    'port',
    { name: '$evtchn[4]', value: '{port = 4}' },
    { kind: 'panel', panel: 'event-channels', arguments: { port: 4 } },
  ],
  [
    'xenstore',
    { name: 'path', value: '"/local/domain/1/name"', evaluateName: '$ev.path' },
    { kind: 'panel', panel: 'xenstore', arguments: { path: '/local/domain/1/name' } },
  ],
  [
    'xenstore',
    { name: '$xs("/tool")', value: '"x"' },
    { kind: 'panel', panel: 'xenstore', arguments: { path: '/tool' } },
  ],
])('%s of %o', (kind, variable, link) => {
  expect(linkOf(kind, { variable: variable as typeof pointer })).toEqual(link);
});

test('a thread of the call stack is a vCPU', () => {
  expect(vcpuOfThread(`thread:5f-1:${threadIdOf(3, 2)}`)).toEqual({ domain: 3, vcpu: 2 });
  expect(vcpuOfThread(undefined)).toBeUndefined();
});

test.each([
  ['  f(greeting->domid, a.b[2].c);', 'domid', 'greeting->domid'],
  ['  f(greeting->domid, a.b[2].c);', 'greet', 'greeting'],
  ['  f(greeting->domid, a.b[2].c);', '.c)', 'a.b[2].c'],
  ['  1 + 2', '1', undefined],
])('in %s over %s', (line, under, expression) => {
  expect(expressionInCode(line, line.indexOf(under) + 1)).toBe(expression);
});
