// Where the machine stops in a function whose source file is not there, the user is told once, and can say where the
// sources are: that is written into launch.json.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import { keyOf, mappingInto, type Mapping, missingSource, withMapping } from './missing.ts';

const DEBUG_TYPE = 'xen';
/** Set where the user wants no hint. */
const NO_HINT = 'xenscope.noSourceHint';

interface Missing {
  readonly path: string;
  /** The one that was launched. */
  readonly session: vscode.DebugSession;
}

export function registerSourceHint(state: vscode.Memento): vscode.Disposable {
  let missing: Missing | undefined;
  const heard = (session: vscode.DebugSession, message: Dap.ProtocolMessage): void => {
    const { type, command, body } = message as Dap.StackTraceResponse;
    if (type !== 'response' || command !== 'stackTrace') return;
    const path = missingSource((body as Dap.StackTraceResponse['body'] | undefined)?.stackFrames[0]);
    if (path === undefined) return;
    const launched = rootOf(session);
    const isNew = missing?.session.id !== launched.id;
    missing = { path, session: launched };
    void vscode.commands.executeCommand('setContext', 'xenscope.sourceMissing', true);
    if (isNew && !state.get(NO_HINT, false)) void hint(state, path);
  };
  return vscode.Disposable.from(
    vscode.debug.registerDebugAdapterTrackerFactory(DEBUG_TYPE, {
      createDebugAdapterTracker: (session) => ({
        onDidSendMessage: (message: Dap.ProtocolMessage) => heard(session, message),
      }),
    }),
    vscode.commands.registerCommand('xenscope.mapSources', async () => {
      if (missing) await mapSources(missing);
    }),
  );
}

async function hint(state: vscode.Memento, path: string): Promise<void> {
  const choose = vscode.l10n.t('Choose Source Folder…');
  const never = vscode.l10n.t("Don't Show Again");
  const message = vscode.l10n.t(
    'The guest was built from {0}, which is not on this machine. Its instructions are shown instead.',
    path,
  );
  const choice = await vscode.window.showInformationMessage(message, choose, never);
  if (choice === never) await state.update(NO_HINT, true);
  if (choice === choose) await vscode.commands.executeCommand('xenscope.mapSources');
}

async function mapSources({ path, session }: Missing): Promise<void> {
  const [folder] =
    (await vscode.window.showOpenDialog({
      canSelectFiles: false,
      canSelectFolders: true,
      title: vscode.l10n.t('The folder that holds {0}', path.split('/').slice(-2).join('/')),
      openLabel: vscode.l10n.t('Use These Sources'),
      ...(session.workspaceFolder && { defaultUri: session.workspaceFolder.uri }),
    })) ?? [];
  if (!folder) return;
  const mapping = await mappingInto(path, folder.fsPath.replaceAll('\\', '/'), isThere);
  if (!mapping) {
    void vscode.window.showErrorMessage(
      vscode.l10n.t('No file below {0} ends as {1} does.', folder.fsPath, path),
    );
    return;
  }
  const launch = await write(session, mapping);
  const restart = vscode.l10n.t('Restart');
  const message = vscode.l10n.t('{0} is looked for in {1} from the next start on.', mapping.from, mapping.to);
  if ((await vscode.window.showInformationMessage(message, restart)) !== restart) return;
  await vscode.debug.stopDebugging(session);
  await vscode.debug.startDebugging(session.workspaceFolder, launch);
}

/** Into launch.json, where the session has an entry; what to start then. */
async function write(
  { workspaceFolder: folder, configuration }: vscode.DebugSession,
  mapping: Mapping,
): Promise<string | vscode.DebugConfiguration> {
  const { name } = configuration;
  if (folder) {
    const uri = vscode.Uri.joinPath(folder.uri, '.vscode/launch.json');
    const root = folder.uri.fsPath.replaceAll('\\', '/');
    const to =
      mapping.to === root || mapping.to.startsWith(`${root}/`)
        ? `\${workspaceFolder}${mapping.to.slice(root.length)}`
        : mapping.to;
    const document = await vscode.workspace.openTextDocument(uri).then(undefined, () => undefined);
    const text = document && withMapping(document.getText(), name, { from: mapping.from, to });
    if (document && text !== undefined) {
      const edit = new vscode.WorkspaceEdit();
      edit.replace(uri, new vscode.Range(0, 0, document.lineCount, 0), text);
      await vscode.workspace.applyEdit(edit);
      await document.save();
      return name;
    }
  }
  const { sourceMap } = configuration as { sourceMap?: Readonly<Record<string, string>> };
  const key = keyOf(mapping);
  return {
    ...configuration,
    ...('sourceMap' in key ? { sourceMap: { ...sourceMap, ...key.sourceMap } } : key),
  };
}

const isThere = (path: string): Promise<boolean> =>
  Promise.resolve(
    vscode.workspace.fs.stat(vscode.Uri.file(path)).then(
      () => true,
      () => false,
    ),
  );

function rootOf(session: vscode.DebugSession): vscode.DebugSession {
  return session.parentSession ? rootOf(session.parentSession) : session;
}
