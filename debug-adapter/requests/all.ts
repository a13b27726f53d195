// Every request the adapter answers, but for the views of the machine (inspections.ts).

import type { AnyRequest } from '../request.ts';
import { breakpointRequests } from './breakpoints.ts';
import { dataBreakpointRequests } from './data-breakpoints.ts';
import { completionRequests } from './completions.ts';
import { evaluateRequests } from './evaluate.ts';
import { eventRequests } from './events.ts';
import { exceptionRequests } from './exceptions.ts';
import { executionRequests } from './execution.ts';
import { explainRequests } from './explain.ts';
import { guestRequests } from './guest-os.ts';
import { lifecycleRequests } from './lifecycle.ts';
import { memoryRequests } from './memory.ts';
import { sourceRequests } from './sources.ts';
import { stackRequests } from './stack.ts';
import { targetRequests } from './targets.ts';
import { variableRequests } from './variables.ts';
import { xenRequests } from './xen.ts';
import { xenRegisterRequests } from './xen-registers.ts';

export const allRequests: readonly AnyRequest[] = [
  ...lifecycleRequests,
  ...breakpointRequests,
  ...dataBreakpointRequests,
  ...exceptionRequests,
  ...eventRequests,
  ...executionRequests,
  ...targetRequests,
  ...stackRequests,
  ...variableRequests,
  ...evaluateRequests,
  ...completionRequests,
  ...memoryRequests,
  ...sourceRequests,
  ...xenRequests,
  ...explainRequests,
  ...xenRegisterRequests,
  ...guestRequests,
];
