// What stands under the mouse: a key, one of its words, or a sub-key of a device string.

import { xlKeys } from '../../emulator/formats/xl-config/keys.ts';
import type { XlAtomType, XlType } from '../../emulator/formats/xl-config/keys/row.ts';
import { rangeInside } from '../../emulator/formats/xl-config/report.ts';
import { partsOf } from '../../emulator/formats/xl-config/specification-parts.ts';
import type { XlAtom, XlDocument, XlRange, XlValue } from '../../emulator/formats/xl-config/syntax.ts';
import { describeKey, describeOption } from './describe.ts';

export interface XlHover extends XlRange {
  readonly markdown: string;
}

export function hoverAt(document: XlDocument, offset: number): XlHover | undefined {
  const setting = document.settings.find(({ from, to }) => from <= offset && offset <= to);
  const key = setting && xlKeys.get(setting.key);
  if (setting === undefined || key === undefined) return undefined;
  if (contains(setting.keyRange, offset)) {
    return { markdown: describeKey(setting.key, key), ...setting.keyRange };
  }
  return hoverOverValue(setting.value, key.type, offset);
}

const contains = ({ from, to }: XlRange, offset: number): boolean => from <= offset && offset <= to;

function hoverOverValue(value: XlValue, type: XlType, offset: number): XlHover | undefined {
  if (!contains(value, offset)) return undefined;
  const types = type.kind === 'either' ? type.of : [type];
  for (const one of types) {
    const found =
      value.kind === 'atom'
        ? one.kind !== 'list' && one.kind !== 'either'
          ? hoverOverAtom(value, one, offset)
          : undefined
        : one.kind === 'list'
          ? value.items
              .map((item) => hoverOverValue(item, one.of, offset))
              .find((hover) => hover !== undefined)
          : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function hoverOverAtom(atom: XlAtom, type: XlAtomType, offset: number): XlHover | undefined {
  if (type.kind === 'choice') {
    const word = type.caseless ? atom.text.toLowerCase() : atom.text;
    const meaning = Object.hasOwn(type.values, word) ? type.values[word] : undefined;
    return meaning === undefined
      ? undefined
      : { markdown: `\`"${word}"\`: ${meaning}`, from: atom.from, to: atom.to };
  }
  if (type.kind !== 'specification') return undefined;
  const { options } = type.specification;
  for (const part of partsOf(atom.text, type.specification)) {
    const range = rangeInside(atom, part.from, part.to);
    const option =
      part.option !== undefined && Object.hasOwn(options, part.option) ? options[part.option] : undefined;
    if (option !== undefined && part.option !== undefined && contains(range, offset)) {
      return { markdown: describeOption(part.option, option), ...range };
    }
  }
  return undefined;
}
