// What the arguments of the protocol's own requests must be, as far as handlers rely on it: a client may be
// wrong, and a wrong argument is refused by name before a handler sees it.

import type { DapRequests } from './request.ts';

export type Kind = 'number' | 'string' | 'boolean' | 'strings' | 'numbers';

/** A kind, the members of an object, or what a list consists of. A name with `?` at its end may be left out. */
export type Shape = Kind | { readonly [member: string]: Shape } | readonly [Shape];

const SOURCE: Shape = { 'path?': 'string', 'sourceReference?': 'number' };
const FORMAT: Shape = { 'hex?': 'boolean' };
const PAGE: Shape = { 'start?': 'number', 'count?': 'number' };
const THREAD = { threadId: 'number', 'singleThread?': 'boolean' } as const;
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
  cancel: { 'requestId?': 'number', 'progressId?': 'string' },
  setBreakpoints: {
    source: SOURCE,
    'breakpoints?': [{ line: 'number', 'column?': 'number', ...RULES, 'logMessage?': 'string' }],
  },
  setFunctionBreakpoints: { breakpoints: [{ name: 'string', ...RULES }] },
  setInstructionBreakpoints: {
    breakpoints: [{ instructionReference: 'string', 'offset?': 'number', ...RULES }],
  },
  setDataBreakpoints: { breakpoints: [{ dataId: 'string', 'accessType?': 'string', ...RULES }] },
  dataBreakpointInfo: {
    name: 'string',
    'variablesReference?': 'number',
    'frameId?': 'number',
    'bytes?': 'number',
    'asAddress?': 'boolean',
    'mode?': 'string',
  },
  setExceptionBreakpoints: {
    filters: 'strings',
    'filterOptions?': [{ filterId: 'string', 'condition?': 'string', 'mode?': 'string' }],
  },
  breakpointLocations: {
    source: SOURCE,
    line: 'number',
    'endLine?': 'number',
    'column?': 'number',
    'endColumn?': 'number',
  },
  exceptionInfo: { threadId: 'number' },
  continue: THREAD,
  pause: { threadId: 'number' },
  next: STEP,
  stepIn: { ...STEP, 'targetId?': 'number' },
  stepOut: STEP,
  stepInTargets: { frameId: 'number' },
  gotoTargets: { source: SOURCE, line: 'number', 'column?': 'number' },
  goto: { threadId: 'number', targetId: 'number' },
  terminateThreads: { 'threadIds?': 'numbers' },
  stackTrace: { threadId: 'number', 'startFrame?': 'number', 'levels?': 'number' },
  scopes: { frameId: 'number' },
  variables: { variablesReference: 'number', 'filter?': 'string', ...PAGE, 'format?': FORMAT },
  setVariable: { variablesReference: 'number', name: 'string', value: 'string', 'format?': FORMAT },
  setExpression: { expression: 'string', value: 'string', 'frameId?': 'number', 'format?': FORMAT },
  evaluate: { expression: 'string', 'frameId?': 'number', 'context?': 'string', 'format?': FORMAT },
  completions: { text: 'string', column: 'number', 'line?': 'number', 'frameId?': 'number' },
  locations: { locationReference: 'number' },
  source: { 'source?': SOURCE, sourceReference: 'number' },
  modules: { 'startModule?': 'number', 'moduleCount?': 'number' },
  readMemory: { memoryReference: 'string', 'offset?': 'number', count: 'number' },
  writeMemory: { memoryReference: 'string', 'offset?': 'number', data: 'string', 'allowPartial?': 'boolean' },
  disassemble: {
    memoryReference: 'string',
    'offset?': 'number',
    'instructionOffset?': 'number',
    instructionCount: 'number',
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

const isListOf = (type: 'string' | 'number') => (value: unknown) =>
  Array.isArray(value) && value.every((item) => typeof item === type);

const IS: Readonly<Record<Kind, (value: unknown) => boolean>> = {
  number: Number.isFinite,
  string: (value) => typeof value === 'string',
  boolean: (value) => typeof value === 'boolean',
  strings: isListOf('string'),
  numbers: isListOf('number'),
};

const WORDS: Readonly<Record<Kind, string>> = {
  number: 'a number',
  string: 'a text',
  boolean: 'true or false',
  strings: 'a list of texts',
  numbers: 'a list of numbers',
};
