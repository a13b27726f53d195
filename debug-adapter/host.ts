// What the adapter needs of the program it runs in. Node has files, worker threads and zlib; a browser
// has other means to the same ends.

import type { Decompress } from '../emulator/formats/byte-source.ts';
import type { ByteSource } from '../emulator/formats/byte-source.ts';
import type { IndexCache } from '../emulator/formats/dwarf/program-info.ts';
import type { LogLevel } from '../emulator/base/log.ts';
import type { MachineClient } from './machine/machine-client.ts';

export interface Host {
  /** A machine, not yet created. */
  startMachine(): Promise<MachineClient>;
  /** A file for positioned reads. Fails with an Error whose message says why it cannot be read. */
  openFile(path: string): Promise<ByteSource>;
  fileExists(path: string): Promise<boolean>;
  /** Paths of the files in a folder and in all below it. Fails with an Error whose message says why. */
  listFiles(folder: string): Promise<readonly string[]>;
  /** MD5 of a file in 32 hexadecimal digits; undefined where it cannot be had. */
  md5Of(path: string): Promise<string | undefined>;
  /** `path` as seen from the directory `base`; absolute paths stay. Without `base` from the working directory. */
  resolvePath(base: string | undefined, path: string): string;
  readonly decompress: Decompress;
  /** Keeps what took long to find out for later sessions, by file names of our choice; undefined: it cannot. */
  readonly kept?: IndexCache;
  /** Capstone's WebAssembly module. */
  readCapstone(): Promise<Uint8Array>;
  log(level: LogLevel, message: string): void;
}
