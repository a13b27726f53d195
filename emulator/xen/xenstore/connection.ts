// One client of xenstore: its watches, transactions and what waits to be sent to it.

import { XENSTORE_PAYLOAD_MAX, XS } from '../abi/xs-wire.ts';
import { homeOf, isSpecialPath } from './paths.ts';
import type { Subject } from './permissions.ts';
import { bytesOf, textOf } from './text.ts';
import type { Transaction } from './transaction.ts';

export interface Message {
  readonly type: number;
  readonly requestId: number;
  readonly transactionId: number;
  readonly payload: Uint8Array;
}

export interface Watch {
  /** Absolute, or a special name. */
  readonly path: string;
  readonly token: string;
  /** It was asked for relative to the client's home, and its events are told so. */
  readonly relative: boolean;
}

/** Bytes of watch events that may wait for a domain (quota_memory_per_domain_hard). */
const EVENT_BYTES_MAX = 2.5 * 1024 * 1024;
/** Replies that may wait before no further request is read (quota_req_outstanding). */
const REPLIES_OUTSTANDING_MAX = 20;
const HEADER_SIZE = 16;

export class Connection implements Subject {
  readonly domid: number;
  readonly privileged: boolean;
  readonly transactions = new Map<number, Transaction>();
  private watches: Watch[] = [];
  private outgoing: Message[] = [];
  private outgoingBytes = 0;
  // What follows from `outgoing`, kept because a guest that reads nothing makes it long.
  private repliesWaiting = 0;
  private readonly eventsWaiting = new Set<string>();
  private nextTransactionId = 0;
  /** How many messages have left; no state of the machine. */
  sent = 0;

  constructor(domid: number, privileged: boolean) {
    this.domid = domid;
    this.privileged = privileged;
  }

  get watchCount(): number {
    return this.watches.length;
  }

  hasWatch(path: string, token: string): boolean {
    return this.watches.some((watch) => watch.path === path && watch.token === token);
  }

  addWatch(watch: Watch): void {
    this.watches.push(watch);
  }

  removeWatch(path: string, token: string): boolean {
    const index = this.watches.findIndex((watch) => watch.path === path && watch.token === token);
    if (index >= 0) this.watches.splice(index, 1);
    return index >= 0;
  }

  watchList(): readonly Watch[] {
    return this.watches;
  }

  newTransactionId(): number {
    do this.nextTransactionId = (this.nextTransactionId + 1) >>> 0;
    while (this.nextTransactionId === 0 || this.transactions.has(this.nextTransactionId));
    return this.nextTransactionId;
  }

  /** RESET_WATCHES, a new introduction, or the end of the client. */
  forgetWatchesAndTransactions(): void {
    this.watches = [];
    this.transactions.clear();
  }

  forgetOutgoing(): void {
    this.outgoing = [];
    this.outgoingBytes = 0;
    this.repliesWaiting = 0;
    this.eventsWaiting.clear();
  }

  reply(message: Message): void {
    this.repliesWaiting++;
    this.push(message);
  }

  /** An identical event that still waits makes a second one superfluous. */
  sendEvent(watch: Watch, path: string): void {
    const told = watch.relative ? relativeTo(path, homeOf(this.domid)) : path;
    const text = `${told}\0${watch.token}\0`;
    if (text.length > XENSTORE_PAYLOAD_MAX) return;
    if (!isSpecialPath(told) && this.eventsWaiting.has(text)) return;
    if (!this.privileged && this.outgoingBytes + text.length + HEADER_SIZE > EVENT_BYTES_MAX) return;
    this.eventsWaiting.add(text);
    this.push({ type: XS.WATCH_EVENT, requestId: 0, transactionId: 0, payload: bytesOf(text) });
  }

  nextOutgoing(): Message | undefined {
    const message = this.outgoing.shift();
    if (!message) return undefined;
    this.outgoingBytes -= message.payload.length + HEADER_SIZE;
    if (message.type === XS.WATCH_EVENT) this.eventsWaiting.delete(textOf(message.payload));
    else this.repliesWaiting--;
    this.sent++;
    return message;
  }

  get waitingMessages(): number {
    return this.outgoing.length;
  }

  get waitingBytes(): number {
    return this.outgoingBytes;
  }

  /** A client that does not take its replies is not read from either. */
  get isCongested(): boolean {
    return !this.privileged && this.repliesWaiting >= REPLIES_OUTSTANDING_MAX;
  }

  save(): unknown {
    return {
      domid: this.domid,
      privileged: this.privileged,
      watches: this.watches.map((watch) => ({ ...watch })),
      transactions: [...this.transactions.values()].map((transaction) => transaction.save()),
      nextTransactionId: this.nextTransactionId,
      outgoing: this.outgoing.map((message) => ({ ...message, payload: [...message.payload] })),
    };
  }

  private push(message: Message): void {
    this.outgoing.push(message);
    this.outgoingBytes += message.payload.length + HEADER_SIZE;
  }
}

function relativeTo(path: string, home: string): string {
  return path.slice(home.length).replace(/^\//, '');
}
