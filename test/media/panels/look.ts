// To look at a panel while writing it: shows it with the canned answers of `<panel>.answers.ts` beside this
// file and leaves pictures in dist/screenshots/panels.
//
//   node test/media/panels/look.ts xenstore [--theme light] [--width 600] [--height 400]

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { type PanelOptions, closeBrowser, openPanel } from './harness.ts';
import { THEME_NAMES, type ThemeName } from './themes.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { theme: { type: 'string' }, width: { type: 'string' }, height: { type: 'string' } },
});
const [id] = positionals;
if (id === undefined) throw new Error('which panel?');

const answersFile = join(import.meta.dirname, `${id}.answers.ts`);
const canned = existsSync(answersFile)
  ? ((await import(pathToFileURL(answersFile).href)) as { default: PanelOptions }).default
  : {};
const themes = values.theme === undefined ? THEME_NAMES : [values.theme as ThemeName];
try {
  for (const theme of themes) {
    const panel = await openPanel(id, {
      ...canned,
      theme,
      ...(values.width !== undefined && { width: Number(values.width) }),
      ...(values.height !== undefined && { height: Number(values.height) }),
    });
    await panel.page.waitForTimeout(300);
    console.log(await panel.screenshot());
    for (const problem of await panel.problems()) console.error(`${theme}: ${problem}`);
    console.log(`painted after ${(await panel.paintTimes()).map((time) => time.toFixed(1)).join(', ')} ms`);
    await panel.close();
  }
} finally {
  await closeBrowser();
}
