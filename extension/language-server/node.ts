// The language server as a process of Node: on its standard streams, a socket or its parent's channel, as its
// arguments say (--stdio, --node-ipc, --socket=PORT).

import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createConnection, ProposedFeatures } from 'vscode-languageserver/node';
import type { XlFileState } from '../../emulator/formats/xl-config/context.ts';
import { type LanguageHost, serve } from './server.ts';

const host: LanguageHost = {
  /** A run looks beside the configuration first, then where it was started: the editor's folder is not known here. */
  async fileState(path, documentUri) {
    if (!documentUri.startsWith('file:')) return undefined;
    return stateOf(resolve(dirname(fileURLToPath(documentUri)), path));
  },
};

async function stateOf(path: string): Promise<XlFileState> {
  try {
    const status = await stat(path);
    return status.isFile() ? { kind: 'file', size: status.size } : { kind: 'other' };
  } catch {
    return { kind: 'missing' };
  }
}

serve(createConnection(ProposedFeatures.all), host);
