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
 * and at least five digits, or as sixteen digits alone.
 */
const ADDRESSES =
  /\b(?<symbol>[A-Za-z_][\w.$]*)\+(?<offset>0x[0-9a-f]+)(?:\/0x[0-9a-f]+)?|\b0x(?<number>[0-9a-f]{5,16})\b|\b(?<digits>[0-9a-f]{16})\b/gi;

export function findAddresses(line: string): FoundAddress[] {
  return [...line.matchAll(ADDRESSES)].map((match) => {
    const { symbol, offset, number, digits } = match.groups ?? {};
    const expression = symbol === undefined ? `0x${number ?? digits}` : `${symbol}+${offset}`;
    return { start: match.index, length: match[0].length, expression };
  });
}
