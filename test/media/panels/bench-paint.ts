// What an update of each panel costs in the browser: Debian's kernel with a busy disk runs a little, stands, and the
// panel is told. Times are from the arrival of an answer to the frame after it was painted, of all answers of the
// updates; `first` is the first paint of the panel, which compiles its code. A frame is 16.7 ms, which is the
// least that a time can be when an answer just misses one.
//
//   node test/media/panels/bench-paint.ts [PANEL…]

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareRun } from '../../../debug-adapter/node/commands/run-configuration.ts';
import { loadEngineModules } from '../../../debug-adapter/node/engine-modules.ts';
import { createInspector, type HeadlessRun, inspections, startHeadless } from '../../../emulator/index.ts';
import { PANELS } from '../../../extension/panels/panels.ts';
import { linuxDomain, PROMPT } from '../../tools/linux-domain.ts';
import { type Answers, closeBrowser, openPanel, type PanelPage } from './harness.ts';

const UPDATES = 40;
/** Between two updates. The disk is written all the time. */
const INSTRUCTIONS = 3_000_000;

const folder = mkdtempSync(join(tmpdir(), 'xenscope-paint-'));
try {
  const guest = await bootedGuest();
  const answers = answersOf(guest);
  console.log('panel             answers    bytes  first ms  median ms    p95 ms    max ms');
  const wanted = process.argv.slice(2);
  for (const { id } of PANELS) {
    if (wanted.length === 0 || wanted.includes(id)) await measure(id, guest, answers);
  }
} finally {
  await closeBrowser();
  rmSync(folder, { recursive: true, force: true });
}

async function bootedGuest(): Promise<HeadlessRun> {
  const file = join(folder, 'launch.json');
  const configuration = await linuxDomain(folder);
  writeFileSync(file, JSON.stringify({ version: '0.2.0', configurations: [configuration] }));
  const { machine } = await prepareRun([`${file}#Debian`], {});
  const guest = startHeadless(loadEngineModules(), machine, {
    script: [{ until: PROMPT }, { until: 'what no guest prints' }],
    output: () => {},
    log: { log: () => {} },
  });
  while (guest.script.waitingFor === PROMPT) run(guest);
  return guest;
}

function run(guest: HeadlessRun): void {
  const end = guest.turn(INSTRUCTIONS);
  if (end) throw new Error(`the guest did not go on: ${JSON.stringify(end)}`);
}

/** The adapter's answers, without names of symbols. */
function answersOf({ loaded }: HeadlessRun): Answers {
  const inspector = createInspector(loaded);
  const views = inspections.map(({ name }) => [
    `xen/${name}`,
    (args: Readonly<Record<string, unknown>>) => inspector.inspect(name, args),
  ]);
  const symbols = ({ addresses }: { addresses: string[] }) => ({ symbols: addresses.map(() => null) });
  return { ...Object.fromEntries(views), 'xen/symbols': symbols };
}

async function measure(id: string, guest: HeadlessRun, answers: Answers): Promise<void> {
  let bytes = 0;
  const counted = Object.entries(answers).map(([request, answer]) => [
    request,
    (args: unknown): unknown => {
      const view = (answer as (args: unknown) => unknown)(args);
      bytes += JSON.stringify(view).length;
      return view;
    },
  ]);
  const panel = await openPanel(id, {
    answers: Object.fromEntries(counted) as Answers,
    session: { domains: [{ domain: 1, name: 'debian', vcpus: 2 }], focus: { domain: 1, vcpu: 0 } },
    width: 1280,
    height: 800,
  });
  await painted(panel);
  const before = (await panel.paintTimes()).length;
  bytes = 0;
  for (let update = 0; update < UPDATES; update++) {
    run(guest);
    await panel.tell({ session: { phase: 'stopped' } });
    await painted(panel);
  }
  const times = await panel.paintTimes();
  const first = Math.max(...times.slice(0, before));
  const later = times.slice(before).sort((a, b) => a - b);
  const at = (part: number): number => later[Math.floor(part * (later.length - 1))] ?? Number.NaN;
  const cells = [first, at(0.5), at(0.95), at(1)].map((time) => time.toFixed(1).padStart(9));
  const perUpdate = Math.round(bytes / UPDATES);
  console.log(
    `${id.padEnd(17)} ${String(later.length).padStart(7)} ${String(perUpdate).padStart(8)} ${cells.join(' ')}`,
  );
  await panel.close();
}

/** Until every question is answered and painted, and two frames brought no other. */
async function painted(panel: PanelPage): Promise<void> {
  const asked = (): number => panel.sent.filter(({ type }) => type === 'query').length;
  for (let quiet = 0; quiet < 2; ) {
    const questions = asked();
    await panel.page.evaluate(
      () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
    );
    const times = await panel.paintTimes();
    quiet = times.length === questions && asked() === questions ? quiet + 1 : 0;
  }
}
