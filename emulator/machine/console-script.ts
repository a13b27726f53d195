// Expecting text on a console and typing in answer, inside the machine: a text is met at the
// instruction that emits its last byte, and what is typed then arrives there. Any domain's console may meet it, each
// for itself; the answer goes to that one.

export interface ScriptStep {
  /** Text to wait for. */
  readonly until: string;
  /** Typed when it was met. */
  readonly type?: string;
}

export class ConsoleScript {
  private readonly steps: readonly { readonly until: Uint8Array; readonly type: Uint8Array }[];
  private step = 0;
  /** How many bytes of the present text the output of each domain ends with. */
  private readonly matched = new Map<number, number>();
  private readonly type: (domain: number, bytes: Uint8Array) => void;
  private readonly finished: () => void;

  /** `finished` is called at the byte that meets the last text. */
  constructor(
    steps: readonly ScriptStep[],
    type: (domain: number, bytes: Uint8Array) => void,
    finished: () => void,
  ) {
    const encoder = new TextEncoder();
    this.steps = steps.map(({ until, type: typed }) => ({
      until: encoder.encode(until),
      type: encoder.encode(typed ?? ''),
    }));
    this.type = type;
    this.finished = finished;
  }

  /** Whether there was anything to wait for and all of it came. */
  get done(): boolean {
    return this.steps.length > 0 && this.step === this.steps.length;
  }

  /** The text that is waited for, or undefined. */
  get waitingFor(): string | undefined {
    const step = this.steps[this.step];
    return step && new TextDecoder().decode(step.until);
  }

  /** A byte of a domain's output. */
  observe(domain: number, byte: number): void {
    const step = this.steps[this.step];
    if (step === undefined) return;
    const matched = extend(step.until, this.matched.get(domain) ?? 0, byte);
    this.matched.set(domain, matched);
    if (matched < step.until.length) return;
    this.matched.clear();
    this.step++;
    if (step.type.length > 0) this.type(domain, step.type);
    if (this.step === this.steps.length) this.finished();
  }
}

/** Length of the longest beginning of `text` that `matched` bytes of it and one more byte end with. */
function extend(text: Uint8Array, matched: number, byte: number): number {
  for (let length = matched + 1; length > 0; length--) {
    if (text[length - 1] !== byte) continue;
    const shift = matched - (length - 1);
    let fits = true;
    for (let i = 0; i < length - 1 && fits; i++) fits = text[i] === text[shift + i];
    if (fits) return length;
  }
  return 0;
}
