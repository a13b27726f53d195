// One TCP connection of a guest, seen from the other end: RFC 9293. The link loses a packet only when a guest has no
// buffer for it, so what arrives out of order is not kept, and nothing is held back to spare a network. The only option
// is the maximum segment size.

import { TCP_ACK, TCP_FIN, TCP_PSH, TCP_RST, TCP_SYN, type Tcp } from './headers.ts';
import type { Timers } from './timers.ts';

/** What a field of 16 bits can offer. */
const WINDOW = 65_535;
const DEFAULT_SEGMENT = 536;
const FIRST_TIMEOUT_NS = 300e6;
const LONGEST_TIMEOUT_NS = 10e9;
/** Timeouts after which the guest counts as gone. */
const MOST_TIMEOUTS = 8;
const DUPLICATES_BEFORE_RETRANSMIT = 3;

export type TcpState =
  | 'syn-sent'
  | 'syn-received'
  | 'established'
  | 'fin-wait-1'
  | 'fin-wait-2'
  | 'closing'
  | 'close-wait'
  | 'last-ack'
  | 'closed';

export type TcpSegment = Omit<Tcp, 'sourcePort' | 'destinationPort'>;

export interface TcpLink {
  readonly timers: Timers;
  /** Data may be longer than the guest's maximum segment: then it is to be cut to that. */
  send(segment: TcpSegment, segmentSize: number): void;
}

/** Who gets what the guest sends. */
export interface TcpUser {
  opened(): void;
  /** A view that holds during the call. It counts against the window until `took()` says otherwise. */
  received(bytes: Uint8Array): void;
  /** The guest sends no more. */
  ended(): void;
  /** The connection is over. `isOrderly`: both ends said so; else it was reset, or the guest does not answer. */
  closed(isOrderly: boolean): void;
}

export class TcpConnection {
  private readonly link: TcpLink;
  private readonly user: TcpUser;
  private current: TcpState;
  /** SND.UNA and SND.NXT. */
  private unacknowledged: number;
  private next: number;
  private peerWindow = 0;
  private peerSegment = DEFAULT_SEGMENT;
  /** RCV.NXT. */
  private expected = 0;
  /** Received, and not taken yet. */
  private held = 0;
  /** From SND.UNA on, sent or not. */
  private readonly queue: Uint8Array[] = [];
  private queued = 0;
  private isEnding = false;
  private timeouts = 0;
  private duplicates = 0;
  private timer: { cancel(): void } | undefined;
  /** What this end asks for as longest segment. */
  private ownSegment = DEFAULT_SEGMENT;

  /** `initial`: the first sequence number of this end. */
  constructor(link: TcpLink, user: TcpUser, initial: number, begins: 'here' | 'there') {
    this.link = link;
    this.user = user;
    this.unacknowledged = initial >>> 0;
    this.next = initial >>> 0;
    this.current = begins === 'here' ? 'syn-sent' : 'syn-received';
  }

  get state(): TcpState {
    return this.current;
  }

  /** Bytes that wait to be sent or acknowledged. */
  get pendingBytes(): number {
    return this.queued;
  }

  /** Asks the guest for a connection. */
  open(segmentSize: number): void {
    this.sendSyn(TCP_SYN, segmentSize);
  }

  /** Answers the guest's SYN. */
  accept(syn: Tcp, segmentSize: number): void {
    this.takeSyn(syn);
    this.sendSyn(TCP_SYN | TCP_ACK, segmentSize);
  }

  /** Sends what there is room for, and keeps the rest. Nothing after end(). */
  write(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.isEnding || this.current === 'closed') return;
    this.queue.push(bytes.slice());
    this.queued += bytes.length;
    this.transmit();
  }

  /** No more will be written: FIN behind what waits. */
  end(): void {
    if (this.isEnding || this.current === 'closed') return;
    this.isEnding = true;
    this.transmit();
  }

  /** Gives up: RST. */
  abort(): void {
    if (this.current === 'closed') return;
    this.emit(TCP_RST | TCP_ACK, this.next);
    this.finish(false);
  }

  /** So many of the bytes received need no room any more. */
  took(count: number): void {
    const before = this.window;
    this.held = Math.max(this.held - count, 0);
    // A guest that was told that there is no room waits to hear of it.
    if (before < this.peerSegment && this.window >= this.peerSegment && this.current !== 'closed')
      this.acknowledge();
  }

  receive(segment: Tcp): void {
    if (this.current === 'closed') return;
    if (this.current === 'syn-sent') this.receiveAnswer(segment);
    else this.receiveInOrder(segment);
  }

  save(): unknown {
    return {
      state: this.current,
      unacknowledged: this.unacknowledged,
      next: this.next,
      peerWindow: this.peerWindow,
      peerSegment: this.peerSegment,
      expected: this.expected,
      held: this.held,
      queue: this.queue.map((bytes) => [...bytes]),
      isEnding: this.isEnding,
      timeouts: this.timeouts,
      duplicates: this.duplicates,
    };
  }

  // ---- receiving

  /** RFC 9293, 3.10.7.3. */
  private receiveAnswer(segment: Tcp): void {
    if ((segment.flags & TCP_ACK) === 0 || segment.acknowledgement !== this.next) return;
    if (segment.flags & TCP_RST) {
      this.finish(false);
      return;
    }
    if ((segment.flags & TCP_SYN) === 0) return;
    this.takeSyn(segment);
    this.unacknowledged = this.next;
    this.peerWindow = segment.window;
    this.establish();
    this.acknowledge();
    this.transmit();
  }

  /** RFC 9293, 3.10.7.4. */
  private receiveInOrder(segment: Tcp): void {
    const { flags, sequence } = segment;
    if (!this.isAcceptable(segment)) {
      if ((flags & TCP_RST) === 0) this.acknowledge();
      return;
    }
    if (flags & TCP_RST) {
      // Another one than exactly the next may be forged, or of an earlier connection (RFC 5961).
      if (sequence === this.expected) this.finish(false);
      else this.acknowledge();
      return;
    }
    if (flags & TCP_SYN) {
      // Our answer to the first got lost, or somebody is confused.
      if (this.current === 'syn-received') this.sendAgain();
      else this.acknowledge();
      return;
    }
    if ((flags & TCP_ACK) === 0 || !this.takeAcknowledgement(segment)) return;
    const advanced = this.takeData(segment);
    if (advanced) this.acknowledge();
    this.transmit();
  }

  private isAcceptable({ sequence, payload, flags }: Tcp): boolean {
    const length = payload.length + (flags & (TCP_SYN | TCP_FIN) ? 1 : 0);
    const first = distance(sequence, this.expected);
    if (flags & TCP_SYN && this.current === 'syn-received') return true;
    if (length === 0) return first >= 0 && first <= this.window;
    return first + length > 0 && first <= this.window;
  }

  /** False when the connection is over, or the segment acknowledges what was never sent. */
  private takeAcknowledgement({ acknowledgement, window, payload }: Tcp): boolean {
    const count = distance(acknowledgement, this.unacknowledged);
    const outstanding = distance(this.next, this.unacknowledged);
    if (count > outstanding) {
      this.acknowledge();
      return false;
    }
    if (count < 0) return true;
    const isDuplicate = count === 0 && outstanding > 0 && payload.length === 0 && window === this.peerWindow;
    this.peerWindow = window;
    // A guest that says that it has no room is there, however long it takes.
    if (window === 0) this.timeouts = 0;
    if (count === 0) {
      this.duplicates = isDuplicate ? this.duplicates + 1 : 0;
      if (this.duplicates === DUPLICATES_BEFORE_RETRANSMIT) this.sendAgain();
      return true;
    }
    this.duplicates = 0;
    this.timeouts = 0;
    this.unacknowledged = acknowledgement;
    // SYN and FIN count as one each, and are no data.
    let data = count;
    if (this.current === 'syn-received') {
      data--;
      this.establish();
    }
    const isAll = acknowledgement === this.next;
    if (isAll && this.isFinSent) data--;
    this.dropQueued(data);
    this.setTimer();
    return isAll && this.isFinSent ? this.finAcknowledged() : true;
  }

  private finAcknowledged(): boolean {
    if (this.current === 'fin-wait-1') this.current = 'fin-wait-2';
    else if (this.current === 'closing' || this.current === 'last-ack') {
      this.finish(true);
      return false;
    }
    return true;
  }

  /** Whether the guest is owed an acknowledgement. */
  private takeData({ sequence, payload, flags }: Tcp): boolean {
    const skipped = distance(this.expected, sequence);
    const isFin = (flags & TCP_FIN) !== 0;
    // Ahead of what is expected: the acknowledgement asks for what is missing.
    if (skipped < 0) return true;
    const fresh = payload.subarray(skipped, skipped + this.window);
    if (fresh.length > 0 && this.mayReceive) {
      this.expected = (this.expected + fresh.length) >>> 0;
      this.held += fresh.length;
      this.user.received(fresh);
    }
    const isWhole = skipped + fresh.length >= payload.length;
    if (isFin && isWhole && distance(this.expected, sequence) === payload.length && this.mayReceive) {
      this.expected = (this.expected + 1) >>> 0;
      this.takeFin();
    }
    return payload.length > 0 || isFin;
  }

  private get mayReceive(): boolean {
    return this.current === 'established' || this.current === 'fin-wait-1' || this.current === 'fin-wait-2';
  }

  private takeFin(): void {
    if (this.current === 'established') this.current = 'close-wait';
    else if (this.current === 'fin-wait-1') this.current = 'closing';
    else {
      // No TIME-WAIT: on this link nothing of an old connection can turn up later.
      this.acknowledge();
      this.finish(true);
      return;
    }
    this.user.ended();
  }

  private takeSyn({ sequence, window, maximumSegment }: Tcp): void {
    this.expected = (sequence + 1) >>> 0;
    this.peerWindow = window;
    this.peerSegment = Math.max(maximumSegment ?? DEFAULT_SEGMENT, 64);
  }

  private establish(): void {
    this.current = 'established';
    this.user.opened();
  }

  // ---- sending

  private get window(): number {
    return Math.max(WINDOW - this.held, 0);
  }

  private get isFinSent(): boolean {
    return (
      this.current === 'fin-wait-1' ||
      this.current === 'fin-wait-2' ||
      this.current === 'closing' ||
      this.current === 'last-ack'
    );
  }

  private transmit(): void {
    if (this.current !== 'established' && this.current !== 'close-wait') return;
    for (;;) {
      const sent = distance(this.next, this.unacknowledged);
      const count = Math.min(this.queued - sent, this.peerWindow - sent);
      if (count <= 0) break;
      this.sendData(sent, count);
      this.next = (this.next + count) >>> 0;
    }
    const isAllSent = distance(this.next, this.unacknowledged) === this.queued;
    if (this.isEnding && isAllSent) {
      this.current = this.current === 'established' ? 'fin-wait-1' : 'last-ack';
      this.emit(TCP_FIN | TCP_ACK, this.next);
      this.next = (this.next + 1) >>> 0;
    }
    this.setTimer();
  }

  private sendData(offset: number, count: number): void {
    const payload = this.queuedBytes(offset, count);
    const isLast = offset + count === this.queued;
    this.emit(TCP_ACK | (isLast ? TCP_PSH : 0), (this.unacknowledged + offset) >>> 0, payload);
  }

  /** The first segment that was not acknowledged. */
  private sendAgain(): void {
    if (this.current === 'syn-received' || this.current === 'syn-sent') {
      const flags = TCP_SYN | (this.current === 'syn-received' ? TCP_ACK : 0);
      this.emit(flags, this.unacknowledged);
      return;
    }
    const sent = Math.min(distance(this.next, this.unacknowledged), this.queued);
    if (sent > 0) this.sendData(0, Math.min(sent, this.peerSegment));
    else if (this.isFinSent) this.emit(TCP_FIN | TCP_ACK, this.unacknowledged);
    // A window that was closed may be open by now: a byte asks.
    else if (this.queued > 0) {
      this.sendData(0, 1);
      this.next = (this.unacknowledged + 1) >>> 0;
    }
  }

  private sendSyn(flags: number, segmentSize: number): void {
    this.ownSegment = segmentSize;
    this.emit(flags, this.next);
    this.next = (this.next + 1) >>> 0;
    this.setTimer();
  }

  private acknowledge(): void {
    this.emit(TCP_ACK, this.next);
  }

  private emit(flags: number, sequence: number, payload: Uint8Array = NOTHING): void {
    const segment = {
      sequence,
      acknowledgement: flags & TCP_ACK ? this.expected : 0,
      flags,
      window: this.window,
      payload,
      ...(flags & TCP_SYN ? { maximumSegment: this.ownSegment } : {}),
    };
    this.link.send(segment, payload.length > this.peerSegment ? this.peerSegment : 0);
  }

  // ---- time

  private setTimer(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const waits = this.next !== this.unacknowledged || this.queued > 0;
    if (!waits || this.current === 'closed') return;
    const { timers } = this.link;
    const delay = Math.min(FIRST_TIMEOUT_NS * 2 ** this.timeouts, LONGEST_TIMEOUT_NS);
    this.timer = timers.at(timers.now() + delay, () => this.timedOut());
  }

  private timedOut(): void {
    this.timer = undefined;
    this.timeouts++;
    if (this.timeouts > MOST_TIMEOUTS) {
      this.abort();
      return;
    }
    this.sendAgain();
    this.setTimer();
  }

  private finish(isOrderly: boolean): void {
    this.current = 'closed';
    this.timer?.cancel();
    this.timer = undefined;
    this.queue.length = 0;
    this.queued = 0;
    this.user.closed(isOrderly);
  }

  // ---- the queue

  private dropQueued(count: number): void {
    let left = count;
    while (left > 0) {
      const first = this.queue[0];
      if (!first) return;
      if (first.length > left) this.queue[0] = first.subarray(left);
      else this.queue.shift();
      const dropped = Math.min(first.length, left);
      this.queued -= dropped;
      left -= dropped;
    }
  }

  private queuedBytes(offset: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    let skip = offset;
    let done = 0;
    for (const chunk of this.queue) {
      if (done === count) break;
      const part = chunk.subarray(skip, skip + count - done);
      skip = Math.max(skip - chunk.length, 0);
      bytes.set(part, done);
      done += part.length;
    }
    return bytes;
  }
}

const NOTHING = new Uint8Array(0);

/** a - b of sequence numbers, which wrap. */
const distance = (a: number, b: number): number => (a - b) | 0;
