// The protocol's JSON schema, made of the declarations that Microsoft generates from it (one interface for
// each definition, regular enough to read line by line), with the members that newer versions of the
// protocol have. Unknown members are errors here: a client would silently ignore what we misspell.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import * as z from 'zod';

export type Schema =
  | { readonly $ref: string }
  | {
      readonly type: 'object';
      readonly properties: Readonly<Record<string, Schema>>;
      readonly required: readonly string[];
      readonly additionalProperties: boolean | Schema;
    }
  | { readonly type: 'array'; readonly items: Schema }
  | { readonly type: 'string' | 'boolean' | 'null' }
  | { readonly type: 'integer' | 'number'; readonly minimum?: number; readonly maximum?: number }
  | { readonly enum: readonly string[] }
  | { readonly anyOf: readonly Schema[] }
  | Record<string, never>;

interface Interface {
  readonly extends: string | undefined;
  readonly members: Map<string, { readonly schema: Schema; readonly optional: boolean }>;
}

/** Ids and counts fit into 31 bits since version 1.71; they are written as numbers in the declarations. */
const INTEGER: Schema = { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
const FRACTIONS: ReadonlySet<string> = new Set(['percentage']);

/** Members that the declarations do not have yet (versions 1.69 to 1.71 of the protocol). */
const NEWER: Readonly<Record<string, Readonly<Record<string, Schema>>>> = {
  // Of VS Code alone.
  Variable: { __vscodeVariableMenuContext: { type: 'string' } },
  InitializeRequestArguments: { supportsANSIStyling: { type: 'boolean' } },
  StartDebuggingRequestArguments: { outputPresentation: { enum: ['separate', 'mergeWithParent'] } },
};

/** What carries members of the adapter's own: columns that `additionalModuleColumns` announces. */
const OPEN: ReadonlySet<string> = new Set(['Module']);

class Declarations {
  readonly interfaces = new Map<string, Interface>();
  readonly aliases = new Map<string, Schema>();
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/\/\/[^\n]*/g, ' ');
    const head = /\b(?:interface\s+(\w+)(?:\s+extends\s+(\w+))?\s*(?=\{)|type\s+(\w+)\s*=)/g;
    for (let found = head.exec(this.text); found; found = head.exec(this.text)) {
      this.at = head.lastIndex;
      const [, name, base, alias] = found;
      if (alias !== undefined) this.aliases.set(alias, this.union(''));
      else if (name !== undefined) this.interfaces.set(name, { extends: base, members: this.members() });
      head.lastIndex = this.at;
    }
  }

  private members(): Interface['members'] {
    this.expect('{');
    const members: Interface['members'] = new Map();
    while (!this.take('}')) {
      const name = this.word();
      const optional = this.take('?');
      this.expect(':');
      members.set(name, { schema: this.union(name), optional });
      this.take(';');
    }
    return members;
  }

  private union(member: string): Schema {
    const parts = [this.postfix(member)];
    while (this.take('|')) parts.push(this.postfix(member));
    const literals = parts.flatMap((part) => ('enum' in part ? part.enum : []));
    if (literals.length === parts.length) return { enum: literals as string[] };
    // `'a' | 'b' | string`: the values are examples.
    const open = parts.filter((part) => !('enum' in part));
    return open.length === 1 && open[0] ? open[0] : { anyOf: open };
  }

  private postfix(member: string): Schema {
    let schema = this.primary(member);
    while (this.take('[]')) schema = { type: 'array', items: schema };
    return schema;
  }

  private primary(member: string): Schema {
    if (this.take('(')) {
      const inner = this.union(member);
      this.expect(')');
      return inner;
    }
    const literal = this.match(/'([^']*)'/y);
    if (literal) return { enum: [literal[1] ?? ''] };
    if (this.peek('{')) return this.object(member);
    const name = this.word();
    if (name === 'string' || name === 'boolean' || name === 'null') return { type: name };
    if (name === 'number') return FRACTIONS.has(member) ? { type: 'number' } : INTEGER;
    if (name === 'any' || name === 'unknown') return {};
    return { $ref: `#/$defs/${name}` };
  }

  private object(member: string): Schema {
    const before = this.at;
    this.expect('{');
    if (this.match(/\[\s*\w+\s*:\s*string\s*\]\s*:/y)) {
      const values = this.union(member);
      this.take(';');
      this.expect('}');
      return { type: 'object', properties: {}, required: [], additionalProperties: values };
    }
    this.at = before;
    return objectOf(this.members());
  }

  private word(): string {
    const found = this.match(/[\w$]+/y);
    if (!found) throw new Error(`a name was expected at '${this.text.slice(this.at, this.at + 40)}'`);
    return found[0];
  }

  private expect(token: string): void {
    if (!this.take(token))
      throw new Error(`'${token}' was expected at '${this.text.slice(this.at, this.at + 40)}'`);
  }

  private take(token: string): boolean {
    if (!this.peek(token)) return false;
    this.at += token.length;
    return true;
  }

  private peek(token: string): boolean {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
    return this.text.startsWith(token, this.at);
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    this.peek('');
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }
}

function objectOf(members: Interface['members'], isOpen = false): Schema {
  return {
    type: 'object',
    properties: Object.fromEntries([...members].map(([name, { schema }]) => [name, schema])),
    required: [...members].filter(([, { optional }]) => !optional).map(([name]) => name),
    additionalProperties: isOpen || members.size === 0,
  };
}

const declarations = new Declarations(
  readFileSync(
    createRequire(import.meta.url).resolve('@vscode/debugprotocol/lib/debugProtocol.d.ts'),
    'utf8',
  ),
);

/** The members of an interface and of those it extends. */
function flattened(name: string): Interface['members'] {
  const found = declarations.interfaces.get(name);
  if (!found) throw new Error(`the protocol has no ${name}`);
  const members = new Map([
    ...(found.extends === undefined ? [] : flattened(found.extends)),
    ...found.members,
  ]);
  for (const [added, schema] of Object.entries(NEWER[name] ?? {}))
    members.set(added, { schema, optional: true });
  return members;
}

const definitions: Record<string, Schema> = {
  ...Object.fromEntries(
    [...declarations.interfaces.keys()].map((name) => [name, objectOf(flattened(name), OPEN.has(name))]),
  ),
  ...Object.fromEntries(declarations.aliases),
};

const validators = new Map<string, z.ZodType>();

function validator(name: string): z.ZodType {
  let found = validators.get(name);
  if (!found) {
    found = z.fromJSONSchema({ ...(definitions[name] as object), $defs: definitions } as never);
    validators.set(name, found);
  }
  return found;
}

export const hasDefinition = (name: string): boolean => name in definitions;

/** All capabilities the protocol knows, by name. */
export const capabilityNames: readonly string[] = [...flattened('Capabilities').keys()];

/** What is wrong with a message, in words; undefined: nothing. Our own requests and events (`xen/…`) have no schema. */
export function faultOf(message: Dap.ProtocolMessage): string | undefined {
  const name = nameOf(message);
  if (name === undefined) return undefined;
  if (!hasDefinition(name)) return `${name} is not of the protocol`;
  const result = validator(name).safeParse(message);
  return result.success ? undefined : `${name}: ${z.prettifyError(result.error)}`;
}

function nameOf(message: Dap.ProtocolMessage): string | undefined {
  if (message.type === 'event') {
    const { event } = message as Dap.Event;
    return event.includes('/') ? undefined : `${capital(event)}Event`;
  }
  const { command } = message as Dap.Request;
  if (message.type === 'request') return command.includes('/') ? undefined : `${capital(command)}Request`;
  const response = message as Dap.Response;
  if (!response.success) return 'ErrorResponse';
  return command.includes('/') ? undefined : `${capital(command)}Response`;
}

const capital = (name: string): string => name.charAt(0).toUpperCase() + name.slice(1);
