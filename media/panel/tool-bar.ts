// The tool bar of every panel: whether the machine runs, and which domain and vCPU the panel shows.

import { html, nothing, type TemplateResult } from 'lit';
import type { PinnedTo, SessionState } from '../messages.ts';
import { t } from './l10n.ts';

export function phaseChip(phase: SessionState['phase'], text: string): TemplateResult | typeof nothing {
  if (phase === 'none') return nothing;
  const state = phase === 'running' ? 'active' : phase === 'stopped' ? 'info' : 'idle';
  const shape = phase === 'running' ? 'play' : phase === 'stopped' ? 'debug-pause' : 'debug-stop';
  return html`<xs-chip .state=${state} .icon=${shape}>${text}</xs-chip>`;
}

/** `time` is that of the view, in virtual nanoseconds. */
export function phaseText(phase: SessionState['phase'], time: number | undefined): string {
  switch (phase) {
    case 'none':
      return t('No session');
    case 'running':
      return t('Running');
    case 'stopped':
      return time ? t('Stopped at {0}', secondsOf(time)) : t('Stopped');
    case 'ended':
      return t('Session ended; shown as it was last');
  }
}

/** Virtual time with as many digits as a step needs to be seen: `1.204381 s`. */
export const secondsOf = (nanoseconds: number): string => `${(nanoseconds / 1e9).toFixed(6)} s`;

export interface Picking {
  readonly domains: SessionState['domains'];
  /** The domain that is shown without a pin. */
  readonly focused: number;
  readonly pin: PinnedTo | undefined;
  /** Without `vcpu` only the domain is picked. */
  readonly shown: PinnedTo;
  nameOf(domain: number): string;
  setPin(pin: PinnedTo | undefined): void;
}

const MOST_VCPUS = 256;

export function pickers({ domains, focused, pin, shown, nameOf, setPin }: Picking): TemplateResult {
  const vcpus = domains.find(({ domain }) => domain === shown.domain)?.vcpus ?? 0;
  const domainPicker = html`<label>
    <span class="spoken">${t('Domain')}</span>
    <select @change=${(event: Event) => setPin(pinOf(valueOf(event)))}>
      <option value="" ?selected=${!pin}>${t('Follow focus ({0})', nameOf(focused))}</option>
      ${domains.map(
        ({ domain }) =>
          html`<option value=${domain} ?selected=${pin?.domain === domain}>${nameOf(domain)}</option>`,
      )}
      ${
        pin && !domains.some(({ domain }) => domain === pin.domain)
          ? html`<option value=${pin.domain} selected>${nameOf(pin.domain)}</option>`
          : nothing
      }
    </select>
  </label>`;
  const { domain, vcpu } = shown;
  if (vcpu === undefined) return domainPicker;
  const pickVcpu = (event: Event): void => {
    const value = valueOf(event);
    // vCPU 1 of whatever is focused would jump between domains: a vCPU is pinned with its domain.
    if (value !== '') setPin({ domain, vcpu: Number(value) });
    else setPin(pin && { domain: pin.domain });
  };
  return html`${domainPicker}<label>
      <span class="spoken">${t('vCPU')}</span>
      <select @change=${pickVcpu}>
        <option value="" ?selected=${pin?.vcpu === undefined}>${t('Focused vCPU ({0})', `v${vcpu}`)}</option>
        ${Array.from(
          { length: Math.min(vcpus, MOST_VCPUS) },
          (_, i) => html`<option value=${i} ?selected=${pin?.vcpu === i}>v${i}</option>`,
        )}
      </select>
    </label>`;
}

export const valueOf = (event: Event): string => (event.target as HTMLInputElement | HTMLSelectElement).value;

const pinOf = (value: string): PinnedTo | undefined => (value === '' ? undefined : { domain: Number(value) });
