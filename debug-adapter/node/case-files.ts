// Files of instruction cases and their start states: JSON lines, plain or gzipped, checked line by line
// before anything runs.

import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { type Place, UserError } from '../../emulator/base/errors.ts';
import type { CaseState, InstructionCase } from '../../emulator/index.ts';
import { reasonOf } from './files.ts';

export interface CaseFile {
  readonly states: readonly CaseState[];
  readonly cases: readonly InstructionCase[];
}

/** More than a gigabyte of text is no list of cases. */
const MAX_SIZE = 2 ** 29;
/** From where code begins, 0x10008000, to the end of its 64 KiB. */
const CODE_WORDS = 0x8000 / 4;
const STATE_BYTES = 2048;

export function readCaseFile(file: string, statesFile: string | undefined): CaseFile {
  const statesPath = statesFile ?? statesBeside(file);
  const states = readJsonLines(statesPath, checkedState);
  const known = new Set(states.map(({ init }) => init));
  const cases = readJsonLines(file, (value, place) => {
    const item = checkedCase(value, place);
    if (known.has(item.init)) return item;
    throw new UserError(
      `case ${item.id} starts from state ${item.init}, which ${basename(statesPath)} lacks`,
      'Name the right start states with --states FILE.',
      place,
    );
  });
  return { states, cases };
}

function statesBeside(file: string): string {
  const candidates = ['states.jsonl', 'states.jsonl.gz'].map((name) => join(dirname(file), name));
  const found = candidates.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new UserError('no states.jsonl stands beside it', 'Name the start states with --states FILE.', {
    file,
  });
}

function readJsonLines<T>(file: string, check: (value: unknown, place: Place) => T): T[] {
  const lines = textOf(file).split('\n');
  const result = lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    const place = { file, line: i + 1 };
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw new UserError('this is not JSON', 'Every line holds one JSON object.', place);
    }
    return [check(value, place)];
  });
  if (result.length > 0) return result;
  throw new UserError('the file is empty', 'Every line holds one JSON object.', { file });
}

function textOf(file: string): string {
  try {
    const bytes = readFileSync(file);
    return (file.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: MAX_SIZE }) : bytes).toString('utf8');
  } catch (error) {
    throw new UserError(`cannot be read: ${reasonOf(error)}`, 'Check the path.', { file });
  }
}

// ---- what a line must be

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** `digits`: at most so many. */
const isHex = (value: unknown, digits: number): boolean =>
  typeof value === 'string' && value.length <= digits && /^[0-9a-f]+$/.test(value);
const isListOf = (value: unknown, count: number, digits: number): boolean =>
  Array.isArray(value) && value.length === count && value.every((item) => isHex(item, digits));

const STATE: Readonly<Record<string, (value: unknown) => boolean>> = {
  init: Number.isSafeInteger,
  x: (value) => isListOf(value, 31, 16),
  sp: (value) => isHex(value, 16),
  nzcv: (value) => isHex(value, 1),
  v: (value) => isListOf(value, 32, 32),
  mem: (value) => value === '' || (isHex(value, 2 * STATE_BYTES) && (value as string).length % 2 === 0),
};

const REGISTER = /^(x([12]?\d|30)|v([12]?\d|3[01])|sp|nzcv|fpcr|fpsr)$/;

const CASE: Readonly<Record<string, (value: unknown) => boolean>> = {
  id: (value) => typeof value === 'string' || typeof value === 'number',
  feat: (value) => typeof value === 'string',
  init: Number.isSafeInteger,
  set: (value) =>
    value === undefined ||
    (isObject(value) &&
      Object.entries(value).every(([name, bits]) => REGISTER.test(name) && isHex(bits, 32))),
  code: (value) => typeof value === 'string' && isListOf(value.split(' '), value.split(' ').length, 8),
  end: isObject,
  exc: (value) => value === undefined || (isObject(value) && typeof value['kind'] === 'string'),
};

const checkedState = (value: unknown, place: Place): CaseState =>
  checked(value, STATE, 'a start state', place) as unknown as CaseState;

function checkedCase(value: unknown, place: Place): InstructionCase {
  const item = checked(value, CASE, 'an instruction case', place) as unknown as InstructionCase;
  if (item.code.split(' ').length <= CODE_WORDS) return item;
  throw new UserError(`case ${item.id} has more than ${CODE_WORDS} words of code`, 'Split it.', place);
}

function checked(
  value: unknown,
  fields: Readonly<Record<string, (value: unknown) => boolean>>,
  what: string,
  place: Place,
): Fields {
  if (!isObject(value)) throw new UserError(`this is not ${what}`, 'A line holds one JSON object.', place);
  const wrong = Object.entries(fields).find(([name, fits]) => !fits(value[name]));
  if (!wrong) return value;
  const [name] = wrong;
  throw new UserError(
    value[name] === undefined
      ? `this is not ${what}: '${name}' is missing`
      : `'${name}' does not fit ${what}`,
    'The fields are those of the corpus: hexadecimal text without 0x.',
    place,
  );
}
