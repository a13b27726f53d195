// What is to be walked: the form above the steps of a translation.

import { html, t, type TemplateResult } from '../panel/panel.ts';

export interface WalkWanted {
  readonly space: 'va' | 'ipa';
  /** `0x…`. */
  readonly address: string;
  readonly access: 'read' | 'write' | 'execute';
  /** Undefined: that of the vCPU. */
  readonly el?: number;
}

export const DEFAULT_WALK: WalkWanted = { space: 'va', address: '', access: 'read' };

export interface WalkFormActions {
  set(walk: WalkWanted): void;
  /** What was written into the box; it may be a symbol. */
  walk(text: string): void;
}

const ACCESS_TITLES = { read: t('Read'), write: t('Write'), execute: t('Execute') } as const;

export function walkForm(walk: WalkWanted, isBareMachine: boolean, actions: WalkFormActions): TemplateResult {
  const { space, address, access, el } = walk;
  const levels = isBareMachine ? [0, 1, 2] : [0, 1];
  const set = (parts: Partial<WalkWanted>): void => actions.set({ ...walk, ...parts });
  const setLevel = (value: string): void => {
    const { el: _, ...rest } = walk;
    actions.set(value === '' ? rest : { ...rest, el: Number(value) });
  };
  return html`<form class="bar" @submit=${(event: Event) => onSubmit(event, actions)}>
    <label>${t('Space')}
      <select @change=${(event: Event) => set({ space: valueOf(event) as 'va' | 'ipa' })}>
        <option value="va" ?selected=${space === 'va'}>VA</option>
        <option value="ipa" ?selected=${space === 'ipa'}>IPA</option>
      </select>
    </label>
    <label>${t('Address')} <input class="mono" name="address" type="text" size="22" .value=${address} /></label>
    <label>${t('Access')}
      <select @change=${(event: Event) => set({ access: valueOf(event) as WalkWanted['access'] })}>
        ${(['read', 'write', 'execute'] as const).map(
          (each) => html`<option value=${each} ?selected=${access === each}>${ACCESS_TITLES[each]}</option>`,
        )}
      </select>
    </label>
    <label>${t('At')}
      <select ?disabled=${space === 'ipa'} @change=${(event: Event) => setLevel(valueOf(event))}>
        <option value="" ?selected=${el === undefined}>${t('EL of the vCPU')}</option>
        ${levels.map((each) => html`<option value=${each} ?selected=${el === each}>EL${each}</option>`)}
      </select>
    </label>
    <button class="secondary" type="submit">${t('Walk')}</button>
  </form>`;
}

function onSubmit(event: Event, actions: WalkFormActions): void {
  event.preventDefault();
  const box = (event.target as HTMLFormElement).querySelector<HTMLInputElement>('[name=address]');
  const text = box?.value.trim();
  if (text !== undefined && text !== '') actions.walk(text);
}

const valueOf = (event: Event): string => (event.target as HTMLSelectElement).value;
