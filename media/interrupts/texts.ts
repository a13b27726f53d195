// Figures and flags as the panel writes them.

import { secondsOf, t } from '../panel/panel.ts';

export const yes = (flag: boolean): string => (flag ? t('yes') : t('no'));

export const seconds = (nanoseconds: number | undefined): string =>
  nanoseconds === undefined ? '' : secondsOf(nanoseconds);

export const microseconds = (nanoseconds: number | undefined): string =>
  nanoseconds === undefined ? '' : `${(nanoseconds / 1000).toFixed(1)} µs`;
