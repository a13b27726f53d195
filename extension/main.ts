// The extension: it connects VS Code's debugger to the adapter's process and shows what a guest writes.
// Everything about guests, machines and Xen is the adapter's; only this folder knows VS Code.

import * as vscode from 'vscode';
import { AdapterProcesses } from './adapter-process.ts';
import {
  BUNDLED_GUEST_COMMAND,
  BUNDLED_GUEST_FOLDER,
  bundledGuest,
  ConfigurationProvider,
} from './configurations.ts';
import { Consoles } from './consoles.ts';
import { registerDomainActions } from './domains/actions.ts';
import { DomainsTree } from './domains/tree.ts';
import { registerValuesInCode } from './editor/values-in-code.ts';
import { registerVariableMenus } from './editor/variable-menus.ts';
import { EventsTree } from './events/tree.ts';
import { registerKernelLog } from './guest-os/log-document.ts';
import { GuestOsTree } from './guest-os/tree.ts';
import { registerPanels } from './panels/register.ts';
import { registerSnapshots } from './snapshots.ts';
import { registerSourceHint } from './sources/hint.ts';
import { registerTerminalLinks } from './terminal-links.ts';
import { registerXlLanguage } from './xl-language.ts';

const DEBUG_TYPE = 'xen';

export function activate(context: vscode.ExtensionContext): void {
  const log = vscode.window.createOutputChannel('Xenscope', { log: true });
  const adapters = new AdapterProcesses(context.asAbsolutePath('dist/adapter.js'), log);
  const consoles = new Consoles();
  const provider = new ConfigurationProvider(context.extension);

  context.subscriptions.push(
    log,
    adapters,
    consoles,
    vscode.debug.registerDebugAdapterDescriptorFactory(DEBUG_TYPE, adapters),
    vscode.debug.registerDebugConfigurationProvider(DEBUG_TYPE, provider),
    vscode.debug.registerDebugConfigurationProvider(
      DEBUG_TYPE,
      provider,
      vscode.DebugConfigurationProviderTriggerKind.Dynamic,
    ),
    vscode.debug.onDidReceiveDebugSessionCustomEvent((event) => {
      if (event.session.type === DEBUG_TYPE) consoles.receive(event);
    }),
    vscode.debug.onDidTerminateDebugSession((session) => {
      if (session.type === DEBUG_TYPE) consoles.sessionEnded(session);
    }),
    vscode.commands.registerCommand(BUNDLED_GUEST_COMMAND, () =>
      context.asAbsolutePath(BUNDLED_GUEST_FOLDER),
    ),
    vscode.commands.registerCommand('xenscope.debugBundledGuest', () =>
      vscode.debug.startDebugging(undefined, bundledGuest(context.extension)),
    ),
    vscode.commands.registerCommand('xenscope.showConsole', (domain?: unknown) =>
      consoles.show(typeof domain === 'number' ? domain : undefined),
    ),
    registerTerminalLinks(consoles),
    registerValuesInCode(),
    registerVariableMenus(),
    registerSourceHint(context.workspaceState),
    vscode.commands.registerCommand('xenscope.showLog', () => log.show()),
  );
  const sessions = registerPanels(context);
  context.subscriptions.push(
    new DomainsTree(sessions),
    new EventsTree(sessions, context.workspaceState),
    new GuestOsTree(sessions),
    registerKernelLog(sessions),
    registerDomainActions(sessions),
    registerSnapshots(sessions),
  );
  registerXlLanguage(context);
}
