// Starts a debug adapter for a session that launches a machine: a process of its own under the editor's Node, which
// serves sessions on a named pipe. Those of the machine's domains, and others that attach to it, connect to the same.
// An emulator that runs out of memory takes that process with it, not the extension host.

import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import * as vscode from 'vscode';

const START_LIMIT_MS = 30_000;

/** What the adapter says on its standard error: a JSON object a line. */
interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
}

export class AdapterProcesses implements vscode.DebugAdapterDescriptorFactory, vscode.Disposable {
  private readonly program: string;
  private readonly log: vscode.LogOutputChannel;
  private readonly running = new Set<ChildProcess>();
  /** By the id of the session that launched its machine, the last one last: where each process listens. */
  private readonly pipes = new Map<string, string>();

  constructor(program: string, log: vscode.LogOutputChannel) {
    this.program = program;
    this.log = log;
  }

  async createDebugAdapterDescriptor(session: vscode.DebugSession): Promise<vscode.DebugAdapterDescriptor> {
    if (session.configuration.request === 'attach') {
      return new vscode.DebugAdapterNamedPipeServer(this.pipeToAttach(session));
    }
    const { pipe, remove } = newPipe();
    const child = fork(this.program, [pipe], {
      execArgv: [],
      env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.running.add(child);
    this.log.info(`Adapter ${child.pid} serves '${session.name}' on ${pipe}`);
    this.forwardLog(child);
    child.on('exit', (code, signal) => {
      this.running.delete(child);
      this.pipes.delete(session.id);
      remove();
      this.exited(child, code, signal);
    });
    await listening(child);
    this.pipes.set(session.id, pipe);
    return new vscode.DebugAdapterNamedPipeServer(pipe);
  }

  dispose(): void {
    for (const child of this.running) child.kill();
    this.running.clear();
  }

  /** The process of the parent session's machine; without a parent, of the machine that was launched last. */
  private pipeToAttach({ parentSession }: vscode.DebugSession): string {
    const pipe = parentSession ? this.pipes.get(parentSession.id) : [...this.pipes.values()].at(-1);
    if (pipe === undefined) {
      throw new Error(vscode.l10n.t('There is no machine to attach to: launch one first.'));
    }
    return pipe;
  }

  private forwardLog(child: ChildProcess): void {
    if (!child.stderr) return;
    createInterface({ input: child.stderr }).on('line', (line) => {
      const { level, message } = parsedLogLine(line);
      this.log[level](message);
    });
  }

  private exited(child: ChildProcess, code: number | null, signal: string | null): void {
    if (code === 0 || child.killed) {
      this.log.info(`Adapter ${child.pid} ended`);
      return;
    }
    const how = signal ?? `status ${code}`;
    this.log.error(`Adapter ${child.pid} ended with ${how}`);
    const showLog = vscode.l10n.t('Show Log');
    void vscode.window
      .showErrorMessage(vscode.l10n.t('The Xenscope machine ended unexpectedly ({0}).', how), showLog)
      .then((choice) => {
        if (choice === showLog) this.log.show();
      });
  }
}

/** A pipe that nobody else can open: on Unix in a folder of its own, which only this user may enter. */
function newPipe(): { pipe: string; remove(): void } {
  if (process.platform === 'win32') {
    const name = `xenscope-${process.pid}-${crypto.randomUUID()}`;
    return { pipe: `\\\\.\\pipe\\${name}`, remove: () => {} };
  }
  const folder = mkdtempSync(join(tmpdir(), 'xenscope-'));
  return { pipe: join(folder, 'dap'), remove: () => rmSync(folder, { recursive: true, force: true }) };
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill();
      reject(new Error(vscode.l10n.t('The debug adapter did not start.')));
    }, START_LIMIT_MS);
    const failed = (): void => {
      clearTimeout(timer);
      reject(new Error(vscode.l10n.t('The debug adapter did not start: see the output channel Xenscope.')));
    };
    child.once('exit', failed);
    child.once('error', failed);
    child.once('message', () => {
      clearTimeout(timer);
      child.off('exit', failed);
      resolve();
    });
  });
}

function parsedLogLine(line: string): LogLine {
  try {
    const value = JSON.parse(line) as Partial<LogLine>;
    if (
      typeof value.message === 'string' &&
      value.level &&
      ['debug', 'info', 'warn', 'error'].includes(value.level)
    ) {
      return { level: value.level, message: value.message };
    }
  } catch {
    // What Node itself writes, such as a stack trace, is plain text.
  }
  return { level: 'error', message: line };
}
