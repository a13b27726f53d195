// Launch configurations that nobody had to write: for F5 without a launch.json, for a new launch.json, and
// for the list of the Run and Debug view.

import { open } from 'node:fs/promises';
import * as vscode from 'vscode';
import {
  type FoundKernel,
  HEAD_BYTES,
  KERNEL_FILES,
  kernelDomains,
  kernelKind,
  RAMDISK_FILES,
} from './kernels.ts';

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
    return [
      ...files.map((uri) => configurationOf(uri, folder)),
      ...(await kernelConfigurations(folder)),
      bundledGuest(this.extension),
    ];
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

async function kernelConfigurations(
  folder: vscode.WorkspaceFolder | undefined,
): Promise<vscode.DebugConfiguration[]> {
  // Of a kernel only the beginning is read, which `workspace.fs` cannot.
  if (folder?.uri.scheme !== 'file') return [];
  const find = (pattern: string): Thenable<vscode.Uri[]> =>
    vscode.workspace.findFiles(
      new vscode.RelativePattern(folder, pattern),
      '**/node_modules/**',
      MOST_CANDIDATES,
    );
  const pathOf = (uri: vscode.Uri): string => vscode.workspace.asRelativePath(uri, false);
  const kernels: FoundKernel[] = [];
  for (const uri of await find(KERNEL_FILES)) {
    const kind = kernelKind(await beginningOf(uri));
    if (kind) kernels.push({ path: pathOf(uri), kind });
  }
  if (kernels.length === 0) return [];
  const ramdisks = (await find(RAMDISK_FILES)).map(pathOf).sort();
  return kernelDomains(
    kernels.sort((a, b) => a.path.localeCompare(b.path)),
    ramdisks,
  ).map(({ path, domain }) => ({
    type: 'xen',
    request: 'launch',
    name: vscode.l10n.t('Kernel {0}', path),
    domains: [domain],
  }));
}

async function beginningOf({ fsPath }: vscode.Uri): Promise<Uint8Array> {
  try {
    const file = await open(fsPath);
    try {
      const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    // It is gone, or not to be read: no kernel for us.
    return new Uint8Array();
  }
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
