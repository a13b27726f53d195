// What panels may cost: each bundle, and the start of the extension.

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { PANELS } from '../../extension/panels/panels.ts';
import { buildPanels } from '../tools/bundle.ts';
import { ROOT } from './imports.ts';

const WEBVIEW_BYTES = 250_000;
const ACTIVATION_BYTES = 150_000;

test('no panel is larger than 250 KB', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'xenscope-panels-'));
  try {
    await buildPanels(folder);
    const sizes = PANELS.map(({ id }) => ({ id, bytes: statSync(join(folder, `${id}.js`)).size }));
    expect(sizes.length).toBeGreaterThan(0);
    expect(sizes.filter(({ bytes }) => bytes > WEBVIEW_BYTES)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('starting the extension loads nothing that only panels need', async () => {
  const { metafile, outputFiles } = await build({
    entryPoints: [join(ROOT, 'extension/main.ts')],
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    minify: true,
    external: ['vscode'],
    metafile: true,
    write: false,
  });
  const inputs = Object.keys(metafile.inputs);
  expect(inputs).toContain('extension/panels/register.ts');
  const early = ['host', 'panel-host', 'page', 'links', 'guest-documents', 'session-model'];
  for (const name of early) expect(inputs).not.toContain(`extension/panels/${name}.ts`);
  expect(inputs.filter((path) => path.startsWith('media/'))).toEqual([]);
  expect(outputFiles[0]?.contents.length).toBeLessThan(ACTIVATION_BYTES);
});
