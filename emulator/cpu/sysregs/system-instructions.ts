// System instructions: IC, DC, AT, TLBI. They are rows like registers that can only be written;
// what they do is in `maintenance.as.ts`. DDI 0487, C5.3 to C5.5.

import {
  el0Unless,
  systemRegister,
  type SystemRegisterRow,
  type Trap,
  trapBelowEl2,
  trapOnEl1,
} from './define.ts';
import * as indexes from './indexes.ts';

interface Options {
  readonly minEl?: 0 | 1 | 2;
  readonly traps?: readonly Trap[];
  readonly since?: string;
}

function operation(
  name: string,
  words: string,
  index: number,
  doc: string,
  { minEl = 1, traps = [], since }: Options = {},
): SystemRegisterRow {
  return systemRegister(name, {
    encoding: `S1_${words}`,
    doc,
    minEl,
    access: 'wo',
    storage: false,
    index,
    kernel: 'write',
    traps,
    ...(since === undefined ? {} : { since }),
  });
}

const maintenanceAtEl0 = el0Unless('SCTLR_EL1.UCI');
const coherency: Options = { minEl: 0, traps: [maintenanceAtEl0, trapBelowEl2('HCR_EL2.TPCP')] };
const unification: Options = { minEl: 0, traps: [maintenanceAtEl0, trapBelowEl2('HCR_EL2.TPU')] };
const setWay: Options = { traps: [trapOnEl1('HCR_EL2.TSW')] };

const tlbEl1 = (name: string, words: string, index: number, doc: string): SystemRegisterRow =>
  operation(`TLBI ${name}`, words, index, doc, { traps: [trapOnEl1('HCR_EL2.TTLB')] });
const tlbEl2 = (name: string, words: string, index: number, doc: string): SystemRegisterRow =>
  operation(`TLBI ${name}`, words, index, doc, { minEl: 2 });

export const systemInstructions: readonly SystemRegisterRow[] = [
  operation('IC IALLUIS', '0_C7_C1_0', indexes.INDEX_IC_IALLUIS, 'All instruction caches', {
    traps: [trapOnEl1('HCR_EL2.TPU')],
  }),
  operation('IC IALLU', '0_C7_C5_0', indexes.INDEX_IC_IALLU, 'The instruction cache', {
    traps: [trapOnEl1('HCR_EL2.TPU')],
  }),
  operation('IC IVAU', '3_C7_C5_1', indexes.INDEX_IC_IVAU, 'Instruction cache by VA', unification),
  operation('DC IVAC', '0_C7_C6_1', indexes.INDEX_DC_IVAC, 'Invalidates by VA', {
    traps: [trapOnEl1('HCR_EL2.TPCP')],
  }),
  operation('DC ISW', '0_C7_C6_2', indexes.INDEX_DC_ISW, 'Invalidates by set/way', setWay),
  operation('DC CSW', '0_C7_C10_2', indexes.INDEX_DC_CSW, 'Cleans by set/way', setWay),
  operation('DC CISW', '0_C7_C14_2', indexes.INDEX_DC_CISW, 'Cleans and invalidates by set/way', setWay),
  operation('DC ZVA', '3_C7_C4_1', indexes.INDEX_DC_ZVA, 'Zeroes a block', {
    minEl: 0,
    traps: [el0Unless('SCTLR_EL1.DZE'), trapBelowEl2('HCR_EL2.TDZ')],
  }),
  operation('DC CVAC', '3_C7_C10_1', indexes.INDEX_DC_CVAC, 'Cleans by VA to coherency', coherency),
  operation('DC CVAU', '3_C7_C11_1', indexes.INDEX_DC_CVAU, 'Cleans by VA to unification', unification),
  operation('DC CIVAC', '3_C7_C14_1', indexes.INDEX_DC_CIVAC, 'Cleans and invalidates by VA', coherency),

  operation('AT S1E1R', '0_C7_C8_0', indexes.INDEX_AT_S1E1R, 'Stage 1 for EL1, read'),
  operation('AT S1E1W', '0_C7_C8_1', indexes.INDEX_AT_S1E1W, 'Stage 1 for EL1, write'),
  operation('AT S1E0R', '0_C7_C8_2', indexes.INDEX_AT_S1E0R, 'Stage 1 for EL0, read'),
  operation('AT S1E0W', '0_C7_C8_3', indexes.INDEX_AT_S1E0W, 'Stage 1 for EL0, write'),
  operation('AT S1E1RP', '0_C7_C9_0', indexes.INDEX_AT_S1E1RP, 'Stage 1 for EL1 with PAN, read', {
    since: 'FEAT_PAN2',
  }),
  operation('AT S1E1WP', '0_C7_C9_1', indexes.INDEX_AT_S1E1WP, 'Stage 1 for EL1 with PAN, write', {
    since: 'FEAT_PAN2',
  }),
  operation('AT S1E2R', '4_C7_C8_0', indexes.INDEX_AT_S1E2R, 'Stage 1 for EL2, read', { minEl: 2 }),
  operation('AT S1E2W', '4_C7_C8_1', indexes.INDEX_AT_S1E2W, 'Stage 1 for EL2, write', { minEl: 2 }),
  operation('AT S12E1R', '4_C7_C8_4', indexes.INDEX_AT_S12E1R, 'Both stages for EL1, read', { minEl: 2 }),
  operation('AT S12E1W', '4_C7_C8_5', indexes.INDEX_AT_S12E1W, 'Both stages for EL1, write', { minEl: 2 }),
  operation('AT S12E0R', '4_C7_C8_6', indexes.INDEX_AT_S12E0R, 'Both stages for EL0, read', { minEl: 2 }),
  operation('AT S12E0W', '4_C7_C8_7', indexes.INDEX_AT_S12E0W, 'Both stages for EL0, write', { minEl: 2 }),

  tlbEl1('VMALLE1IS', '0_C8_C3_0', indexes.INDEX_TLBI_VMALLE1IS, 'EL1&0, all CPUs'),
  tlbEl1('VAE1IS', '0_C8_C3_1', indexes.INDEX_TLBI_VAE1IS, 'By VA, all CPUs'),
  tlbEl1('ASIDE1IS', '0_C8_C3_2', indexes.INDEX_TLBI_ASIDE1IS, 'By ASID, all CPUs'),
  tlbEl1('VAAE1IS', '0_C8_C3_3', indexes.INDEX_TLBI_VAAE1IS, 'By VA, any ASID, all CPUs'),
  tlbEl1('VALE1IS', '0_C8_C3_5', indexes.INDEX_TLBI_VALE1IS, 'By VA, last level, all CPUs'),
  tlbEl1('VAALE1IS', '0_C8_C3_7', indexes.INDEX_TLBI_VAALE1IS, 'By VA, any ASID, last level, all CPUs'),
  tlbEl1('VMALLE1', '0_C8_C7_0', indexes.INDEX_TLBI_VMALLE1, 'EL1&0'),
  tlbEl1('VAE1', '0_C8_C7_1', indexes.INDEX_TLBI_VAE1, 'By VA'),
  tlbEl1('ASIDE1', '0_C8_C7_2', indexes.INDEX_TLBI_ASIDE1, 'By ASID'),
  tlbEl1('VAAE1', '0_C8_C7_3', indexes.INDEX_TLBI_VAAE1, 'By VA, any ASID'),
  tlbEl1('VALE1', '0_C8_C7_5', indexes.INDEX_TLBI_VALE1, 'By VA, last level'),
  tlbEl1('VAALE1', '0_C8_C7_7', indexes.INDEX_TLBI_VAALE1, 'By VA, any ASID, last level'),
  tlbEl2('IPAS2E1IS', '4_C8_C0_1', indexes.INDEX_TLBI_IPAS2E1IS, 'Stage 2 by IPA, all CPUs'),
  tlbEl2('IPAS2LE1IS', '4_C8_C0_5', indexes.INDEX_TLBI_IPAS2LE1IS, 'Stage 2 by IPA, last level, all CPUs'),
  tlbEl2('IPAS2E1', '4_C8_C4_1', indexes.INDEX_TLBI_IPAS2E1, 'Stage 2 by IPA'),
  tlbEl2('IPAS2LE1', '4_C8_C4_5', indexes.INDEX_TLBI_IPAS2LE1, 'Stage 2 by IPA, last level'),
  tlbEl2('ALLE2IS', '4_C8_C3_0', indexes.INDEX_TLBI_ALLE2IS, 'EL2, all CPUs'),
  tlbEl2('VAE2IS', '4_C8_C3_1', indexes.INDEX_TLBI_VAE2IS, 'EL2 by VA, all CPUs'),
  tlbEl2('ALLE1IS', '4_C8_C3_4', indexes.INDEX_TLBI_ALLE1IS, 'EL1&0 of all VMIDs, all CPUs'),
  tlbEl2('VALE2IS', '4_C8_C3_5', indexes.INDEX_TLBI_VALE2IS, 'EL2 by VA, last level, all CPUs'),
  tlbEl2('VMALLS12E1IS', '4_C8_C3_6', indexes.INDEX_TLBI_VMALLS12E1IS, 'Both stages of a VMID, all CPUs'),
  tlbEl2('ALLE2', '4_C8_C7_0', indexes.INDEX_TLBI_ALLE2, 'EL2'),
  tlbEl2('VAE2', '4_C8_C7_1', indexes.INDEX_TLBI_VAE2, 'EL2 by VA'),
  tlbEl2('ALLE1', '4_C8_C7_4', indexes.INDEX_TLBI_ALLE1, 'EL1&0 of all VMIDs'),
  tlbEl2('VALE2', '4_C8_C7_5', indexes.INDEX_TLBI_VALE2, 'EL2 by VA, last level'),
  tlbEl2('VMALLS12E1', '4_C8_C7_6', indexes.INDEX_TLBI_VMALLS12E1, 'Both stages of a VMID'),
];
