// Lines of A64 assembly, of a source file or of a listing: which registers they name. Nothing of the editor is in
// here, so that tests can look at it.

/** A part of a line, and the expression that the adapter evaluates for it. */
export interface NamedPart {
  readonly start: number;
  readonly end: number;
  readonly expression: string;
}

/** `ffffff80000027dc  f9400283  ldr x3, [x20]`: address and encoding before an instruction of a listing. */
const LISTING = /^[0-9a-f]{16}  (?:[0-9a-f]{8}|[0-9a-f]{2}(?: [0-9a-f]{2}){3}|[?]{8}| {11})  /;
const LABELS = /^\s*(?:[\w.$]+:\s*)*/;
/** General, SIMD and system registers: the adapter knows all of them after a `$`. */
const REGISTER =
  /(?<![\w.$#])(?:[xw](?:[12]?\d|30)|w?sp|lr|fp|[vqdshb](?:[12]?\d|3[01])|[a-z]\w*_el[0-3]|nzcv|fpcr|fpsr)(?![\w$])/gi;

/** The registers that the instruction of a line reads or writes, each once. */
export function registersIn(line: string): readonly NamedPart[] {
  const code = withoutComments(line);
  const start = (LISTING.exec(code) ?? LABELS.exec(code))?.[0].length ?? 0;
  // Directives name no registers whose values matter here; a mnemonic is none.
  const mnemonic = /^\s*([a-z][\w.]*)/i.exec(code.slice(start));
  if (!mnemonic) return [];
  const operands = start + mnemonic[0].length;
  const found = new Map<string, NamedPart>();
  for (const match of code.slice(operands).matchAll(REGISTER)) {
    const at = operands + match.index;
    const expression = `$${match[0]}`;
    const name = expression.toLowerCase();
    if (!found.has(name)) found.set(name, { start: at, end: at + match[0].length, expression });
  }
  return [...found.values()];
}

/** What the mouse is over: a register, or a symbol, whose address is of interest. */
export function expressionAt(line: string, column: number): NamedPart | undefined {
  const code = withoutComments(line);
  const under = (pattern: RegExp): { start: number; end: number; text: string } | undefined => {
    for (const { 0: text, index: start } of code.matchAll(pattern)) {
      if (start <= column && column <= start + text.length) return { start, end: start + text.length, text };
    }
    return undefined;
  };
  const register = under(REGISTER);
  if (register) return { start: register.start, end: register.end, expression: `$${register.text}` };
  const symbol = under(/(?<![\w.$#])[a-z_]\w*(?![\w$])/gi);
  const isOperand =
    symbol !== undefined && /[\s<]$/.test(code.slice(0, symbol.start)) && hasMnemonic(code, symbol.start);
  return isOperand
    ? { start: symbol.start, end: symbol.end, expression: `$sym(&${symbol.text})` }
    : undefined;
}

/** An instruction begins before this column. */
function hasMnemonic(code: string, column: number): boolean {
  const start = (LISTING.exec(code) ?? LABELS.exec(code))?.[0].length ?? 0;
  return /^\s*[a-z][\w.]*\s/i.test(code.slice(start, column));
}

/** Comments and texts as spaces, so that columns stay. */
const withoutComments = (line: string): string =>
  line.replaceAll(/"(?:\\.|[^"\\])*"|\/\*.*?(?:\*\/|$)|\/\/.*$|^\s*#.*$/g, (text) => ' '.repeat(text.length));
