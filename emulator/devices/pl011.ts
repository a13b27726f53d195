// Arm PrimeCell UART (PL011), Arm DDI 0183, revision r1p4 with FIFOs of 16 bytes. It also serves
// the SBSA generic UART, whose registers are a part of it.
//
// A byte is sent at once: the transmit FIFO is always empty. A byte is received at once too, and
// the receive timeout counts as elapsed. Baud rates, modem lines and DMA have no effect, and
// neither has UARTCR.UARTEN: early consoles write without setting anything up, relying on
// firmware that we do not have. Break and parity errors do not occur.

import type { IrqLine } from './irq-line.ts';
import { identification, registerBlock } from './register-block.ts';

/** Takes what a UART sends. */
export interface ByteSink {
  write(byte: number): void;
}

const FIFO_DEPTH = 16;
/** UARTIFLS: eighths of the FIFO at which the receive interrupt is raised. */
const RECEIVE_LEVELS = [2, 4, 8, 12, 14];

const FR_CTS = 1;
const FR_DSR = 1 << 1;
const FR_DCD = 1 << 2;
const FR_RXFE = 1 << 4;
const FR_RXFF = 1 << 6;
const FR_TXFE = 1 << 7;

const LCRH_FEN = 1 << 4;
const CR_LBE = 1 << 7;
const CR_RXE_TXE = 0x300;
const IFLS_RESET = 0x12;

const INT_RX = 1 << 4;
const INT_TX = 1 << 5;
const INT_RT = 1 << 6;
const INT_ALL = 0x7ff;

export interface Pl011State {
  readonly received: number[];
  readonly rawInterrupts: number;
  readonly interruptMask: number;
  readonly control: number;
  readonly lineControl: number;
  readonly fifoLevels: number;
  readonly integerBaud: number;
  readonly fractionalBaud: number;
  readonly dmaControl: number;
  readonly irda: number;
}

export class Pl011 {
  // Invariant: the interrupt line is high exactly when (rawInterrupts & interruptMask) is not 0,
  // and RX and RT in rawInterrupts follow the fill of the receive FIFO, but for what ICR cleared.
  private rawInterrupts = 0;
  private interruptMask = 0;
  /** The FIFO, and behind its end what the sender still holds back: nothing is lost. */
  private received: number[] = [];

  control = CR_RXE_TXE;
  lineControl = 0;
  fifoLevels = IFLS_RESET;
  // Kept to be read back.
  integerBaud = 0;
  fractionalBaud = 0;
  dmaControl = 0;
  irda = 0;

  private readonly irq: IrqLine;
  private readonly output: ByteSink;

  constructor(irq: IrqLine, output: ByteSink) {
    this.irq = irq;
    this.output = output;
  }

  /** A byte from the other end. When the FIFO is full it waits until the guest has read others. */
  receive(byte: number): void {
    this.received.push(byte & 0xff);
    this.raiseReceiveInterrupts();
    this.updateIrq();
  }

  /** Bytes that the guest has not read yet. */
  get waiting(): number {
    return this.received.length;
  }

  send(byte: number): void {
    if ((this.control & CR_LBE) !== 0) this.receive(byte);
    else this.output.write(byte);
    this.rawInterrupts |= INT_TX;
    this.updateIrq();
  }

  /** UARTDR: the oldest byte, without error flags; 0 when there is none. */
  takeReceivedByte(): number {
    const byte = this.received.shift() ?? 0;
    // Both conditions end by reading; a byte that was held back moves up and may raise them again.
    if (this.fill() < this.receiveLevel()) this.rawInterrupts &= ~INT_RX;
    if (this.received.length === 0) this.rawInterrupts &= ~INT_RT;
    else this.raiseReceiveInterrupts();
    this.updateIrq();
    return byte;
  }

  peekReceivedByte(): number {
    return this.received[0] ?? 0;
  }

  get flags(): number {
    const fill = this.fill();
    return (
      FR_TXFE |
      (fill === 0 ? FR_RXFE : 0) |
      (fill === this.depth() ? FR_RXFF : 0) |
      // The other end is there and ready.
      (FR_CTS | FR_DSR | FR_DCD)
    );
  }

  get rawStatus(): number {
    return this.rawInterrupts;
  }

  get mask(): number {
    return this.interruptMask;
  }

  setMask(value: number): void {
    this.interruptMask = value & INT_ALL;
    this.updateIrq();
  }

  clearInterrupts(bits: number): void {
    this.rawInterrupts &= ~bits;
    this.updateIrq();
  }

  setLineControl(value: number): void {
    this.lineControl = value & 0xff;
    this.raiseReceiveInterrupts();
    this.updateIrq();
  }

  save(): Pl011State {
    return {
      received: [...this.received],
      rawInterrupts: this.rawInterrupts,
      interruptMask: this.interruptMask,
      control: this.control,
      lineControl: this.lineControl,
      fifoLevels: this.fifoLevels,
      integerBaud: this.integerBaud,
      fractionalBaud: this.fractionalBaud,
      dmaControl: this.dmaControl,
      irda: this.irda,
    };
  }

  restore(state: Pl011State): void {
    this.received = [...state.received];
    this.rawInterrupts = state.rawInterrupts;
    this.interruptMask = state.interruptMask;
    this.control = state.control;
    this.lineControl = state.lineControl;
    this.fifoLevels = state.fifoLevels;
    this.integerBaud = state.integerBaud;
    this.fractionalBaud = state.fractionalBaud;
    this.dmaControl = state.dmaControl;
    this.irda = state.irda;
    this.updateIrq();
  }

  /** RX at the level of UARTIFLS; RT for any byte, as if no other followed it for a while. */
  private raiseReceiveInterrupts(): void {
    const fill = this.fill();
    if (fill >= this.receiveLevel()) this.rawInterrupts |= INT_RX;
    if (fill > 0 && this.usesFifo()) this.rawInterrupts |= INT_RT;
  }

  private fill(): number {
    return Math.min(this.received.length, this.depth());
  }

  private depth(): number {
    return this.usesFifo() ? FIFO_DEPTH : 1;
  }

  private receiveLevel(): number {
    return this.usesFifo() ? (RECEIVE_LEVELS[(this.fifoLevels >>> 3) & 7] ?? FIFO_DEPTH) : 1;
  }

  private usesFifo(): boolean {
    return (this.lineControl & LCRH_FEN) !== 0;
  }

  private updateIrq(): void {
    this.irq.set((this.rawInterrupts & this.interruptMask) !== 0);
  }

  static readonly registers = registerBlock<Pl011>(
    'pl011',
    0x1000,
    {
      UARTDR: {
        offset: 0x000,
        width: 4,
        doc: 'Data',
        read: (uart) => uart.takeReceivedByte(),
        peek: (uart) => uart.peekReceivedByte(),
        write: (uart, value) => uart.send(value & 0xff),
      },
      UARTRSR: {
        offset: 0x004,
        width: 4,
        doc: 'Receive status and error clear: errors do not occur',
        status: 'ignored',
      },
      UARTFR: { offset: 0x018, width: 4, doc: 'Flags', read: (uart) => uart.flags },
      UARTILPR: {
        offset: 0x020,
        width: 4,
        doc: 'IrDA low-power counter: kept, without effect',
        read: (uart) => uart.irda,
        write: (uart, value) => {
          uart.irda = value & 0xff;
        },
      },
      UARTIBRD: {
        offset: 0x024,
        width: 4,
        doc: 'Integer baud rate: kept, without effect',
        read: (uart) => uart.integerBaud,
        write: (uart, value) => {
          uart.integerBaud = value & 0xffff;
        },
      },
      UARTFBRD: {
        offset: 0x028,
        width: 4,
        doc: 'Fractional baud rate: kept, without effect',
        read: (uart) => uart.fractionalBaud,
        write: (uart, value) => {
          uart.fractionalBaud = value & 0x3f;
        },
      },
      UARTLCR_H: {
        offset: 0x02c,
        width: 4,
        doc: 'Line control: only FEN has an effect',
        read: (uart) => uart.lineControl,
        write: (uart, value) => uart.setLineControl(value),
      },
      UARTCR: {
        offset: 0x030,
        width: 4,
        doc: 'Control: only LBE has an effect',
        read: (uart) => uart.control,
        write: (uart, value) => {
          uart.control = value & 0xffff;
        },
      },
      UARTIFLS: {
        offset: 0x034,
        width: 4,
        doc: 'Interrupt FIFO level select',
        read: (uart) => uart.fifoLevels,
        write: (uart, value) => {
          uart.fifoLevels = value & 0x3f;
        },
      },
      UARTIMSC: {
        offset: 0x038,
        width: 4,
        doc: 'Interrupt mask set/clear',
        read: (uart) => uart.mask,
        write: (uart, value) => uart.setMask(value),
      },
      UARTRIS: { offset: 0x03c, width: 4, doc: 'Raw interrupt status', read: (uart) => uart.rawStatus },
      UARTMIS: {
        offset: 0x040,
        width: 4,
        doc: 'Masked interrupt status',
        read: (uart) => uart.rawStatus & uart.mask,
      },
      UARTICR: {
        offset: 0x044,
        width: 4,
        doc: 'Interrupt clear',
        write: (uart, value) => uart.clearInterrupts(value),
      },
      UARTDMACR: {
        offset: 0x048,
        width: 4,
        doc: 'DMA control: kept, without effect',
        read: (uart) => uart.dmaControl,
        write: (uart, value) => {
          uart.dmaControl = value & 7;
        },
      },
      UARTPeriphID: identification(0xfe0, [0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1]),
    },
    { narrowAccess: true },
  );
}
