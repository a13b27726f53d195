import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import fc from 'fast-check';
import { expect, test } from 'vitest';

import { UserError } from '../../../emulator/base/errors.ts';
import { DeviceTree } from '../../../emulator/formats/device-tree.ts';
import { readDtb, writeDtb } from '../../../emulator/formats/dtb.ts';
import { printDts } from '../../../emulator/formats/dts.ts';

// Trees of guests and hosts under Xen 4.17; blobs and sources are dtc's (fixtures/dt/build.sh).
const folder = join(import.meta.dirname, 'fixtures/dt');
const trees = readdirSync(folder)
  .filter((name) => name.endsWith('.dts'))
  .map((name) => ({
    name,
    source: readFileSync(join(folder, name), 'utf8'),
    blob: new Uint8Array(readFileSync(join(folder, name.replace('.dts', '.dtb')))),
  }));
const [guest] = trees.filter(({ name }) => name === 'domU-xl-gicv3.dts').map(({ blob }) => blob);
if (guest === undefined) throw new Error('fixtures/dt is incomplete');

test('a blob from dtc, read and written again, is the same blob', () => {
  for (const { blob } of trees) expect(writeDtb(readDtb(blob))).toEqual(blob);
});

test('the printer lays out a tree as dtc does', () => {
  for (const { source, blob } of trees) expect(printDts(readDtb(blob))).toBe(source);
});

test('a tree that was built prints in the order in which it was built', () => {
  const tree = new DeviceTree();
  tree.reservations.push({ address: 0x4800_0000n, size: 0x1000n });
  tree.root.strings('model', 'XENVM-4.17').cells('interrupt-parent', 0xfde8).cells('#address-cells', 2);
  const memory = tree.root
    .add('memory@40000000')
    .strings('device_type', 'memory')
    .reg([[0x4000_0000, 0x800_0000]]);
  memory
    .u64('start', 0xffff_8000_0800_0000n)
    .flag('dma-coherent')
    .bytes('odd', Uint8Array.of(1, 2, 3));
  tree.root
    .add('hypervisor')
    .strings('compatible', 'xen,xen-4.17', 'xen,xen')
    .reg([[0x2_0000_0000n, 0xfe_0000_0000n]]);
  expect(printDts(tree)).toBe(`/dts-v1/;

/memreserve/\t0x0000000048000000 0x0000000000001000;
/ {
	model = "XENVM-4.17";
	interrupt-parent = <0xfde8>;
	#address-cells = <0x02>;

	memory@40000000 {
		device_type = "memory";
		reg = <0x00 0x40000000 0x00 0x8000000>;
		start = <0xffff8000 0x8000000>;
		dma-coherent;
		odd = [01 02 03];
	};

	hypervisor {
		compatible = "xen,xen-4.17\\0xen,xen";
		reg = <0x02 0x00 0xfe 0x00>;
	};
};
`);
  expect(printDts(readDtb(writeDtb(tree)))).toBe(printDts(tree));
});

test('values are read back as they were written', () => {
  const tree = readDtb(guest);
  expect(tree.node('/cpus/cpu')?.getString('enable-method')).toBe('psci');
  expect(tree.node('/memory')?.getReg()).toEqual([[0x4000_0000n, 0x800_0000n]]);
  expect(tree.node('/hypervisor')?.getStrings('compatible')).toEqual(['xen,xen-4.17', 'xen,xen']);
  const built = new DeviceTree();
  built.root
    .add('chosen')
    .u64('linux,initrd-start', 0x1_2345_6789)
    .strings('names', 'a', 'b')
    .cells('phandle', 7);
  const again = readDtb(writeDtb(built));
  expect(again.node('/chosen')?.getU64('linux,initrd-start')).toBe(0x1_2345_6789n);
  expect(again.node('/chosen')?.getStrings('names')).toEqual(['a', 'b']);
  expect(again.byPhandle(7)?.name).toBe('chosen');
});

test('a damaged blob gives one error with an offset, or a tree', () => {
  const blob = guest;
  const position = fc.nat(blob.length - 1);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(position, fc.nat(255)), { minLength: 1, maxLength: 4 }),
      position,
      (edits, cut) => {
        const damaged = Uint8Array.from(blob);
        for (const [at, value] of edits) damaged[at] = value;
        for (const bytes of [damaged, damaged.subarray(0, cut)]) {
          try {
            readDtb(bytes, 'x.dtb');
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
            expect((error as UserError).place.offset).toBeLessThanOrEqual(blob.length);
          }
        }
      },
    ),
    { numRuns: 2000 },
  );
});
