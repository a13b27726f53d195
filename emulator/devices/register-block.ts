// Device registers as a table: one row for each register as the manual lists them. From the rows
// come dispatch, packing of repeated elements, access width rules, and the inspector's view.
//
// An access is 1, 2 or 4 bytes wide and carries an unsigned 32-bit number (the bus splits wider
// ones). Registers of 64 bits are read and written by halves.

import type { OnceLogger } from '../base/log.ts';
import { hex } from '../base/address.ts';

/** The answer of a device, or of the bus, that refuses an access: the processor takes an external abort. */
export const EXTERNAL_ABORT = -1;

/** What a bus window needs from whatever stands behind it. Offsets are relative to the window. */
export interface MmioDevice {
  readonly name: string;
  /** The value, or EXTERNAL_ABORT. `cpu` is who asks: some registers are banked. */
  read(offset: number, size: number, cpu: number): number;
  /** 0, or EXTERNAL_ABORT. */
  write(offset: number, size: number, value: number, cpu: number): number;
  /** What `read` would give, without its side effects. */
  peek(offset: number, size: number, cpu: number): number;
}

/**
 * What happens on access to a register that has no code of its own:
 * `ignored` is known and without effect here (reads as zero), `reserved` is RES0 in this
 * implementation, `abort` refuses the access.
 */
export type RegisterStatus = 'ignored' | 'reserved' | 'abort';

export interface RegisterRow<Device> {
  readonly offset: number;
  /** Bytes of the register, which is also the widest access; 8 means two halves of 4. */
  readonly width: 1 | 2 | 4 | 8;
  readonly doc: string;
  /** Access widths in bytes; the register's own width (by halves for 8) when absent. */
  readonly accessWidths?: readonly number[];
  /**
   * How often the register repeats, `stride` bytes apart. With `bitsPerElement` it counts
   * elements instead, packed from bit 0 of the first register upwards.
   */
  readonly count?: number;
  readonly stride?: number;
  readonly bitsPerElement?: number;
  readonly status?: RegisterStatus;
  /** Register (or element) number, and for width 8 which half: 0 is the low one. */
  read?(device: Device, index: number, half: number): number;
  write?(device: Device, value: number, index: number, half: number): void;
  /** Needed where `read` changes state. */
  peek?(device: Device, index: number, half: number): number;
}

export interface RegisterBlockOptions {
  /** An access narrower than the register sees its low part; a write is extended with zeros. */
  readonly narrowAccess?: boolean;
  /** An offset without a row: reads as zero and ignores writes, or refuses the access. */
  readonly unknown?: 'raz-wi' | 'abort';
}

interface Claim<Device> {
  readonly name: string;
  readonly row: RegisterRow<Device>;
  /** Of all its registers. */
  readonly bytes: number;
  readonly stride: number;
  /** It is one word that may be read whole. */
  readonly isWord: boolean;
}

/** The registers of one kind of device. Shared by all devices of the kind; it holds no device state. */
export class RegisterBlock<Device> {
  readonly name: string;
  readonly size: number;
  readonly rows: Readonly<Record<string, RegisterRow<Device>>>;
  private readonly options: RegisterBlockOptions;
  private readonly claims: Claim<Device>[] = [];
  /** For each word of the window 1 + the index of the row that claims it, or 0. */
  private readonly claimOfWord: Uint8Array;

  constructor(
    name: string,
    size: number,
    rows: Readonly<Record<string, RegisterRow<Device>>>,
    options: RegisterBlockOptions,
  ) {
    this.name = name;
    this.size = size;
    this.rows = rows;
    this.options = options;
    this.claimOfWord = new Uint8Array(size >>> 2);
    for (const [registerName, row] of Object.entries(rows)) {
      const bytes = bytesOf(row);
      const stride = registerStride(row);
      this.claims.push({ name: registerName, row, bytes, stride, isWord: isWord(row) });
      const end = row.offset + bytes;
      for (let word = row.offset >>> 2; word < (end + 3) >>> 2; word++) {
        this.claimOfWord[word] = this.claims.length;
      }
    }
  }

  /** The register's name as the manual writes it, with its number if it repeats; for messages. */
  nameAt(offset: number): string | undefined {
    const claim = this.claimAt(offset);
    if (claim === undefined) return undefined;
    const { row, name } = claim;
    if (row.count === undefined) return name;
    return `${name}${Math.floor((offset - row.offset) / registerStride(row))}`;
  }

  read(device: Device, offset: number, size: number, log?: OnceLogger): number {
    const number = this.claimOfWord[offset >>> 2];
    if (size === 4 && (offset & 3) === 0 && number !== undefined && number > 0) {
      const { row, isWord } = this.claims[number - 1] as Claim<Device>;
      if (isWord && row.read !== undefined) return row.read(device, 0, 0) >>> 0;
    }
    return this.load(device, offset, size, false, log);
  }

  peek(device: Device, offset: number, size: number): number {
    return this.load(device, offset, size, true, undefined);
  }

  write(device: Device, offset: number, size: number, value: number, log?: OnceLogger): number {
    const claim = this.claimAt(offset);
    if (claim === undefined) return this.missing('write to', offset, size, log);
    const { row } = claim;
    if (row.status === 'abort') return EXTERNAL_ABORT;
    if (!this.allows(row, offset, size)) return this.refused('write to', claim, offset, size, log);
    const { write } = row;
    if (write === undefined) return 0;

    const relative = offset - row.offset;
    if (row.bitsPerElement !== undefined) {
      const bits = row.bitsPerElement;
      const first = (relative * 8) / bits;
      const last = Math.min(first + (size * 8) / bits, row.count ?? 1);
      const mask = (1 << bits) - 1;
      for (let element = first; element < last; element++) {
        write(device, (value >>> ((element - first) * bits)) & mask, element, 0);
      }
      return 0;
    }
    const { stride } = claim;
    write(device, value >>> 0, Math.floor(relative / stride), (relative % stride) >>> 2);
    return 0;
  }

  private load(device: Device, offset: number, size: number, peeking: boolean, log?: OnceLogger): number {
    const claim = this.claimAt(offset);
    if (claim === undefined) return this.missing('read of', offset, size, log);
    const { row } = claim;
    if (row.status === 'abort') return EXTERNAL_ABORT;
    if (!this.allows(row, offset, size)) return this.refused('read of', claim, offset, size, log);
    const read = peeking ? (row.peek ?? row.read) : row.read;
    if (read === undefined) return 0;

    const relative = offset - row.offset;
    if (row.bitsPerElement !== undefined) {
      const bits = row.bitsPerElement;
      const first = (relative * 8) / bits;
      const last = Math.min(first + (size * 8) / bits, row.count ?? 1);
      let value = 0;
      for (let element = first; element < last; element++) {
        value |= read(device, element, 0) << ((element - first) * bits);
      }
      return value >>> 0;
    }
    const { stride } = claim;
    const value = read(device, Math.floor(relative / stride), (relative % stride) >>> 2) >>> 0;
    return size === 4 ? value : value & ((1 << (size * 8)) - 1);
  }

  private claimAt(offset: number): Claim<Device> | undefined {
    const claim = this.claims[(this.claimOfWord[offset >>> 2] ?? 0) - 1];
    if (claim === undefined) return undefined;
    // A register may be narrower than the word it stands in.
    const relative = offset - claim.row.offset;
    return relative >= 0 && relative < claim.bytes ? claim : undefined;
  }

  private allows(row: RegisterRow<Device>, offset: number, size: number): boolean {
    if (offset % size !== 0) return false;
    if (row.accessWidths !== undefined) return row.accessWidths.includes(size);
    if (size === Math.min(row.width, 4)) return true;
    if (this.options.narrowAccess !== true) return false;
    return (offset - row.offset) % registerStride(row) === 0;
  }

  private missing(what: string, offset: number, size: number, log: OnceLogger | undefined): number {
    const abort = this.options.unknown === 'abort';
    log?.once(
      `${this.name}:${what}:${offset}:${size}`,
      'warn',
      this.name,
      `${what} offset ${hex(offset)}, ${size} bytes wide: no such register; ` +
        (abort ? 'external abort' : what === 'read of' ? 'read as zero' : 'ignored'),
    );
    return abort ? EXTERNAL_ABORT : 0;
  }

  private refused(
    what: string,
    claim: Claim<Device>,
    offset: number,
    size: number,
    log: OnceLogger | undefined,
  ): number {
    const abort = this.options.unknown === 'abort';
    log?.once(
      `${this.name}:${what}:${offset}:${size}`,
      'warn',
      this.name,
      `${what} ${claim.name} at offset ${hex(offset)}: ${size} bytes is not a width it can be accessed with; ` +
        (abort ? 'external abort' : what === 'read of' ? 'read as zero' : 'ignored'),
    );
    return abort ? EXTERNAL_ABORT : 0;
  }
}

/** Declares the registers of a device in a window of `size` bytes. */
export function registerBlock<Device>(
  name: string,
  size: number,
  rows: Readonly<Record<string, RegisterRow<Device>>>,
  options: RegisterBlockOptions = {},
): RegisterBlock<Device> {
  return new RegisterBlock(name, size, rows, options);
}

/** A device on the bus whose state is `device`, or a bank of it chosen by the CPU that asks. */
export function mmioDevice<Device>(
  block: RegisterBlock<Device>,
  device: Device | ((cpu: number) => Device),
  log?: OnceLogger,
): MmioDevice {
  const bank = typeof device === 'function' ? (device as (cpu: number) => Device) : () => device;
  return {
    name: block.name,
    read: (offset, size, cpu) => block.read(bank(cpu), offset, size, log),
    write: (offset, size, value, cpu) => block.write(bank(cpu), offset, size, value, log),
    peek: (offset, size, cpu) => block.peek(bank(cpu), offset, size),
  };
}

/** The eight or twelve identification registers of Arm peripherals, one byte in each word. */
export function identification<Device>(offset: number, bytes: readonly number[]): RegisterRow<Device> {
  return {
    offset,
    width: 4,
    count: bytes.length,
    doc: 'Peripheral and component identification',
    read: (_device, index) => bytes[index] ?? 0,
  };
}

const isWord = <Device>({
  offset,
  width,
  count,
  bitsPerElement,
  status,
  accessWidths,
}: RegisterRow<Device>): boolean =>
  width === 4 &&
  offset % 4 === 0 &&
  count === undefined &&
  bitsPerElement === undefined &&
  status === undefined &&
  (accessWidths === undefined || accessWidths.includes(4));

function registerStride<Device>(row: RegisterRow<Device>): number {
  return row.stride ?? row.width;
}

function bytesOf<Device>(row: RegisterRow<Device>): number {
  const count = row.count ?? 1;
  if (row.bitsPerElement !== undefined) {
    const bytes = Math.ceil((count * row.bitsPerElement) / 8);
    return Math.ceil(bytes / row.width) * row.width;
  }
  return registerStride(row) * (count - 1) + row.width;
}
