// The consoles of several domains on one terminal: whole lines, each with the domain it comes from, as Xen prints them.
// The console of a single domain passes through as it is.

const NEWLINE = 0x0a;

export class DomainConsoles {
  private readonly isSeveral: boolean;
  private readonly output: (bytes: Uint8Array) => void;
  /** What each domain has printed of a line that it has not finished, and nobody has seen. */
  private readonly waiting = new Map<number, number[]>();
  /** The domain whose unfinished line the terminal shows last. */
  private unfinished: number | undefined;

  constructor(domains: number, output: (bytes: Uint8Array) => void) {
    this.isSeveral = domains > 1;
    this.output = output;
  }

  write(domain: number, bytes: Uint8Array): void {
    if (!this.isSeveral) {
      this.output(bytes);
      return;
    }
    const line = this.waiting.get(domain) ?? [];
    for (const byte of bytes) {
      line.push(byte);
      if (byte === NEWLINE) this.show(domain, line);
    }
    this.waiting.set(domain, line);
  }

  /** Nobody prints for a while: what stands unfinished is shown too, such as a prompt. */
  settle(): void {
    for (const [domain, line] of this.waiting) if (line.length > 0) this.show(domain, line);
  }

  /** The end: the last line is finished. */
  close(): void {
    this.settle();
    if (this.unfinished !== undefined) this.output(encoded('\n'));
    this.unfinished = undefined;
  }

  /** Shows a line, or what there is of it, and empties it. */
  private show(domain: number, line: number[]): void {
    const isContinued = this.unfinished === domain;
    if (!isContinued) this.output(encoded(`${this.unfinished === undefined ? '' : '\n'}(d${domain}) `));
    this.unfinished = line.at(-1) === NEWLINE ? undefined : domain;
    this.output(Uint8Array.from(line.splice(0)));
  }
}

const encoded = (text: string): Uint8Array => new TextEncoder().encode(text);
