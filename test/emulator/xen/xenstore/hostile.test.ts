// Whatever bytes a guest puts into its ring, the server goes on serving others, and the guest gets
// at nothing that is not its own.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { XS, XS_REQ_PROD_OFFSET, XS_RSP_CONS_OFFSET } from '../../../../emulator/xen/abi/xs-wire.ts';
import { XenstoreClient } from '../../../../emulator/xen/xenstore/client.ts';
import { encode } from '../../../../emulator/xen/xenstore/ring.ts';
import { XenstoreServer } from '../../../../emulator/xen/xenstore/server.ts';
import { bootXen, RAM_GFN } from '../fake-xen.ts';
import { RingGuest } from './ring-guest.ts';

const word = fc.constantFrom(
  'data',
  '/secret',
  '/local/domain/1/data',
  '@releaseDomain',
  '1',
  'T',
  '',
  'n1',
  'b2',
  '..',
  '/',
);
const payload = fc.array(word, { maxLength: 4 }).map((words) => words.map((each) => `${each}\0`).join(''));
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constantFrom(...Object.values(XS)),
      payload,
      tx: fc.integer({ min: 0, max: 3 }),
    }),
  },
  fc.record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }) }),
  fc.record({
    index: fc.constantFrom(XS_REQ_PROD_OFFSET, XS_RSP_CONS_OFFSET),
    by: fc.integer({ min: 1, max: 2000 }),
  }),
);

test('a guest that breaks the protocol hurts only itself', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: 'max' }), (steps) => {
      const xen = bootXen({ domU: {} }, { pages: 64 });
      const server = new XenstoreServer({ domainExists: (domid) => domid < 2 });
      const toolstack = new XenstoreClient(server);
      toolstack.write('/secret', 'unread');
      toolstack.write('/local/domain/1/data', '');
      toolstack.setPermissions('/local/domain/1/data', 'n1');
      const guest = new RingGuest(xen, server, xen.guest('domU'), RAM_GFN + 2);
      for (const next of steps) {
        const bytes =
          'bytes' in next
            ? next.bytes
            : 'type' in next
              ? encode({
                  type: next.type,
                  requestId: 1,
                  transactionId: next.tx,
                  payload: new TextEncoder().encode(next.payload),
                })
              : undefined;
        if (bytes) put(guest, bytes);
        else if ('index' in next) guest.page.write32(next.index, guest.page.read32(next.index) + next.by);
        guest.notify();
      }
      expect(toolstack.read('/secret')).toBe('unread');
      expect(toolstack.getPermissions('/secret')).toBe('n0');
      toolstack.write('/alive', 'yes');
      expect(toolstack.read('/alive')).toBe('yes');
      JSON.stringify(server.save());
    }),
    { numRuns: 200, seed: 417 },
  );
});

/** Without looking whether the server takes anything. */
function put(guest: RingGuest, bytes: Uint8Array): void {
  const producer = guest.page.read32(XS_REQ_PROD_OFFSET);
  for (const [index, byte] of bytes.entries()) guest.page.write8((producer + index) % 1024, byte);
  guest.page.write32(XS_REQ_PROD_OFFSET, producer + bytes.length);
}
