// A guest is asked to power off, as `xl shutdown` asks: by a node of xenstore that Debian's kernel watches.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { afterAll, expect } from 'vitest';
import { nodeHost } from '../../debug-adapter/node/node-host.ts';
import type { XenEvents } from '../../debug-adapter/protocol.ts';
import { writeInitramfs } from '../tools/build-initramfs.ts';
import { external, testWith } from '../tools/external.ts';
import { fetchDebian } from '../tools/fetch-debian.ts';
import { TestSession } from './support/drive.ts';

const debian = await external("Debian's arm64 kernel", () => fetchDebian({ log: console.log }));
const folder = mkdtempSync(join(tmpdir(), 'xenscope-shutdown-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The kernel starts it when it is asked; a userland of Debian has it from its init. */
const POWEROFF = '#!/bin/sh\necho o > /proc/sysrq-trigger\n';

testWith([debian], 'Debian’s kernel powers off when debugging is stopped', async ({ vmlinuz, busybox }) => {
  const ramdisk = writeInitramfs(join(folder, 'initramfs.cpio'), {
    busybox,
    files: { '/poweroff.sh': new TextEncoder().encode(POWEROFF) },
  });
  const session = new TestSession(nodeHost(() => {}));
  await session.send('initialize', { adapterID: 'xen' });
  const guest = { name: 'debian', kernel: vmlinuz, ramdisk, cmdline: 'console=hvc0', memory: 256 };
  // However slow this machine is.
  const launch = { domains: [guest], shutdownTimeout: 600 };
  await session.send('launch', launch as Dap.LaunchRequestArguments);
  await session.until('initialized');
  await session.send('configurationDone', {});

  const printed = async (text: string): Promise<void> => {
    let console = '';
    while (!console.includes(text)) {
      const { body } = await session.until('xen/consoleData');
      const data = body as XenEvents['xen/consoleData'];
      if (data.domain === 1) console += data.text;
    }
  };
  await printed('~ # ');
  const install =
    'mkdir /sbin; cp /poweroff.sh /sbin/poweroff; chmod +x /sbin/poweroff; echo "in""stalled"\n';
  await session.send('xen/console', { text: install });
  await printed('installed');
  await session.send('terminate', {});
  await printed('reboot: Power down');
  await session.until('terminated');
  const { domains } = (await session.send('xen/domains', {})).view;
  expect(domains[1]?.stateWords).toBe('shut down: power off');
  await session.raw('disconnect', {});
});
