// Values out of bytes that were taken earlier: everything about their type is looked up beforehand, so that a
// hundred thousand log messages cost no question.

import { littleEndian, littleEndianBytes } from '../../emulator/formats/dwarf/operations.ts';

import { floatBytesText } from './floats.ts';
import { enumerationText, integerText, stringText } from './format.ts';
import type { Format } from './format.ts';
import { bare, sizeOf, WORD } from './types.ts';
import type { StructureMember, Type } from './types.ts';

export type Render = (bytes: Uint8Array) => string;
type Describe = (address: bigint) => string | undefined;

const MAX_DEPTH = 4;

export async function rendererOf(type: Type, format: Format, describe: Describe, depth = 0): Promise<Render> {
  const core = await bare(type);
  switch (core.kind) {
    case 'integer':
      return (bytes) => integerText(signedOf(bytes, core), core, format);
    case 'enumeration':
      return (bytes) => enumerationText(signedOf(bytes, core), core, format);
    case 'float':
      return floatBytesText;
    case 'pointer':
      return (bytes) => {
        const address = littleEndian(bytes);
        const name = format.raw === true ? undefined : describe(address);
        const text = integerText(address, WORD, format);
        return name === undefined || address === 0n ? text : `${text} <${name}>`;
      };
    case 'array': {
      const element = await core.element.resolve();
      const size = await sizeOf(element);
      const inner = await bare(element);
      if (inner.kind === 'integer' && inner.role === 'character' && format.raw !== true) return characters;
      if (size === undefined || depth >= MAX_DEPTH) return () => '{…}';
      const render = await rendererOf(element, format, describe, depth + 1);
      return (bytes) => {
        const parts: string[] = [];
        for (let at = 0; at + size <= bytes.length && size > 0; at += size) {
          parts.push(render(bytes.subarray(at, at + size)));
        }
        return `{${parts.join(', ')}}`;
      };
    }
    case 'structure': {
      if (depth >= MAX_DEPTH) return () => '{…}';
      const members: ((bytes: Uint8Array) => string)[] = [];
      for (const member of core.members) members.push(await memberRenderer(member, format, describe, depth));
      return (bytes) => `{${members.map((render) => render(bytes)).join(', ')}}`;
    }
    case 'member-pointer':
      return (bytes) => integerText(littleEndian(bytes), WORD, format);
    case 'void':
    case 'function':
    case 'other':
      return () => '<no value>';
  }
}

async function memberRenderer(
  member: StructureMember,
  format: Format,
  describe: Describe,
  depth: number,
): Promise<Render> {
  const type = await member.type.resolve();
  const render = await rendererOf(type, format, describe, depth + 1);
  const size = (await sizeOf(type)) ?? 0;
  const { bitOffset, bitSize, name } = member;
  const start = Math.floor(bitOffset / 8);
  const core = await bare(type);
  const isSigned = (core.kind === 'integer' || core.kind === 'enumeration') && core.signed;
  const text: Render =
    bitSize === undefined
      ? (bytes) => render(bytes.subarray(start, start + size))
      : (bytes) => {
          const end = Math.ceil((bitOffset + bitSize) / 8);
          const raw = littleEndian(bytes.subarray(start, end)) >> BigInt(bitOffset % 8);
          const value = isSigned ? BigInt.asIntN(bitSize, raw) : BigInt.asUintN(bitSize, raw);
          return render(littleEndianBytes(value, size));
        };
  return (bytes) => (name === undefined ? text(bytes) : `${name} = ${text(bytes)}`);
}

function signedOf(
  bytes: Uint8Array,
  { size, signed }: { readonly size: number; readonly signed: boolean },
): bigint {
  const value = littleEndian(bytes);
  return signed ? BigInt.asIntN(8 * size, value) : value;
}

function characters(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return stringText(end === -1 ? bytes : bytes.subarray(0, end));
}
