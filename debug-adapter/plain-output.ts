// Output of a console for clients that show text only: control sequences of ECMA-48 are taken out, also when
// they come in pieces.

const ESCAPE = '\u001b';
const BELL = '\u0007';
const SEQUENCE = new RegExp(
  `${ESCAPE}(?:\\[[0-?]*[ -/]*[@-~]|\\][^${BELL}${ESCAPE}]*(?:${BELL}|${ESCAPE}\\\\)|[ -/]*[0-Z\\\\^-~])`,
  'g',
);
/** A sequence that does not end by then was none. */
const LONGEST = 256;

export class PlainOutput {
  /** The beginning of a sequence whose end is to come. */
  private rest = '';

  /** What of the text is to be shown. */
  write(text: string): string {
    const plain = (this.rest + text).replace(SEQUENCE, '');
    const open = plain.lastIndexOf(ESCAPE);
    const isOpen = open >= 0 && plain.length - open < LONGEST;
    this.rest = isOpen ? plain.slice(open) : '';
    return (isOpen ? plain.slice(0, open) : plain).replaceAll(ESCAPE, '');
  }
}
