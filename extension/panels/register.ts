// Makes panels known to the editor. Nothing else of them is loaded before one is opened.

import * as vscode from 'vscode';
import type { Link, PanelArguments } from '../../media/messages.ts';
import type { Panels } from './host.ts';
import { PANELS, commandOf, viewTypeOf } from './panels.ts';
import { Sessions } from './sessions.ts';

/** Returns the sessions that panels follow. */
export function registerPanels(context: vscode.ExtensionContext): Sessions {
  const sessions = new Sessions();
  context.subscriptions.push(sessions);

  let loaded: Panels | undefined;
  const panels = (): Panels => {
    if (!loaded) {
      // A bundle of its own: what panels need is not parsed when the extension starts.
      const bundle = require(context.asAbsolutePath('dist/panels.cjs')) as typeof import('./host.ts');
      loaded = new bundle.Panels(context, sessions);
      context.subscriptions.push(loaded);
    }
    return loaded;
  };

  for (const row of PANELS) {
    context.subscriptions.push(
      vscode.commands.registerCommand(commandOf(row), (args?: PanelArguments) =>
        panels().open(row.id, isArguments(args) ? args : undefined),
      ),
      vscode.window.registerWebviewPanelSerializer(viewTypeOf(row), {
        deserializeWebviewPanel: async (webview, state) => panels().restore(row, webview, state),
      }),
    );
  }
  context.subscriptions.push(
    // For links outside of panels: in terminals.
    vscode.commands.registerCommand('xenscope.openLink', (link: Link) => panels().openLink(link)),
  );
  return sessions;
}

/** A menu gives the command what it belongs to: an item of a tree with a domain, or a place of the editor. */
function isArguments(args: unknown): args is PanelArguments {
  return typeof args === 'object' && args !== null && 'domain' in args;
}
