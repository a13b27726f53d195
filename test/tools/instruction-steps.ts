// Steps the bundled guest by instruction, again and again, while a second domain with the same kernel runs beside it: at
// its idle loop with the timer's interrupts, at hypercalls, in a program at EL0 and its system calls. No step may show
// another vCPU, another domain, or a vector that the step was not asked to enter.
//
//   node test/tools/instruction-steps.ts [--steps N]

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { stepThrough } from '../debug-adapter/support/instruction-steps.ts';
import { guestFolder } from './build-guest.ts';

const { values } = parseArgs({ options: { steps: { type: 'string', default: '10000' } } });
const counts = await stepThrough(join(guestFolder, 'hello-xen.elf'), Number(values.steps));
for (const [what, count] of Object.entries(counts)) console.log(`${String(count).padStart(7)} ${what}`);
