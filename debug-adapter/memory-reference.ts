// The one textual grammar for addresses in the protocol:
//
//   ref     := number | space ":" number
//   space   := [ dom "/" ] kind [ "@" context ]
//   dom     := "d" decimal | "host"
//   kind    := "va" | "ipa" | "pa"
//   context := "v" decimal | "ttbr" hex [ "." asid ] | "el0" | "el1"
//   number  := "0x" hex | decimal
//
// The levels EL0 and EL1 share a regime, and permissions are ignored: naming one changes nothing.
// `host` with `va` or `ipa` is the bare machine. The kinds `sysreg` and `xs` of data breakpoints are
// in breakpoints/register-data.ts and xenstore-data.ts.

import type { AddressSpace, VcpuId } from '../emulator/machine/messages.ts';
import { BARE_DOMAIN } from '../emulator/machine/messages.ts';
import * as errors from './errors.ts';

export interface MemoryReference {
  readonly space: AddressSpace;
  readonly address: bigint;
}

const REFERENCE =
  /^(?:(?:(d\d{1,5}|host)\/)?(va|ipa|pa)(?:@(?:v(\d{1,3})|ttbr([0-9a-f]{1,16})(?:\.(\d{1,5}))?|el[01]))?:)?(0x[0-9a-f]{1,16}|\d{1,20})$/i;
const LIMIT = 1n << 64n;

/** A plain number is a VA of the focused vCPU, which also completes what the reference leaves out. */
export function parseMemoryReference(text: string, focus: VcpuId): MemoryReference {
  const match = REFERENCE.exec(text.trim());
  if (!match) throw errors.notAnAddress(text);
  const [, dom, kind = 'va', vcpu, ttbr, , number = ''] = match;
  const address = BigInt(number.toLowerCase());
  if (address >= LIMIT) throw errors.notAnAddress(text);

  const domain = dom === undefined ? focus.domain : domainOf(dom.toLowerCase());
  switch (kind.toLowerCase()) {
    case 'pa':
      return { space: { kind: 'pa' }, address };
    case 'ipa':
      return { space: { kind: 'ipa', domain }, address };
    default: {
      const sameDomain = domain === focus.domain;
      const at = { domain, vcpu: vcpu === undefined ? (sameDomain ? focus.vcpu : 0) : Number(vcpu) };
      const space: AddressSpace =
        ttbr === undefined ? { kind: 'va', at } : { kind: 'va', at, ttbr0: BigInt(`0x${ttbr}`) };
      return { space, address };
    }
  }
}

/** The full form, which keeps its meaning whatever is focused later. */
export function formatMemoryReference({ space, address }: MemoryReference): string {
  const number = `0x${BigInt.asUintN(64, address).toString(16)}`;
  switch (space.kind) {
    case 'pa':
      return `host/pa:${number}`;
    case 'ipa':
      return `${nameOfDomain(space.domain)}/ipa:${number}`;
    case 'va': {
      const context = space.ttbr0 === undefined ? `v${space.at.vcpu}` : `ttbr${space.ttbr0.toString(16)}`;
      return `${nameOfDomain(space.at.domain)}/va@${context}:${number}`;
    }
  }
}

export const vaReference = (at: VcpuId, address: bigint): string =>
  formatMemoryReference({ space: { kind: 'va', at: { domain: at.domain, vcpu: at.vcpu } }, address });

export const offsetBy = (reference: MemoryReference, offset: number | bigint): MemoryReference => ({
  space: reference.space,
  address: BigInt.asUintN(64, reference.address + BigInt(offset)),
});

/** The word for a domain in references and function breakpoints: `d1`, or `host` on a bare machine. */
export const nameOfDomain = (domain: number): string => (domain === BARE_DOMAIN ? 'host' : `d${domain}`);

function domainOf(name: string): number {
  return name === 'host' ? BARE_DOMAIN : Number(name.slice(1));
}
