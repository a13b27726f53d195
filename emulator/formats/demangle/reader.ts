// Reads a mangled name from left to right.

/** The name is not of this kind, or uses what is not understood here. */
export class NotMangled extends Error {}

/** Names refer back to parts of themselves; a few bytes could grow without bounds. */
const MAX_STEPS = 20_000;
const MAX_DEPTH = 200;

export class Reader {
  at: number;
  readonly text: string;
  private steps = 0;
  private depth = 0;

  constructor(text: string, at: number) {
    this.text = text;
    this.at = at;
  }

  get atEnd(): boolean {
    return this.at >= this.text.length;
  }

  /** The next character; empty at the end. */
  peek(ahead = 0): string {
    return this.text[this.at + ahead] ?? '';
  }

  next(): string {
    const character = this.text[this.at++];
    if (character === undefined || ++this.steps > MAX_STEPS) throw new NotMangled();
    return character;
  }

  /** Passes over `word` if it is next. */
  accept(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }

  expect(word: string): void {
    if (!this.accept(word)) throw new NotMangled();
  }

  take(length: number): string {
    if (!(this.at + length <= this.text.length)) throw new NotMangled();
    this.at += length;
    return this.text.slice(this.at - length, this.at);
  }

  isDigit(ahead = 0): boolean {
    const character = this.peek(ahead);
    return character >= '0' && character <= '9';
  }

  decimal(): number {
    let value = 0;
    if (!this.isDigit()) throw new NotMangled();
    // No number begins with 0 but 0 itself.
    if (this.accept('0')) return 0;
    while (this.isDigit()) value = value * 10 + Number(this.next());
    return value;
  }

  /** Runs one more level of a nested construction. */
  nested<T>(parse: () => T): T {
    if (++this.depth > MAX_DEPTH || ++this.steps > MAX_STEPS) throw new NotMangled();
    const result = parse();
    this.depth--;
    return result;
  }
}

/** Undefined where the parser gives up. */
export function tryParse<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof NotMangled) return undefined;
    throw error;
  }
}
