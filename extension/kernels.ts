// Kernels that lie in a folder, and what to debug them with: for F5 without a launch.json. Nothing of the editor is in
// here, so that tests can look at it.

/** Names that kernels have; what a file is says its beginning. */
export const KERNEL_FILES = '**/{vmlinux,vmlinux-*,vmlinuz,vmlinuz-*,Image,Image.gz,*.elf}';
export const RAMDISK_FILES = '**/{initramfs*,initrd*}';
/** Of a file, to know it by. */
export const HEAD_BYTES = 64;

const ELF_CLASS_64 = 2;
const EM_AARCH64 = 183;
/** At 56 of an arm64 Image (Documentation/arm64/booting.rst). */
const IMAGE_MAGIC = [0x41, 0x52, 0x4d, 0x64];

/** `packed`: what is in it is not known, but its name is that of a kernel. */
export function kernelKind(head: Uint8Array): 'elf' | 'image' | 'packed' | undefined {
  const begins = (bytes: readonly number[], at = 0): boolean =>
    bytes.every((byte, i) => head[at + i] === byte);
  if (begins([0x7f, 0x45, 0x4c, 0x46])) {
    return head[4] === ELF_CLASS_64 && head[18] === EM_AARCH64 && head[19] === 0 ? 'elf' : undefined;
  }
  if (begins(IMAGE_MAGIC, 56)) return 'image';
  return begins([0x1f, 0x8b]) ? 'packed' : undefined;
}

export interface FoundKernel {
  /** From the folder, with slashes. */
  readonly path: string;
  readonly kind: NonNullable<ReturnType<typeof kernelKind>>;
}

/** What a launch.json would say of each: with the vmlinux and the initial RAM disk that lie beside it. */
export function kernelDomains(
  kernels: readonly FoundKernel[],
  ramdisks: readonly string[],
): readonly { readonly path: string; readonly domain: Record<string, unknown> }[] {
  const inWorkspace = (path: string): string => `\${workspaceFolder}/${path}`;
  const isSymbols = ({ path, kind }: FoundKernel): boolean =>
    kind === 'elf' && nameOf(path).startsWith('vmlinux');
  return kernels
    .filter(
      (kernel) =>
        !(
          isSymbols(kernel) && kernels.some((other) => !isSymbols(other) && isBeside(other.path, kernel.path))
        ),
    )
    .map((kernel) => {
      const { path, kind } = kernel;
      const symbols =
        kind === 'elf' ? undefined : kernels.find((other) => isSymbols(other) && isBeside(other.path, path));
      const ramdisk = ramdisks.find((other) => isBeside(other, path));
      const isLinux = kind !== 'elf' || isSymbols(kernel);
      const domain = {
        name: 'guest',
        kernel: inWorkspace(path),
        ...(symbols && { symbols: inWorkspace(symbols.path) }),
        ...(isLinux && ramdisk !== undefined && { ramdisk: inWorkspace(ramdisk) }),
        ...(isLinux && { cmdline: 'console=hvc0' }),
      };
      return { path, domain };
    });
}

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
const isBeside = (a: string, b: string): boolean =>
  a.slice(0, a.lastIndexOf('/') + 1) === b.slice(0, b.lastIndexOf('/') + 1);
