// Values beside the code that uses them, and registers under the mouse in assembly.

import * as vscode from 'vscode';
import { expressionAt } from './assembly-text.ts';
import { inlineLookups } from './inline-text.ts';

const CODE = ['c', 'cpp', 'rust', 'zig'];
/** Ids in use for assembly, and that of our listings. */
const ASSEMBLY = ['arm', 'asm', 'gas', 'assembly'];
const DEBUG_TYPE = 'xen';

export function registerValuesInCode(): vscode.Disposable {
  const inline = (language: 'code' | 'assembly'): vscode.InlineValuesProvider => ({
    provideInlineValues: (document, viewPort, context) =>
      vscode.debug.activeDebugSession?.type === DEBUG_TYPE
        ? inlineLookups(
            language,
            linesOf(document),
            viewPort.start.line,
            context.stoppedLocation.end.line,
          ).map(shown)
        : [],
  });
  return vscode.Disposable.from(
    vscode.languages.registerInlineValuesProvider(CODE, inline('code')),
    vscode.languages.registerInlineValuesProvider(ASSEMBLY, inline('assembly')),
    vscode.languages.registerEvaluatableExpressionProvider(ASSEMBLY, {
      provideEvaluatableExpression(document, { line, character }) {
        const found = expressionAt(document.lineAt(line).text, character);
        if (!found || vscode.debug.activeDebugSession?.type !== DEBUG_TYPE) return undefined;
        return new vscode.EvaluatableExpression(
          new vscode.Range(line, found.start, line, found.end),
          found.expression,
        );
      },
    }),
  );
}

function shown({
  line,
  start,
  end,
  kind,
  text,
}: ReturnType<typeof inlineLookups>[number]): vscode.InlineValue {
  const range = new vscode.Range(line, start, line, end);
  return kind === 'variable'
    ? new vscode.InlineValueVariableLookup(range, text)
    : new vscode.InlineValueEvaluatableExpression(range, text);
}

const linesOf = (document: vscode.TextDocument): string[] => document.getText().split(/\r?\n/);
