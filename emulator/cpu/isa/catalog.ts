// Every instruction row, in the order in which the decoder tries rows whose patterns overlap
// only through `accept`.

import type { InstructionRow } from './define.ts';

export const instructions: readonly InstructionRow[] = [];
