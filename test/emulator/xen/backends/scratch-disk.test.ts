import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ScratchDisk } from '../../../../emulator/xen/backends/scratch-disk.ts';

const SECTORS = 40;

test('a scratch disk is a row of bytes, zeros at first', () => {
  const part = fc
    .tuple(fc.integer({ min: 0, max: SECTORS - 1 }), fc.integer({ min: 1, max: SECTORS }))
    .map(([sector, count]) => ({ sector, count: Math.min(count, SECTORS - sector) }));
  const step = fc.record({ part, byte: fc.integer({ min: 0, max: 255 }), isWrite: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const disk = new ScratchDisk(SECTORS * 512);
      const model = new Uint8Array(SECTORS * 512);
      for (const {
        part: { sector, count },
        byte,
        isWrite,
      } of steps) {
        const bytes = Uint8Array.from({ length: count * 512 }, (_, at) => byte + at * 3);
        const [from, to] = [sector * 512, (sector + count) * 512];
        if (isWrite) {
          disk.write(sector, bytes);
          model.set(bytes, from);
        }
        expect(disk.read(sector, count)).toEqual(model.slice(from, to));
      }
    }),
  );
});

test('its state is what was written', () => {
  const disk = new ScratchDisk(1 << 20);
  expect(disk.save()).toEqual({ sectors: 2048, blocks: [] });
  disk.write(
    9,
    Uint8Array.from({ length: 512 }, (_, at) => at),
  );
  const { blocks } = disk.save() as { blocks: { block: number; bytes: string }[] };
  expect(blocks.map(({ block }) => block)).toEqual([1]);
  expect(blocks[0]?.bytes.slice(1024, 1040)).toBe('0001020304050607');
  expect(blocks[0]?.bytes).toHaveLength(8192);
});
