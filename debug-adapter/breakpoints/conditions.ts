// What a user wrote into a breakpoint as rules for the machine, at each of its places: names mean something else in
// each function.

import type { HitCondition, StopRules, StopScope } from '../../emulator/machine/stop-programs.ts';
import type { BreakpointOptions, Place } from './breakpoints.ts';
import type { Target } from '../symbols/target.ts';
import { compileCondition } from '../values/compile.ts';
import { compileLogMessage } from '../values/log-message.ts';
import type { LogMessage } from '../values/log-message.ts';
import { parseHitCondition } from './hit-condition.ts';

/** What the options say of a place, or of an event. */
export async function rulesOf(
  options: BreakpointOptions,
  scope: StopScope,
  target: Target | undefined,
  link: bigint | undefined,
): Promise<{ readonly rules?: StopRules; readonly message?: LogMessage }> {
  const { condition, hitCondition, logMessage } = options;
  const program = isGiven(condition) ? await compileCondition(condition, target, link) : undefined;
  const hits: HitCondition | undefined = isGiven(hitCondition) ? parseHitCondition(hitCondition) : undefined;
  const message = isGiven(logMessage) ? await compileLogMessage(logMessage, target, link) : undefined;
  const isScoped = Object.keys(scope).length > 0;
  if (!program && !hits && !message && !isScoped) return {};
  const rules: StopRules = {
    ...(isScoped && { scope }),
    ...(program && { condition: program }),
    ...(hits && { hits }),
    ...(message && { log: message.captures }),
  };
  return { rules, ...(message && { message }) };
}

/** A place with what the options say of it. */
export async function ruledPlace(options: BreakpointOptions, scope: StopScope, place: Place): Promise<Place> {
  const { target, address } = place;
  const link = address.kind === 'link' ? address.value : target.map.toLink(address.value);
  return { ...place, ...(await rulesOf(options, scope, target, link)) };
}

const isGiven = (text: string | undefined): text is string => text !== undefined && text.trim() !== '';
