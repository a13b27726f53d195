// The rings of the bundled guest with a disk, after it wrote and read it and then made a mistake on purpose.

import { createInspector } from '../../../emulator/debug/inspect/inspector.ts';
import { configured, fresh, runUntil, type TestMachine } from '../../emulator/machine/guests.ts';
import type { PanelOptions } from './harness.ts';

export const PROMPT = 'hello> ';

export async function guestWithDisk(): Promise<TestMachine> {
  const domain = { name: 'hello', kernel: 'hello-xen.elf', memory: 16, disk: ['scratch:1M,raw,xvda,w'] };
  const guest = fresh(await configured({ domains: [domain] }));
  runUntil(guest, PROMPT);
  return guest;
}

/** Types a line and runs until the next prompt; returns what the guest printed. */
export function typed(guest: TestMachine, line: string): string {
  guest.console = '';
  guest.loaded.consoleInput(1, new TextEncoder().encode(`${line}\n`));
  runUntil(guest, PROMPT);
  return guest.console.replaceAll('\r', '');
}

export async function ringAnswers(...lines: readonly string[]): Promise<PanelOptions> {
  const guest = await guestWithDisk();
  const inspector = createInspector(guest.loaded);
  for (const line of lines) typed(guest, line);
  const view = (name: string) => (args: Readonly<Record<string, unknown>>) => inspector.inspect(name, args);
  return {
    answers: {
      'xen/rings': view('rings'),
      'xen/ringSlots': view('ringSlots'),
      'xen/ringHistory': view('ringHistory'),
    },
    session: { domains: [{ domain: 1, name: 'hello', vcpus: 1 }], focus: { domain: 1, vcpu: 0 } },
  };
}

export default await ringAnswers('disk', 'trouble notify', 'trouble notify');
