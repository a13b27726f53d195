// What does not fit together in a grant table: pages that stay mapped after the guest took them back, grants that cannot be
// taken up or that nobody uses, and limits.

import { hex } from '../../base/address.ts';
import { GTF_permit_access, GTF_readonly, GTF_type_mask } from '../../xen/abi/grant-table.ts';
import type { GrantMappingView, GrantView } from '../../xen/hypervisor/grant-view.ts';
import type { DomainView } from '../../xen/hypervisor/view.ts';
import type { GrantUse } from '../record/grant-record.ts';
import type { Subject } from './inspection.ts';
import { durationText, type Finding, momentView, nanosecondsSince, shortDomain } from './xen-words.ts';

/** Virtual time after which a grant that nobody ever used is worth more than a note. */
const UNUSED_FOR = 10_000_000;
/** A counter of a grant has eight bits, and Xen stops at 128. */
const MAX_PINS = 128;

/** What is known beside the entry. */
export interface GrantContext {
  readonly subject: Subject;
  readonly domain: DomainView;
  readonly names: ReadonlyMap<number, string>;
  readonly uses: ReadonlyMap<number, string>;
  /** Mappings of this domain's grants, by reference. */
  readonly mappers: ReadonlyMap<
    number,
    readonly { readonly domain: number; readonly mapping: GrantMappingView }[]
  >;
}

export const PAGE_WORDS = {
  ram: 'RAM',
  xen: "a page of Xen's",
  'grant-rw': 'a grant of another domain',
  'grant-ro': 'a grant of another domain',
  'foreign-rw': 'a page of another domain',
  device: "a device's registers",
} as const;

export const TYPE_WORDS = ['not granted', 'permits access', 'accepts a transfer', 'transitive'];

export function findingsOf({ subject, domain, names, uses }: GrantContext, grant: GrantView): Finding[] {
  const { reference, flags, domid, gfn, active, kind } = grant;
  const me = shortDomain(domain.id);
  const what = `${reference}${uses.has(reference) ? ` (${uses.get(reference)})` : ''}`;
  const used = subject.record.grants.useOf(domain.id, reference);
  if (active) return activeFindings(grant, me, what);

  const findings: Finding[] = [];
  const isPermit = (flags & GTF_type_mask) === GTF_permit_access;
  if (!isPermit) {
    findings.push({
      severity: 'note',
      kind: 'unsupported',
      sentence: `Entry ${what} ${TYPE_WORDS[flags & GTF_type_mask] ?? ''}, which Xen on Arm does not serve.`,
    });
  } else if (!names.has(domid)) {
    findings.push({
      severity: 'warning',
      kind: 'no-domain',
      sentence: `${me} grants reference ${what} to ${shortDomain(domid)}, which does not exist.`,
    });
  } else if (kind !== 'ram' && kind !== 'xen') {
    findings.push({
      severity: 'warning',
      kind: 'no-page',
      sentence: `${me} grants reference ${what}, gfn ${hex(gfn)}, where it has ${kind === undefined ? 'no page' : PAGE_WORDS[kind]}: mapping it fails.`,
    });
  } else if (!used) {
    findings.push(unusedFinding(subject, domain, grant, what));
  }
  findings.push(...pastFindings(subject, used, me, what));
  return findings;
}

/** What the entry says now, beside what Xen goes by while the page is in use. */
function activeFindings({ flags, domid, gfn, active }: GrantView, me: string, what: string): Finding[] {
  if (!active) return [];
  const user = shortDomain(active.domid);
  const findings: Finding[] = [];
  if ((flags & GTF_type_mask) === 0) {
    findings.push({
      severity: 'warning',
      kind: 'ended-while-mapped',
      sentence: `${me} took back grant ${what}, but ${user} still has its page mapped (gfn ${hex(active.gfn)}): it can be ${active.writers > 0 ? 'read and written' : 'read'} until ${user} unmaps it.`,
    });
  } else if (domid !== active.domid || gfn !== active.gfn) {
    findings.push({
      severity: 'warning',
      kind: 'granted-again',
      sentence: `${me} wrote a new grant into entry ${what} (gfn ${hex(gfn)} to ${shortDomain(domid)}) while ${user} still has the old page mapped (gfn ${hex(active.gfn)}).`,
    });
  } else if ((flags & GTF_readonly) !== 0 && active.writers > 0) {
    findings.push({
      severity: 'warning',
      kind: 'read-only-while-written',
      sentence: `${me} made grant ${what} read-only, but ${user} still has its page mapped for writing.`,
    });
  }
  const most = Math.max(active.readers, active.writers);
  if (most >= MAX_PINS) {
    findings.push({
      severity: 'warning',
      kind: 'limit',
      sentence: `Grant ${what} is mapped ${most} times by ${user}, which is as often as Xen allows.`,
    });
  }
  return findings;
}

function unusedFinding(
  subject: Subject,
  domain: DomainView,
  { reference, domid, gfn }: GrantView,
  what: string,
): Finding {
  const since = subject.record.grants.grantedSince(domain.id, reference, domid, gfn);
  const age = since && nanosecondsSince(subject, since);
  const isOld = age !== undefined && age >= UNUSED_FOR;
  const howLong = isOld ? ` for ${durationText(age)}` : '';
  return {
    severity: isOld ? 'warning' : 'note',
    kind: 'unused',
    sentence: `${shortDomain(domain.id)} has granted reference ${what} to ${shortDomain(domid)}${howLong}, which never used it.`,
  };
}

function pastFindings(subject: Subject, used: GrantUse | undefined, me: string, what: string): Finding[] {
  if (!used?.endedAt) return [];
  return [
    {
      severity: 'note',
      kind: 'was-ended-while-mapped',
      sentence: `${me} took back grant ${what} while ${shortDomain(used.lastUser)} had it mapped, last ${momentView(subject, used.endedAt).ago}.`,
    },
  ];
}

export function limitFindings(
  frames: number,
  maximumFrames: number,
  mappings: number,
  maximumHandles: number,
): Finding[] {
  const findings: Finding[] = [];
  if (frames >= maximumFrames && maximumFrames > 0) {
    findings.push({
      severity: 'note',
      kind: 'limit',
      sentence: `The table has all of its ${maximumFrames} frames: it cannot grow.`,
    });
  }
  if (mappings >= maximumHandles && maximumHandles > 0) {
    findings.push({
      severity: 'warning',
      kind: 'limit',
      sentence: `All ${maximumHandles} handles for grants of others are in use: no further grant can be mapped.`,
    });
  }
  return findings;
}

export const bySeverity = (a: Finding, b: Finding): number => rank(a) - rank(b);
const rank = ({ severity, kind }: Finding): number =>
  (severity === 'warning' ? 0 : 2) + (kind === 'unused' ? 1 : 0);
