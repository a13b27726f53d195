// Columns of the tables beside the strips.

import { type Column, html, t } from '../panel/panel.ts';
import type { IpaRange, PaRange, VaRange } from './ranges.ts';
import { sizeText } from './scale.ts';

const address = (reference: string | undefined, text: string | undefined): unknown =>
  reference === undefined || text === undefined
    ? (text ?? '')
    : html`<xs-address reference=${reference}>${text}</xs-address>`;

const size = <Row extends { readonly size: string }>(): Column<Row> => ({
  key: 'size',
  title: t('Size'),
  text: (row) => sizeText(Number(row.size)),
  sortValue: (row) => BigInt(row.size),
  align: 'end',
  width: 10,
});

export const IPA_COLUMNS: readonly Column<IpaRange>[] = [
  {
    key: 'ipa',
    title: 'IPA',
    text: (row) => row.ipa,
    render: (row) => (row.kind === 'hole' ? row.ipa : address(row.reference, row.ipa)),
    mono: true,
    width: 15,
  },
  size(),
  { key: 'name', title: t('What'), text: (row) => row.name, width: 22 },
  {
    key: 'pa',
    title: 'PA',
    text: (row) => row.pa ?? (row.scattered ? t('scattered') : ''),
    render: (row) => address(row.paReference, row.pa ?? (row.scattered ? t('scattered') : '')),
    mono: true,
    width: 13,
  },
  { key: 'permissions', title: t('Access'), text: (row) => row.permissions ?? '', mono: true, width: 7 },
  { key: 'level', title: t('Level'), text: (row) => row.level?.toString() ?? '', width: 6, align: 'end' },
  { key: 'block', title: t('Mapped by'), text: (row) => row.block ?? '', width: 14 },
  { key: 'attributes', title: t('Memory'), text: (row) => row.attributes ?? '', width: 19 },
  { key: 'shareability', title: t('Shareability'), text: (row) => row.shareability ?? '', width: 16 },
  {
    key: 'note',
    title: t('Notes'),
    text: (row) =>
      [
        row.note ?? '',
        row.writeProtected ? t('write-protected') : '',
        row.accessFlag === false ? t('access flag clear') : '',
        row.dirtyByHardware ? t('dirty state by hardware') : '',
      ]
        .filter((text) => text !== '')
        .join(' '),
    grow: true,
    width: 20,
  },
];

export const PA_COLUMNS: readonly Column<PaRange>[] = [
  {
    key: 'pa',
    title: 'PA',
    text: (row) => row.pa,
    render: (row) => (row.kind === 'hole' ? row.pa : address(row.reference, row.pa)),
    mono: true,
    width: 15,
  },
  size(),
  { key: 'name', title: t('Owner or device'), text: (row) => row.name, width: 34 },
  {
    key: 'ipa',
    title: t('IPA in its domain'),
    text: (row) => row.ipa ?? '',
    render: (row) => address(row.ipaReference, row.ipa),
    mono: true,
    grow: true,
    width: 18,
  },
];

export const VA_COLUMNS: readonly Column<VaRange>[] = [
  {
    key: 'va',
    title: 'VA',
    text: (row) => row.va,
    render: (row) => address(row.reference, row.va),
    mono: true,
    width: 20,
  },
  size(),
  {
    key: 'ipa',
    title: 'IPA',
    text: (row) => row.ipa ?? t('scattered'),
    render: (row) => address(row.ipaReference, row.ipa ?? t('scattered')),
    mono: true,
    width: 13,
  },
  { key: 'el1', title: 'EL1', text: (row) => row.el1, mono: true, width: 5 },
  { key: 'el0', title: 'EL0', text: (row) => row.el0, mono: true, width: 5 },
  { key: 'level', title: t('Level'), text: (row) => String(row.level), width: 6, align: 'end' },
  { key: 'block', title: t('Mapped by'), text: (row) => row.block, width: 25 },
  { key: 'attributes', title: t('Memory'), text: (row) => row.attributes, width: 19 },
  { key: 'shareability', title: t('Shareability'), text: (row) => row.shareability, width: 16 },
  {
    key: 'flags',
    title: t('Notes'),
    text: (row) =>
      [row.global ? '' : t('not global'), row.accessFlag ? '' : t('access flag clear')]
        .filter((text) => text !== '')
        .join(', '),
    grow: true,
    width: 12,
  },
];
