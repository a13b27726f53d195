// HYPERVISOR_multicall: an array of hypercalls, each with its result. Xen 4.17 common/multicall.c.

import type { Struct } from '../abi/layout.ts';
import { out, struct, u64 } from '../abi/layout.ts';
import type {
  Continuation,
  HypercallArgs,
  HypercallContext,
  HypercallResult,
  HypercallRow,
} from './define.ts';
import { plainHypercall, u32Arg, vaArg } from './define.ts';

const multicallEntry = struct('multicall_entry', {
  op: u64,
  result: out(u64),
  arg0: u64,
  arg1: u64,
  arg2: u64,
  arg3: u64,
  arg4: u64,
  arg5: u64,
});
type Entry = typeof multicallEntry extends Struct<infer V> ? V : never;

const ENTRIES_AT_ONCE = 256;
const NUMBER = 13;

/** `call` makes one hypercall: the dispatcher without this one, since a multicall may not contain another. */
export function multicallHypercall(
  call: (ctx: HypercallContext, number: number, args: HypercallArgs) => number | Continuation,
): HypercallRow {
  return plainHypercall(NUMBER, 'multicall', (ctx, args) => {
    const count = u32Arg(args, 1);
    for (let index = 0; index < count; index++) {
      const address = BigInt.asUintN(64, vaArg(args, 0) + BigInt(index * multicallEntry.size));
      const rest: HypercallResult = { continueWith: [address, BigInt(count - index)] };
      if (index === ENTRIES_AT_ONCE) return rest;
      const bytes = ctx.memory.readVa(address, multicallEntry.size);
      if (!bytes) return 'EFAULT';
      const entry = multicallEntry.read(bytes);
      const outcome = call(ctx, numberOf(entry), argsOf(entry));
      if (typeof outcome === 'number') entry.result = BigInt.asUintN(64, BigInt(outcome));
      else setArgs(entry, outcome.continueWith);
      multicallEntry.update(bytes, entry);
      if (!ctx.memory.writeVa(address, bytes)) return 'EFAULT';
      if (typeof outcome !== 'number') return rest;
    }
    return undefined;
  });
}

/** Out of the table's range, however large. */
const numberOf = ({ op }: Entry): number => (op > 0xffffn ? -1 : Number(op));

const argsOf = ({ arg0, arg1, arg2, arg3, arg4 }: Entry): HypercallArgs => [arg0, arg1, arg2, arg3, arg4];

function setArgs(entry: Entry, args: HypercallArgs): void {
  const names = ['arg0', 'arg1', 'arg2', 'arg3', 'arg4'] as const;
  for (const [index, name] of names.entries()) entry[name] = args[index] ?? entry[name];
}
