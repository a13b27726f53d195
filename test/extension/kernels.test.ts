import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { HEAD_BYTES, kernelDomains, kernelKind } from '../../extension/kernels.ts';

const SAMPLE = join(import.meta.dirname, '../../media/samples/hello-xen');
const head = (name: string): Uint8Array => readFileSync(join(SAMPLE, name)).subarray(0, HEAD_BYTES);

test('a kernel is known by its beginning', () => {
  expect(kernelKind(head('hello-xen.elf'))).toBe('elf');
  expect(kernelKind(head('hello-xen.img'))).toBe('image');
  expect(kernelKind(Uint8Array.of(0x1f, 0x8b, 8))).toBe('packed');
  expect(kernelKind(head('README.md'))).toBeUndefined();
  const x86 = head('hello-xen.elf').slice();
  x86[18] = 62;
  expect(kernelKind(x86)).toBeUndefined();
  expect(kernelKind(new Uint8Array())).toBeUndefined();
});

test('a Linux is debugged with the vmlinux and the RAM disk that lie beside it', () => {
  const found = kernelDomains(
    [
      { path: 'linux/Image', kind: 'image' },
      { path: 'linux/vmlinux', kind: 'elf' },
      { path: 'other/vmlinuz', kind: 'packed' },
    ],
    ['linux/initramfs.cpio.gz'],
  );
  expect(found).toEqual([
    {
      path: 'linux/Image',
      domain: {
        name: 'guest',
        kernel: '${workspaceFolder}/linux/Image',
        symbols: '${workspaceFolder}/linux/vmlinux',
        ramdisk: '${workspaceFolder}/linux/initramfs.cpio.gz',
        cmdline: 'console=hvc0',
      },
    },
    {
      path: 'other/vmlinuz',
      domain: { name: 'guest', kernel: '${workspaceFolder}/other/vmlinuz', cmdline: 'console=hvc0' },
    },
  ]);
});

test('a kernel of another kind is its own symbols, and vmlinux alone is a kernel', () => {
  expect(kernelDomains([{ path: 'mine.elf', kind: 'elf' }], ['initrd'])).toEqual([
    { path: 'mine.elf', domain: { name: 'guest', kernel: '${workspaceFolder}/mine.elf' } },
  ]);
  expect(kernelDomains([{ path: 'vmlinux', kind: 'elf' }], []).map(({ path }) => path)).toEqual(['vmlinux']);
});
