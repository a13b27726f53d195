// What panels are answered about a guest that does its worst, and what no inspection of ours would answer.

import { createInspector } from '../../../emulator/index.ts';
import { DEEDS, MARKUP, translation } from '../../emulator/debug/inspect/hostile/deeds.ts';
import { HostileGuest } from '../../emulator/debug/inspect/hostile/hostile-guest.ts';
import type { PanelRow } from '../../../extension/panels/panels.ts';
import type { Answers } from './harness.ts';

type Arguments = Readonly<Record<string, unknown>>;

/** After every deed, so that each panel has something of all of them. */
export function hostileAnswers(seed: number, deeds = Object.keys(DEEDS)): Answers {
  const guest = new HostileGuest(seed);
  for (const deed of deeds) DEEDS[deed]?.(guest);
  MARKUP.forEach((value, index) =>
    guest.loaded.act({ kind: 'write-xenstore', path: `/local/domain/1/data/markup-${index}`, value }),
  );
  translation(guest);
  return answersOf(guest);
}

function answersOf({ inspector }: { inspector: ReturnType<typeof createInspector> }): Answers {
  const answers: Record<string, unknown> = {
    'xen/symbols': ({ addresses }: { addresses: readonly string[] }) => ({
      symbols: addresses.map((_, index) => ({ name: MARKUP[index % MARKUP.length], path: '/<b>', line: 1 })),
    }),
    'xen/resolve': { memoryReference: 'd1/va@v0:0x40080000', address: '0x40080000' },
    'xen/snapshot': { text: '' },
  };
  return new Proxy(answers, {
    get: (own, request: string) =>
      own[request] ?? ((args: Arguments) => inspector.inspect(request.replace(/^xen\//, ''), args)),
  });
}

/** The same answer of every kind of nonsense, by request. */
export const always = ({ requests }: PanelRow, view: unknown): Answers =>
  Object.fromEntries(requests.map((request) => [request, () => view]));

const NONSENSE: readonly unknown[] = [null, 'text', 42, {}, [], [null], [{}], true];

const OTHER_TYPES: readonly unknown[] = [null, 'text', [null], {}];

export interface Malformed {
  readonly what: string;
  readonly answers: Answers;
}

/** One request answered with nonsense; or with one member of its view gone, or of another type. */
export function* malformed(
  row: PanelRow,
  good: Answers,
  seen: ReadonlyMap<string, Arguments>,
): Iterable<Malformed> {
  for (const view of NONSENSE)
    yield { what: `everything is ${JSON.stringify(view)}`, answers: always(row, view) };
  for (const [request, args] of seen) {
    const answer = good[request];
    const view: unknown = typeof answer === 'function' ? answer(args) : answer;
    if (typeof view !== 'object' || view === null) continue;
    for (const key of Object.keys(view)) {
      const { [key]: _, ...rest } = view as Record<string, unknown>;
      yield { what: `${request} without '${key}'`, answers: { ...fixed(row, good), [request]: () => rest } };
      for (const value of OTHER_TYPES) {
        const answers = { ...fixed(row, good), [request]: () => ({ ...view, [key]: value }) };
        yield { what: `${request} with ${key} ${JSON.stringify(value)}`, answers };
      }
    }
  }
}

const fixed = ({ requests }: PanelRow, good: Answers): Answers =>
  Object.fromEntries(requests.map((request) => [request, good[request]]));

/** Lists that a guest makes as long as it likes, as far as the inspections let it; others have their bounds. */
const LONG_LISTS = [
  'nodes',
  'changes',
  'clients',
  'ports',
  'links',
  'findings',
  'grants',
  'mapped',
  'interrupts',
  'pending',
  'ranges',
  'messages',
  'rings',
];

export function inflated(view: unknown, count: number): unknown {
  if (typeof view !== 'object' || view === null || Array.isArray(view)) return view;
  return Object.fromEntries(
    Object.entries(view).map(([key, value]) => [
      key,
      Array.isArray(value) && value.length > 0 && LONG_LISTS.includes(key)
        ? Array.from({ length: count }, (_, index) =>
            copied(value[index % value.length], index, value.length),
          )
        : value,
    ]),
  );
}

/** Another row, with a number or path of its own. */
function copied(row: unknown, index: number, length: number): unknown {
  if (index < length || typeof row !== 'object' || row === null) return row;
  const own = Object.entries(row).map(([key, value]): [string, unknown] => {
    if (['port', 'reference', 'intid', 'number', 'slot', 'generation'].includes(key)) return [key, index];
    if (['path', 'name', 'id'].includes(key)) return [key, `${String(value)}${index}`];
    return [key, value];
  });
  return Object.fromEntries(own);
}
