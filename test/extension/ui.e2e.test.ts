// The packaged extension, installed in a workbench as a user would, and driven through a browser. Pictures of
// each station are left in dist/screenshots.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect } from 'vitest';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { packageExtension } from '../tools/package.ts';
import { chromiumPath } from './host/browser.ts';
import { installVsCodeHost } from './host/install.ts';
import { Workbench } from './host/workbench.ts';

const SAMPLE = join(import.meta.dirname, '../../media/samples/hello-xen');

const chromium = await external('Chromium', chromiumPath);
const host = await external('VS Code host', () => installVsCodeHost(console.log));
const debian = await external("Debian's arm64 kernel", () => fetchDebian({ log: console.log }));

const work = mkdtempSync(join(tmpdir(), 'xenscope-ui-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

testWith(
  [chromium, host],
  'F5 in the sample workspace stops in C code and shows stack, registers and console',
  () => {
    const folder = join(work, 'hello-xen');
    cpSync(SAMPLE, folder, { recursive: true });
    return inWorkbench('sample', folder, async (workbench) => {
      const line = lineOf(join(folder, 'src/main.c'), 'I am domain');
      await workbench.openFile('main.c', line);
      await workbench.breakpoint();
      await workbench.debug();

      await workbench.stoppedLine();
      expect((await workbench.callStack('kernel_main')).join('\n')).toContain('say_hello');
      expect((await workbench.variables('Registers', 'x0')).join('\n')).toMatch(/x0 = ?\s*0x[0-9a-f]+/);
      await workbench.terminal('A small kernel in C, as a Xen guest on Arm.');
      await workbench.screenshot('sample-breakpoint');

      await workbench.press('F10');
      await workbench.steppedTo(line - 1);
      await workbench.callStack('say_hello');
      await workbench.command('Remove All Breakpoints');
      await workbench.press('F5');
      await workbench.terminal('hello>');
      await workbench.focusTerminal();
      await workbench.type('help');
      await workbench.terminal('hello> help');
      await workbench.screenshot('sample-console');

      await workbench.press('Shift+F5');
      await workbench.terminal('[the machine has ended]');
    });
  },
);

testWith(
  [chromium, host, debian],
  'Debian’s kernel stops at start_kernel and goes on to a shell',
  (_c, _h, files) => {
    console.log(`Debian kernel ${files.kernelVersion}`);
    const folder = join(work, 'debian');
    writeInitramfs(join(folder, 'initramfs.cpio'), { busybox: files.busybox });
    cpSync(files.vmlinuz, join(folder, 'vmlinuz'));
    launchJson(folder, {
      name: 'Debian',
      domains: [
        {
          name: 'debian',
          kernel: '${workspaceFolder}/vmlinuz',
          ramdisk: '${workspaceFolder}/initramfs.cpio',
          cmdline: 'console=hvc0',
        },
      ],
      stopOnEntry: 'start_kernel',
    });
    return inWorkbench('debian', folder, async (workbench) => {
      await workbench.debug();
      await workbench.callStack('start_kernel');
      expect((await workbench.variables('Registers', 'x0')).join('\n')).toMatch(/x4 = ?\s*0x[0-9a-f]+/);
      await workbench.screenshot('debian-start-kernel');

      await workbench.press('F5');
      await workbench.terminal('~ #');
      await workbench.focusTerminal();
      await workbench.type('echo $((6*7))');
      await workbench.terminal('42');
      await workbench.screenshot('debian-shell');
    });
  },
);

testWith([chromium, host], 'F5 in an empty folder debugs the bundled guest', () => {
  const folder = join(work, 'empty');
  mkdirSync(folder);
  writeFileSync(join(folder, 'notes.txt'), '');
  return inWorkbench('empty', folder, async (workbench) => {
    await workbench.debugWith('Xen guest (ARM64)');
    await workbench.callStack('say_hello');
    await workbench.stoppedLine();
    await workbench.screenshot('empty-folder');
  });
});

testWith([chromium, host], 'F5 in a folder with a kernel offers it', () => {
  const folder = join(work, 'kernel');
  mkdirSync(folder);
  cpSync(join(SAMPLE, 'hello-xen.elf'), join(folder, 'mine.elf'));
  return inWorkbench('kernel', folder, async (workbench) => {
    await workbench.debugWith('Xen guest (ARM64)');
    const offered = workbench.page.locator('.quick-input-widget .monaco-list-row', {
      hasText: 'Kernel mine.elf',
    });
    await offered.click();
    await workbench.terminal('hello>');
  });
});

testWith([chromium, host], 'a kernel that is not there is named in a message', () => {
  const folder = join(work, 'wrong');
  launchJson(folder, { name: 'Wrong', domains: [{ name: 'x', kernel: '${workspaceFolder}/Image' }] });
  return inWorkbench('wrong', folder, async (workbench) => {
    await workbench.debug();
    const dialog = workbench.page.locator('.monaco-dialog-box');
    await dialog.waitFor();
    await workbench.screenshot('missing-kernel');
    expect(await dialog.innerText()).toMatch(/wrong\/Image.*no such file/is);
  });
});

async function inWorkbench(
  name: string,
  folder: string,
  story: (workbench: Workbench) => Promise<void>,
): Promise<void> {
  const workbench = await Workbench.open(folder, packageExtension());
  try {
    await story(workbench);
  } catch (error) {
    await workbench.screenshot(`${name}-failed`);
    throw error;
  } finally {
    await workbench.close();
  }
}

function lineOf(path: string, text: string): number {
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.findIndex((line) => line.includes(text)) + 1;
}

function launchJson(folder: string, configuration: Record<string, unknown>): void {
  mkdirSync(join(folder, '.vscode'), { recursive: true });
  const whole = { version: '0.2.0', configurations: [{ type: 'xen', request: 'launch', ...configuration }] };
  writeFileSync(join(folder, '.vscode/launch.json'), JSON.stringify(whole, null, 2));
}
