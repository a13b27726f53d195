// What passed through PV rings: the last thousand messages of one, of a domain's, or of all.

import type { RingRecord } from '../record/ring-record.ts';
import { decodeFramed, decodeSlot, decodeText, type FieldView } from '../rings/decode.ts';
import { LONGEST_HISTORY } from '../rings/message-log.ts';
import type { RingProtocol, Side } from '../rings/protocol.ts';
import type { RecordedMessage } from '../rings/recorded.ts';
import { inspection } from './inspection.ts';
import { textTable } from './text-table.ts';

export interface RingHistoryView {
  /** Oldest first. */
  readonly messages: readonly HistoryMessageView[];
  /** Messages that were seen, and are not in the list any more. */
  readonly forgotten: number;
  /** Messages that were overwritten before they could be seen. */
  readonly lost: number;
  /** In words, when something is missing. */
  readonly note?: string;
  /** From requests to their responses, of the messages shown; absent when there are none. */
  readonly latencies?: LatenciesView;
}

/** Virtual nanoseconds. */
export interface LatenciesView {
  readonly count: number;
  readonly shortest: number;
  readonly median: number;
  readonly longest: number;
  /** How many are below a bound, and not below the one before. */
  readonly buckets: readonly { readonly below: number; readonly count: number }[];
}

export interface HistoryMessageView {
  /** Of the frontend. */
  readonly domain: number;
  readonly ring: string;
  /** Counts the messages of the ring from 1 on. */
  readonly number: number;
  /** When it could be seen first: executed by all CPUs, and virtual nanoseconds. */
  readonly instructions: number;
  readonly nanoseconds: number;
  readonly from: Side;
  readonly kind: 'request' | 'response' | 'event' | 'text';
  /** In a few words: `read sectors 0..7`. */
  readonly summary: string;
  readonly fields: readonly FieldView[];
  /** Of the request that it answers, or of the response that answers it. */
  readonly counterpart?: number;
  /** From request to response. */
  readonly latency?: { readonly instructions: number; readonly nanoseconds: number };
}

export const ringHistoryInspection = inspection('ringHistory', {
  doc: 'the last messages of PV rings, decoded, with the time from each request to its response',
  arguments: {
    domain: { kind: 'number', doc: 'id of the domain with the frontends; all domains when left out' },
    ring: { kind: 'text', doc: "its name, as 'rings' shows it; all rings when left out" },
    last: { kind: 'number', doc: `how many messages; ${LONGEST_HISTORY} when left out, which is the most` },
  },
  needs: 'hypervisor',
  inspect: ({ record }, args): RingHistoryView => ringHistoryView(record.rings, args),
  text: ({ messages, note }) =>
    textTable(
      ['nanoseconds', 'domain', 'ring', 'number', 'from', 'kind', 'message', 'latency'],
      messages.map((message) => [
        message.nanoseconds,
        message.domain,
        message.ring,
        message.number,
        message.from,
        message.kind,
        message.summary,
        message.latency?.nanoseconds,
      ]),
    ) + (note === undefined ? '' : `${note}\n`),
});

export function ringHistoryView(
  record: Pick<RingRecord, 'histories'>,
  { domain, ring, last }: { readonly domain?: number; readonly ring?: string; readonly last?: number },
): RingHistoryView {
  const most =
    last !== undefined && last >= 1 ? Math.min(Math.floor(last), LONGEST_HISTORY) : LONGEST_HISTORY;
  const chosen = record
    .histories()
    .filter(
      (history) =>
        (domain === undefined || history.domain === domain) && (ring === undefined || history.name === ring),
    );
  const found = chosen.flatMap((history) =>
    history.log.last(most).map((message, index, all) => ({ history, message, index, all })),
  );
  // Of one moment, a ring's messages keep their order.
  found.sort((a, b) => a.message.seen.instructions - b.message.seen.instructions);
  const shown = found.slice(-most);
  const lost = chosen.reduce((sum, { log }) => sum + log.lost, 0);
  const forgotten = chosen.reduce((sum, { log }) => sum + log.total, 0) - shown.length;
  const notes = [
    ...(lost > 0
      ? [`${lost} message${lost === 1 ? ' was' : 's were'} not seen: overwritten before an event came`]
      : []),
    ...(forgotten > 0 ? [`${forgotten} older message${forgotten === 1 ? ' is' : 's are'} not shown`] : []),
  ];
  return {
    messages: shown.map(({ history, message, index, all }) => ({
      domain: history.domain,
      ring: history.name,
      number: message.number,
      instructions: message.seen.instructions,
      nanoseconds: message.seen.nanoseconds,
      from: message.from,
      ...decoded(history.protocol, message, previousOf(all, index)),
      ...(message.counterpart !== undefined && { counterpart: message.counterpart }),
      ...(message.latency && { latency: { ...message.latency } }),
    })),
    forgotten,
    lost,
    ...latenciesOf(shown.map(({ message }) => message)),
    ...(notes.length > 0 && { note: notes.join('; ') }),
  };
}

const DECADES = [1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];

function latenciesOf(messages: readonly RecordedMessage[]): { latencies?: LatenciesView } {
  const times = messages
    .flatMap(({ from, latency }) => (from === 'backend' && latency ? [latency.nanoseconds] : []))
    .sort((a, b) => a - b);
  const [shortest] = times;
  const longest = times.at(-1);
  if (shortest === undefined || longest === undefined) return {};
  const bounds = [...DECADES, Number.MAX_SAFE_INTEGER];
  const buckets = bounds.map((below, index) => ({
    below,
    count: times.filter((time) => time < below && time >= (bounds[index - 1] ?? 0)).length,
  }));
  const median = times[Math.floor(times.length / 2)] ?? shortest;
  return { latencies: { count: times.length, shortest, median, longest, buckets } };
}

/** The message in the slot before, of the same direction. */
function previousOf(all: readonly RecordedMessage[], at: number): RecordedMessage | undefined {
  const { from, index } = all[at] ?? {};
  for (let before = at - 1; before >= 0 && index !== undefined; before--) {
    const candidate = all[before];
    if (candidate?.from === from) return candidate?.index === (index - 1) >>> 0 ? candidate : undefined;
  }
  return undefined;
}

function decoded(
  protocol: RingProtocol,
  { from, bytes }: RecordedMessage,
  previous: RecordedMessage | undefined,
): Pick<HistoryMessageView, 'kind' | 'summary' | 'fields'> {
  if (protocol.shape === 'slots') {
    const isRequest = from === 'frontend';
    const { summary, fields } = decodeSlot(
      isRequest ? protocol.request : protocol.response,
      bytes,
      previous?.bytes,
    );
    return { kind: isRequest ? 'request' : 'response', summary, fields };
  }
  const framing = protocol.streams.find((stream) => stream.from === from)?.framing;
  if (framing?.kind !== 'header') {
    const { summary, fields } = decodeText(bytes);
    return { kind: 'text', summary, fields };
  }
  const { summary, fields } = decodeFramed(framing, bytes);
  const isEvent =
    framing.isUnsolicited?.(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)) ?? false;
  return { kind: isEvent ? 'event' : from === 'frontend' ? 'request' : 'response', summary, fields };
}
