// What a refresh of each view costs in the machine, on a guest that was booted to a text on its console:
//
//   node debug-adapter/node/bench/inspect.ts CONFIG UNTIL [VIEW KEY=VALUE…]
//
// Times are processor time of the thread, the first call apart, which compiles. `share` is a view's part of the
// time that a frame of 16 ms leaves.

import { UserError } from '../../../emulator/base/errors.ts';
import { createInspector, inspections, startHeadless } from '../../../emulator/index.ts';
import { prepareRun } from '../commands/run-configuration.ts';
import { loadEngineModules } from '../engine-modules.ts';

const CALLS = 40;
const FRAME = 16;

const [config, until, onlyView, ...pairs] = process.argv.slice(2);
if (config === undefined || until === undefined) {
  console.error('usage: node debug-adapter/node/bench/inspect.ts CONFIG UNTIL [VIEW KEY=VALUE…]');
  process.exit(2);
}
const args = Object.fromEntries(pairs.map((pair) => pair.split('=', 2) as [string, string]));

const { machine } = await prepareRun([config], {});
const guest = startHeadless(loadEngineModules(), machine, {
  script: [{ until }],
  output: () => {},
  log: { log: () => {} },
});
const inspector = createInspector(guest.loaded);
let end = guest.turn(1e7);
while (!end) end = guest.turn(1e7);
if (end.kind !== 'met') throw new Error(`the guest did not print '${until}': ${JSON.stringify(end)}`);

console.log('view               first ms  median ms    max ms   bytes  share');
for (const { name } of inspections) {
  if (onlyView === undefined || onlyView === name) measure(name);
}

function measure(name: string): void {
  let bytes = 0;
  const call = (): number => {
    const before = process.cpuUsage();
    const view = inspector.inspect(name, onlyView === undefined ? {} : args);
    const { user, system } = process.cpuUsage(before);
    bytes = JSON.stringify(view).length;
    return (user + system) / 1000;
  };
  try {
    const first = call();
    const times = Array.from({ length: CALLS }, call).sort((a, b) => a - b);
    const median = times[CALLS >> 1] as number;
    const share = `${((100 * median) / FRAME).toFixed(0)} %`;
    const cells = [first, median, times.at(-1) as number].map((time) => time.toFixed(2).padStart(9));
    console.log(`${name.padEnd(17)} ${cells.join(' ')} ${String(bytes).padStart(9)} ${share.padStart(6)}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.log(`${name.padEnd(17)} ${error.message}`);
  }
}
