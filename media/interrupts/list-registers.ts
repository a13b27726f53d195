// The list registers of a vCPU: what the hypervisor has handed to the virtual CPU interface.

import { type Column, css, html, nothing, t } from '../panel/panel.ts';
import { yes } from './texts.ts';
import type { Gic, ListRegister } from './views.ts';

const LIST_REGISTERS: readonly Column<ListRegister>[] = [
  { key: 'index', title: t('LR'), text: ({ index }) => String(index), align: 'end' },
  { key: 'raw', title: t('Value'), text: ({ raw }) => raw, mono: true },
  { key: 'state', title: t('State'), text: ({ state }) => state },
  { key: 'intid', title: t('INTID'), text: ({ intid }) => String(intid), align: 'end', mono: true },
  { key: 'name', title: t('Name'), text: ({ name = '' }) => name, grow: true },
  { key: 'priority', title: t('Priority'), text: ({ priority }) => priority, mono: true },
  { key: 'group', title: t('Group'), text: ({ group }) => String(group), align: 'end' },
  { key: 'hardware', title: t('HW'), text: ({ hardware }) => yes(hardware), width: 4 },
  {
    key: 'physical',
    title: t('Physical'),
    text: ({ physicalIntid }) => (physicalIntid === undefined ? '' : String(physicalIntid)),
    align: 'end',
  },
  { key: 'eoi', title: t('EOI maintenance'), text: ({ eoiMaintenance }) => yes(eoiMaintenance) },
];

export function listRegisters(view: Gic, previous: Gic | undefined): unknown {
  if (!view.listRegisters) return nothing;
  return html`<section>
    <h2>${t('List registers')}</h2>
    <xs-table
      class="list-registers"
      label=${t('List registers')}
      .rows=${view.listRegisters}
      .columns=${LIST_REGISTERS}
      .rowKey=${indexOf}
      .previous=${previous?.listRegisters}
      .rowClass=${({ state }: ListRegister) => (state === 'invalid' ? 'quiet' : undefined)}
    ></xs-table>
  </section>`;
}

const indexOf = ({ index }: ListRegister): string => String(index);

export const listRegisterStyles = css`
  .list-registers {
    height: 126px;
  }
`;
