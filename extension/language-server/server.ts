// The language server for xl.cfg: it answers an editor from the table of keys and the diagnostics that
// `xenscope check` has. Which editor, and how it is connected, it does not know.

import {
  type CodeAction,
  CodeActionKind,
  type CodeLens,
  type Connection,
  type Diagnostic,
  DiagnosticSeverity,
  DiagnosticTag,
  type DocumentSymbol,
  type Range,
  SymbolKind,
  TextDocumentSyncKind,
  TextDocuments,
} from 'vscode-languageserver';
import { TextDocument } from 'vscode-languageserver-textdocument';
import { MAX_DOMAIN_MEMORY, MAX_VCPUS } from '../../emulator/catalog.ts';
import type { XlFileState } from '../../emulator/formats/xl-config/context.ts';
import { diagnose, pathsNamed } from '../../emulator/formats/xl-config/diagnose.ts';
import type { XlFinding, XlFix, XlSeverity } from '../../emulator/formats/xl-config/findings.ts';
import {
  parseXlDocument,
  type XlDocument,
  type XlRange,
  type XlValue,
} from '../../emulator/formats/xl-config/syntax.ts';
import { completionsAt, toCompletionItem } from './completion.ts';
import { hoverAt } from './hover.ts';

/** What the server needs of the computer it runs on. */
export interface LanguageHost {
  /** Undefined where it cannot be known: the document is no file. */
  fileState(path: string, documentUri: string): Promise<XlFileState | undefined>;
}

/** Sent with `initialize`, in the language of the editor. */
export interface LanguageServerOptions {
  /** Titles of the lenses; an editor without the commands leaves them out. */
  readonly lenses?: { readonly run: string; readonly debug: string };
}

export const RUN_COMMAND = 'xenscope.runConfiguration';
export const DEBUG_COMMAND = 'xenscope.debugConfiguration';

const SOURCE = 'xenscope';
/** Findings follow typing after this silence. */
const SILENCE_MS = 250;
const MACHINE = { vcpus: MAX_VCPUS, memoryMib: Math.floor(MAX_DOMAIN_MEMORY / 2 ** 20) };

export function serve(connection: Connection, host: LanguageHost): void {
  const documents = new TextDocuments(TextDocument);
  const parsed = new WeakMap<TextDocument, { readonly version: number; readonly document: XlDocument }>();
  const found = new Map<string, { readonly version: number; readonly findings: readonly XlFinding[] }>();
  const waiting = new Map<string, ReturnType<typeof setTimeout>>();
  let options: LanguageServerOptions = {};

  const parse = (text: TextDocument): XlDocument => {
    const known = parsed.get(text);
    if (known?.version === text.version) return known.document;
    const document = parseXlDocument(text.getText(), text.uri);
    parsed.set(text, { version: text.version, document });
    return document;
  };

  connection.onInitialize((parameters) => {
    options = (parameters.initializationOptions as LanguageServerOptions | undefined) ?? {};
    return {
      serverInfo: { name: 'xenscope' },
      capabilities: {
        textDocumentSync: TextDocumentSyncKind.Incremental,
        completionProvider: { triggerCharacters: ['"', "'", ',', '='] },
        hoverProvider: true,
        documentSymbolProvider: true,
        codeLensProvider: { resolveProvider: false },
        codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
      },
    };
  });

  // ---------------------------------------------------------------- diagnostics

  const check = async (text: TextDocument): Promise<void> => {
    const { version, uri } = text;
    const document = parse(text);
    const files = new Map<string, XlFileState>();
    for (const path of pathsNamed(document)) {
      const state = await host.fileState(path, uri);
      if (state !== undefined) files.set(path, state);
    }
    // It may have been changed or closed in between.
    if (documents.get(uri)?.version !== version) return;
    const findings = diagnose(document, { files, machine: MACHINE });
    found.set(uri, { version, findings });
    await connection.sendDiagnostics({
      uri,
      version,
      diagnostics: findings.map((finding) => toDiagnostic(finding, text)),
    });
  };

  const checkSoon = (text: TextDocument, delay: number): void => {
    clearTimeout(waiting.get(text.uri));
    const timer = setTimeout(() => {
      waiting.delete(text.uri);
      check(text).catch((error: unknown) => connection.console.error(String(error)));
    }, delay);
    waiting.set(text.uri, timer);
  };

  documents.onDidOpen(({ document }) => checkSoon(document, 0));
  documents.onDidChangeContent(({ document }) => checkSoon(document, SILENCE_MS));
  documents.onDidSave(({ document }) => checkSoon(document, 0));
  documents.onDidClose(({ document: { uri } }) => {
    clearTimeout(waiting.get(uri));
    waiting.delete(uri);
    found.delete(uri);
    void connection.sendDiagnostics({ uri, diagnostics: [] });
  });
  // Files that a configuration names come and go.
  connection.onDidChangeWatchedFiles(() => {
    for (const document of documents.all()) checkSoon(document, SILENCE_MS);
  });

  // ---------------------------------------------------------------- requests

  connection.onCompletion(({ textDocument, position }) => {
    const text = documents.get(textDocument.uri);
    if (text === undefined) return [];
    return completionsAt(text.getText(), text.offsetAt(position)).map((completion) =>
      toCompletionItem(completion, (from, to) => rangeOf({ from, to }, text)),
    );
  });

  connection.onHover(({ textDocument, position }) => {
    const text = documents.get(textDocument.uri);
    const hover = text && hoverAt(parse(text), text.offsetAt(position));
    if (text === undefined || hover === undefined) return undefined;
    return { contents: { kind: 'markdown', value: hover.markdown }, range: rangeOf(hover, text) };
  });

  connection.onDocumentSymbol(({ textDocument }) => {
    const text = documents.get(textDocument.uri);
    return text === undefined ? [] : symbolsOf(parse(text), text);
  });

  connection.onCodeLens(({ textDocument }) => {
    const text = documents.get(textDocument.uri);
    return text === undefined ? [] : lensesOf(parse(text), text, options);
  });

  connection.onCodeAction(({ textDocument, range }) => {
    const text = documents.get(textDocument.uri);
    const known = found.get(textDocument.uri);
    // Fixes are edits at offsets: those of another version would hit something else.
    if (text === undefined || known?.version !== text.version) return [];
    const [from, to] = [text.offsetAt(range.start), text.offsetAt(range.end)];
    return known.findings
      .filter((finding) => finding.from <= to && from <= finding.to)
      .flatMap((finding) => finding.fixes.map((fix, index) => toAction(fix, finding, text, index === 0)));
  });

  documents.listen(connection);
  connection.listen();
}

// ---------------------------------------------------------------- from findings to the protocol

const SEVERITIES: Readonly<Record<XlSeverity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
};

function toDiagnostic(finding: XlFinding, text: TextDocument): Diagnostic {
  const { severity, code, message, hint, related, unnecessary } = finding;
  const tags = [
    ...(unnecessary ? [DiagnosticTag.Unnecessary] : []),
    ...(code === 'deprecated' || code === 'old-prefix' ? [DiagnosticTag.Deprecated] : []),
  ];
  return {
    range: rangeOf(finding, text),
    severity: SEVERITIES[severity],
    code,
    source: SOURCE,
    message: `${message}. ${hint}`,
    ...(tags.length > 0 && { tags }),
    ...(related.length > 0 && {
      relatedInformation: related.map((other) => ({
        location: { uri: text.uri, range: rangeOf(other, text) },
        message: other.message,
      })),
    }),
  };
}

function toAction(fix: XlFix, finding: XlFinding, text: TextDocument, isPreferred: boolean): CodeAction {
  return {
    title: fix.title,
    kind: CodeActionKind.QuickFix,
    isPreferred,
    diagnostics: [toDiagnostic(finding, text)],
    edit: {
      changes: {
        [text.uri]: fix.edits.map((edit) => ({ range: rangeOf(edit, text), newText: edit.text })),
      },
    },
  };
}

const rangeOf = ({ from, to }: XlRange, text: TextDocument): Range => ({
  start: text.positionAt(from),
  end: text.positionAt(to),
});

// ---------------------------------------------------------------- symbols and lenses

/** Of a value, for the outline. */
const MOST_SHOWN = 60;

function symbolsOf(document: XlDocument, text: TextDocument): DocumentSymbol[] {
  return document.settings.map(({ key, keyRange, value, from, to }) => ({
    name: key,
    kind: key === 'name' ? SymbolKind.Module : SymbolKind.Property,
    detail: inShort(value),
    range: rangeOf({ from, to }, text),
    selectionRange: rangeOf(keyRange, text),
    ...(value.kind === 'list' && {
      children: value.items.map((item, index) => ({
        name: inShort(item) || String(index),
        kind: item.kind === 'list' ? SymbolKind.Array : SymbolKind.String,
        range: rangeOf(item, text),
        selectionRange: rangeOf(item, text),
      })),
    }),
  }));
}

function inShort(value: XlValue): string {
  if (value.kind === 'list') return `[${value.items.length}]`;
  const line = value.text.replaceAll(/\s+/g, ' ').trim();
  return line.length > MOST_SHOWN ? `${line.slice(0, MOST_SHOWN)}…` : line;
}

/** Above the first setting, once it is a configuration that could boot. */
function lensesOf(document: XlDocument, text: TextDocument, { lenses }: LanguageServerOptions): CodeLens[] {
  const [first] = document.settings;
  if (lenses === undefined || first === undefined) return [];
  if (!document.settings.some(({ key }) => key === 'kernel')) return [];
  const range = rangeOf(first.keyRange, text);
  return [
    { range, command: { title: lenses.run, command: RUN_COMMAND, arguments: [text.uri] } },
    { range, command: { title: lenses.debug, command: DEBUG_COMMAND, arguments: [text.uri] } },
  ];
}
