// The physical address space beside RAM: who answers at an address.
//
// Windows do not overlap. An address that no window covers is an external abort: the caller gets
// EXTERNAL_ABORT and the processor takes the exception. Accesses of 8 bytes become two of 4, low
// half first, as a 32-bit peripheral port makes them.

import { hex } from '../base/address.ts';
import { invariant } from '../base/errors.ts';
import { OnceLogger, silentLogger } from '../base/log.ts';
import { EXTERNAL_ABORT, type MmioDevice } from './register-block.ts';

interface Window {
  readonly base: number;
  readonly end: number;
  readonly device: MmioDevice;
}

export class Bus {
  /** The upper half after a read of 8 bytes that was not refused; 0 after a narrower one. */
  high = 0;

  // Invariant: sorted by base, without overlap. `last` is one of them: most accesses go to the
  // device that was accessed before.
  private readonly windows: Window[] = [];
  private last: Window = NOWHERE;
  private reports = 0;
  private readonly log: OnceLogger;

  constructor(log: OnceLogger = new OnceLogger(silentLogger)) {
    this.log = log;
  }

  /** Puts a device at a physical address. */
  map(base: number, size: number, device: MmioDevice): void {
    const end = base + size;
    const clash = this.windows.find((other) => base < other.end && other.base < end);
    invariant(clash === undefined, `${device.name} at ${hex(base)} does not overlap ${clash?.device.name}`);
    this.windows.push({ base, end, device });
    this.windows.sort((a, b) => a.base - b.base);
  }

  /** The device at an address, for messages and the inspector. */
  deviceAt(pa: number): MmioDevice | undefined {
    return this.windows.find((window) => pa >= window.base && pa < window.end)?.device;
  }

  /** What stands where, lowest first. */
  *regions(): Iterable<{ base: number; size: number; name: string }> {
    for (const { base, end, device } of this.windows) yield { base, size: end - base, name: device.name };
  }

  /**
   * Reads 1, 2, 4 or 8 bytes for a CPU. Returns the value (of 8 bytes the low half, the other in
   * `high`) or EXTERNAL_ABORT.
   */
  read(pa: number, size: number, cpu: number): number {
    this.high = 0;
    const window = this.windowAt(pa, size);
    if (window === NOWHERE) return this.nobody('read from', pa, size);
    const offset = pa - window.base;
    if (size !== 8) return window.device.read(offset, size, cpu);
    const low = window.device.read(offset, 4, cpu);
    const high = window.device.read(offset + 4, 4, cpu);
    if (low === EXTERNAL_ABORT || high === EXTERNAL_ABORT) return EXTERNAL_ABORT;
    this.high = high;
    return low;
  }

  /** Writes 1, 2, 4 or 8 bytes for a CPU. Returns 0 or EXTERNAL_ABORT. */
  write(pa: number, size: number, low: number, high: number, cpu: number): number {
    const window = this.windowAt(pa, size);
    if (window === NOWHERE) return this.nobody('write to', pa, size);
    const offset = pa - window.base;
    if (size === 4) return window.device.write(offset, 4, low >>> 0, cpu);
    if (size !== 8) return window.device.write(offset, size, low & ((1 << (size * 8)) - 1), cpu);
    const first = window.device.write(offset, 4, low >>> 0, cpu);
    const second = window.device.write(offset + 4, 4, high >>> 0, cpu);
    return first === EXTERNAL_ABORT ? first : second;
  }

  /** Reads 1, 2 or 4 bytes without side effects; EXTERNAL_ABORT where nobody answers. */
  peek(pa: number, size: number, cpu: number): number {
    const window = this.windows.find((candidate) => pa >= candidate.base && pa + size <= candidate.end);
    return window === undefined ? EXTERNAL_ABORT : window.device.peek(pa - window.base, size, cpu);
  }

  private windowAt(pa: number, size: number): Window {
    const { last, windows } = this;
    if (pa >= last.base && pa + size <= last.end) return last;
    let low = 0;
    let high = windows.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const window = windows[middle] ?? NOWHERE;
      if (pa < window.base) high = middle - 1;
      else if (pa >= window.end) low = middle + 1;
      else if (pa + size > window.end) return NOWHERE;
      else {
        this.last = window;
        return window;
      }
    }
    return NOWHERE;
  }

  private nobody(what: string, pa: number, size: number): number {
    // A guest that scans the address space must not fill our memory with messages it caused.
    if (this.reports >= MAX_REPORTS) return EXTERNAL_ABORT;
    this.reports++;
    this.log.once(
      `bus:${what}:${pa}:${size}`,
      'warn',
      'bus',
      `${what} ${hex(pa)}, ${size} bytes wide: no device there; external abort`,
    );
    return EXTERNAL_ABORT;
  }
}

/** Refused accesses that are reported, over the life of the machine. */
const MAX_REPORTS = 1000;

const NOWHERE: Window = {
  base: 0,
  end: 0,
  device: {
    name: 'nowhere',
    read: () => EXTERNAL_ABORT,
    write: () => EXTERNAL_ABORT,
    peek: () => EXTERNAL_ABORT,
  },
};
