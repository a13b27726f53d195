// The list of rings: how each stands, and who waits for whom.

import { type Column, html, t, type TemplateResult } from '../panel/panel.ts';
import { endName } from './ends.ts';
import type { Ring } from './views.ts';

type HealthKind = Ring['health']['kind'];
const CHIPS: Readonly<Record<HealthKind, 'idle' | 'active' | 'error' | 'warning' | 'info'>> = {
  idle: 'idle',
  busy: 'active',
  stuck: 'error',
  suspicious: 'warning',
  'not connected': 'info',
  impossible: 'error',
  unreadable: 'warning',
};

const URGENT: readonly HealthKind[] = ['stuck', 'impossible', 'suspicious'];

const healthText = (kind: HealthKind): string => {
  switch (kind) {
    case 'idle':
      return t('idle');
    case 'busy':
      return t('under way');
    case 'stuck':
      return t('stuck');
    case 'suspicious':
      return t('suspicious');
    case 'not connected':
      return t('not connected');
    case 'impossible':
      return t('impossible');
    case 'unreadable':
      return t('unreadable');
  }
};

export const healthChip = ({ health }: Ring): TemplateResult =>
  html`<xs-chip .state=${CHIPS[health.kind]}>${healthText(health.kind)}</xs-chip>`;

export const ringColumns = (): readonly Column<Ring>[] => [
  { key: 'name', title: t('Ring'), text: ({ name }) => name, mono: true },
  {
    key: 'health',
    title: t('State'),
    text: ({ health }) => healthText(health.kind),
    render: healthChip,
    width: 15,
  },
  {
    key: 'sentence',
    title: t('Who waits for whom'),
    text: ({ health }) => health.sentence,
    grow: true,
    width: 24,
  },
  { key: 'occupancy', title: t('Room'), text: ({ occupancy }) => occupancy, width: 24 },
  { key: 'protocol', title: t('Protocol'), text: ({ protocol }) => protocol },
  { key: 'backend', title: t('Backend'), text: ({ backend }) => endName(backend) },
];

export const ringClass = ({ health }: Ring): string | undefined =>
  health.kind === 'stuck' || health.kind === 'impossible' ? 'error' : undefined;

/** The first that needs a look, else the first. */
export function mostUrgent(rings: readonly Ring[]): Ring | undefined {
  const byUrgency = URGENT.flatMap((kind) => rings.filter(({ health }) => health.kind === kind));
  return byUrgency[0] ?? rings[0];
}
