// What the tree of domains can do to a domain: each a command, offered where the domain can take it.

import * as vscode from 'vscode';
import { type Action, threadIdOf } from '../../debug-adapter/protocol.ts';
import { ask } from '../ask.ts';
import type { Sessions } from '../panels/sessions.ts';
import type { Item } from './items.ts';

type Change = (item: Item) => Promise<Action | undefined>;

/** By command. */
const CHANGES: Readonly<Record<string, Change>> = {
  'xenscope.domain.pause': async ({ domain }) => ({ kind: 'pause', domain }),
  'xenscope.domain.unpause': async ({ domain }) => ({ kind: 'unpause', domain }),
  'xenscope.domain.shutdown': async ({ domain }) => {
    const items = [
      { label: vscode.l10n.t('Power off'), reason: 'poweroff' },
      { label: vscode.l10n.t('Reboot'), reason: 'reboot' },
      { label: vscode.l10n.t('Halt'), reason: 'halt' },
    ] as const;
    const placeHolder = vscode.l10n.t('What is the guest asked to do?');
    const choice = await vscode.window.showQuickPick(items, { placeHolder });
    return choice && { kind: 'shutdown', domain, reason: choice.reason };
  },
  'xenscope.domain.destroy': async ({ domain, label }) => {
    const destroy = vscode.l10n.t('Destroy');
    const detail = vscode.l10n.t('It ends at once, without a chance to save anything.');
    const question = vscode.l10n.t('Destroy {0}?', label);
    const choice = await vscode.window.showWarningMessage(question, { modal: true, detail }, destroy);
    return choice === destroy ? { kind: 'destroy', domain } : undefined;
  },
};

export function registerDomainActions(sessions: Sessions): vscode.Disposable {
  const changes = Object.entries(CHANGES).map(([command, change]) =>
    vscode.commands.registerCommand(command, (item?: Item) =>
      carryOut(async () => {
        const { current } = sessions;
        if (!item || !current) return;
        const action = await change(item);
        if (action) await ask(current.session, 'xen/act', { action });
      }),
    ),
  );
  return vscode.Disposable.from(
    ...changes,
    vscode.commands.registerCommand('xenscope.domain.console', (item?: Item) =>
      vscode.commands.executeCommand('xenscope.showConsole', item?.domain),
    ),
    // The machine stands, with this vCPU in focus.
    vscode.commands.registerCommand('xenscope.domain.break', (item?: Item) =>
      carryOut(async () => {
        if (!item) return;
        const threadId = threadIdOf(item.domain, item.vcpu ?? 0);
        await sessions.current?.session.customRequest('pause', { threadId });
      }),
    ),
  );
}

/** What the adapter refuses is said as it says it. */
async function carryOut(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    void vscode.window.showErrorMessage(error instanceof Error ? error.message : String(error));
  }
}
