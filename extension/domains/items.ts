// The tree of domains as data: what stands in it, from the view `xen/domains`. Nothing of the editor is in here,
// so that tests can look at it.

import type { Inspections } from '../../debug-adapter/protocol.ts';

type DomainsView = Inspections['domains']['view'];
type DomainRow = DomainsView['domains'][number];

export interface Item {
  /** Stays the same while the thing exists, so that the tree keeps what is open. */
  readonly id: string;
  readonly label: string;
  readonly description: string;
  /** Lines. */
  readonly tooltip: string;
  /** Name of a codicon. */
  readonly icon: string;
  /** Words that menus look for: what the thing is, and what may be done to it. */
  readonly context: string;
  readonly domain: number;
  readonly vcpu?: number;
  readonly children: readonly Item[];
  /** The panel that shows more. */
  readonly panel?: { readonly id: string; readonly arguments: Readonly<Record<string, unknown>> };
}

/** `symbolOf` names an address of a domain, where it is known. */
export function itemsOf(
  { domains }: DomainsView,
  symbolOf: (domain: number, address: string) => string | undefined,
): Item[] {
  return domains.map((row) => domainItem(row, symbolOf));
}

/** Addresses that want a name, by domain. */
export const addressesIn = ({ domains }: DomainsView): { domain: number; addresses: string[] }[] =>
  domains
    .filter(({ vcpus }) => vcpus.length > 0)
    .map(({ domain, vcpus }) => ({ domain, addresses: vcpus.map(({ pc }) => pc) }));

type SymbolOf = Parameters<typeof itemsOf>[1];

function domainItem(row: DomainRow, symbolOf: SymbolOf): Item {
  const { domain, name, stateWords, state, control, memory, gicVersion, vcpus, actions } = row;
  const isBare = domain < 0;
  const gic = gicVersion === undefined ? [] : [`GICv${gicVersion}`];
  const runs = vcpus.length > 0;
  return {
    id: `d${domain}`,
    label: isBare ? name : `d${domain} ${name}`,
    description: [stateWords, ...(runs ? [memory.words] : []), ...gic].join(' · '),
    tooltip: [
      isBare ? name : `Domain ${domain}: ${name}`,
      `State: ${stateWords}`,
      `Memory: ${memory.words}`,
      ...(row.uuid === undefined ? [] : [`UUID: ${row.uuid}`]),
    ].join('\n'),
    icon: control
      ? 'server'
      : state === 'running'
        ? 'vm-running'
        : state === 'paused'
          ? 'debug-pause'
          : 'vm-outline',
    context: ['domain', ...actions, ...(runs ? ['console', 'break'] : [])].join(' '),
    domain,
    children: [
      ...vcpus.map((vcpu) => vcpuItem(domain, vcpu, symbolOf)),
      // The first console has nodes of a device and no states; it stands among the consoles.
      ...row.devices.filter(({ kind }) => kind !== 'console').map((device) => deviceItem(domain, device)),
      ...row.consoles.map((console) => consoleItem(domain, console)),
    ],
  };
}

function vcpuItem(domain: number, row: DomainRow['vcpus'][number], symbolOf: SymbolOf): Item {
  const { vcpu, el, pc, stateWords, timeWords, state } = row;
  const place = symbolOf(domain, pc) ?? pc;
  return {
    id: `d${domain}/v${vcpu}`,
    label: `vCPU ${vcpu}`,
    description: `EL${el} · ${place} · ${stateWords}`,
    tooltip: [
      `vCPU ${vcpu}: ${stateWords}`,
      `PC ${pc}${place === pc ? '' : ` (${place})`} at EL${el}`,
      ...(row.mpidr === undefined ? [] : [`MPIDR_EL1 ${row.mpidr}`]),
      ...(timeWords === undefined ? [] : [timeWords]),
    ].join('\n'),
    icon: state === 'running' ? 'chip' : 'circle-outline',
    context: 'vcpu break',
    domain,
    vcpu,
    children: [],
    panel: { id: 'registers', arguments: { domain, vcpu } },
  };
}

function deviceItem(domain: number, device: DomainRow['devices'][number]): Item {
  const { name, frontend, backend, sentence, connected, error } = device;
  return {
    // The first console and a device may have one kind and number.
    id: `d${domain} ${frontend.path}`,
    label: name,
    description: `${frontend.stateName} ↔ ${backend.stateName} (d${backend.domain})`,
    tooltip: [
      sentence,
      ...(error === undefined ? [] : [`Error: ${error}`]),
      frontend.path,
      backend.path,
    ].join('\n'),
    icon: error !== undefined ? 'error' : connected ? 'plug' : 'debug-disconnect',
    context: 'device',
    domain,
    children: [],
    panel: { id: 'xenstore', arguments: { domain, path: frontend.path } },
  };
}

function consoleItem(domain: number, { name, words }: DomainRow['consoles'][number]): Item {
  return {
    id: `d${domain}/console/${name}`,
    label: name,
    description: words,
    tooltip: words,
    icon: 'terminal',
    context: 'console',
    domain,
    children: [],
  };
}
