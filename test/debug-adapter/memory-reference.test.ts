import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatMemoryReference, parseMemoryReference } from '../../debug-adapter/memory-reference.ts';
import type { MemoryReference } from '../../debug-adapter/memory-reference.ts';
import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';

const focus = { domain: 1, vcpu: 2 };

test('a plain number is a virtual address of the focused vCPU', () => {
  expect(parseMemoryReference('0xffff800080010000', focus)).toEqual({
    space: { kind: 'va', at: focus },
    address: 0xffff_8000_8001_0000n,
  });
  expect(parseMemoryReference('4096', focus).address).toBe(4096n);
});

test('spaces, vCPUs and roots can be named', () => {
  const parse = (text: string) => parseMemoryReference(text, focus);
  expect(parse('d1/ipa:0x40200000').space).toEqual({ kind: 'ipa', domain: 1 });
  expect(parse('host/pa:0x840200000').space).toEqual({ kind: 'pa' });
  expect(parse('d3/va:0x1000').space).toEqual({ kind: 'va', at: { domain: 3, vcpu: 0 } });
  expect(parse('va@v1:0x1000').space).toEqual({ kind: 'va', at: { domain: 1, vcpu: 1 } });
  expect(parse('host/va:0x1000').space).toEqual({ kind: 'va', at: { domain: BARE_DOMAIN, vcpu: 0 } });
  expect(parse('d1/va@ttbr41a2000.7:0x4008f0').space).toEqual({ kind: 'va', at: focus, ttbr0: 0x41a2000n });
  expect(parse('d1/va@el0:0x1000').space).toEqual({ kind: 'va', at: focus });
});

test('what is no reference is refused with an example', () => {
  for (const text of [
    '',
    'start_kernel',
    '0x',
    'd1/:0x10',
    'd1/foo:0x10',
    '0x1ffffffffffffffff',
    '-1',
    '1e3',
  ]) {
    expect(() => parseMemoryReference(text, focus)).toThrow('is not an address');
  }
});

test('what we emit is read back as the same place', () => {
  const domain = fc.oneof(fc.constant(BARE_DOMAIN), fc.nat(32751));
  const space = fc.oneof(
    fc.record({ kind: fc.constant('va' as const), at: fc.record({ domain, vcpu: fc.nat(127) }) }),
    fc.record({ kind: fc.constant('ipa' as const), domain }),
    fc.constant({ kind: 'pa' as const }),
  );
  const reference: fc.Arbitrary<MemoryReference> = fc.record({
    space,
    address: fc.bigInt(0n, (1n << 64n) - 1n),
  });
  fc.assert(
    fc.property(reference, (value) => {
      expect(parseMemoryReference(formatMemoryReference(value), focus)).toEqual(value);
    }),
  );
});
