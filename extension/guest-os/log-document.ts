// The log of a guest's kernel as a read-only document, read from its memory: also when its console is dead, and while
// it runs. It is read again after every stop and when it is asked for.

import * as vscode from 'vscode';
import { ask } from '../ask.ts';
import type { Sessions } from '../panels/sessions.ts';
import { logText, titleOf } from './items.ts';

const SCHEME = 'xen-log';

export function registerKernelLog(sessions: Sessions): vscode.Disposable {
  const outdated = new vscode.EventEmitter<vscode.Uri>();
  let shown = '';
  const content = async ({ query }: vscode.Uri): Promise<string> => {
    const { current } = sessions;
    if (!current || current.ended) return '';
    try {
      return logText((await ask(current.session, 'xen/log', { domain: Number(query) })).records);
    } catch (error) {
      return `${error instanceof Error ? error.message : String(error)}\n`;
    }
  };
  return vscode.Disposable.from(
    outdated,
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, {
      onDidChange: outdated.event,
      provideTextDocumentContent: content,
    }),
    sessions.onDidChange(() => {
      const { current } = sessions;
      const now = `${current?.session.id} ${current?.generation} ${current?.running}`;
      // What was said last is of interest when all is over, too.
      if (now === shown || !current || current.ended) return;
      shown = now;
      for (const { uri } of vscode.workspace.textDocuments) if (uri.scheme === SCHEME) outdated.fire(uri);
    }),
    vscode.commands.registerCommand('xenscope.kernelLog', async (item?: { readonly domain?: unknown }) => {
      const row = await domainFor(sessions, item?.domain);
      if (!row) return;
      const uri = vscode.Uri.from({
        scheme: SCHEME,
        path: `/dmesg of ${titleOf(row)}.log`,
        query: String(row.domain),
      });
      outdated.fire(uri);
      const document = await vscode.workspace.openTextDocument(uri);
      const end = new vscode.Position(document.lineCount - 1, 0);
      await vscode.window.showTextDocument(document, { selection: new vscode.Range(end, end) });
    }),
  );
}

/** The domain of an item, the only one, or the one that is chosen. */
async function domainFor(
  { current }: Sessions,
  wanted: unknown,
): Promise<{ readonly domain: number; readonly name: string } | undefined> {
  if (!current || current.ended) {
    void vscode.window.showInformationMessage(vscode.l10n.t('No guest is being debugged.'));
    return undefined;
  }
  const { view } = await ask(current.session, 'xen/domains', {});
  const rows = view.domains.filter(({ vcpus, domain }) =>
    typeof wanted === 'number' ? domain === wanted : vcpus.length > 0,
  );
  if (rows.length <= 1) return rows[0];
  const items = rows.map((row) => ({ label: titleOf(row), row }));
  const placeHolder = vscode.l10n.t('Which guest?');
  return (await vscode.window.showQuickPick(items, { placeHolder }))?.row;
}
