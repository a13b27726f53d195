// From a variable, as a menu hands it over, to what shows more of it. The adapter says what a variable is by
// `__vscodeVariableMenuContext`. Nothing of the editor is in here, so that tests can look at it.

import type { Link } from '../../media/messages.ts';

/** What the menus of the views Variables and Watch give to a command. */
export interface VariableContext {
  readonly sessionId?: string;
  readonly variable?: {
    readonly name: string;
    readonly value: string;
    readonly evaluateName?: string;
    readonly memoryReference?: string;
  };
}

export type LinkKind = 'memory' | 'walk' | 'code' | 'register' | 'ring' | 'port' | 'xenstore';

/** Undefined: the variable leads nowhere, such as one that is in no memory. */
export function linkOf(kind: LinkKind, { variable }: VariableContext): Link | undefined {
  if (!variable) return undefined;
  const { name, value, evaluateName = name, memoryReference: reference } = variable;
  switch (kind) {
    case 'memory':
      return reference === undefined ? undefined : { kind: 'memory', reference };
    case 'code':
      return reference === undefined ? undefined : { kind: 'source', reference };
    case 'walk':
      return reference === undefined ? undefined : panel('memory', reference, { search: reference });
    case 'register': {
      const register = /\$?([a-z]\w*)$/i.exec(evaluateName)?.[1];
      return register === undefined
        ? undefined
        : panel('registers', evaluateName, { filter: register.toUpperCase() });
    }
    case 'ring':
      return panel('rings', evaluateName, {
        ring: /\$ring\["([^"]+)"\]$/.exec(evaluateName)?.[1] ?? unquoted(value),
      });
    case 'port': {
      const port = /\$evtchn\[(\d+)\]$/.exec(evaluateName)?.[1] ?? /^\d+/.exec(value)?.[0];
      return port === undefined ? undefined : panel('event-channels', evaluateName, { port: Number(port) });
    }
    case 'xenstore':
      return panel('xenstore', evaluateName, {
        path: /\$xs\("([^"]+)"\)$/.exec(evaluateName)?.[1] ?? unquoted(value),
      });
  }
}

/** `d1/va@v0:0x…`, `d1.v2.$SCTLR_EL1`: the domain that is named; else the one in focus. */
function panel(id: string, naming: string, what: Readonly<Record<string, unknown>>): Link {
  const [, domain, vcpu] = /^d(\d+)(?:(?:\/\w+@|\.)v(\d+))?/.exec(naming) ?? [];
  const named = {
    ...(domain !== undefined && { domain: Number(domain) }),
    ...(vcpu !== undefined && { vcpu: Number(vcpu) }),
  };
  return { kind: 'panel', panel: id, arguments: { ...named, ...what } };
}

const unquoted = (value: string): string => value.replace(/^"([^"]*)".*$/, '$1');

/** `thread:<session>:257`: the vCPU of what was clicked in the call stack. */
export function vcpuOfThread(
  threadId: unknown,
): { readonly domain: number; readonly vcpu: number } | undefined {
  const id = Number(/\d+$/.exec(typeof threadId === 'string' ? threadId : '')?.[0]);
  // As `threadIdOf` of debug-adapter/protocol.ts counts.
  return id > 0 ? { domain: Math.floor((id - 1) / 256), vcpu: (id - 1) % 256 } : undefined;
}

/** The expression at a column of a line of C: `greeting->name` where the mouse is over `name`. */
export function expressionInCode(line: string, column: number): string | undefined {
  for (const { 0: text, index } of line.matchAll(/[a-z_]\w*(?:(?:->|\.)[a-z_]\w*|\[\w+\])*/gi)) {
    if (index > column || column > index + text.length) continue;
    // Up to the end of the word under the mouse.
    const rest = /^\w*/.exec(text.slice(column - index))?.[0].length ?? 0;
    return text.slice(0, column - index + rest);
  }
  return undefined;
}
