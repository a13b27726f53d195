// A guest's memory and code as read-only text documents: `xen-memory:` is a hex dump of 4 KiB around an
// address, `xen-disassembly:` the instructions around it. They are read again after every stop and when the
// user comes back to them; reading works while the guest runs.

import * as vscode from 'vscode';
import type { DebugProtocol } from '@vscode/debugprotocol';
import type { SessionModel } from './session-model.ts';

type Kind = 'memory' | 'disassembly';

const DUMPED = 4096;
const BYTES_A_LINE = 16;
const INSTRUCTIONS = 200;
const INSTRUCTIONS_BEFORE = 20;

export class GuestDocuments implements vscode.Disposable {
  private readonly model: SessionModel;
  private readonly outdated = new vscode.EventEmitter<vscode.Uri>();
  private readonly disposables: vscode.Disposable[];
  private state = '';

  constructor(model: SessionModel) {
    this.model = model;
    const provider = (kind: Kind): vscode.TextDocumentContentProvider => ({
      onDidChange: this.outdated.event,
      provideTextDocumentContent: (uri) => this.content(kind, referenceOf(uri)),
    });
    this.disposables = [
      this.outdated,
      vscode.workspace.registerTextDocumentContentProvider('xen-memory', provider('memory')),
      vscode.workspace.registerTextDocumentContentProvider('xen-disassembly', provider('disassembly')),
      model.onDidChange(() => this.outdate()),
    ];
  }

  dispose(): void {
    for (const disposable of this.disposables) disposable.dispose();
  }

  async show(kind: Kind, reference: string): Promise<void> {
    const uri = vscode.Uri.from({
      scheme: `xen-${kind}`,
      path: `/${reference.replace(/^.*\//, '')}`,
      query: reference,
    });
    this.outdated.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    const line = lineOf(document, reference);
    const selection = new vscode.Range(line, 0, line, 0);
    await vscode.window.showTextDocument(document, { selection, preview: true });
  }

  private outdate(): void {
    const { id, generation, phase } = this.model.state;
    const state = `${id} ${generation} ${phase}`;
    if (state === this.state || phase === 'ended') return;
    this.state = state;
    for (const { uri } of vscode.workspace.textDocuments) {
      if (uri.scheme === 'xen-memory' || uri.scheme === 'xen-disassembly') this.outdated.fire(uri);
    }
  }

  private async content(kind: Kind, reference: string): Promise<string> {
    try {
      return kind === 'memory' ? await this.dump(reference) : await this.listing(reference);
    } catch (error) {
      return `${reference}\n\n${error instanceof Error ? error.message : String(error)}\n`;
    }
  }

  private async dump(reference: string): Promise<string> {
    const { space, address } = partsOf(reference);
    // Whole lines, the address somewhere in the middle, within its page where that is possible.
    const start = address & ~BigInt(DUMPED - 1);
    const body = (await this.model.request('readMemory', {
      memoryReference: `${space}0x${start.toString(16)}`,
      count: DUMPED,
    })) as DebugProtocol.ReadMemoryResponse['body'];
    const bytes = Buffer.from(body?.data ?? '', 'base64');
    return `${reference}\n\n${hexDump(start, bytes, DUMPED)}`;
  }

  private async listing(reference: string): Promise<string> {
    const body = (await this.model.request('disassemble', {
      memoryReference: reference,
      instructionOffset: -INSTRUCTIONS_BEFORE,
      instructionCount: INSTRUCTIONS,
      resolveSymbols: true,
    })) as NonNullable<DebugProtocol.DisassembleResponse['body']>;
    const lines = body.instructions.map(
      ({ address, instructionBytes, instruction, symbol, presentationHint }) => {
        const at = BigInt(address).toString(16).padStart(16, '0');
        const head = symbol === undefined || symbol === '' ? '' : `\n${symbol}:\n`;
        return `${head}${at}  ${(instructionBytes ?? '').padEnd(11)}  ${presentationHint === 'invalid' ? '?' : instruction}`;
      },
    );
    return `${reference}\n\n${lines.join('\n')}\n`;
  }
}

const referenceOf = ({ query }: vscode.Uri): string => query;

/** `d1/ipa:0x1000`: what stands before the number, and the number. */
function partsOf(reference: string): { space: string; address: bigint } {
  const match = /^(.*:)?(0x[0-9a-f]{1,16}|\d{1,20})$/i.exec(reference);
  if (!match) throw new Error(vscode.l10n.t("'{0}' is not an address.", reference));
  return { space: match[1] ?? '', address: BigInt((match[2] ?? '').toLowerCase()) };
}

/** Sixteen bytes a line with their characters; bytes that could not be read as `??`. */
function hexDump(start: bigint, bytes: Uint8Array, count: number): string {
  const lines: string[] = [];
  for (let offset = 0; offset < count; offset += BYTES_A_LINE) {
    const cells: string[] = [];
    let text = '';
    for (let i = offset; i < offset + BYTES_A_LINE; i++) {
      const byte = bytes[i];
      cells.push(byte === undefined ? '??' : byte.toString(16).padStart(2, '0'));
      text += byte === undefined ? ' ' : byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
    }
    const at = BigInt.asUintN(64, start + BigInt(offset))
      .toString(16)
      .padStart(16, '0');
    lines.push(`${at}  ${cells.slice(0, 8).join(' ')}  ${cells.slice(8).join(' ')}  |${text}|`);
  }
  return `${lines.join('\n')}\n`;
}

/** The line that holds the address. */
function lineOf(document: vscode.TextDocument, reference: string): number {
  const { address } = partsOf(reference);
  for (const mask of [0n, BigInt(BYTES_A_LINE - 1)]) {
    const text = (address & ~mask).toString(16).padStart(16, '0');
    for (let line = 2; line < document.lineCount; line++) {
      if (document.lineAt(line).text.startsWith(text)) return line;
    }
  }
  return 0;
}
