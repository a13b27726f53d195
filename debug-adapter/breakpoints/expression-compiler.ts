// Conditions and log messages as programs of the machine.

import { compileCondition } from '../values/compile.ts';
import { compileLogMessage } from '../values/log-message.ts';
import type { ExpressionCompiler } from './conditions.ts';

export const expressionCompiler: ExpressionCompiler = {
  condition: compileCondition,
  message: compileLogMessage,
};
