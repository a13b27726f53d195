import { expect, test } from 'vitest';
import { b, NOP } from './support/assemble.ts';
import { launch } from './support/drive.ts';

const kernel = ['primary_entry', NOP, 'start_kernel', NOP, b('start_kernel')];

/** Requests that are at various steps of their answer when the machine goes away. */
const asked = [
  ['stackTrace', { threadId: 257 }],
  ['threads', {}],
  ['readMemory', { memoryReference: '0x40001000', count: 64 }],
  ['disassemble', { memoryReference: '0x40001000', instructionCount: 200 }],
  ['evaluate', { expression: 'start_kernel' }],
  ['xen/machine', {}],
] as const;

test('the end of a session is told, whatever request it interrupts', async () => {
  for (const [command, args] of asked) {
    for (let steps = 0; steps < 12; steps++) {
      const session = await launch(kernel, { launch: { stopOnEntry: true } });
      await session.send('configurationDone', {});
      await session.until('stopped');
      const interrupted = session.raw(command, args);
      for (let i = 0; i < steps; i++) await Promise.resolve();
      await session.send('terminate', {});
      await interrupted;
      expect(session.events.map(({ event }) => event)).toContain('terminated');
    }
  }
});
