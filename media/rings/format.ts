// Times and names as the panel writes them, and histories as files.

import type { HistoryMessage } from './views.ts';

/** Virtual nanoseconds, with three digits or so. */
export function timeText(nanoseconds: number | undefined): string {
  if (nanoseconds === undefined) return '';
  const units = [
    { size: 1e9, name: 's' },
    { size: 1e6, name: 'ms' },
    { size: 1e3, name: 'µs' },
  ];
  const unit = units.find(({ size }) => Math.abs(nanoseconds) >= size);
  return unit ? `${Number((nanoseconds / unit.size).toPrecision(4))} ${unit.name}` : `${nanoseconds} ns`;
}

/** A moment, such that moments can be compared digit by digit. */
export const momentText = (nanoseconds: number): string => `${(nanoseconds / 1e9).toFixed(9)} s`;

const HEADLINE = [
  'domain',
  'ring',
  'number',
  'instructions',
  'nanoseconds',
  'from',
  'kind',
  'summary',
  'latency nanoseconds',
  'answers',
  'fields',
];

const cellsOf = (message: HistoryMessage): string[] => [
  String(message.domain),
  message.ring,
  String(message.number),
  String(message.instructions),
  String(message.nanoseconds),
  message.from,
  message.kind,
  message.summary,
  message.latency ? String(message.latency.nanoseconds) : '',
  message.counterpart === undefined ? '' : String(message.counterpart),
  message.fields
    .map(({ name, value, words }) => `${name}=${value}${words === undefined ? '' : ` (${words})`}`)
    .join('; '),
];

/** RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe. */
export function asCsv(messages: readonly HistoryMessage[]): string {
  const cell = (text: string): string => {
    const harmless = /^[=+@\t\r-]/.test(text) && !/^-?\d+$/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
  };
  return [HEADLINE, ...messages.map(cellsOf)].map((cells) => `${cells.map(cell).join(',')}\r\n`).join('');
}

export function asText(messages: readonly HistoryMessage[]): string {
  return messages
    .map((message) => {
      const latency = message.latency ? ` (${timeText(message.latency.nanoseconds)})` : '';
      const fields = message.fields.map(
        ({ name, value, words }) =>
          `    ${name}: ${plainText(value)}${words === undefined ? '' : ` (${plainText(words)})`}\n`,
      );
      const place = `${momentText(message.nanoseconds)} d${message.domain} ${plainText(message.ring)} #${message.number}`;
      return `${place} ${message.from} ${message.kind}: ${plainText(message.summary)}${latency}\n${fields.join('')}`;
    })
    .join('');
}

/** Control characters of a guest as `\x1b`: the file may be shown by a terminal. */
const plainText = (text: string): string =>
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  text.replaceAll(/[\x00-\x1f\x7f-\x9f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
