// `xenscope dap`: a debug adapter on stdio, or on a TCP port of this machine.

import { Command } from 'commander';
import { listen, serveStdio } from '../stdio.ts';

export const dapCommand = (): Command =>
  new Command('dap')
    .description('serve the Debug Adapter Protocol on stdio, or on a port')
    .option('--listen <address>', 'HOST:PORT to listen on instead of stdio')
    .action(async ({ listen: address }: { listen?: string }) => {
      if (address === undefined) await serveStdio();
      else await listen(address);
    });
