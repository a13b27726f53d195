// Files of a host that are bytes.

import type { HostFile, HostFiles } from '../../../../emulator/formats/disk-image/host-files.ts';

export interface FakeFile extends HostFile {
  readonly bytes: Uint8Array;
  readonly writes: number;
  /** Offset and length of each. */
  readonly written: readonly (readonly [number, number])[];
  readonly isOpen: boolean;
}

export function fakeFile(path: string, bytes: Uint8Array): FakeFile {
  const written: [number, number][] = [];
  let isOpen = true;
  let version = 0;
  return {
    path,
    bytes,
    written,
    get writes() {
      return written.length;
    },
    get isOpen() {
      return isOpen;
    },
    size: bytes.length,
    stamp: () => `version ${version}`,
    read(offset, target) {
      const part = bytes.subarray(Math.min(offset, bytes.length), offset + target.length);
      target.set(part);
      return part.length;
    },
    write(offset, part) {
      version++;
      bytes.set(part, offset);
      written.push([offset, part.length]);
    },
    flush: () => {},
    close: () => {
      isOpen = false;
    },
  };
}

export interface FakeFiles extends HostFiles {
  /** Those that were opened. */
  readonly opened: FakeFile[];
}

export function fakeFiles(
  contents: Readonly<Record<string, Uint8Array>>,
  unpack?: HostFiles['unpack'],
): FakeFiles {
  const opened: FakeFile[] = [];
  return {
    opened,
    open(path) {
      const bytes = contents[path];
      if (!bytes) throw new Error('no such file');
      const file = fakeFile(path, bytes);
      opened.push(file);
      return file;
    },
    beside: (file, name) =>
      name.startsWith('/') ? name : `${file.slice(0, file.lastIndexOf('/') + 1)}${name}`,
    ...(unpack && { unpack }),
  };
}
