// The view of the inspection `gic` for terminals.

import { textTable } from '../text-table.ts';
import type { GicView, InterruptRow, PendingInterrupt } from './gic-view.ts';

export function gicText(view: GicView): string {
  const {
    title,
    summary,
    state,
    el,
    pc,
    pending,
    virtualPending = [],
    interrupts,
    leftOut,
    listRegisters,
  } = view;
  return [
    `${title}: ${state}, EL${el}, PC ${pc}\n${summary}\n`,
    pendingText('Pending', pending),
    pendingText('Pending in list registers', virtualPending),
    textTable(
      [
        'INTID',
        'type',
        'name',
        'enabled',
        'state',
        'source',
        'priority',
        'group',
        'trigger',
        'target',
        'LR',
        'count',
        'merged',
      ],
      interrupts.map(interruptCells),
    ) + (leftOut > 0 ? `${leftOut} more that nobody uses (all=true shows them)\n` : ''),
    listRegisters === undefined
      ? ''
      : textTable(
          ['LR', 'raw', 'INTID', 'name', 'state', 'priority', 'group', 'HW', 'physical', 'EOI maintenance'],
          listRegisters.map((row) => [
            row.index,
            row.raw,
            row.intid,
            row.name,
            row.state,
            row.priority,
            row.group,
            row.hardware ? 'yes' : 'no',
            row.physicalIntid,
            row.eoiMaintenance ? 'yes' : 'no',
          ]),
        ),
    textTable(
      ['register', 'value', 'meaning'],
      view.registers.map(({ name, value, meaning }) => [name, value, meaning]),
    ),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

function pendingText(headline: string, pending: readonly PendingInterrupt[]): string {
  if (pending.length === 0) return '';
  return `${headline}:\n${textTable(
    ['INTID', 'name', 'for', 'why it is not taken'],
    pending.map(({ intid, name, vcpu, why }) => [intid, name, vcpu, why]),
  )}`;
}

const interruptCells = (row: InterruptRow) => [
  row.intid,
  row.type,
  row.name,
  row.enabled ? 'yes' : 'no',
  row.state,
  row.pendingSource,
  row.priority,
  row.group,
  row.trigger,
  row.route === undefined ? row.target : `${row.target} (${row.route})`,
  row.waiting === true ? 'waits' : row.listRegister,
  row.count,
  row.merged,
];
