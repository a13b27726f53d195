/** strtol with base 0, over the whole text, as libxlu reads numbers; undefined where it finds none. */
export function strtol(text: string): number | undefined {
  const [, sign = '', digits = ''] = /^\s*([+-]?)(.*)$/s.exec(text) ?? [];
  const value = magnitude(digits);
  return value === undefined || sign !== '-' ? value : -value;
}

function magnitude(digits: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(digits)) return Number.parseInt(digits, 16);
  if (/^0[0-7]*$/.test(digits)) return Number.parseInt(digits, 8);
  return /^[1-9][0-9]*$/.test(digits) ? Number(digits) : undefined;
}
