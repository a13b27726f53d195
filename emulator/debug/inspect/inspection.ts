// How an inspection is declared: everything about it in one row. An inspection is a pure function from the state
// of a machine to a *view*: plain data that survives JSON, in which addresses and 64-bit values are `0x…` strings
// and everything is said that a panel shows. It changes nothing, whatever the guest wrote, and its work is bounded.

import { invariant, UserError } from '../../base/errors.ts';
import type { LoadedMachine } from '../../machine/guest.ts';
import { BARE_DOMAIN, type DomainInfo } from '../../machine/messages.ts';
import type { HypervisorView } from '../../xen/hypervisor/view.ts';
import type { Recorder } from '../record/recorder.ts';

/** What inspections read. */
export interface Subject {
  readonly loaded: LoadedMachine;
  readonly record: Recorder;
}

/** What the rows' functions take, by name. `address` is a `0x…` string or a decimal one. */
interface ArgumentTypes {
  number: number;
  text: string;
  flag: boolean;
  address: string;
}

export interface ArgumentSpec {
  readonly kind: keyof ArgumentTypes;
  readonly doc: string;
}

export type ArgumentSpecs = Readonly<Record<string, ArgumentSpec>>;

export type ArgumentsOf<Specs extends ArgumentSpecs> = {
  readonly [Name in keyof Specs]?: ArgumentTypes[Specs[Name]['kind']];
};

export interface Inspection<Name extends string, Specs extends ArgumentSpecs, View> {
  /** The request is `xen/<name>`, the command `xenscope inspect … <name>`. */
  readonly name: Name;
  /** One sentence for help texts. */
  readonly doc: string;
  readonly arguments: Specs;
  /** Refused on a bare machine, where no hypervisor of ours runs. */
  readonly needs?: 'hypervisor';
  /** Throws UserErrors for arguments that name nothing. */
  inspect(subject: Subject, args: ArgumentsOf<Specs>): View;
  /** The view as text for a terminal, with a line feed at its end. */
  text(view: View): string;
}

/** A row as whoever goes by names sees it. */
export interface AnyInspection extends Inspection<string, ArgumentSpecs, unknown> {}

/** Arguments that most rows take. */
export const DOMAIN = { kind: 'number', doc: 'domain id; the first domain when left out' } as const;
export const VCPU = { kind: 'number', doc: 'vCPU of the domain; 0 when left out' } as const;

export function inspection<const Name extends string, const Specs extends ArgumentSpecs, View>(
  name: Name,
  row: Omit<Inspection<Name, Specs, View>, 'name'>,
): Inspection<Name, Specs, View> {
  return { name, ...row };
}

/** The domain that was asked for, or the first. Throws a UserError for one that is not there. */
export function domainOf({ loaded }: Subject, domain: number | undefined): DomainInfo {
  const { domains } = loaded.info;
  const found = domain === undefined ? domains[0] : domains.find((info) => info.domain === domain);
  if (found) return found;
  throw new UserError(
    domain === BARE_DOMAIN || domain === undefined
      ? 'there is no bare machine'
      : `there is no domain ${domain}`,
    `There is: ${domains.map((info) => `${info.domain} (${info.name})`).join(', ')}.`,
  );
}

/** The vCPU that was asked for, or 0. Throws a UserError for one that is not there. */
export function vcpuOf(domain: DomainInfo, vcpu = 0): number {
  if (Number.isInteger(vcpu) && vcpu >= 0 && vcpu < domain.vcpus) return vcpu;
  throw new UserError(
    `there is no vCPU ${vcpu} of '${domain.name}'`,
    `It has ${domain.vcpus}, numbered from 0.`,
  );
}

/** The CPU that holds the registers of a vCPU that is there. */
export function cpuOf({ loaded }: Subject, { domain }: DomainInfo, vcpu: number): number {
  const cpu = loaded.cpuOf({ domain, vcpu });
  invariant(cpu !== undefined, `vCPU ${vcpu} of domain ${domain} has a CPU`);
  return cpu;
}

/** What the hypervisor knows; only for rows that need it. */
export function hypervisorOf({ loaded }: Subject): HypervisorView {
  if (loaded.view) return loaded.view;
  throw new UserError(
    'this is a bare machine, without a hypervisor of ours',
    "Start the guest as a domain ('config' or 'domains' instead of 'bare').",
  );
}

export function addressOf(text: string | undefined, name: string): bigint {
  if (text !== undefined && /^(0x[0-9a-f]{1,16}|\d{1,19})$/i.test(text)) {
    const value = BigInt(text.toLowerCase());
    if (value < 1n << 64n) return value;
  }
  throw new UserError(`'${text ?? ''}' is not an address`, `Give '${name}' as 0x… or as a decimal number.`);
}

/** Arguments from outside, each of the declared kind. Throws a UserError for others. */
export function checkedArguments(
  { name, arguments: specs }: AnyInspection,
  given: Readonly<Record<string, unknown>>,
): ArgumentsOf<ArgumentSpecs> {
  const checked: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(given)) {
    const spec = Object.hasOwn(specs, key) ? specs[key] : undefined;
    if (!spec) {
      const known = Object.keys(specs);
      throw new UserError(
        `'${name}' takes no '${key}'`,
        known.length === 0 ? 'It takes no arguments.' : `It takes: ${known.join(', ')}.`,
      );
    }
    if (value === undefined) continue;
    if (typeof value !== TYPE_OF[spec.kind] || (spec.kind === 'number' && !Number.isSafeInteger(value))) {
      throw new UserError(`'${key}' of '${name}' is not ${KIND_WORDS[spec.kind]}`, `It is: ${spec.doc}.`);
    }
    checked[key] = value;
  }
  return checked as ArgumentsOf<ArgumentSpecs>;
}

const KIND_WORDS: Readonly<Record<keyof ArgumentTypes, string>> = {
  number: 'a whole number',
  text: 'a text',
  flag: 'true or false',
  address: 'an address as text',
};

const TYPE_OF: Readonly<Record<keyof ArgumentTypes, string>> = {
  number: 'number',
  text: 'string',
  flag: 'boolean',
  address: 'string',
};
