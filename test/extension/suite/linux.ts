import assert from 'node:assert/strict';
import { breakOn, clearBreakpoints, type Driven, start } from './drive.ts';

const kernel = process.env['SUITE_KERNEL'];
const ramdisk = process.env['SUITE_RAMDISK'];

describe('debugging Debian’s unmodified kernel', () => {
  let driven: Driven | undefined;

  afterEach(async () => {
    clearBreakpoints();
    await driven?.end();
    driven = undefined;
  });

  it('stops at start_kernel before its first instruction, steps, and goes on to a shell', async function () {
    this.timeout(300_000);
    if (kernel === undefined || ramdisk === undefined) {
      this.skip();
      return;
    }
    breakOn('start_kernel');
    driven = await start({
      type: 'xen',
      request: 'launch',
      name: 'Debian',
      domains: [{ name: 'debian', kernel, ramdisk, cmdline: 'console=hvc0', memory: 256 }],
    });
    const entry = await driven.stopped();
    assert.equal(entry.frames[0]?.name, 'start_kernel');

    await driven.ask('stepIn', { threadId: entry.threadId, granularity: 'instruction' });
    assert.equal((await driven.stopped()).reason, 'step');

    clearBreakpoints();
    await driven.ask('continue', { threadId: entry.threadId });
    assert.match(await driven.console('~ # '), /Linux version/);
  });
});
