// JSON as editors write it: with comments and trailing commas, and with the place of what is wrong.

import { UserError } from '../../emulator/base/errors.ts';

/** No configuration nests deeper. */
const MAX_DEPTH = 64;

export function parseJsonc(text: string, file: string): unknown {
  return new Parser(text, file).document();
}

const GAP = /(?:[\s\uFEFF]|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const STRING = /"(?:[^"\\\n]|\\.)*"/y;
const WORD = /[-+.\w]+/y;

class Parser {
  private readonly text: string;
  private readonly file: string;
  private at = 0;

  constructor(text: string, file: string) {
    this.text = text;
    this.file = file;
  }

  document(): unknown {
    const value = this.value(0);
    if (this.next() !== '') throw this.wrong(`${this.found()} stands behind the end`, 'Remove it.');
    return value;
  }

  private value(depth: number): unknown {
    if (depth > MAX_DEPTH) throw this.wrong('it is nested too deep', 'Flatten it.');
    switch (this.next()) {
      case '{':
        return this.object(depth);
      case '[':
        return this.list(depth);
      case '"':
        return this.string();
    }
    const word = this.match(WORD);
    if (word !== undefined) {
      try {
        return JSON.parse(word);
      } catch {
        this.at -= word.length;
      }
    }
    throw this.wrong(`a value is expected, found ${this.found()}`, 'Text stands in double quotes.');
  }

  private object(depth: number): Record<string, unknown> {
    // Without a prototype: a key may have any name.
    const result: Record<string, unknown> = Object.create(null);
    this.at++;
    for (;;) {
      if (this.skip('}')) return result;
      if (this.next() !== '"') {
        throw this.wrong(`a key or '}' is expected, found ${this.found()}`, 'Keys stand in double quotes.');
      }
      const key = this.string();
      if (!this.skip(':')) throw this.wrong(`':' is missing after "${key}"`, 'Write "key": value.');
      result[key] = this.value(depth + 1);
      this.separator('}');
    }
  }

  private list(depth: number): unknown[] {
    const result: unknown[] = [];
    this.at++;
    for (;;) {
      if (this.skip(']')) return result;
      result.push(this.value(depth + 1));
      this.separator(']');
    }
  }

  private separator(end: string): void {
    if (this.skip(',') || this.next() === end) return;
    throw this.wrong(`',' or '${end}' is expected, found ${this.found()}`, 'Separate entries by commas.');
  }

  private string(): string {
    const quoted = this.match(STRING);
    if (quoted === undefined) throw this.wrong('the string is not closed on its line', 'Add " at its end.');
    try {
      return JSON.parse(quoted) as string;
    } catch {
      this.at -= quoted.length;
      throw this.wrong('the string has an escape sequence that JSON lacks', 'Write \\\\ for a backslash.');
    }
  }

  /** The character that comes next, behind blanks and comments; '' at the end. */
  private next(): string {
    this.match(GAP);
    return this.text[this.at] ?? '';
  }

  private skip(character: string): boolean {
    if (this.next() !== character) return false;
    this.at++;
    return true;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0];
    this.at += found?.length ?? 0;
    return found;
  }

  private found(): string {
    const rest = this.text.slice(this.at);
    return rest === '' ? 'the end of the file' : `'${/^[-+.\w]{1,30}|^./s.exec(rest)?.[0] ?? ''}'`;
  }

  private wrong(message: string, hint: string): UserError {
    const before = this.text.slice(0, this.at);
    const line = before.split('\n').length;
    const column = before.length - before.lastIndexOf('\n');
    return new UserError(message, hint, { file: this.file, line, column });
  }
}
