// What the arguments of the protocol's own requests must be, as far as handlers rely on it: a client may be
// wrong, and a wrong argument is refused by name before a handler sees it.

import type { DapRequests } from './request.ts';

export type Kind = 'number' | 'integer' | 'string' | 'boolean' | 'strings' | 'integers';

/** A kind, the members of an object, or what a list consists of. A name with `?` at its end may be left out. */
export type Shape = Kind | { readonly [member: string]: Shape } | readonly [Shape];

const SOURCE: Shape = { 'path?': 'string', 'sourceReference?': 'integer' };
const FORMAT: Shape = { 'hex?': 'boolean' };
const PAGE: Shape = { 'start?': 'integer', 'count?': 'integer' };
const THREAD = { threadId: 'integer', 'singleThread?': 'boolean' } as const;
const STEP = { ...THREAD, 'granularity?': 'string' } as const;
const RULES = { 'condition?': 'string', 'hitCondition?': 'string', 'mode?': 'string' } as const;

export const argumentShapes: Partial<Record<keyof DapRequests, { readonly [member: string]: Shape }>> = {
  initialize: {
    'pathFormat?': 'string',
    'linesStartAt1?': 'boolean',
    'columnsStartAt1?': 'boolean',
    'clientID?': 'string',
  },
  disconnect: { 'terminateDebuggee?': 'boolean', 'suspendDebuggee?': 'boolean' },
  cancel: { 'requestId?': 'integer', 'progressId?': 'string' },
  setBreakpoints: {
    source: SOURCE,
    'breakpoints?': [{ line: 'integer', 'column?': 'integer', ...RULES, 'logMessage?': 'string' }],
  },
  setFunctionBreakpoints: { breakpoints: [{ name: 'string', ...RULES }] },
  setInstructionBreakpoints: {
    breakpoints: [{ instructionReference: 'string', 'offset?': 'integer', ...RULES }],
  },
  setDataBreakpoints: { breakpoints: [{ dataId: 'string', 'accessType?': 'string', ...RULES }] },
  dataBreakpointInfo: {
    name: 'string',
    'variablesReference?': 'integer',
    'frameId?': 'integer',
    'bytes?': 'integer',
    'asAddress?': 'boolean',
    'mode?': 'string',
  },
  setExceptionBreakpoints: {
    filters: 'strings',
    'filterOptions?': [{ filterId: 'string', 'condition?': 'string', 'mode?': 'string' }],
  },
  breakpointLocations: {
    source: SOURCE,
    line: 'integer',
    'endLine?': 'integer',
    'column?': 'integer',
    'endColumn?': 'integer',
  },
  exceptionInfo: { threadId: 'integer' },
  continue: THREAD,
  pause: { threadId: 'integer' },
  next: STEP,
  stepIn: { ...STEP, 'targetId?': 'integer' },
  stepOut: STEP,
  stepInTargets: { frameId: 'integer' },
  gotoTargets: { source: SOURCE, line: 'integer', 'column?': 'integer' },
  goto: { threadId: 'integer', targetId: 'integer' },
  terminateThreads: { 'threadIds?': 'integers' },
  stackTrace: { threadId: 'integer', 'startFrame?': 'integer', 'levels?': 'integer' },
  scopes: { frameId: 'integer' },
  variables: { variablesReference: 'integer', 'filter?': 'string', ...PAGE, 'format?': FORMAT },
  setVariable: { variablesReference: 'integer', name: 'string', value: 'string', 'format?': FORMAT },
  setExpression: { expression: 'string', value: 'string', 'frameId?': 'integer', 'format?': FORMAT },
  evaluate: { expression: 'string', 'frameId?': 'integer', 'context?': 'string', 'format?': FORMAT },
  completions: { text: 'string', column: 'integer', 'line?': 'integer', 'frameId?': 'integer' },
  locations: { locationReference: 'integer' },
  source: { 'source?': SOURCE, sourceReference: 'integer' },
  modules: { 'startModule?': 'integer', 'moduleCount?': 'integer' },
  readMemory: { memoryReference: 'string', 'offset?': 'integer', count: 'integer' },
  writeMemory: {
    memoryReference: 'string',
    'offset?': 'integer',
    data: 'string',
    'allowPartial?': 'boolean',
  },
  disassemble: {
    memoryReference: 'string',
    'offset?': 'integer',
    'instructionOffset?': 'integer',
    instructionCount: 'integer',
    'resolveSymbols?': 'boolean',
  },
};

/** The first argument that is not as it must be: where, and what is wanted there. */
export function wrongArgument(
  shape: { readonly [member: string]: Shape },
  value: unknown,
): { readonly name: string; readonly wanted: string } | undefined {
  for (const [key, wanted] of Object.entries(shape)) {
    const name = key.replace('?', '');
    const member: unknown = (value as Record<string, unknown>)[name];
    if (key !== name && (member === undefined || member === null)) continue;
    const wrong = wrongValue(wanted, member, name);
    if (wrong) return wrong;
  }
  return undefined;
}

function wrongValue(
  shape: Shape,
  value: unknown,
  name: string,
): { readonly name: string; readonly wanted: string } | undefined {
  if (typeof shape === 'string') return IS[shape](value) ? undefined : { name, wanted: WORDS[shape] };
  if (isList(shape)) {
    if (!Array.isArray(value)) return { name, wanted: 'a list' };
    for (const [index, item] of value.entries()) {
      const wrong = wrongValue(shape[0], item, `${name}[${index}]`);
      if (wrong) return wrong;
    }
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return { name, wanted: 'an object' };
  const wrong = wrongArgument(shape, value);
  return wrong && { name: `${name}.${wrong.name}`, wanted: wrong.wanted };
}

const isList = (shape: Shape): shape is readonly [Shape] => Array.isArray(shape);

const isListOf = (isOne: (value: unknown) => boolean) => (value: unknown) =>
  Array.isArray(value) && value.every(isOne);

const isText = (value: unknown): boolean => typeof value === 'string';

const IS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  number: Number.isFinite,
  integer: Number.isSafeInteger,
  string: isText,
  boolean: (value) => typeof value === 'boolean',
  strings: isListOf(isText),
  integers: isListOf(Number.isSafeInteger),
};

const WORDS: Readonly<Record<Kind, string>> = {
  number: 'a number',
  integer: 'a whole number',
  string: 'a text',
  boolean: 'true or false',
  strings: 'a list of texts',
  integers: 'a list of whole numbers',
};
