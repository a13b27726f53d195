// How a hypercall is declared: a table of rows, one for each sub-operation. The dispatcher copies
// the argument structure in and out; a handler sees its members by name and answers with an errno
// name, a number, or nothing for 0. What is not modelled has a row that says so.

import type { OnceLogger } from '../../base/log.ts';
import type { Errno } from '../abi/errno.ts';
import type { Struct } from '../abi/layout.ts';
import type { Domain } from '../domain.ts';
import type { DomainList } from '../domain-list.ts';
import type { DomainVcpu } from '../domain-vcpu.ts';
import type { GuestMemory, XenSockets } from '../sockets.ts';
import type { XenIdentity } from './identity.ts';

/** What all hypercalls of a machine share. */
export interface HypercallServices {
  readonly domains: DomainList;
  readonly sockets: XenSockets;
  readonly identity: XenIdentity;
  /** XSM policy: `silo` (Debian's default) keeps domains other than the control domain apart. */
  readonly xsm: 'silo' | 'dummy';
  readonly once: OnceLogger;
  /** Xen's own console: lines that guests write by console_io. */
  readonly console: XenConsole;
}

export interface XenConsole {
  /** One line of a guest that may write Xen's console. */
  guestLine(domid: number, line: string): void;
  /** Bytes of the control domain, as they are. */
  write(bytes: Uint8Array): void;
  /** Takes up to `count` bytes typed into Xen's console. */
  read(count: number): Uint8Array;
}

/** One hypercall being made. */
export interface HypercallContext {
  readonly caller: Domain;
  readonly vcpu: DomainVcpu;
  /** The caller's memory by its current stage 1. */
  readonly memory: GuestMemory;
  readonly xen: HypercallServices;
}

/** x0..x4. */
export type HypercallArgs = readonly bigint[];

/** Long operations stop after a while; the guest executes the HVC again with these arguments. */
export interface Continuation {
  readonly continueWith: HypercallArgs;
}

export type HypercallResult = number | Errno | undefined | Continuation;

export interface SubOpRow {
  readonly number: number;
  readonly name: string;
  /** A sentence when something is missing. */
  readonly partial?: string;
  readonly unsupported?: string;
  /** The structure it takes, and which argument points to it. */
  readonly argument?: { readonly type: Struct<unknown>; readonly pointer: number };
  invoke(ctx: HypercallContext, args: HypercallArgs): HypercallResult;
}

export interface HypercallRow {
  readonly number: number;
  readonly name: string;
  readonly subOps: readonly SubOpRow[];
  readonly unsupported?: string;
  /** The row a call would go to, for traces. */
  select(args: HypercallArgs): SubOpRow | undefined;
  invoke(ctx: HypercallContext, args: HypercallArgs): HypercallResult;
}

interface HypercallOptions {
  /** Which argument bits select the sub-operation; all 32 of x0 by default. */
  selector?: (args: HypercallArgs) => number;
  /** Settled before any sub-operation: permission, and arguments common to all. */
  before?: (ctx: HypercallContext, args: HypercallArgs, row: SubOpRow | undefined) => HypercallResult;
  /** For a sub-operation without a row. */
  unknown?: Errno;
}

export function hypercall(
  number: number,
  name: string,
  subOps: readonly SubOpRow[],
  { selector = (args) => u32Arg(args, 0), before, unknown = 'ENOSYS' }: HypercallOptions = {},
): HypercallRow {
  const byNumber = new Map(subOps.map((row) => [row.number, row]));
  return {
    number,
    name,
    subOps,
    select: (args) => byNumber.get(selector(args)),
    invoke(ctx, args) {
      const row = byNumber.get(selector(args));
      const early = before?.(ctx, args, row);
      if (early !== undefined) return early;
      if (row) return row.invoke(ctx, args);
      // A guest may try four billion numbers; what is remembered stays small.
      const key = selector(args) < 256 ? `${name} ${selector(args)}` : `${name} beyond 255`;
      ctx.xen.once.once(
        `hypercall ${key}`,
        'info',
        'xen',
        `${key}: no such operation in Xen on Arm, -${unknown}`,
      );
      return unknown;
    },
  };
}

/** A hypercall without sub-operations. */
export function plainHypercall(
  number: number,
  name: string,
  invoke: (ctx: HypercallContext, args: HypercallArgs) => HypercallResult,
): HypercallRow {
  return { number, name, subOps: [], select: () => undefined, invoke };
}

interface SubOpBody<V> {
  partial?: string;
  /** Which argument points to the structure; x1 by default. */
  pointer?: number;
  handle(ctx: HypercallContext, arg: V, args: HypercallArgs): HypercallResult;
}

/** A sub-operation on one structure. It is copied back unless the handler failed. */
export function subOp<V>(number: number, name: string, type: Struct<V>, body: SubOpBody<V>): SubOpRow {
  return {
    number,
    name,
    ...(body.partial === undefined ? {} : { partial: body.partial }),
    argument: { type, pointer: body.pointer ?? 1 },
    invoke(ctx, args) {
      const address = args[body.pointer ?? 1] ?? 0n;
      const bytes = ctx.memory.readVa(address, type.size);
      if (!bytes) return 'EFAULT';
      const arg = type.read(bytes);
      const result = body.handle(ctx, arg, args);
      if (typeof result === 'string' || !type.hasOutput) return result;
      type.update(bytes, arg);
      return ctx.memory.writeVa(address, bytes) ? result : 'EFAULT';
    },
  };
}

/** A sub-operation that takes its arguments as they are. */
export function bareSubOp(
  number: number,
  name: string,
  handle: (ctx: HypercallContext, args: HypercallArgs) => HypercallResult,
): SubOpRow {
  return { number, name, invoke: handle };
}

/** Not modelled. Answers as a Xen without it, and is logged once by name. */
export function unsupported(
  number: number,
  name: string,
  reason: string,
  result: Errno = 'ENOSYS',
): SubOpRow {
  return {
    number,
    name,
    unsupported: reason,
    invoke(ctx) {
      ctx.xen.once.once(`hypercall ${name}`, 'info', 'xen', `${name}: ${reason} -${result}`);
      return result;
    },
  };
}

/** A whole hypercall that is not modelled. */
export function unsupportedHypercall(
  number: number,
  name: string,
  reason: string,
  result: Errno = 'ENOSYS',
): HypercallRow {
  const row = unsupported(number, `HYPERVISOR_${name}`, reason, result);
  return { ...plainHypercall(number, name, row.invoke), unsupported: reason };
}

export const u32Arg = (args: HypercallArgs, index: number): number =>
  Number(BigInt.asUintN(32, args[index] ?? 0n));
export const i32Arg = (args: HypercallArgs, index: number): number =>
  Number(BigInt.asIntN(32, args[index] ?? 0n));
export const vaArg = (args: HypercallArgs, index: number): bigint => BigInt.asUintN(64, args[index] ?? 0n);
