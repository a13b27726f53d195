// Decoded messages: what their fields say, and those of the chosen part of a ring.

import { type Detail, host, html, nothing, t } from '../panel/panel.ts';
import { timeText } from './format.ts';
import { stateText } from './ring-drawing.ts';
import type { Message, RingSlotsView, Slot, Stream } from './views.ts';

export function fieldItems(message: Pick<Message, 'fields'> | undefined, domain: number): Detail[] {
  return (message?.fields ?? []).map(({ name, value, words, grantReference }) => ({
    label: name,
    mono: true,
    text: value,
    value: html`${
      grantReference === undefined
        ? value
        : html`<button class="link mono" title=${t('Show the grant')} @click=${() => showGrant(domain, grantReference)}>${value}</button>`
    }${words === undefined ? nothing : html` <span class="quiet">${words}</span>`}`,
  }));
}

export function showGrant(domain: number, reference: number): void {
  host.open({ kind: 'panel', panel: 'event-channels', arguments: { domain, reference } });
}

export const memoryLink = (domain: number, ipa: string): unknown =>
  html`<xs-address reference=${`d${domain}/ipa:${ipa}`}>${ipa}</xs-address>`;

/** The decoded message of the part that was chosen. */
export function chosenPart(view: RingSlotsView, part: string | undefined): unknown {
  const { domain } = view.ring;
  const slot = view.slots.find((candidate) => `slot ${candidate.slot}` === part);
  if (slot) return slotSection(slot, domain);
  const stream = view.streams.find(({ name }) => part?.startsWith(`${name} `));
  return stream && stream.messages.length > 0 ? streamSection(stream, domain) : nothing;
}

function slotSection(slot: Slot, domain: number): unknown {
  const about: Detail[] = [
    { label: t('State'), value: stateText(slot.state) },
    { label: t('Index'), value: String(slot.index), mono: true },
    ...(slot.ipa === undefined
      ? []
      : [{ label: t('Address'), value: memoryLink(domain, slot.ipa), text: slot.ipa }]),
    ...(slot.age === undefined ? [] : [{ label: t('Age'), value: timeText(slot.age) }]),
    ...(slot.latency === undefined ? [] : [{ label: t('Latency'), value: timeText(slot.latency) }]),
    ...(slot.note === undefined ? [] : [{ label: t('Note'), value: slot.note }]),
  ];
  return html`<section aria-label=${t('Slot {0}', slot.slot)}>
    <h2>${t('Slot {0}', slot.slot)}${slot.message ? html`: ${slot.message.summary}` : nothing}</h2>
    <xs-details .items=${[...about, ...fieldItems(slot.message, domain)]}></xs-details>
  </section>`;
}

/** Of the messages that wait in a stream. */
const MOST_MESSAGES = 20;

function streamSection({ name, messages, more }: Stream, domain: number): unknown {
  return html`<section aria-label=${t('Messages in {0}', name)}>
    ${messages.slice(0, MOST_MESSAGES).map(
      (message) => html`<h2>
          ${message.message.summary || t('(empty line)')}
          ${message.isComplete ? nothing : html`<span class="quiet">${t('incomplete')}</span>`}
        </h2>
        <xs-details .items=${fieldItems(message.message, domain)}></xs-details>`,
    )}
    ${messages.length + more > MOST_MESSAGES ? html`<p class="quiet">${t('{0} messages more', messages.length + more - MOST_MESSAGES)}</p>` : nothing}
  </section>`;
}
