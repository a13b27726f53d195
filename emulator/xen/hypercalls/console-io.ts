// HYPERVISOR_console_io: Xen's own console. Xen 4.17 drivers/char/console.c, a release build: only
// the control domain and domains that were given the console may use it.

import { bareSubOp, hypercall, u32Arg, vaArg } from './define.ts';

/** Bytes taken before a call is continued. */
const BYTES_AT_ONCE = 4096;

export const consoleIo = hypercall(
  18,
  'console_io',
  [
    bareSubOp(0, 'CONSOLEIO_write', ({ caller, memory, xen }, args) => {
      const count = u32Arg(args, 1);
      const piece = Math.min(count, BYTES_AT_ONCE);
      const bytes = memory.readVa(vaArg(args, 2), piece);
      if (!bytes) return 'EFAULT';
      if (caller.privileged) xen.console.write(bytes);
      else for (const line of caller.printBuffer.write(bytes)) xen.console.guestLine(caller.id, line);
      if (piece === count) return undefined;
      return {
        continueWith: [0n, BigInt(count - piece), BigInt.asUintN(64, vaArg(args, 2) + BigInt(piece))],
      };
    }),
    bareSubOp(1, 'CONSOLEIO_read', ({ memory, xen }, args) => {
      const count = u32Arg(args, 1);
      if (count > 0x7fff_ffff) return 'E2BIG';
      const bytes = xen.console.read(count);
      if (bytes.length > 0 && !memory.writeVa(vaArg(args, 2), bytes)) return 'EFAULT';
      return bytes.length;
    }),
  ],
  { before: ({ caller }) => (caller.console || caller.privileged ? undefined : 'EPERM') },
);
