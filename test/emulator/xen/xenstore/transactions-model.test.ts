// Transactions are serializable: what a committed transaction read and did is what it would have
// read and done if nobody else had been there, at the moment it was committed.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { XenstoreClient } from '../../../../emulator/xen/xenstore/client.ts';
import { Store } from '../../../../emulator/xen/xenstore/store.ts';
import { XenstoreServer } from '../../../../emulator/xen/xenstore/server.ts';
import { XS } from '../../../../emulator/xen/abi/xs-wire.ts';

const NAMES = ['/a', '/b', '/a/x', '/a/y', '/a/x/deep', '/b/z'];

type Operation =
  | { kind: 'write'; path: string; value: string }
  | { kind: 'read' | 'directory' | 'remove' | 'mkdir'; path: string };
type Step =
  | { kind: 'start' | 'commit' | 'abort'; client: number }
  | { kind: 'do'; client: number; operation: Operation };

const path = fc.constantFrom(...NAMES);
const client = fc.integer({ min: 0, max: 2 });
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('write' as const), path, value: fc.constantFrom('1', '2') }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom('read' as const, 'directory' as const, 'remove' as const, 'mkdir' as const),
      path,
    }),
  },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('start' as const, 'commit' as const), client }) },
  fc.record({ kind: fc.constant('abort' as const), client }),
  { weight: 7, arbitrary: fc.record({ kind: fc.constant('do' as const), client, operation }) },
);

test('committed transactions behave as if each had run alone', () => {
  let committed = 0;
  let conflicts = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
      const server = new XenstoreServer({ domainExists: () => true });
      const clients = [0, 1, 2].map(() => new XenstoreClient(server));
      const model = new Model();
      const open = new Map<
        number,
        { id: number; log: { operation: Operation; result: string }[]; touchedSince: boolean }
      >();
      const others = (mine: number) =>
        [...open].filter(([index]) => index !== mine).map(([, transaction]) => transaction);

      for (const next of steps) {
        const own = clients[next.client];
        if (!own) continue;
        const transaction = open.get(next.client);
        if (next.kind === 'start' && !transaction) {
          open.set(next.client, { id: start(server, own), log: [], touchedSince: false });
        } else if (next.kind === 'do') {
          const result = perform(own, next.operation, transaction?.id ?? 0);
          if (transaction) {
            transaction.log.push({ operation: next.operation, result });
          } else {
            expect(result).toBe(model.perform(next.operation));
            for (const other of others(next.client)) other.touchedSince = true;
          }
        } else if (next.kind === 'abort' && transaction) {
          open.delete(next.client);
          expect(end(server, own, transaction.id, 'F')).toBe('OK');
        } else if (next.kind === 'commit' && transaction) {
          open.delete(next.client);
          const result = end(server, own, transaction.id, 'T');
          if (result === 'OK') {
            committed++;
            for (const each of transaction.log) expect(model.perform(each.operation)).toBe(each.result);
            for (const other of others(next.client)) other.touchedSince = true;
          } else {
            conflicts++;
            expect(result).toBe('EAGAIN');
            expect(transaction.touchedSince).toBe(true);
          }
        }
        expect(contents(server.store)).toEqual(model.contents());
      }
    }),
    { numRuns: 300, seed: 417 },
  );
  // The property means something only if both happen.
  expect(committed).toBeGreaterThan(50);
  expect(conflicts).toBeGreaterThan(50);
});

function perform(own: XenstoreClient, what: Operation, transaction: number): string {
  switch (what.kind) {
    case 'write':
      return own.write(what.path, what.value, transaction) ?? 'OK';
    case 'read':
      return own.read(what.path, transaction) ?? 'none';
    case 'directory':
      return own.directory(what.path, transaction)?.toSorted().join() ?? 'none';
    case 'remove':
      return own.remove(what.path, transaction) ?? 'OK';
    case 'mkdir':
      return own.mkdir(what.path, transaction) ?? 'OK';
  }
}

function start(server: XenstoreServer, own: XenstoreClient): number {
  const { reply } = server.execute(own.connection, XS.TRANSACTION_START, 0, Uint8Array.of(0));
  return Number.parseInt(String.fromCharCode(...(reply as Uint8Array)), 10);
}

function end(server: XenstoreServer, own: XenstoreClient, id: number, how: 'T' | 'F'): string {
  const { reply } = server.execute(
    own.connection,
    XS.TRANSACTION_END,
    id,
    Uint8Array.of(how.charCodeAt(0), 0),
  );
  return typeof reply === 'string' ? reply : 'OK';
}

const contents = (store: Store): Record<string, string> =>
  Object.fromEntries(
    [...store.walk()].map(([at, { value }]) => [at, new TextDecoder().decode(value)] as const).sort(),
  );

/** The store as a map of paths, without transactions. */
class Model {
  private readonly nodes = new Map<string, string>([
    ['/', ''],
    ['/tool', ''],
    ['/tool/xenstored', ''],
  ]);

  perform(what: Operation): string {
    const has = this.nodes.has(what.path);
    switch (what.kind) {
      case 'write':
        this.make(what.path);
        this.nodes.set(what.path, what.value);
        return 'OK';
      case 'mkdir':
        this.make(what.path);
        return 'OK';
      case 'read':
        return this.nodes.get(what.path) ?? 'none';
      case 'directory':
        return has ? this.childrenOf(what.path).sort().join() : 'none';
      case 'remove':
        for (const at of [...this.nodes.keys()])
          if (at === what.path || at.startsWith(`${what.path}/`)) this.nodes.delete(at);
        return has || this.nodes.has(parent(what.path)) ? 'OK' : 'ENOENT';
    }
  }

  contents(): Record<string, string> {
    return Object.fromEntries([...this.nodes].sort());
  }

  private make(at: string): void {
    if (this.nodes.has(at)) return;
    this.make(parent(at));
    this.nodes.set(at, '');
  }

  private childrenOf(at: string): string[] {
    return [...this.nodes.keys()]
      .filter((each) => each !== '/' && parent(each) === at)
      .map((each) => each.slice(at.length + 1));
  }
}

const parent = (at: string): string => at.slice(0, Math.max(1, at.lastIndexOf('/')));
