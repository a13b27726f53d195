// What a user wrote into a breakpoint as rules for the machine, at each of its places: names mean something else in
// each function.

import type {
  Capture,
  Captured,
  HitCondition,
  Program,
  StopRules,
  StopScope,
} from '../../emulator/machine/stop-programs.ts';
import type { BreakpointOptions, Place } from '../breakpoints.ts';
import type { Target } from '../target.ts';
import { parseHitCondition } from './hit-condition.ts';

/** A message with values in braces: what the machine captures for it, and how they are written. */
export interface LogMessage {
  readonly captures: readonly Capture[];
  text(values: readonly Captured[]): string;
}

/** Makes programs of C expressions. Throws AdapterErrors that say what is wrong with the text. */
export interface ExpressionCompiler {
  /** `link`: where its names are looked up; undefined for what happens anywhere. */
  condition(text: string, target: Target | undefined, link: bigint | undefined): Promise<Program>;
  message(text: string, target: Target | undefined, link: bigint | undefined): Promise<LogMessage>;
}

/** What the options say of a place, or of an event. */
export async function rulesOf(
  compiler: ExpressionCompiler,
  options: BreakpointOptions,
  scope: StopScope,
  target: Target | undefined,
  link: bigint | undefined,
): Promise<{ readonly rules?: StopRules; readonly message?: LogMessage }> {
  const { condition, hitCondition, logMessage } = options;
  const program = isGiven(condition) ? await compiler.condition(condition, target, link) : undefined;
  const hits: HitCondition | undefined = isGiven(hitCondition) ? parseHitCondition(hitCondition) : undefined;
  const message = isGiven(logMessage) ? await compiler.message(logMessage, target, link) : undefined;
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
export async function ruledPlace(
  compiler: ExpressionCompiler,
  options: BreakpointOptions,
  scope: StopScope,
  place: Place,
): Promise<Place> {
  const { target, address } = place;
  const link = address.kind === 'link' ? address.value : target.map.toLink(address.value);
  return { ...place, ...(await rulesOf(compiler, options, scope, target, link)) };
}

const isGiven = (text: string | undefined): text is string => text !== undefined && text.trim() !== '';
