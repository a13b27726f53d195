// The editor's side of the language server for xl.cfg. A bundle of its own, loaded when the first such file
// opens: see xl-language.ts.

import * as vscode from 'vscode';
import { LanguageClient, TransportKind } from 'vscode-languageclient/node';
import type { LanguageServerOptions } from './language-server/server.ts';

/** The client starts in the background; whoever disposes it ends the server. */
export function startLanguageClient(server: string, language: string): vscode.Disposable {
  const initializationOptions: LanguageServerOptions = {
    lenses: {
      run: `$(play) ${vscode.l10n.t('Run')}`,
      debug: `$(debug-alt) ${vscode.l10n.t('Debug')}`,
    },
  };
  const watcher = vscode.workspace.createFileSystemWatcher(
    '**/{*.dtb,*.gz,*.cpio,*Image*,*vmlinu*,*.elf}',
    false,
    true,
  );
  const client = new LanguageClient(
    'xenscope.xlConfig',
    'Xenscope xl.cfg',
    { module: server, transport: TransportKind.ipc },
    {
      documentSelector: [{ language }],
      initializationOptions,
      synchronize: { fileEvents: watcher },
      diagnosticCollectionName: 'xenscope',
    },
  );
  void client.start();
  return vscode.Disposable.from(watcher, { dispose: () => void client.dispose() });
}
