// The emulated UART of a domain: a PL011 cut down to the SBSA Generic UART, as Xen 4.17 emulates it
// (xen/arch/arm/vpl011.c). The registers of a full PL011 beyond that are a data abort.
//
// Deviation: the bytes go to the machine's console at once, so the transmit FIFO never fills up.
// With xl, Xen passes them to xenconsoled through a ring in a magic page; the guest sees no other
// difference.

import type { OnceLogger } from '../base/log.ts';
import { EXTERNAL_ABORT, registerBlock } from '../devices/register-block.ts';
import type { MmioRegion } from './hypervisor/mmio.ts';
import type { ByteSink } from './sockets.ts';

const VPL011_SIZE = 0x1000;

const FR_RXFE = 1 << 4;
const FR_RXFF = 1 << 6;
const FR_TXFE = 1 << 7;

const INT_RX = 1 << 4;
const INT_TX = 1 << 5;
const INT_RX_TIMEOUT = 1 << 6;

/** The receive buffer: the `in` half of struct xencons_interface. */
const IN_SIZE = 1024;
/** Half of a FIFO of 32: where the level interrupts change. */
const FIFO_LEVEL = 16;

const ANY_WIDTH = [1, 2, 4];

export interface Vpl011State {
  readonly rawInterrupts: number;
  readonly interruptMask: number;
  readonly shownInterrupts: number;
  readonly received: readonly number[];
}

export class Vpl011 {
  // Invariant: shownInterrupts is rawInterrupts & interruptMask as it was when the guest was last
  // told. The classic vGIC knows edges only, so a new bit in it is what injects the SPI.
  private rawInterrupts = 0;
  private interruptMask = 0;
  private shownInterrupts = 0;
  private readonly received: number[] = [];
  private refused = false;

  private readonly inject: () => void;
  private readonly output: ByteSink;

  constructor(inject: () => void, output: ByteSink) {
    this.inject = inject;
    this.output = output;
  }

  /** Somebody typed. What does not fit is lost. */
  receive(bytes: Uint8Array): void {
    for (const byte of bytes) if (this.received.length < IN_SIZE) this.received.push(byte);
    if (this.received.length === 0) return;
    this.rawInterrupts |= INT_RX_TIMEOUT;
    if (this.received.length >= FIFO_LEVEL) this.rawInterrupts |= INT_RX;
    this.update();
  }

  region(base: number, log: OnceLogger): MmioRegion {
    return {
      name: 'vpl011',
      base,
      size: VPL011_SIZE,
      read: (_vcpu, offset, size) => {
        this.refused = false;
        const value = registers.read(this, offset, size, log);
        return this.refused ? EXTERNAL_ABORT : value;
      },
      write: (_vcpu, offset, size, value) =>
        registers.write(this, offset, size, value, log) !== EXTERNAL_ABORT,
      readWide: () => undefined,
      writeWide: () => false,
    };
  }

  save(): Vpl011State {
    const { rawInterrupts, interruptMask, shownInterrupts } = this;
    return { rawInterrupts, interruptMask, shownInterrupts, received: [...this.received] };
  }

  restore(state: Vpl011State): void {
    this.rawInterrupts = state.rawInterrupts;
    this.interruptMask = state.interruptMask;
    this.shownInterrupts = state.shownInterrupts;
    this.received.splice(0, this.received.length, ...state.received);
  }

  takeByte(): number {
    const byte = this.received.shift() ?? 0;
    if (this.received.length === 0) this.rawInterrupts &= ~INT_RX_TIMEOUT;
    if (this.received.length < FIFO_LEVEL) this.rawInterrupts &= ~INT_RX;
    this.update();
    return byte;
  }

  peekByte(): number {
    return this.received[0] ?? 0;
  }

  sendByte(byte: number): void {
    this.output.write(Uint8Array.of(byte));
    this.rawInterrupts |= INT_TX;
    this.update();
  }

  get flags(): number {
    const receive = this.received.length === 0 ? FR_RXFE : this.received.length === IN_SIZE ? FR_RXFF : 0;
    return FR_TXFE | receive;
  }

  get raw(): number {
    return this.rawInterrupts;
  }

  get mask(): number {
    return this.interruptMask;
  }

  setMask(value: number): void {
    this.interruptMask = value;
    this.update();
  }

  clearInterrupts(bits: number): void {
    this.rawInterrupts &= ~bits;
    this.update();
  }

  refuse(): void {
    this.refused = true;
  }

  private update(): void {
    const now = this.rawInterrupts & this.interruptMask;
    const added = now & ~this.shownInterrupts;
    this.shownInterrupts = now;
    if (added !== 0) this.inject();
  }
}

const registers = registerBlock<Vpl011>(
  'vpl011',
  VPL011_SIZE,
  {
    UARTDR: {
      offset: 0x000,
      width: 4,
      accessWidths: ANY_WIDTH,
      doc: 'Data',
      read: (uart) => uart.takeByte(),
      peek: (uart) => uart.peekByte(),
      write: (uart, value) => uart.sendByte(value & 0xff),
    },
    UARTRSR: {
      offset: 0x004,
      width: 4,
      accessWidths: ANY_WIDTH,
      doc: 'Receive status: no errors',
      status: 'ignored',
    },
    UARTFR: { offset: 0x018, width: 4, accessWidths: ANY_WIDTH, doc: 'Flags', read: (uart) => uart.flags },
    UARTIMSC: {
      offset: 0x038,
      width: 4,
      accessWidths: ANY_WIDTH,
      doc: 'Interrupt mask set/clear',
      read: (uart) => uart.mask,
      write: (uart, value) => uart.setMask(value),
    },
    UARTRIS: {
      offset: 0x03c,
      width: 4,
      accessWidths: ANY_WIDTH,
      doc: 'Raw interrupt status',
      read: (uart) => uart.raw,
    },
    UARTMIS: {
      offset: 0x040,
      width: 4,
      accessWidths: ANY_WIDTH,
      doc: 'Masked interrupt status',
      read: (uart) => uart.raw & uart.mask,
    },
    UARTICR: {
      offset: 0x044,
      width: 4,
      accessWidths: ANY_WIDTH,
      doc: 'Interrupt clear: write only',
      read: (uart) => {
        uart.refuse();
        return 0;
      },
      write: (uart, value) => uart.clearInterrupts(value),
    },
  },
  { unknown: 'abort' },
);
