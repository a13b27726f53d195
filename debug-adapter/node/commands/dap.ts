// `xenscope dap`: a debug adapter on stdio, or on a TCP port of this machine.

import { Command } from 'commander';
import { UserError } from '../../../emulator/base/errors.ts';
import { listen, serveStdio } from '../stdio.ts';

export const dapCommand = (): Command =>
  new Command('dap')
    .description('serve the Debug Adapter Protocol on stdio, or on a port')
    .option('--listen <address>', '127.0.0.1:PORT to listen on instead of stdio; port 0 takes a free one')
    .action(async ({ listen: address }: { listen?: string }) => {
      if (address === undefined) return serveStdio();
      const server = await listen(checked(address));
      const bound = server.address();
      const port = typeof bound === 'object' ? bound?.port : undefined;
      process.stderr.write(`xenscope: listening on ${address.replace(/\d+$/, String(port))}\n`);
    });

/** Whoever connects reads files and runs programs as we do, so only this computer may. */
function checked(address: string): string {
  const match = /^(127(?:\.\d{1,3}){3}|localhost|\[::1\]):(\d{1,5})$/.exec(address);
  if (match && Number(match[2]) <= 65_535) return address;
  throw new UserError(`--listen is '${address}'`, 'Give an address of this computer: 127.0.0.1:PORT.');
}
