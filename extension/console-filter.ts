// What a guest may tell a terminal: text, colours and the cursor. Strings for the terminal itself (titles, links, the
// clipboard, device control: ECMA-48 5.6, OSC, DCS, SOS, PM and APC) stay with the guest.

const ESCAPE = 0x1b;
const BELL = 0x07;
const CANCEL = 0x18;
const SUBSTITUTE = 0x1a;
const STRING_TERMINATOR = 0x9c;

/** What follows ESC to begin a string: `]`, `P`, `X`, `^`, `_`. */
const STRING_AFTER_ESCAPE = new Set([0x5d, 0x50, 0x58, 0x5e, 0x5f]);
/** The same as single characters. */
const STRING_STARTS = new Set([0x9d, 0x90, 0x98, 0x9e, 0x9f]);
/** ESC and the single characters. Most of what a guest writes has none. */
const SPECIAL = [ESCAPE, ...STRING_STARTS].map((code) => String.fromCharCode(code));
/** A string that does not end is text after so many characters: a guest's garbage must not swallow its console. */
const MAX_STRING = 4096;

type State = 'text' | 'escape' | 'string' | 'string-escape';

/** One for each console: a string may come in pieces. */
export class ConsoleFilter {
  private state: State = 'text';
  private length = 0;

  pass(text: string): string {
    if (this.state === 'text' && !SPECIAL.some((character) => text.includes(character))) return text;
    let passed = '';
    for (const character of text) passed += this.next(character, character.codePointAt(0) ?? 0);
    return passed;
  }

  private next(character: string, code: number): string {
    switch (this.state) {
      case 'text':
        if (code === ESCAPE) this.state = 'escape';
        else if (STRING_STARTS.has(code)) this.begin();
        else return character;
        return '';
      case 'escape':
        if (STRING_AFTER_ESCAPE.has(code)) {
          this.begin();
          return '';
        }
        // ESC ESC: the second one may begin a string.
        if (code === ESCAPE) return '\x1b';
        this.state = 'text';
        return `\x1b${character}`;
      case 'string':
        if (code === ESCAPE) this.state = 'string-escape';
        else if (code === BELL || code === STRING_TERMINATOR || code === CANCEL || code === SUBSTITUTE)
          this.state = 'text';
        else if (++this.length > MAX_STRING) this.state = 'text';
        return '';
      case 'string-escape':
        // ESC \ ends the string; anything else does too, and is what it is.
        this.state = code === 0x5c ? 'text' : 'escape';
        return code === 0x5c ? '' : this.next(character, code);
    }
  }

  private begin(): void {
    this.state = 'string';
    this.length = 0;
  }
}
