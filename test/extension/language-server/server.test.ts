// The language server as an editor meets it: the bundle, a process of its own, the protocol on its standard
// streams.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type CodeAction,
  type CompletionItem,
  createProtocolConnection,
  type Diagnostic,
  DiagnosticSeverity,
  type InitializeResult,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver/node';
import { buildLanguageBundles } from '../../tools/bundle.ts';

const work = mkdtempSync(join(tmpdir(), 'xenscope-lsp-'));
let server: ChildProcess;
let connection: ProtocolConnection;
let initialized: InitializeResult;
const published: PublishDiagnosticsParams[] = [];
const listeners = new Set<() => void>();

beforeAll(async () => {
  await buildLanguageBundles(work);
  server = spawn(process.execPath, [join(work, 'language-server.cjs'), '--stdio'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (!server.stdout || !server.stdin) throw new Error('the server has no streams');
  connection = createProtocolConnection(
    new StreamMessageReader(server.stdout),
    new StreamMessageWriter(server.stdin),
  );
  connection.onNotification('textDocument/publishDiagnostics', (parameters: PublishDiagnosticsParams) => {
    published.push(parameters);
    for (const listener of listeners) listener();
  });
  connection.listen();
  initialized = await connection.sendRequest('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: {},
    initializationOptions: { lenses: { run: 'Go', debug: 'Look' } },
  });
  await connection.sendNotification('initialized', {});
});

afterAll(async () => {
  await connection.sendRequest('shutdown');
  const ended = new Promise<number | null>((resolve) => server.once('exit', resolve));
  await connection.sendNotification('exit');
  expect(await ended).toBe(0);
  rmSync(work, { recursive: true, force: true });
});

let documents = 0;

/** A new document, as `didOpen` tells of it. */
async function open(text: string): Promise<string> {
  const folder = join(work, `folder ${++documents}`);
  mkdirSync(folder);
  const uri = pathToFileURL(join(folder, 'domu.cfg')).href;
  await connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri, languageId: 'xl-cfg', version: 1, text },
  });
  return uri;
}

/** The findings that the server tells of a version. */
async function findings(uri: string, version: number): Promise<readonly Diagnostic[]> {
  const find = () => published.find((one) => one.uri === uri && one.version === version);
  while (!find()) {
    await new Promise<void>((resolve) => {
      const listener = (): void => {
        listeners.delete(listener);
        resolve();
      };
      listeners.add(listener);
    });
  }
  return find()?.diagnostics ?? [];
}

const codes = (diagnostics: readonly Diagnostic[]) => diagnostics.map(({ code }) => code);

const change = (uri: string, version: number, contentChanges: readonly object[]) =>
  connection.sendNotification('textDocument/didChange', { textDocument: { uri, version }, contentChanges });

test('it says what it can do', () => {
  expect(initialized.capabilities).toMatchObject({
    textDocumentSync: 2,
    hoverProvider: true,
    documentSymbolProvider: true,
  });
});

test('findings come when a document opens and follow what is typed', async () => {
  const uri = await open('name = "a"\nkernel = "k"\nmemory = 64\nmemroy = 1\n');
  const first = await findings(uri, 1);
  expect(codes(first)).toEqual(['missing-file', 'unknown-key']);
  expect(first[1]).toMatchObject({
    source: 'xenscope',
    severity: DiagnosticSeverity.Warning,
    message: "'memroy' is not a key of xl.cfg, and xl drops it. Did you mean 'memory'?",
    range: { start: { line: 3, character: 0 }, end: { line: 3, character: 6 } },
  });

  await change(uri, 2, [
    { range: { start: { line: 3, character: 0 }, end: { line: 4, character: 0 } }, text: 'vcpus = [ 1 ]\n' },
  ]);
  expect(codes(await findings(uri, 2))).toEqual(['missing-file', 'wrong-type']);
});

test('a file that is named is looked for beside the document, also once it is there', async () => {
  const uri = await open('name = "a"\nkernel = "k"\nmemory = 64\n');
  expect(codes(await findings(uri, 1))).toEqual(['missing-file']);
  writeFileSync(join(work, `folder ${documents}`, 'k'), 'kernel');
  published.length = 0;
  await connection.sendNotification('workspace/didChangeWatchedFiles', { changes: [{ uri, type: 1 }] });
  expect(codes(await findings(uri, 1))).toEqual([]);
});

test('a document that is closed has no findings, and none come late', async () => {
  const uri = await open('colour = 1\n');
  await findings(uri, 1);
  await change(uri, 2, [{ text: 'color = 1\n' }]);
  published.length = 0;
  await connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  // The answer to a request comes behind what was sent before it.
  await connection.sendRequest('textDocument/documentSymbol', { textDocument: { uri } });
  expect(published).toEqual([{ uri, diagnostics: [] }]);
});

test('completion, hover and symbols are answered with positions', async () => {
  const uri = await open('name = "a"\nvif = [\n  "bri" ]\n');
  const at = (line: number, character: number) => ({ textDocument: { uri }, position: { line, character } });
  const items = await connection.sendRequest<CompletionItem[]>('textDocument/completion', at(2, 6));
  expect(items.find(({ label }) => label === 'bridge=')?.textEdit).toEqual({
    range: { start: { line: 2, character: 3 }, end: { line: 2, character: 6 } },
    newText: 'bridge=${1:xenbr0}',
  });
  expect(await connection.sendRequest('textDocument/hover', at(0, 2))).toMatchObject({
    contents: { kind: 'markdown', value: expect.stringContaining('Name of the domain') },
    range: { start: { line: 0, character: 0 }, end: { line: 0, character: 4 } },
  });
  expect(await connection.sendRequest('textDocument/hover', at(3, 0))).toBeNull();
  expect(
    await connection.sendRequest('textDocument/documentSymbol', { textDocument: { uri } }),
  ).toMatchObject([
    { name: 'name', detail: 'a' },
    { name: 'vif', detail: '[1]', children: [{ name: 'bri' }] },
  ]);
});

test('a configuration has lenses that run and debug it', async () => {
  const uri = await open('# a guest\nname = "a"\nkernel = "k"\n');
  const range = { start: { line: 1, character: 0 }, end: { line: 1, character: 4 } };
  expect(await connection.sendRequest('textDocument/codeLens', { textDocument: { uri } })).toEqual([
    { range, command: { title: 'Go', command: 'xenscope.runConfiguration', arguments: [uri] } },
    { range, command: { title: 'Look', command: 'xenscope.debugConfiguration', arguments: [uri] } },
  ]);
  const empty = await open('# nothing yet\n');
  expect(await connection.sendRequest('textDocument/codeLens', { textDocument: { uri: empty } })).toEqual([]);
});

test('quick fixes mend what is under the cursor', async () => {
  const uri = await open('name = "a"\nkernel = "k"\nmemroy = 64\nacpi = true\n');
  await findings(uri, 1);
  const fixes = async (line: number): Promise<CodeAction[]> => {
    const position = { line, character: 8 };
    const range = { start: { line, character: 0 }, end: position };
    return connection.sendRequest('textDocument/codeAction', {
      textDocument: { uri },
      range,
      context: { diagnostics: [] },
    });
  };
  expect((await fixes(2)).map(({ title }) => title)).toEqual(['Change to memory', 'Remove memroy']);
  expect((await fixes(3)).map(({ title }) => title)).toEqual(['Change to 1']);
  expect((await fixes(3))[0]?.edit?.changes?.[uri]).toEqual([
    { range: { start: { line: 3, character: 7 }, end: { line: 3, character: 11 } }, newText: '1' },
  ]);
  // Edits of another version would hit something else.
  await change(uri, 2, [{ text: 'name = "a"\n' }]);
  expect(await fixes(0)).toEqual([]);
});

test('a document that is no file is checked without looking for files', async () => {
  const uri = 'untitled:Untitled-1';
  await connection.sendNotification('textDocument/didOpen', {
    textDocument: { uri, languageId: 'xl-cfg', version: 1, text: 'name = "a"\nkernel = "k"\nmemory = 64\n' },
  });
  expect(await findings(uri, 1)).toEqual([]);
});
