// The event channels of one domain: its ports with their other ends, what is pending and masked, and why an event that
// is pending is not delivered.

import { hex } from '../../base/address.ts';
import { virqName } from '../../xen/abi/event-channel.ts';
import type { EventChannelsView as Known, EventPortView } from '../../xen/hypervisor/event-channel-view.ts';
import type { DomainView } from '../../xen/hypervisor/view.ts';
import type { EventCount } from '../record/event-record.ts';
import { type Delay, deliveryDelay, vcpuSentence } from './event-channels-delay.ts';
import { DOMAIN, hypervisorOf, inspection, type Subject } from './inspection.ts';
import { textTable } from './text-table.ts';
import {
  durationText,
  type Finding,
  type MomentView,
  momentView,
  nanosecondsSince,
  PAGE_ARGUMENTS,
  pageOf,
  shortDomain,
  xenDomainOf,
} from './xen-words.ts';
import { devicesIn } from './xenstore-devices.ts';

export interface EventChannelsView {
  readonly domain: number;
  readonly name: string;
  readonly abi: '2-level' | 'fifo' | 'embedded';
  /** The ABI in words. */
  readonly abiWords: string;
  readonly maximumPort: number;
  /** Ports that are not free; `ports` has those that were asked for. */
  readonly total: number;
  readonly start: number;
  readonly ports: readonly EventChannelRow[];
  readonly vcpus: readonly EventVcpuRow[];
  readonly findings: readonly EventFinding[];
  /** Channels between domains that end here, for drawing; at most one for each port above. */
  readonly links: readonly ChannelLink[];
}

export interface EventChannelRow {
  readonly port: number;
  readonly state: EventPortView['state'];
  /** `bound to d0 port 3`, `waits for d0 to bind it`. */
  readonly stateWords: string;
  readonly peer?: {
    readonly domain: number;
    readonly port?: number;
    /** `d0 port 3 (console daemon)`. */
    readonly words: string;
  };
  /** What it is for, as far as HVM parameters and xenstore say: `console`, `vbd xvda`. */
  readonly use?: string;
  readonly virq?: { readonly number: number; readonly name: string };
  /** The vCPU that is told. */
  readonly vcpu: number;
  readonly priority?: number;
  readonly pending: boolean;
  readonly masked: boolean;
  /** The end belongs to Xen or to a daemon of the toolstack in this process. */
  readonly embedded: boolean;
  /** Why a pending event has not reached the guest. */
  readonly delay?: Delay;
  readonly raised: number;
  /** Of those, events that came while the port was pending: the guest cannot tell them apart. */
  readonly coalesced: number;
  readonly first?: MomentView;
  readonly last?: MomentView;
  readonly pendingSince?: MomentView;
  readonly sender?: SenderView;
  /** What the panel may offer. */
  readonly canSend: boolean;
  readonly canMask: boolean;
}

export interface SenderView {
  /** -1: Xen itself. */
  readonly domain: number;
  readonly vcpu?: number;
  readonly port?: number;
  /** `d1 vCPU 0 through its port 4`. */
  readonly words: string;
  /** The HVC, and where the function around it returns to. */
  readonly pc?: string;
  readonly lr?: string;
}

export interface EventVcpuRow {
  readonly vcpu: number;
  readonly upcallPending: boolean;
  /** 2-level ABI: evtchn_pending_sel. */
  readonly selector?: string;
  /** FIFO ABI: priorities whose queues hold something. */
  readonly readyPriorities?: readonly number[];
  readonly interrupt?: { readonly intid: number; readonly enabled: boolean; readonly state: string };
  /** How it stands with events of this vCPU, in one sentence. */
  readonly sentence: string;
}

export interface EventFinding extends Finding {
  readonly port: number;
}

export interface ChannelLink {
  readonly from: { readonly domain: number; readonly port: number };
  readonly to: { readonly domain: number; readonly port: number };
  readonly use?: string;
  readonly pending: boolean;
  readonly masked: boolean;
  readonly raised: number;
  /** Events in the other direction. */
  readonly raisedBack: number;
}

const USUAL_ROWS = 1024;
const MAX_ROWS = 4096;
/** Virtual time after which an event that was not taken is worth a word. */
const OVERDUE = 10_000_000;

const ABI_WORDS = {
  '2-level': '2-level ABI: pending and mask bits in shared_info',
  fifo: 'FIFO ABI: an event word for each port, and queues by priority',
  embedded: 'served by the daemons and backends of the toolstack, outside of any guest',
} as const;

export const eventChannelsInspection = inspection('eventChannels', {
  doc: 'event channels of a domain: ports with their other ends, pending, masked, counts, and why not delivered',
  needs: 'hypervisor',
  arguments: {
    domain: { ...DOMAIN, doc: 'domain id, 0 included; the first guest when left out' },
    ...PAGE_ARGUMENTS,
  },
  inspect: (subject, args): EventChannelsView => {
    const view = hypervisorOf(subject);
    const domain = xenDomainOf(subject, args.domain);
    const known = view.eventChannels(domain.id);
    const { start, count } = pageOf(args, USUAL_ROWS, MAX_ROWS);
    const uses = usesOfPorts(subject);
    const all = known?.ports ?? [];
    const ports = all.slice(start, start + count).map((port) => row(subject, domain, port, known, uses));
    return {
      domain: domain.id,
      name: domain.name,
      abi: known?.abi ?? 'embedded',
      abiWords: ABI_WORDS[known?.abi ?? 'embedded'],
      maximumPort: known?.maximumPort ?? 0,
      total: all.length,
      start,
      ports,
      vcpus: vcpuRows(subject, domain, known),
      findings: ports.flatMap((port) => findingsOf(subject, port)),
      links: ports.flatMap((port) => linkOf(subject, domain.id, port)),
    };
  },
  text: (view) => `${headline(view)}${portTable(view)}${vcpuTable(view)}${findingLines(view.findings)}`,
});

// ---------------------------------------------------------------- ports

function row(
  subject: Subject,
  domain: DomainView,
  port: EventPortView,
  known: Known | undefined,
  uses: ReadonlyMap<string, string>,
): EventChannelRow {
  const count = subject.record.events.countOf(domain.id, port.port);
  const use = uses.get(keyOf(domain.id, port.port));
  const peer = peerOf(port, uses);
  const isEmbedded = known?.abi === 'embedded' || port.xenAttached;
  const delay = known && deliveryDelay(subject, domain, known, port);
  return {
    port: port.port,
    state: port.state,
    stateWords: stateWords(port),
    ...(peer && { peer }),
    ...(use !== undefined && { use }),
    ...(port.virq !== undefined && { virq: { number: port.virq, name: virqName(port.virq) } }),
    vcpu: port.vcpu,
    ...(port.priority !== undefined && { priority: port.priority }),
    pending: port.pending,
    masked: port.masked && !isEmbedded,
    embedded: isEmbedded,
    ...(delay && { delay }),
    ...countView(subject, count, port.pending),
    canSend: port.state !== 'reserved',
    canMask: !isEmbedded && port.state !== 'reserved',
  };
}

function countView(subject: Subject, count: EventCount | undefined, isPending: boolean) {
  if (!count) return { raised: 0, coalesced: 0 };
  const { domain, vcpu, port, pc, lr } = count.sender;
  const words =
    domain < 0
      ? 'Xen'
      : `${shortDomain(domain)}${vcpu < 0 ? '' : ` vCPU ${vcpu}`}${port > 0 ? ` through its port ${port}` : ''}`;
  return {
    raised: count.raised,
    coalesced: count.coalesced,
    first: momentView(subject, count.first),
    last: momentView(subject, count.last),
    ...(isPending && { pendingSince: momentView(subject, count.pendingSince) }),
    sender: {
      domain,
      ...(vcpu >= 0 && { vcpu }),
      ...(port > 0 && { port }),
      words,
      ...(pc !== undefined && { pc: hex(pc) }),
      ...(lr !== undefined && { lr: hex(lr) }),
    },
  };
}

function stateWords({
  state,
  remoteDomid = 0,
  remotePort = 0,
  virq = 0,
  vcpu,
  xenAttached,
}: EventPortView): string {
  switch (state) {
    case 'reserved':
      return 'reserved';
    case 'unbound':
      return xenAttached
        ? `Xen's own end, waits for ${shortDomain(remoteDomid)} to bind it`
        : `waits for ${shortDomain(remoteDomid)} to bind it`;
    case 'interdomain':
      return `bound to ${shortDomain(remoteDomid)} port ${remotePort}`;
    case 'virq':
      return `bound to ${virqName(virq)}`;
    case 'ipi':
      return `from any vCPU to vCPU ${vcpu}`;
  }
}

function peerOf(
  { state, remoteDomid, remotePort }: EventPortView,
  uses: ReadonlyMap<string, string>,
): EventChannelRow['peer'] {
  if (remoteDomid === undefined) return undefined;
  if (state !== 'interdomain' || remotePort === undefined) {
    return { domain: remoteDomid, words: `${shortDomain(remoteDomid)}, not bound yet` };
  }
  const use = uses.get(keyOf(remoteDomid, remotePort));
  const words = `${shortDomain(remoteDomid)} port ${remotePort}${use === undefined ? '' : ` (${use})`}`;
  return { domain: remoteDomid, port: remotePort, words };
}

/** What each end is for, by domain and port. */
function usesOfPorts(subject: Subject): ReadonlyMap<string, string> {
  const view = hypervisorOf(subject);
  const uses = new Map<string, string>();
  const bothEnds = (domid: number, port: EventPortView, own: string, other: string): void => {
    uses.set(keyOf(domid, port.port), own);
    if (port.state !== 'interdomain' || port.remoteDomid === undefined || port.remotePort === undefined)
      return;
    uses.set(keyOf(port.remoteDomid, port.remotePort), other);
  };
  const devices = view.daemons ? devicesIn(view.daemons.xenstore) : [];
  for (const { id, vcpus } of view.domains()) {
    if (vcpus.length === 0) continue;
    const frontends = new Map<number, string>();
    for (const device of devices) {
      if (device.frontend.domain !== id || device.kind === 'console') continue;
      for (const [node, port] of Object.entries(device.ports)) {
        const which = node === 'event-channel' ? '' : ` ${node.replace('event-channel-', '')}`;
        frontends.set(port, `${device.name}${which}`);
      }
    }
    for (const port of view.eventChannels(id)?.ports ?? []) {
      const frontend = frontends.get(port.port);
      if (port.use !== undefined) bothEnds(id, port, port.use, `${port.use} daemon`);
      else if (frontend !== undefined) bothEnds(id, port, frontend, `backend of ${frontend}`);
    }
  }
  return uses;
}

const keyOf = (domid: number, port: number): string => `${domid}:${port}`;

// ---------------------------------------------------------------- the rest

function vcpuRows(subject: Subject, domain: DomainView, known: Known | undefined): EventVcpuRow[] {
  return (known?.vcpus ?? []).map((vcpu) => {
    const { selector, ready, interrupt } = vcpu;
    return {
      vcpu: vcpu.vcpu,
      upcallPending: vcpu.upcallPending,
      ...(selector !== undefined && { selector: hex(selector) }),
      ...(ready !== undefined && { readyPriorities: bitsOf(ready & 0xffff) }),
      ...(interrupt && {
        interrupt: { intid: interrupt.intid, enabled: interrupt.enabled, state: interrupt.state },
      }),
      sentence: vcpuSentence(subject, domain, vcpu),
    };
  });
}

const bitsOf = (word: number): number[] =>
  Array.from({ length: 16 }, (_, bit) => bit).filter((bit) => (word & (1 << bit)) !== 0);

function findingsOf(subject: Subject, port: EventChannelRow): EventFinding[] {
  if (!port.pending || !port.delay) return [];
  const since = port.pendingSince;
  const age = since && nanosecondsSince(subject, since);
  const isOld = age === undefined || age >= OVERDUE;
  if (!isOld && !port.delay.lasting) return [];
  const state = port.masked ? 'pending and masked' : 'pending';
  const why = port.masked ? 'the guest does not hear of it until the port is unmasked' : port.delay.sentence;
  const howLong = age === undefined ? '' : ` for ${durationText(age)}`;
  return [
    {
      severity: port.delay.lasting ? 'warning' : 'note',
      kind: port.masked ? 'masked' : 'not-delivered',
      port: port.port,
      sentence: `Port ${port.port}${port.use === undefined ? '' : ` (${port.use})`} is ${state}${howLong}: ${why}.`,
    },
  ];
}

function linkOf(subject: Subject, domid: number, port: EventChannelRow): ChannelLink[] {
  const { peer, use, pending, masked, raised } = port;
  if (port.state !== 'interdomain' || peer?.port === undefined) return [];
  return [
    {
      from: { domain: domid, port: port.port },
      to: { domain: peer.domain, port: peer.port },
      ...(use !== undefined && { use }),
      pending,
      masked,
      raised,
      raisedBack: subject.record.events.countOf(peer.domain, peer.port)?.raised ?? 0,
    },
  ];
}

// ---------------------------------------------------------------- text

const headline = ({ domain, name, abiWords, total, maximumPort }: EventChannelsView): string =>
  `d${domain} (${name}): ${total} ports of ${maximumPort} at most; ${abiWords}\n\n`;

const portTable = ({ ports }: EventChannelsView): string =>
  textTable(
    [
      'port',
      'state',
      'other end',
      'use',
      'vCPU',
      'pending',
      'masked',
      'raised',
      'again',
      'last',
      'by',
      'from',
      'not delivered because',
    ],
    ports.map((port) => [
      port.port,
      port.stateWords,
      port.peer?.words,
      port.use,
      port.vcpu,
      port.pending ? 'pending' : '',
      port.masked ? 'masked' : '',
      port.raised,
      port.coalesced,
      port.last?.ago,
      port.sender?.words,
      port.sender?.lr,
      port.delay?.sentence,
    ]),
  );

const vcpuTable = ({ vcpus }: EventChannelsView): string =>
  vcpus.length === 0
    ? ''
    : `\n${textTable(
        ['vCPU', 'upcall pending', 'interrupt', 'state'],
        vcpus.map(({ vcpu, upcallPending, interrupt, sentence }) => [
          vcpu,
          upcallPending ? 'yes' : 'no',
          interrupt?.state,
          sentence,
        ]),
      )}`;

const findingLines = (findings: readonly Finding[]): string =>
  findings.length === 0 ? '' : `\n${findings.map(({ sentence }) => `${sentence}\n`).join('')}`;
