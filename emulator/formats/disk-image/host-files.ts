// The socket through which disks reach files of the host. A machine cannot wait, so everything is done at once; the
// host implements it where the machine runs.

/** An open file. Reading and writing throw ordinary Errors with the reason. */
export interface HostFile {
  /** Where it is, with no `..` in it and no link: two names of one file are one. */
  readonly path: string;
  /** When it was opened. */
  readonly size: number;
  /** Changes whenever the file does. */
  stamp(): string;
  /** Puts bytes from `offset` on into `target`; returns how many there were. */
  read(offset: number, target: Uint8Array): number;
  write(offset: number, bytes: Uint8Array): void;
  /** What was written is with the host's disk. */
  flush(): void;
  close(): void;
}

export interface HostFiles {
  /** Fails with an Error whose message says why. */
  open(path: string, access: 'read' | 'write'): HostFile;
  /** The path of a file that another one names. */
  beside(file: string, name: string): string;
  /** Unpacks what makes exactly `size` bytes; fails with an ordinary Error. */
  readonly unpack?: (compression: 'deflate-raw' | 'zstd', data: Uint8Array, size: number) => Uint8Array;
}

/** For a machine that is given no files. */
export const noHostFiles: HostFiles = {
  open: () => {
    throw new Error('this machine cannot open files');
  },
  beside: (_file, name) => name,
};
