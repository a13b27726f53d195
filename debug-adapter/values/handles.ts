// What stands behind the references of variables: the groups of a frame, and values that can be expanded.

import type { ContextScope } from './context-scopes.ts';
import type { Format } from './format.ts';
import type { FrameOfVcpu } from './scope.ts';
import type { Value } from './value.ts';

export type VariableScope = 'arguments' | 'locals' | 'return' | 'statics';

export type ValueHandle =
  | { readonly kind: 'variables'; readonly at: FrameOfVcpu; readonly group: VariableScope }
  | { readonly kind: 'context'; readonly at: FrameOfVcpu; readonly group: ContextScope }
  | {
      readonly kind: 'value';
      readonly at: FrameOfVcpu;
      readonly value: Value;
      /** What the user would type for it; undefined where nothing leads there. */
      readonly expression: string | undefined;
      readonly format: Format;
    }
  /** A line for `locations`. */
  | { readonly kind: 'line'; readonly path: string; readonly line: number }
  | { readonly kind: 'code'; readonly domain: number; readonly address: bigint };
