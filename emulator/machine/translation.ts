// Whether a machine translates hot code, and what counts as hot.

import type { TranslateOptions } from '../engine/engine.ts';
import type { MachineConfig } from './messages.ts';

/**
 * Instructions. To translate a place costs about as much as to interpret so many: what is worth it then has cost at
 * most twice what it would have cost for somebody who had known. Found by boots of Linux; see `xenscope bench`.
 */
const THRESHOLD = 3_000_000;

export const translateOptions = (config: MachineConfig['translate']): TranslateOptions | undefined =>
  config === false ? undefined : { threshold: THRESHOLD, ...config };
