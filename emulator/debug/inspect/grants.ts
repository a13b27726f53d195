// The grant table of one domain: what the guest wrote into its entries, who has the pages mapped, how they were used,
// and what does not fit together: grants that nobody uses, pages that stay mapped after the guest took them back.

import { hex, PAGE_SIZE } from '../../base/address.ts';
import {
  GTF_reading,
  GTF_readonly,
  GTF_sub_page,
  GTF_type_mask,
  GTF_writing,
} from '../../xen/abi/grant-table.ts';
import type { GrantMappingView, GrantView } from '../../xen/hypervisor/grant-view.ts';
import type { DomainView } from '../../xen/hypervisor/view.ts';
import {
  bySeverity,
  findingsOf,
  type GrantContext,
  limitFindings,
  PAGE_WORDS,
  TYPE_WORDS,
} from './grants-findings.ts';
import { DOMAIN, hypervisorOf, inspection, type Subject } from './inspection.ts';
import { textTable } from './text-table.ts';
import {
  type Finding,
  type MomentView,
  momentView,
  PAGE_ARGUMENTS,
  pageOf,
  shortDomain,
  xenDomainOf,
} from './xen-words.ts';
import { devicesIn } from './xenstore-devices.ts';

export interface GrantsView {
  readonly domain: number;
  readonly name: string;
  readonly version: number;
  readonly frames: readonly { readonly index: number; readonly pa: string; readonly ipa?: string }[];
  readonly maximumFrames: number;
  /** Entries that the frames hold. */
  readonly entries: number;
  /** Entries that are not empty; `grants` has those that were asked for. */
  readonly total: number;
  readonly start: number;
  readonly grants: readonly GrantRow[];
  /** Grants of other domains that this one has mapped. */
  readonly mapped: readonly MappedGrantRow[];
  readonly mappedTotal: number;
  readonly handles: number;
  readonly maximumHandles: number;
  readonly findings: readonly GrantFinding[];
  /** Findings that are not listed. */
  readonly moreFindings: number;
}

export interface GrantRow {
  readonly reference: number;
  /** GTF_* as they stand in the entry. */
  readonly flags: string;
  /** `permits access, read-only; being read`. */
  readonly words: string;
  readonly to: { readonly domain: number; readonly words: string };
  readonly readOnly: boolean;
  /** The guest's frame, and where it lies now. */
  readonly gfn: string;
  readonly ipa: string;
  readonly pa?: string;
  /** `RAM`, `no page`. */
  readonly page: string;
  /** What it is for, as far as HVM parameters and xenstore say. */
  readonly use?: string;
  readonly mappedBy: readonly MapperRow[];
  readonly maps: number;
  readonly copies: number;
  readonly lastUse?: MomentView;
  /** It has granted this page since then, or a little longer. */
  readonly since?: MomentView;
  readonly findings: readonly Finding[];
}

export interface MapperRow {
  readonly domain: number;
  /** `d0, read and write, twice`. */
  readonly words: string;
  readonly readers: number;
  readonly writers: number;
  /** Of a domain with guest code: its handles, as its maptrack has them. */
  readonly handles: readonly number[];
}

export interface MappedGrantRow {
  readonly handle: number;
  readonly granter: number;
  readonly reference: number;
  readonly readOnly: boolean;
  readonly words: string;
}

export interface GrantFinding extends Finding {
  /** Absent: of the table as a whole. */
  readonly reference?: number;
}

const USUAL_ROWS = 512;
const MAX_ROWS = 4096;
const MAX_FINDINGS = 100;

export const grantsInspection = inspection('grants', {
  doc: 'the grant table of a domain: entries, by whom they are mapped, how they were used, and what leaks',
  needs: 'hypervisor',
  arguments: {
    domain: { ...DOMAIN, doc: 'domain id, 0 included; the first guest when left out' },
    ...PAGE_ARGUMENTS,
  },
  inspect(subject, args): GrantsView {
    const view = hypervisorOf(subject);
    const domain = xenDomainOf(subject, args.domain);
    const { start, count } = pageOf(args, USUAL_ROWS, MAX_ROWS);
    const table = view.grantTable(domain.id);
    const context = contextOf(subject, domain);
    const all = table?.grants ?? [];
    const findings = [
      ...limitFindings(
        table?.frames.length ?? 0,
        table?.maximumFrames ?? 0,
        table?.mappings.length ?? 0,
        table?.maximumHandles ?? 0,
      ),
      ...all.flatMap((grant) =>
        findingsOf(context, grant).map((finding) => ({ ...finding, reference: grant.reference })),
      ),
    ].sort(bySeverity);
    return {
      domain: domain.id,
      name: domain.name,
      version: table?.version ?? 1,
      frames: (table?.frames ?? []).map(({ mfn, gfn }, index) => ({
        index,
        pa: hex(mfn * PAGE_SIZE),
        ...(gfn !== undefined && { ipa: hex(gfn * PAGE_SIZE) }),
      })),
      maximumFrames: table?.maximumFrames ?? 0,
      entries: table?.entries ?? 0,
      total: all.length,
      start,
      grants: all.slice(start, start + count).map((grant) => row(context, grant)),
      mapped: (table?.mappings ?? []).slice(0, MAX_ROWS).map((mapping) => mappedRow(mapping)),
      mappedTotal: table?.mappings.length ?? 0,
      handles: table?.handles ?? 0,
      maximumHandles: table?.maximumHandles ?? 0,
      findings: findings.slice(0, MAX_FINDINGS),
      moreFindings: Math.max(0, findings.length - MAX_FINDINGS),
    };
  },
  text: (view) => `${headline(view)}${grantTable(view)}${mappedTable(view)}${findingLines(view)}`,
});

// ---------------------------------------------------------------- one grant

function contextOf(subject: Subject, domain: DomainView): GrantContext {
  const view = hypervisorOf(subject);
  const domains = view.domains();
  const mappers = new Map<number, { domain: number; mapping: GrantMappingView }[]>();
  for (const { id } of domains) {
    for (const mapping of view.grantTable(id)?.mappings ?? []) {
      if (mapping.granter !== domain.id) continue;
      const known = mappers.get(mapping.reference) ?? [];
      known.push({ domain: id, mapping });
      mappers.set(mapping.reference, known);
    }
  }
  return {
    subject,
    domain,
    names: new Map(domains.map(({ id, name }) => [id, name])),
    uses: usesOfGrants(subject, domain.id),
    mappers,
  };
}

function usesOfGrants(subject: Subject, domid: number): ReadonlyMap<number, string> {
  const { daemons } = hypervisorOf(subject);
  const uses = new Map<number, string>();
  for (const ring of daemons?.rings() ?? []) {
    if (ring.domid === domid) uses.set(ring.reference, `${ring.use} ring`);
  }
  for (const device of daemons ? devicesIn(daemons.xenstore) : []) {
    if (device.frontend.domain !== domid || device.kind === 'console') continue;
    for (const [node, reference] of Object.entries(device.references)) {
      const which = node === 'ring-ref' ? '' : ` ${node}`;
      uses.set(reference, `ring of ${device.name}${which}`);
    }
  }
  return uses;
}

function row(context: GrantContext, grant: GrantView): GrantRow {
  const { subject, names, uses, domain } = context;
  const { reference, flags, domid, gfn, mfn, kind } = grant;
  const used = subject.record.grants.useOf(domain.id, reference);
  const since = subject.record.grants.grantedSince(domain.id, reference, domid, gfn);
  const use = uses.get(reference);
  return {
    reference,
    flags: `0x${flags.toString(16).padStart(4, '0')}`,
    words: flagWords(flags),
    to: { domain: domid, words: domainWords(domid, names) },
    readOnly: (flags & GTF_readonly) !== 0,
    gfn: hex(gfn),
    ipa: hex(gfn * PAGE_SIZE),
    ...(mfn !== undefined && { pa: hex(mfn * PAGE_SIZE) }),
    page: kind === undefined ? 'no page' : PAGE_WORDS[kind],
    ...(use !== undefined && { use }),
    mappedBy: mappersOf(context, grant),
    maps: used?.maps ?? 0,
    copies: used?.copies ?? 0,
    ...(used && { lastUse: momentView(subject, used.last) }),
    ...(since && { since: momentView(subject, since) }),
    findings: findingsOf(context, grant),
  };
}

/** GTF_*, as Xen public header grant_table.h has them for version 1. */
function flagWords(flags: number): string {
  const type = TYPE_WORDS[flags & GTF_type_mask] ?? '';
  const how = [
    (flags & GTF_readonly) !== 0 ? 'read-only' : undefined,
    (flags & GTF_sub_page) !== 0 ? 'a part of a page' : undefined,
  ].filter((word) => word !== undefined);
  const marks = [
    (flags & GTF_reading) !== 0 ? 'read' : undefined,
    (flags & GTF_writing) !== 0 ? 'written' : undefined,
  ].filter((word) => word !== undefined);
  const unknown = flags & ~KNOWN_FLAGS;
  return [
    [type, ...how].join(', '),
    ...(marks.length > 0 ? [`marked as being ${marks.join(' and ')}`] : []),
    ...(unknown !== 0 ? [`with bits that mean nothing: 0x${unknown.toString(16)}`] : []),
  ].join('; ');
}

/** With GTF_PWT, GTF_PCD, GTF_PAT. */
const KNOWN_FLAGS = 0x1ff;

function domainWords(domid: number, names: ReadonlyMap<number, string>): string {
  const name = names.get(domid);
  return name === undefined
    ? `${shortDomain(domid)}, which does not exist`
    : `${shortDomain(domid)} (${name})`;
}

function mappersOf({ mappers }: GrantContext, { reference, active }: GrantView): MapperRow[] {
  if (!active) return [];
  const { domid, readers, writers } = active;
  const rights = writers > 0 ? (readers > 0 ? 'read, and read and write' : 'read and write') : 'read';
  const times = readers + writers;
  const handles = (mappers.get(reference) ?? [])
    .filter(({ domain }) => domain === domid)
    .map(({ mapping }) => mapping.handle);
  return [
    {
      domain: domid,
      words: `${shortDomain(domid)}, ${rights}${times > 1 ? `, ${times} times` : ''}`,
      readers,
      writers,
      handles,
    },
  ];
}

const mappedRow = ({
  handle,
  granter,
  reference,
  readOnly,
  host,
  device,
}: GrantMappingView): MappedGrantRow => ({
  handle,
  granter,
  reference,
  readOnly,
  words:
    `grant ${reference} of ${shortDomain(granter)}, ${readOnly ? 'read' : 'read and write'}` +
    (host && device ? ', by the processor and by devices' : device ? ', by devices' : ''),
});

// ---------------------------------------------------------------- text

const headline = (view: GrantsView): string =>
  `d${view.domain} (${view.name}): ${view.total} of ${view.entries} entries in use; ` +
  `${view.frames.length} of ${view.maximumFrames} frames, version ${view.version}; ` +
  `${view.mappedTotal} grants of others mapped\n\n`;

const grantTable = ({ grants }: GrantsView): string =>
  textTable(
    ['ref', 'to', 'flags', 'in words', 'gfn', 'PA', 'page', 'use', 'mapped by', 'maps', 'copies', 'last use'],
    grants.map((grant) => [
      grant.reference,
      grant.to.words,
      grant.flags,
      grant.words,
      grant.gfn,
      grant.pa,
      grant.page,
      grant.use,
      grant.mappedBy.map(({ words }) => words).join('; '),
      grant.maps,
      grant.copies,
      grant.lastUse?.ago,
    ]),
  );

const mappedTable = ({ mapped }: GrantsView): string =>
  mapped.length === 0
    ? ''
    : `\n${textTable(
        ['handle', 'mapped'],
        mapped.map(({ handle, words }) => [handle, words]),
      )}`;

const findingLines = ({ findings, moreFindings }: GrantsView): string =>
  findings.length === 0
    ? ''
    : `\n${findings.map(({ sentence }) => `${sentence}\n`).join('')}${moreFindings > 0 ? `${moreFindings} more findings\n` : ''}`;
