// The panel's end of the messages: requests with their answers, and everything else the extension tells.

import type {
  Answer,
  Confirmation,
  Link,
  PanelArguments,
  PanelCommand,
  PinnedTo,
  TextInput,
} from '../messages.ts';
import { MESSAGES_VERSION, type ToHost, type ToView } from '../messages.ts';

interface VsCodeApi {
  postMessage(message: ToHost): void;
  getState(): unknown;
  setState(state: unknown): void;
}

declare function acquireVsCodeApi(): VsCodeApi;

/** What the extension tells, apart from answers. */
export type Told = Exclude<ToView, { type: 'answer' }>;

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

class Host {
  private readonly api = acquireVsCodeApi();
  /** By part: what the panel keeps while it is hidden, and when the window reloads. */
  private state = (this.api.getState() ?? {}) as Readonly<Record<string, object>>;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  /** Listens from now on and says that the panel is there. */
  connect(listener: (message: Told) => void): void {
    window.addEventListener('message', ({ data }: MessageEvent<ToView>) => {
      if (data.type === 'answer') this.answered(data);
      else listener(data);
    });
    this.post({ type: 'ready', version: MESSAGES_VERSION });
  }

  async query(request: string, args: PanelArguments): Promise<Answer> {
    const result = await this.asked((id) => ({ type: 'query', id, request, arguments: args }));
    if (isAnswer(result)) return result;
    return { generation: 0, running: false, instructions: 0, virtualNanoseconds: 0, view: result };
  }

  /** Changes the machine; `undefined` when the user declined. */
  async act(request: string, args: PanelArguments, confirm?: Confirmation): Promise<unknown> {
    const result = await this.asked((id) => ({
      type: 'action',
      id,
      request,
      arguments: args,
      ...(confirm && { confirm }),
    }));
    return result === false ? undefined : (result ?? {});
  }

  /** A line of text from the user; undefined when they gave none. */
  async input(input: TextInput): Promise<string | undefined> {
    const text = await this.asked((id) => ({ type: 'input', id, input }));
    return typeof text === 'string' ? text : undefined;
  }

  open(link: Link): void {
    this.post({ type: 'open', link });
  }

  command(command: PanelCommand): void {
    this.post({ type: 'command', command });
  }

  copy(text: string): void {
    this.post({ type: 'copy', text });
  }

  export(name: string, text: string): void {
    this.post({ type: 'export', name, text });
  }

  pin(pin: PinnedTo | undefined): void {
    this.post({ type: 'pin', pin: pin ?? null });
  }

  /** What a part of the panel kept when the panel was last shown, maybe before the window was reloaded. */
  kept<Kept>(part: string): Partial<Kept> {
    return (this.state[part] ?? {}) as Partial<Kept>;
  }

  keep(part: string, kept: object): void {
    this.state = { ...this.state, [part]: kept };
    this.api.setState(this.state);
  }

  private asked(message: (id: number) => ToHost): Promise<unknown> {
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.post(message(id));
    });
  }

  private answered(answer: Extract<ToView, { type: 'answer' }>): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(new Error(answer.error));
    else waiting?.resolve(answer.result);
  }

  private post(message: ToHost): void {
    this.api.postMessage(message);
  }
}

function isAnswer(result: unknown): result is Answer {
  return typeof result === 'object' && result !== null && 'generation' in result && 'view' in result;
}

/** A webview has one connection. */
export const host = new Host();
