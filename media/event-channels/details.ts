// One port or one grant in detail, and in a sentence.

import type { Confirmation } from '../messages.ts';
import { type Detail, html, t } from '../panel/panel.ts';
import type { Grant, Port } from './views.ts';

/** `code` draws an address of a domain's code; `goToPeer` is what the other end leads to. */
export function portItems(
  port: Port,
  old: Port | undefined,
  code: (domain: number, address: string) => unknown,
  goToPeer: () => void,
): Detail[] {
  const { peer, sender } = port;
  return [
    { label: t('State'), value: port.stateWords, previous: old?.stateWords },
    ...(peer
      ? [
          {
            label: t('Other end'),
            value:
              peer.port === undefined
                ? peer.words
                : html`<button class="link" @click=${() => goToPeer()}>${peer.words}</button>`,
            text: peer.words,
            previous: old?.peer?.words,
          },
        ]
      : []),
    ...(port.use === undefined ? [] : [{ label: t('Used for'), value: port.use }]),
    ...(port.delay ? [{ label: t('Not delivered'), value: port.delay.sentence }] : []),
    { label: t('Events'), value: String(port.raised), previous: old && String(old.raised) },
    {
      label: t('Not told apart'),
      value: String(port.coalesced),
      previous: old && String(old.coalesced),
      hint: t('Events that came while the port was pending: the guest sees them as one'),
    },
    ...(port.first ? [{ label: t('First'), value: t('{0}, {1}', port.first.at, port.first.ago) }] : []),
    ...(port.last ? [{ label: t('Last'), value: t('{0}, {1}', port.last.at, port.last.ago) }] : []),
    ...(port.pendingSince
      ? [{ label: t('Pending since'), value: t('{0}, {1}', port.pendingSince.at, port.pendingSince.ago) }]
      : []),
    ...(sender ? [{ label: t('Last sender'), value: sender.words }] : []),
    ...(sender?.pc === undefined
      ? []
      : [{ label: t('Hypercall at'), value: code(sender.domain, sender.pc) }]),
    ...(sender?.lr === undefined ? [] : [{ label: t('Called from'), value: code(sender.domain, sender.lr) }]),
  ];
}

export function grantItems(domain: number, grant: Grant, old: Grant | undefined): Detail[] {
  return [
    { label: t('Granted to'), value: grant.to.words, previous: old?.to.words },
    {
      label: t('Flags'),
      value: `${grant.flags}: ${grant.words}`,
      ...(old && { previous: `${old.flags}: ${old.words}` }),
    },
    {
      label: t('Page'),
      value: html`${grant.page}, <xs-address reference=${`d${domain}/ipa:${grant.ipa}`}>${grant.ipa}</xs-address>`,
      text: grant.ipa,
      previous: old?.ipa,
    },
    ...(grant.pa === undefined
      ? []
      : [
          {
            label: t('Machine address'),
            value: html`<xs-address reference=${`host/pa:${grant.pa}`}>${grant.pa}</xs-address>`,
          },
        ]),
    ...(grant.use === undefined ? [] : [{ label: t('Used for'), value: grant.use }]),
    {
      label: t('Mapped by'),
      value: grant.mappedBy.map(({ words }) => words).join('; ') || t('nobody'),
      ...(old && { previous: old.mappedBy.map(({ words }) => words).join('; ') || t('nobody') }),
    },
    { label: t('Mapped so far'), value: String(grant.maps), previous: old && String(old.maps) },
    { label: t('Copied so far'), value: String(grant.copies), previous: old && String(old.copies) },
    ...(grant.since
      ? [{ label: t('Granted since'), value: t('{0}, {1}', grant.since.at, grant.since.ago) }]
      : []),
    ...(grant.lastUse
      ? [{ label: t('Last use'), value: t('{0}, {1}', grant.lastUse.at, grant.lastUse.ago) }]
      : []),
  ];
}

/** What is asked before an event is sent. */
export const sendQuestion = ({ port, use }: Port, domain: string): Confirmation => ({
  message: t('Send an event to port {0} of {1}?', named(port, use), domain),
  detail: t('It arrives as if its other end had sent it: the driver behind it will look for work.'),
  button: t('Send'),
});

/** What is asked before a port is masked, or unmasked. */
export const maskQuestion = ({ port, use, masked }: Port, domain: string): Confirmation =>
  masked
    ? {
        message: t('Unmask port {0} of {1}?', named(port, use), domain),
        detail: t('An event that waits there is delivered at once.'),
        button: t('Unmask'),
      }
    : {
        message: t('Mask port {0} of {1}?', named(port, use), domain),
        detail: t('The guest hears of no event there until somebody unmasks it.'),
        button: t('Mask'),
      };

const named = (port: number, use: string | undefined): string =>
  use === undefined ? String(port) : `${port} (${use})`;

export function portSentence(
  domain: number,
  { port, stateWords, peer, pending, masked, delay, raised }: Port,
): string {
  const state =
    [pending ? 'pending' : '', masked ? 'masked' : ''].filter(Boolean).join(' and ') || 'not pending';
  const why = delay ? `: ${delay.sentence}` : '';
  return `d${domain} port ${port}: ${peer?.words ?? stateWords}, ${state}${why}; ${raised} events\n`;
}

export const grantSentence = (domain: number, { reference, to, words, gfn, mappedBy }: Grant): string =>
  `d${domain} grant ${reference}: gfn ${gfn} to ${to.words}, ${words}; mapped by ${
    mappedBy.map((mapper) => mapper.words).join('; ') || 'nobody'
  }\n`;
