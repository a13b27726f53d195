// A guest may put anything into its registers and structures. Whatever it is, the call returns, no
// exception leaves the hypervisor, and another domain's memory stays as it was.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hypercalls } from '../../../../emulator/xen/hypercalls/dispatch.ts';
import { bootXen, RAM_GFN } from '../fake-xen.ts';

const AT = RAM_GFN * 4096;

/** Numbers a guest would try: small ones, domids, edges, and anything. */
const value = fc.oneof(
  { weight: 4, arbitrary: fc.bigInt({ min: 0n, max: 40n }) },
  fc.constantFrom(
    0x7ff0n,
    0x7ff1n,
    0x7fffn,
    0xffffn,
    BigInt(RAM_GFN),
    BigInt(RAM_GFN + 3),
    BigInt(AT),
    BigInt(AT + 4090),
  ),
  fc.constantFrom(0xffff_ffffn, 0x8000_0000n, 1n << 63n, (1n << 64n) - 1n, 1n << 40n),
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
);

const call = fc.record({
  row: fc.integer({ min: 0, max: 1000 }),
  number: fc.oneof({ weight: 8, arbitrary: fc.constant(-1) }, fc.integer({ min: 0, max: 70 })),
  args: fc.array(value, { minLength: 5, maxLength: 5 }),
  memory: fc.array(value, { minLength: 8, maxLength: 8 }),
  pointAtMemory: fc.boolean(),
});

test('no hypercall of a hostile guest throws, or touches another domain', () => {
  const rows = hypercalls.flatMap((hypercall) => hypercall.subOps.map((row) => ({ hypercall, row })));
  fc.assert(
    fc.property(fc.array(call, { maxLength: 40, size: 'max' }), (calls) => {
      const xen = bootXen({ hostile: { vcpus: 2, pages: 24 }, victim: { pages: 4 } }, { pages: 512 });
      const guest = xen.guest('hostile');
      const victim = xen.guest('victim');
      const pages = [0, 1, 2, 3].map((index) => victim.page(index));
      for (const page of pages) page.write(0, new Uint8Array(4096).fill(0x5a));

      for (const { row: choice, number, args, memory, pointAtMemory } of calls) {
        const { hypercall, row } = rows[choice % rows.length] ?? {};
        if (!hypercall || !row) continue;
        // The argument page may have been given away meanwhile; then the pointer leads nowhere.
        guest.memory.writeVa(BigInt(AT), new Uint8Array(new BigUint64Array(memory).buffer));
        const registers = [BigInt(row.number), ...args.slice(1)];
        if (pointAtMemory) registers[row.argument?.pointer ?? 1] = BigInt(AT);
        if (hypercall.name === 'grant_table_op') registers[2] = (args[2] ?? 0n) % 64n;
        expect(['number', 'string']).toContain(
          typeof guest.raw(number < 0 ? hypercall.number : number, number < 0 ? registers : args),
        );
      }
      for (const page of pages) expect(page.read(0, 4096).every((byte) => byte === 0x5a)).toBe(true);
      JSON.stringify(xen.domains.save());
      xen.domains.destroy(1);
    }),
    { numRuns: 150, seed: 417 },
  );
});
