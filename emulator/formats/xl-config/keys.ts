// The one table of xl.cfg keys: what xl 4.17 reads (tools/xl/xl_parse.c, xl.cfg(5)), what later releases
// added, what each means to an Arm guest, and what a run here makes of it. Reading, diagnostics, completion,
// hover and the reference page derive from it.

import { deviceKeys } from './keys/devices.ts';
import { domainKeys } from './keys/domain.ts';
import { newerKeys } from './keys/newer.ts';
import type { XlKey } from './keys/row.ts';
import { x86Keys } from './keys/x86.ts';

/** By name, in the order of the reference page. */
export const xlKeys: ReadonlyMap<string, XlKey> = new Map(
  [domainKeys, deviceKeys, newerKeys, x86Keys].flatMap((rows) => Object.entries(rows)),
);
