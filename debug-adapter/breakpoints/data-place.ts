// Where the data of an expression lies, or why that is nowhere.

import * as errors from '../errors.ts';
import type { MemoryReference } from '../memory-reference.ts';
import { evaluateAddress } from '../requests/evaluate.ts';
import type { XenSession } from '../session.ts';

export interface Located {
  readonly reference: MemoryReference;
  /** Bytes. */
  readonly size: number;
  readonly name: string;
  /** It is there as long as the program is. */
  readonly lasts: boolean;
}

type Answer = Located | { readonly reason: string };

/** A child of something that is shown. */
export async function dataOfChild(session: XenSession, container: number, name: string): Promise<Answer> {
  const handle = session.handles.get(container);
  if (handle.kind === 'registers') return { reason: errors.breakpointMessages.registerWatch };
  return dataOfExpression(session, name, undefined);
}

export async function dataOfExpression(
  session: XenSession,
  text: string,
  _frameId: number | undefined,
): Promise<Answer> {
  if (/^\s*(?:\$|d\d+\/sysreg:|host\/sysreg:)/.test(text)) {
    return { reason: errors.breakpointMessages.registerWatch };
  }
  const reference = await evaluateAddress(session, text, session.focus);
  return { reference, size: 8, name: text, lasts: true };
}
