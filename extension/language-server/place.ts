// Where in an xl.cfg file a cursor stands. It is found by reading the tokens in front of it, and not from the
// syntax tree: what is being typed is broken most of the time.

/** Offsets: what a completion replaces. */
interface Word {
  readonly from: number;
  readonly to: number;
}

export type XlPlace =
  /** At the beginning of a setting. */
  | ({ readonly kind: 'key' } & Word)
  /** Where a value may begin. `depth`: how many lists it stands in. */
  | ({ readonly kind: 'value'; readonly key: string; readonly depth: number } & Word)
  /** Inside quotes; `from` and `to` are those of their content. */
  | ({
      readonly kind: 'string';
      readonly key: string;
      readonly depth: number;
      readonly closed: boolean;
    } & Word)
  /** In a comment, or behind a value. */
  | { readonly kind: 'nothing' };

export function placeAt(text: string, offset: number): XlPlace {
  const scanner = new Scanner(text);
  while (scanner.at < offset) {
    const place = scanner.step(offset);
    if (place !== undefined) return place;
  }
  return scanner.placeBetween(offset);
}

const KEY = /[a-z][._0-9a-z]*/y;
const WORD = /[\w./-]+/y;
const NOTHING: XlPlace = { kind: 'nothing' };

/** Reads one token after another. */
class Scanner {
  at = 0;
  private readonly text: string;
  private key = '';
  private depth = 0;
  /** What the setting needs next. */
  private next: 'key' | 'operator' | 'value' | 'end' = 'key';

  constructor(text: string) {
    this.text = text;
  }

  /** Passes the token here; a place when the offset lies inside it. */
  step(offset: number): XlPlace | undefined {
    const character = this.text[this.at] ?? '';
    if (character === '#') return this.comment(offset);
    if (character === '"' || character === "'") return this.string(character, offset);
    if (character === '\n') this.newline();
    else if (character === ';' && this.depth === 0) this.endSetting();
    else if (character === '=' || this.text.startsWith('+=', this.at)) {
      this.at += character === '=' ? 0 : 1;
      if (this.next === 'operator') this.next = 'value';
    } else if (character === '[') {
      this.depth++;
      this.next = 'value';
    } else if (character === ']') {
      this.depth = Math.max(0, this.depth - 1);
      this.next = this.depth > 0 ? 'value' : 'end';
    } else if (character === ',') {
      if (this.depth > 0) this.next = 'value';
    } else if (!/\s/.test(character)) {
      return this.word(offset);
    }
    this.at++;
    return undefined;
  }

  /** The offset lies between two tokens. */
  placeBetween(offset: number): XlPlace {
    if (this.next === 'key') return { kind: 'key', from: offset, to: this.endOf(WORD, offset) };
    if (this.next === 'value') {
      return {
        kind: 'value',
        key: this.key,
        depth: this.depth,
        from: offset,
        to: this.endOf(WORD, offset),
      };
    }
    return NOTHING;
  }

  private comment(offset: number): XlPlace | undefined {
    const end = this.lineEnd();
    if (offset > this.at && offset <= end) return NOTHING;
    this.at = end;
    return undefined;
  }

  private string(quote: string, offset: number): XlPlace | undefined {
    const from = this.at + 1;
    let to = from;
    const end = this.lineEnd();
    while (to < end && this.text[to] !== quote) to += this.text[to] === '\\' ? 2 : 1;
    to = Math.min(to, end);
    const closed = this.text[to] === quote && to < end;
    if (offset >= from && offset <= to) {
      if (this.next !== 'value') return NOTHING;
      return { kind: 'string', key: this.key, depth: this.depth, closed, from, to };
    }
    this.at = closed ? to + 1 : to;
    this.next = 'end';
    return undefined;
  }

  private word(offset: number): XlPlace | undefined {
    const from = this.at;
    const to = Math.max(this.endOf(WORD, from), from + 1);
    if (offset <= to) {
      if (this.next === 'key') return { kind: 'key', from, to };
      if (this.next === 'value') return { kind: 'value', key: this.key, depth: this.depth, from, to };
      return NOTHING;
    }
    if (this.next === 'key') {
      const end = this.endOf(KEY, from);
      this.key = this.text.slice(from, Math.max(end, from));
      this.next = 'operator';
    } else if (this.next === 'value') {
      this.next = 'end';
    }
    this.at = to;
    return undefined;
  }

  private newline(): void {
    // A list goes on in the next line, unless that begins a setting: then its end is missing.
    if (this.depth > 0 && !/^[ \t]*[a-z][._0-9a-z]*[ \t]*\+?=/.test(this.nextLine())) return;
    this.endSetting();
  }

  private endSetting(): void {
    this.next = 'key';
    this.depth = 0;
    this.key = '';
  }

  private nextLine(): string {
    const end = this.text.indexOf('\n', this.at + 1);
    return this.text.slice(this.at + 1, end < 0 ? undefined : end);
  }

  private lineEnd(): number {
    const end = this.text.indexOf('\n', this.at);
    return end < 0 ? this.text.length : end;
  }

  private endOf(pattern: RegExp, from: number): number {
    pattern.lastIndex = from;
    const match = pattern.exec(this.text);
    return match === null ? from : from + match[0].length;
  }
}
