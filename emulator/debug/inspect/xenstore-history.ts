// The last changes of xenstore, newest first: what was written by whom, and when.

import { inspection } from './inspection.ts';
import { textTable } from './text-table.ts';
import { CHANGES_KEPT, type NodeChange } from '../record/xenstore-record.ts';
import { type MomentView, momentView, PAGE_ARGUMENTS, pageOf, textOfBytes } from './xen-words.ts';
import { changeWords, storeOf } from './xenstore.ts';

export interface XenstoreHistoryView {
  /** Changes since the machine was loaded, and those that are remembered. */
  readonly total: number;
  readonly remembered: number;
  /** Those at or below the path that was asked for. */
  readonly matching: number;
  readonly start: number;
  /** Newest first. */
  readonly changes: readonly XenstoreHistoryRow[];
}

export interface XenstoreHistoryRow {
  /** Counts changes from 0. */
  readonly number: number;
  readonly path: string;
  readonly change: NodeChange;
  readonly by: number;
  readonly words: string;
  /** What was written, as text. */
  readonly value?: string;
  readonly binary?: boolean;
  readonly truncated?: number;
  readonly moment: MomentView;
}

const USUAL_ROWS = 200;
const MAX_VALUE = 256;

export const xenstoreHistoryInspection = inspection('xenstoreHistory', {
  doc: 'the last changes of xenstore, newest first',
  needs: 'hypervisor',
  arguments: {
    path: { kind: 'text', doc: 'only at or below this node' },
    ...PAGE_ARGUMENTS,
  },
  inspect(subject, { path = '/', ...page }): XenstoreHistoryView {
    storeOf(subject);
    const { start, count } = pageOf(page, USUAL_ROWS, CHANGES_KEPT);
    const record = subject.record.xenstore;
    const changes: XenstoreHistoryRow[] = [];
    let matching = 0;
    let remembered = 0;
    for (const { number, path: at, change, byDomain, moment, value, more = 0 } of record.newestFirst()) {
      remembered++;
      if (path !== '/' && at !== path && !at.startsWith(`${path}/`)) continue;
      if (matching++ < start || changes.length >= count) continue;
      const text = value && textOfBytes(value, MAX_VALUE);
      changes.push({
        number,
        path: at,
        change,
        by: byDomain,
        words: changeWords(change, byDomain),
        ...(text && { value: text.text, binary: text.binary, truncated: text.more + more }),
        moment: momentView(subject, moment),
      });
    }
    return { total: record.total, remembered, matching, start, changes };
  },
  text: ({ changes, matching, total }) =>
    `${total} changes, ${matching} of the last match\n\n${textTable(
      ['number', 'when', 'path', 'what', 'value'],
      changes.map(({ number, moment, path, words, value }) => [number, moment.ago, path, words, value]),
    )}`,
});
