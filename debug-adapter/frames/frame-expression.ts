// Expressions of call frame information. They belong to no unit, so operations that refer to one have no
// meaning there (DWARF 5, section 6.4.2).

import { evaluateValue } from '../../emulator/formats/dwarf/expression.ts';
import { NotAvailable } from '../../emulator/formats/dwarf/typed-values.ts';
import type { Frame, ReadGuest } from './stack.ts';

const NO_UNIT = -1;

/** `initial` lies on the stack first. Undefined where a register or memory is not there. */
export function frameExpression(
  bytes: Uint8Array,
  frame: Pick<Frame, 'register'>,
  initial: bigint | undefined,
  memory: ReadGuest,
): Promise<bigint | undefined> {
  const context = {
    register: async (n: number) => frame.register(n),
    memory,
    cfa: nothing,
    frameBase: nothing,
    entryValue: nothing,
    indexedAddress: refused,
    type: refused,
    toRuntime: (link: bigint) => link,
  };
  return evaluateValue({ bytes, version: 5, unit: NO_UNIT }, context, initial === undefined ? [] : [initial]);
}

const nothing = async (): Promise<undefined> => undefined;

const refused = (): Promise<never> =>
  Promise.reject(new NotAvailable('call frame information refers to a unit'));
