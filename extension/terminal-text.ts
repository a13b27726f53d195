// What in a line of a guest's console is an address.

export interface FoundAddress {
  /** In UTF-16 units of the line. */
  readonly start: number;
  readonly length: number;
  /** As the debug adapter understands it: a number, or a symbol with an offset. */
  readonly expression: string;
}

/**
 * `symbol+0x1c/0x40` as Linux prints it (a module in brackets may follow), `symbol+0x1c`, and addresses: with `0x`
 * and at least five digits, or as sixteen digits alone. A name is looked at from its beginning only, so that the
 * work grows no faster than the line.
 */
const ADDRESSES =
  /(?<![\w.$])(?<symbol>[A-Za-z_.$][\w.$]*)\+(?<offset>0x[0-9a-f]{1,16})(?![0-9a-f])(?:\/0x[0-9a-f]{1,16})?|\b0x(?<number>[0-9a-f]{5,16})\b|\b(?<digits>[0-9a-f]{16})\b/gi;

/** More links than a line of a guest has that means well. */
const MOST_LINKS = 100;

export function findAddresses(line: string): FoundAddress[] {
  const found: FoundAddress[] = [];
  for (const match of line.matchAll(ADDRESSES)) {
    const { symbol, offset, number, digits } = match.groups ?? {};
    const expression = symbol === undefined ? `0x${number ?? digits}` : `${symbol}+${offset}`;
    found.push({ start: match.index, length: match[0].length, expression });
    if (found.length === MOST_LINKS) break;
  }
  return found;
}
