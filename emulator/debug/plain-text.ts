// Text that somebody else wrote, harmless to terminals and readers.

/** Controls, what is invisible or turns the direction of text, and what stands for no character. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** What does not print as `\x1b` or `\u{202e}`. */
export const plainText = (text: string): string => text.replace(UNPRINTABLE, escaped);

function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
}
