// Commands in the menus of variables, watches, the call stack and of code: to memory, panels and the code behind.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import * as vscode from 'vscode';
import type { Link } from '../../media/messages.ts';
import {
  expressionInCode,
  type LinkKind,
  linkOf,
  type VariableContext,
  vcpuOfThread,
} from './variable-links.ts';

/** By command. */
const VARIABLE_COMMANDS: Readonly<Record<string, LinkKind>> = {
  'xenscope.variable.memory': 'memory',
  'xenscope.variable.walk': 'walk',
  'xenscope.variable.code': 'code',
  'xenscope.variable.register': 'register',
  'xenscope.variable.ring': 'ring',
  'xenscope.variable.port': 'port',
  'xenscope.variable.xenstore': 'xenstore',
};
const CODE_COMMANDS: Readonly<Record<string, LinkKind>> = {
  'xenscope.code.memory': 'memory',
  'xenscope.code.walk': 'walk',
};

export function registerVariableMenus(): vscode.Disposable {
  const { registerCommand } = vscode.commands;
  return vscode.Disposable.from(
    ...Object.entries(VARIABLE_COMMANDS).map(([command, kind]) =>
      registerCommand(command, (context?: VariableContext) =>
        open(context && linkOf(kind, context), context?.variable?.name),
      ),
    ),
    ...Object.entries(CODE_COMMANDS).map(([command, kind]) => registerCommand(command, () => openCode(kind))),
    // What was clicked comes second: the first is what it is called.
    registerCommand('xenscope.callStack.registers', (_, clicked?: { readonly threadId?: unknown }) => {
      const vcpu = vcpuOfThread(clicked?.threadId);
      return open({ kind: 'panel', panel: 'registers', ...(vcpu && { arguments: vcpu }) }, undefined);
    }),
  );
}

async function open(link: Link | undefined, name: string | undefined): Promise<void> {
  if (link) await vscode.commands.executeCommand('xenscope.openLink', link);
  else if (name !== undefined)
    void vscode.window.showInformationMessage(vscode.l10n.t("'{0}' is in no memory.", name));
}

/** What is selected, or the expression at the cursor, in the frame that is looked at. */
async function openCode(kind: LinkKind): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  const session = vscode.debug.activeDebugSession;
  if (!editor || !session) return;
  const { selection, document } = editor;
  const { line, character } = selection.active;
  const expression = selection.isEmpty
    ? expressionInCode(document.lineAt(line).text, character)
    : document.getText(selection);
  if (expression === undefined) return;
  const item = vscode.debug.activeStackItem;
  const frameId = item && 'frameId' in item ? item.frameId : undefined;
  try {
    const args: Dap.EvaluateArguments = {
      expression,
      context: 'hover',
      ...(frameId !== undefined && { frameId }),
    };
    const { result: value, memoryReference } = (await session.customRequest(
      'evaluate',
      args,
    )) as Dap.EvaluateResponse['body'];
    const variable = { name: expression, value, ...(memoryReference !== undefined && { memoryReference }) };
    await open(linkOf(kind, { variable }), expression);
  } catch (error) {
    void vscode.window.showWarningMessage(error instanceof Error ? error.message : String(error));
  }
}
