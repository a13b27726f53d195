// Conditions and log messages as programs of the machine.

import * as errors from '../errors.ts';
import type { ExpressionCompiler } from './conditions.ts';

export const expressionCompiler: ExpressionCompiler = {
  condition: (text) => Promise.reject(errors.notAnExpression(text, 0, 'no condition')),
  message: (text) => Promise.reject(errors.notAnExpression(text, 0, 'no message')),
};
