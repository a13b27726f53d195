// The FIFO ABI: one 32-bit word for each port in pages the guest gives, and for each vCPU a control
// block with the heads of 16 queues. Xen common/event_fifo.c; the guest's part is in Linux
// drivers/xen/events/events_fifo.c.
//
// Guest memory has heads and links but no tails: those are private to Xen. A hypercall is atomic
// here, so the compare-and-exchange loops and the BUSY bit that keep Xen and a running guest apart
// shrink to a read and a write; BUSY is cleared where a link is set, as Xen leaves it.

import type { Errno } from '../abi/errno.ts';
import {
  FIFO_BUSY,
  FIFO_CHANNELS,
  FIFO_HEADS_OFFSET,
  FIFO_LINK_MASK,
  FIFO_LINKED,
  FIFO_MASKED,
  FIFO_MAX_PAGES,
  FIFO_PENDING,
  FIFO_PRIORITIES,
  FIFO_PRIORITY_DEFAULT,
  FIFO_READY_OFFSET,
  FIFO_WORDS_PER_PAGE,
} from '../abi/event-channel.ts';
import type { Page } from '../page.ts';
import type { Channel, Delivery, DeliverySignals } from './channel.ts';

const PENDING = 1 << FIFO_PENDING;
const MASKED = 1 << FIFO_MASKED;
const LINKED = 1 << FIFO_LINKED;
const BUSY = 1 << FIFO_BUSY;

interface VcpuQueues {
  control: { page: Page; offset: number } | undefined;
  /** The last port of each queue, by priority; 0 for none. */
  readonly tails: number[];
}

export class FifoDelivery implements Delivery {
  readonly name = 'fifo';
  readonly capacity = FIFO_CHANNELS;
  private readonly pages: Page[] = [];
  private readonly queues: VcpuQueues[];
  private readonly signals: DeliverySignals;

  constructor(vcpuCount: number, signals: DeliverySignals) {
    this.queues = Array.from({ length: vcpuCount }, () => ({
      control: undefined,
      tails: new Array<number>(FIFO_PRIORITIES).fill(0),
    }));
    this.signals = signals;
  }

  /** EVTCHNOP_init_control for one vCPU. A second time is an error. */
  setControlBlock(vcpu: number, page: Page, offset: number): Errno | undefined {
    const queues = this.queues[vcpu];
    if (!queues || queues.control) return 'EINVAL';
    queues.control = { page, offset };
    return undefined;
  }

  get isFull(): boolean {
    return this.pages.length >= FIFO_MAX_PAGES;
  }

  /** EVTCHNOP_expand_array. Returns the first port the page holds a word for. */
  addPage(page: Page): number {
    this.pages.push(page);
    return (this.pages.length - 1) * FIFO_WORDS_PER_PAGE;
  }

  heldPages(): Page[] {
    const controls = this.queues.flatMap(({ control }) => (control ? [control.page] : []));
    return [...this.pages, ...controls];
  }

  bound(channel: Channel): void {
    channel.priority = FIFO_PRIORITY_DEFAULT;
  }

  setPending(channel: Channel): void {
    const word = this.wordOf(channel.port);
    if (!word) {
      channel.latched = true;
      return;
    }
    const queues = this.queues[channel.notifyVcpu];
    // A guest unmasks nothing before the control block is there, so the event can be dropped.
    if (!queues?.control) return;

    const before = word.read();
    word.write(before | PENDING);
    const mustLink = (before & (MASKED | LINKED)) === 0;
    if (mustLink && this.append(channel, word, queues)) this.raiseReady(channel, queues.control);
    if ((before & PENDING) === 0) this.signals.wakePollers(channel.port);
  }

  clearPending({ port }: Channel): void {
    // The guest takes the word off its queue and ignores it when it is not pending.
    const word = this.wordOf(port);
    word?.write(word.read() & ~PENDING);
  }

  unmask(channel: Channel): void {
    const word = this.wordOf(channel.port);
    if (!word) return;
    const value = word.read() & ~MASKED;
    word.write(value);
    if ((value & PENDING) !== 0) this.setPending(channel);
  }

  mask({ port }: Channel): boolean {
    const word = this.wordOf(port);
    word?.write(word.read() | MASKED);
    return word !== undefined;
  }

  isPending({ port }: Channel): boolean {
    return ((this.wordOf(port)?.read() ?? 0) & PENDING) !== 0;
  }

  isMasked({ port }: Channel): boolean {
    return ((this.wordOf(port)?.read() ?? MASKED) & MASKED) !== 0;
  }

  isBusy({ port }: Channel): boolean {
    return ((this.wordOf(port)?.read() ?? 0) & LINKED) !== 0;
  }

  setPriority(channel: Channel, priority: number): Errno | undefined {
    if (priority >= FIFO_PRIORITIES) return 'EINVAL';
    // Only future events use the new queue; one that is linked stays where it is.
    channel.priority = priority;
    return undefined;
  }

  isQueued({ port }: Channel): boolean {
    return ((this.wordOf(port)?.read() ?? 0) & LINKED) !== 0;
  }

  hasWord(port: number): boolean {
    return this.wordOf(port) !== undefined;
  }

  /** The queues of a vCPU with something in them, a bit for each priority; undefined without a control block. */
  ready(vcpu: number): number | undefined {
    const control = this.queues[vcpu]?.control;
    return control && control.page.read32(control.offset + FIFO_READY_OFFSET);
  }

  save(): unknown {
    return {
      name: this.name,
      pages: this.pages.map((page) => page.mfn),
      queues: this.queues.map(({ control, tails }) => ({
        control: control && { mfn: control.page.mfn, offset: control.offset },
        tails: [...tails],
      })),
    };
  }

  /** Puts the port at the end of its queue. True when the queue was empty and its head was written. */
  private append(channel: Channel, word: Word, queues: VcpuQueues): boolean {
    const { port, notifyVcpu, priority } = channel;
    word.write(word.read() | LINKED);

    // If the port was the tail of its old queue, that queue is empty now: linking another event
    // behind it would put that event onto the new queue.
    const oldTails = this.queues[channel.lastVcpu]?.tails;
    if (oldTails && oldTails[channel.lastPriority] === port) oldTails[channel.lastPriority] = 0;
    channel.lastVcpu = notifyVcpu;
    channel.lastPriority = priority;

    const tail = queues.tails[priority] ?? 0;
    const linked = tail !== 0 && this.linkBehind(tail, port);
    queues.tails[priority] = port;
    if (linked || !queues.control) return false;

    const { page, offset } = queues.control;
    page.write32(offset + FIFO_HEADS_OFFSET + priority * 4, port);
    return true;
  }

  /** True when the tail was still on its queue; the guest clears LINKED as it takes a word off. */
  private linkBehind(tail: number, port: number): boolean {
    const word = this.wordOf(tail);
    const value = word?.read() ?? 0;
    if (!word || (value & LINKED) === 0) return false;
    word.write((value & ~(BUSY | FIFO_LINK_MASK)) | port);
    return true;
  }

  private raiseReady(
    { notifyVcpu, priority }: Channel,
    { page, offset }: { page: Page; offset: number },
  ): void {
    if (!page.setBit(offset + FIFO_READY_OFFSET, priority)) this.signals.upcall(notifyVcpu);
  }

  private wordOf(port: number): Word | undefined {
    const page = this.pages[Math.floor(port / FIFO_WORDS_PER_PAGE)];
    if (!page) return undefined;
    const at = (port % FIFO_WORDS_PER_PAGE) * 4;
    return { read: () => page.read32(at), write: (value) => page.write32(at, value) };
  }
}

interface Word {
  read(): number;
  write(value: number): void;
}
