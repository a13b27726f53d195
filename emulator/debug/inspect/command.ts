// A line that asks for a view: `walk 0xffff800080010000 vcpu=1`.

import { UserError } from '../../base/errors.ts';
import type { VcpuId } from '../../machine/messages.ts';
import { inspectionNamed, inspections } from './catalog.ts';
import type { AnyInspection, ArgumentSpec } from './inspection.ts';

export interface InspectionCommand {
  readonly row: AnyInspection;
  readonly args: Readonly<Record<string, unknown>>;
}

const HELP = new Set(['', 'help', 'views']);

/** Undefined for a line that asks for help. Views are of `focus`, unless the line says otherwise. Throws UserErrors. */
export function parseCommand(line: string, focus: VcpuId): InspectionCommand | undefined {
  const [name = '', ...words] = line.trim().split(/\s+/);
  if (HELP.has(name)) return undefined;
  const row = inspectionNamed(name);
  const focused = {
    ...('domain' in row.arguments && { domain: focus.domain }),
    ...('vcpu' in row.arguments && { vcpu: focus.vcpu }),
  };
  return { row, args: { ...focused, ...argumentsIn(row, words) } };
}

/** `key=value`, and one value without a key for the first argument that is neither domain nor vCPU. */
function argumentsIn(row: AnyInspection, words: readonly string[]): Record<string, unknown> {
  const first = Object.keys(row.arguments).find((key) => key !== 'domain' && key !== 'vcpu');
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf('=');
      const key = equals > 0 ? word.slice(0, equals) : first;
      const spec = key !== undefined && Object.hasOwn(row.arguments, key) ? row.arguments[key] : undefined;
      if (key === undefined || !spec) throw unknownArgument(row, word);
      return [key, argumentValue(key, word.slice(equals + 1), spec.kind)];
    }),
  );
}

/** What an argument's text means. Throws a UserError for a text that is not of its kind. */
export function argumentValue(key: string, text: string, kind: ArgumentSpec['kind']): unknown {
  switch (kind) {
    case 'text':
    case 'address':
      return text;
    case 'flag':
      if (/^(true|false|yes|no|1|0)$/i.test(text)) return /^(true|yes|1)$/i.test(text);
      throw new UserError(`'${key}' is '${text}'`, 'Give true or false.');
    case 'number':
      if (/^-?\d{1,15}$/.test(text)) return Number(text);
      throw new UserError(`'${key}' is '${text}'`, 'Give a whole number.');
  }
}

function unknownArgument({ name, arguments: specs }: AnyInspection, word: string): UserError {
  const known = Object.keys(specs).map((key) => `${key}=…`);
  return new UserError(
    `'${name}' does not take '${word}'`,
    known.length === 0 ? 'It takes no arguments.' : `It takes ${known.join(', ')}.`,
  );
}

export function viewsHelp(): string {
  const lines = inspections.map(({ name, doc, arguments: specs }) => {
    const keys = Object.keys(specs as AnyInspection['arguments']).map((key) => ` [${key}=…]`);
    return `:${name}${keys.join('')}\n    ${doc}\n`;
  });
  return `Views of the machine:\n${lines.join('')}`;
}
