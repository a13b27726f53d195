// Saves where a guest stands as a file, for `xenscope inspect` and for somebody else to look at.

import * as vscode from 'vscode';
import { ask } from './ask.ts';
import type { Sessions } from './panels/sessions.ts';

export const registerSnapshots = (sessions: Sessions): vscode.Disposable =>
  vscode.commands.registerCommand('xenscope.saveSnapshot', async () => {
    const { current } = sessions;
    if (!current || current.ended) {
      void vscode.window.showInformationMessage(vscode.l10n.t('No guest is being debugged.'));
      return;
    }
    try {
      const { text } = await ask(current.session, 'xen/snapshot', {});
      const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
      const name = `${current.session.name.replaceAll(/[^\w.-]+/g, '-')}.xensnap`;
      const uri = await vscode.window.showSaveDialog({
        filters: { [vscode.l10n.t('Snapshot of a guest')]: ['xensnap'] },
        ...(folder && { defaultUri: vscode.Uri.joinPath(folder, name) }),
      });
      if (uri) await vscode.workspace.fs.writeFile(uri, new TextEncoder().encode(text));
    } catch (error) {
      void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
    }
  });
