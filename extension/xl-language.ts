// xl.cfg in the editor: its language server starts with the first such file, and a configuration can be run
// and debugged from where it is written.

import { basename } from 'node:path';
import * as vscode from 'vscode';
import type * as Client from './language-client.ts';

const LANGUAGE = 'xl-cfg';

export function registerXlLanguage(context: vscode.ExtensionContext): void {
  const { subscriptions } = context;
  subscriptions.push(
    vscode.commands.registerCommand('xenscope.runConfiguration', (file?: unknown) => start(file, true)),
    vscode.commands.registerCommand('xenscope.debugConfiguration', (file?: unknown) => start(file, false)),
  );

  const isOurs = ({ languageId }: vscode.TextDocument): boolean => languageId === LANGUAGE;
  const startClient = (): void => {
    // 400 KB that an editor without such a file never loads.
    const bundle = require(context.asAbsolutePath('dist/language-client.cjs')) as typeof Client;
    subscriptions.push(
      bundle.startLanguageClient(context.asAbsolutePath('dist/language-server.cjs'), LANGUAGE),
    );
  };
  if (vscode.workspace.textDocuments.some(isOurs)) {
    startClient();
    return;
  }
  const waiting = vscode.workspace.onDidOpenTextDocument((document) => {
    if (!isOurs(document)) return;
    waiting.dispose();
    startClient();
  });
  subscriptions.push(waiting);
}

/** `file`: what a lens or a menu names; the file in the editor otherwise. */
async function start(file: unknown, noDebug: boolean): Promise<void> {
  const uri = uriOf(file) ?? vscode.window.activeTextEditor?.document.uri;
  if (uri?.scheme !== 'file') {
    void vscode.window.showInformationMessage(vscode.l10n.t('Open an xl.cfg file to run or debug it.'));
    return;
  }
  await vscode.workspace.save(uri);
  const configuration: vscode.DebugConfiguration = {
    type: 'xen',
    request: 'launch',
    name: vscode.l10n.t('Guest {0}', basename(uri.fsPath)),
    config: uri.fsPath,
  };
  await vscode.debug.startDebugging(vscode.workspace.getWorkspaceFolder(uri), configuration, { noDebug });
}

function uriOf(file: unknown): vscode.Uri | undefined {
  if (file instanceof vscode.Uri) return file;
  return typeof file === 'string' ? vscode.Uri.parse(file) : undefined;
}
