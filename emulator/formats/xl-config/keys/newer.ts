// Keys of releases after 4.17: xl 4.17 drops them without a word, we say so.

import {
  boolean,
  choice,
  formed,
  list,
  noEffect,
  number,
  string,
  text,
  type XlKey,
  type XlKeys,
} from './row.ts';
import { armSci, virtio } from './specifications.ts';

const LENGTHS = Array.from({ length: 16 }, (_, i) => 128 * (i + 1));

const run = noEffect('it is newer than Xen 4.17');
const newer = (since: string, row: Pick<XlKey, 'type' | 'doc'> & Partial<XlKey>): XlKey => ({
  arm: 'meaningful',
  run,
  since,
  ...row,
});

export const newerKeys: XlKeys = {
  sve: newer('4.18', {
    type: choice({
      disabled: 'None.',
      hw: 'As long as the hardware can.',
      ...Object.fromEntries(LENGTHS.map((bits) => [String(bits), `Vectors of at most ${bits} bits.`])),
    }),
    doc: 'Scalable vectors, and their greatest length.',
    default: '"disabled"',
  }),
  virtio: newer('4.18', { type: list(virtio), doc: 'Virtio devices.' }),
  bootloader_restrict: newer('4.18', {
    type: boolean,
    arm: 'parsed',
    doc: '`bootloader` runs without privileges.',
  }),
  bootloader_user: newer('4.18', {
    type: string,
    arm: 'parsed',
    doc: 'User that `bootloader` runs as, with `bootloader_restrict`.',
  }),
  smbios: newer('4.18', { type: list(text('bios_vendor=…')), arm: 'x86', doc: 'Values of SMBIOS.' }),
  nr_spis: newer('4.19', { type: number(0, 5088), doc: 'Number of SPIs of the guest.' }),
  hvm_pirq: newer('4.19', { type: boolean, arm: 'x86', doc: 'Interrupts of devices by event channel.' }),
  llc_colors: newer('4.20', {
    type: list(formed(/^\d+(-\d+)?$/, 'a colour or a range such as 0-4', '0-4')),
    doc: "Colours of the last level cache that the domain's memory has.",
  }),
  altp2m_count: newer('4.21', {
    type: number(0),
    arm: 'x86',
    doc: 'Number of alternative second-stage tables.',
  }),
  arm_sci: newer('4.21', { type: armSci, doc: 'System control interface: `"type=scmi_smc"`.' }),
  trap_unmapped_accesses: newer('4.21', {
    type: boolean,
    doc: 'Accesses to addresses without memory or device abort; otherwise they read as ones.',
    default: '1',
  }),
  xen_platform_pci_bar_uc: newer('4.21', {
    type: boolean,
    arm: 'x86',
    doc: 'Cacheability of the platform device.',
  }),
  xenstore_feature_mask: newer('4.21', { type: number(0), doc: 'Features of xenstore that the guest sees.' }),
  xenstore_quota: newer('4.22', {
    type: list(formed(/^[a-z-]+=\d+$/, 'NAME=NUMBER', 'nodes=1000')),
    doc: "The domain's quotas in xenstore.",
  }),
};
