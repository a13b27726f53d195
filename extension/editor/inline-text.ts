// Which values stand behind lines of source while the machine is stopped: arguments and locals of the function that
// was reached, up to where it stands, and what that line takes out of them. Nothing of the editor is in here, so
// that tests can look at it.

import { registersIn } from './assembly-text.ts';

/** `variable`: looked for among arguments and locals; `expression`: evaluated. */
export interface InlineLookup {
  readonly line: number;
  readonly start: number;
  readonly end: number;
  readonly kind: 'variable' | 'expression';
  readonly text: string;
}

/** Functions are longer, but nobody sees more of them at once. */
const MOST_LINES = 200;
/** Members of what that line names, such as `greeting->domid`. */
const MOST_MEMBERS = 6;

/** Lines count from 0. `from`: the first that is seen. */
export function inlineLookups(
  language: 'code' | 'assembly',
  lines: readonly string[],
  from: number,
  stopped: number,
): readonly InlineLookup[] {
  if (language === 'assembly') {
    // Registers were others in the lines before.
    return registersIn(lines[stopped] ?? '').map(({ start, end, expression }) => ({
      line: stopped,
      start,
      end,
      kind: 'expression',
      text: expression,
    }));
  }
  const first = functionStart(lines, stopped);
  const lookups: InlineLookup[] = [];
  let inComment = false;
  for (let line = first; line <= stopped; line++) {
    const [code, open] = codeOf(lines[line] ?? '', inComment);
    inComment = open;
    if (line < from) continue;
    const members = line === stopped ? membersIn(code, line) : [];
    // What is taken out of it says more there than where it is.
    const isTakenApart = (name: string): boolean =>
      members.some(({ text }) => new RegExp(`^${name}\\W`).test(text));
    lookups.push(...variablesIn(code, line).filter(({ text }) => !isTakenApart(text)), ...members);
  }
  return lookups;
}

/** The line in which the function begins, as far as its looks tell: C by its first column, Rust and Zig by `fn`. */
function functionStart(lines: readonly string[], stopped: number): number {
  const least = Math.max(0, stopped - MOST_LINES);
  for (let line = stopped; line > least; line--) {
    const text = lines[line] ?? '';
    if (
      /^\s*(?:pub(?:\([^)]*\))?\s+|export\s+|const\s+|unsafe\s+|extern\s+(?:"[^"]*"\s+)?|inline\s+)*fn\s/.test(
        text,
      )
    )
      return line;
    // A label is no function, nor is what the preprocessor takes.
    if (/^[a-z_]/i.test(text) && !/^\w+\s*:(?!:)/.test(text)) return line;
    if (line < stopped && text.startsWith('}')) return line + 1;
  }
  return least;
}

/** Names that are no member of something. */
function variablesIn(code: string, line: number): InlineLookup[] {
  const found = new Map<string, InlineLookup>();
  for (const { 0: text, index: start } of code.matchAll(/(?<![\w.$]|->|::)[a-z_]\w*(?!\w|\s*::)/gi)) {
    if (!found.has(text)) found.set(text, { line, start, end: start + text.length, kind: 'variable', text });
  }
  return [...found.values()];
}

/** `greeting->domid`, `a.b[2].c`: read only, and nothing is called. */
function membersIn(code: string, line: number): InlineLookup[] {
  const found = new Map<string, InlineLookup>();
  const member =
    /(?<![\w.$]|->|::)[a-z_]\w*(?:(?:\[\d+\])*(?:->|\.)[a-z_]\w*)+(?:\[\d+\])*(?![\w(]|\s*\(|\s*(?:->|\.))/gi;
  for (const { 0: text, index: start } of code.matchAll(member)) {
    if (found.size === MOST_MEMBERS) break;
    if (!found.has(text))
      found.set(text, { line, start, end: start + text.length, kind: 'expression', text });
  }
  return [...found.values()];
}

/** The line with comments and literals as spaces, and whether a comment goes on. */
function codeOf(line: string, inComment: boolean): [code: string, inComment: boolean] {
  let code = '';
  let comment = inComment;
  for (let rest = line; rest !== ''; ) {
    const pattern = comment
      ? /^.*?(?:\*\/|$)/
      : /^(?:"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])+'|\/\/.*|\/\*|[^"'/]+|.)/;
    const text = pattern.exec(rest)?.[0] ?? rest;
    const isCode = !comment && !/^(?:"|'.|\/[/*])/.test(text);
    code += isCode ? text : ' '.repeat(text.length);
    if (comment) comment = !text.endsWith('*/');
    else if (text === '/*') comment = true;
    rest = rest.slice(text.length);
  }
  return [/^\s*#/.test(code) ? '' : code, comment];
}
