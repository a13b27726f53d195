// Lines of the debug console that begin with a colon: `:gic vcpu=1` shows a view of the machine as text, the same
// that `xenscope inspect` prints.

import { type AnyInspection, inspectionNamed, inspections } from '../emulator/index.ts';
import * as errors from './errors.ts';
import type { XenSession } from './session.ts';

export const isConsoleCommand = (text: string): boolean => text.trimStart().startsWith(':');

/** What the line shows. Throws UserErrors for a line that means nothing. */
export async function runConsoleCommand(session: XenSession, line: string): Promise<string> {
  const [name = '', ...words] = line.trim().slice(1).trim().split(/\s+/);
  if (name === 'help' || name === '') return help();
  const row = inspectionNamed(name);
  const args = { ...focusOf(session, row), ...argumentsIn(row, words) };
  const { view } = await session.machine.client.request('inspect', { name, args });
  return row.text(view);
}

/** Views are of what the user looks at, unless the line says otherwise. */
function focusOf({ focus }: XenSession, { arguments: specs }: AnyInspection): Record<string, unknown> {
  return { ...('domain' in specs && { domain: focus.domain }), ...('vcpu' in specs && { vcpu: focus.vcpu }) };
}

/** `key=value`, and one value without a key for the row's first argument that is not a domain or a vCPU. */
function argumentsIn(row: AnyInspection, words: readonly string[]): Record<string, unknown> {
  const first = Object.keys(row.arguments).find((key) => key !== 'domain' && key !== 'vcpu');
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf('=');
      const key = equals > 0 ? word.slice(0, equals) : first;
      const spec = key === undefined ? undefined : row.arguments[key];
      if (key === undefined || !spec)
        throw errors.unknownArgument(row.name, word, Object.keys(row.arguments));
      return [key, valueOf(word.slice(equals + 1), spec.kind)];
    }),
  );
}

function valueOf(text: string, kind: AnyInspection['arguments'][string]['kind']): unknown {
  if (kind === 'number') return Number(text);
  if (kind === 'flag') return text !== 'false' && text !== '0';
  return text;
}

function help(): string {
  const lines = inspections.map(({ name, doc, arguments: specs }) => {
    const keys = Object.keys(specs as AnyInspection['arguments']).map((key) => ` [${key}=…]`);
    return `:${name}${keys.join('')}\n    ${doc}\n`;
  });
  return `Views of the machine:\n${lines.join('')}`;
}
