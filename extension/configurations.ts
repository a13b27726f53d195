// Launch configurations that nobody had to write: for F5 without a launch.json, for a new launch.json, and
// for the list of the Run and Debug view.

import * as vscode from 'vscode';

/** `${command:BundledGuest}` in a launch.json stands for the folder of the bundled guest. */
export const BUNDLED_GUEST_COMMAND = 'xenscope.bundledGuest';
/** That folder, below the extension's. */
export const BUNDLED_GUEST_FOLDER = 'media/samples/hello-xen';

/** What the manifest offers for a new launch.json: the bundled guest. */
export function bundledGuest({ packageJSON }: vscode.Extension<unknown>): vscode.DebugConfiguration {
  const { contributes } = packageJSON as {
    contributes: { debuggers: { initialConfigurations: vscode.DebugConfiguration[] }[] };
  };
  const configuration = contributes.debuggers[0]?.initialConfigurations[0];
  if (!configuration) throw new Error('the manifest has no initial configuration');
  return { ...configuration };
}

/** A workspace may hold many files that are called .cfg: no more than these are looked into. */
const MOST_CANDIDATES = 50;
/** xl.cfg files are a page of text. */
const LARGEST_CONFIG = 64 * 1024;

export class ConfigurationProvider implements vscode.DebugConfigurationProvider {
  private readonly extension: vscode.Extension<unknown>;

  constructor(extension: vscode.Extension<unknown>) {
    this.extension = extension;
  }

  async provideDebugConfigurations(
    folder: vscode.WorkspaceFolder | undefined,
  ): Promise<vscode.DebugConfiguration[]> {
    const files = await xlConfigFiles(folder);
    return [...files.map((uri) => configurationOf(uri, folder)), bundledGuest(this.extension)];
  }

  async resolveDebugConfiguration(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): Promise<vscode.DebugConfiguration | undefined> {
    // Without a launch.json, VS Code asks with an empty configuration.
    if (configuration.type || configuration.request || configuration.name) return configuration;
    const active = vscode.window.activeTextEditor?.document;
    if (active && (active.languageId === 'xl-cfg' || (await isXlConfig(active.uri)))) {
      return configurationOf(active.uri, folder);
    }
    return chosen(await this.provideDebugConfigurations(folder));
  }

  resolveDebugConfigurationWithSubstitutedVariables(
    folder: vscode.WorkspaceFolder | undefined,
    configuration: vscode.DebugConfiguration,
  ): vscode.DebugConfiguration {
    // Relative paths of a configuration start at the folder that it belongs to.
    const base = folder ?? vscode.workspace.workspaceFolders?.[0];
    return base ? { ...configuration, __base: base.uri.fsPath } : configuration;
  }
}

async function chosen(
  configurations: vscode.DebugConfiguration[],
): Promise<vscode.DebugConfiguration | undefined> {
  if (configurations.length === 1) return configurations[0];
  const picked = await vscode.window.showQuickPick(
    configurations.map((configuration) => ({ label: configuration.name, configuration })),
    { placeHolder: vscode.l10n.t('Which guest is to be debugged?') },
  );
  return picked?.configuration;
}

function configurationOf(
  uri: vscode.Uri,
  folder: vscode.WorkspaceFolder | undefined,
): vscode.DebugConfiguration {
  const path = vscode.workspace.asRelativePath(uri, false);
  return {
    type: 'xen',
    request: 'launch',
    name: vscode.l10n.t('Guest {0}', path),
    config: folder && path !== uri.fsPath ? `\${workspaceFolder}/${path}` : uri.fsPath,
  };
}

async function xlConfigFiles(folder: vscode.WorkspaceFolder | undefined): Promise<vscode.Uri[]> {
  if (!folder) return [];
  const pattern = new vscode.RelativePattern(folder, '**/*.cfg');
  const candidates = await vscode.workspace.findFiles(pattern, '**/node_modules/**', MOST_CANDIDATES);
  const found: vscode.Uri[] = [];
  for (const uri of candidates) {
    if (await isXlConfig(uri)) found.push(uri);
  }
  return found.sort((a, b) => a.path.localeCompare(b.path));
}

/** Many programs call their settings .cfg; one of xl's names a kernel. */
async function isXlConfig(uri: vscode.Uri): Promise<boolean> {
  if (!uri.path.endsWith('.cfg')) return false;
  const { size } = await vscode.workspace.fs.stat(uri);
  if (size > LARGEST_CONFIG) return false;
  const text = new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));
  return /^\s*kernel\s*=\s*["']/m.test(text);
}
