// Runs a few instructions on the `max` core from a state of zeros and shows the registers that
// changed, as 32 hexadecimal digits with lane 0 last.

import { loadEngineModules } from '../../../../debug-adapter/node/engine-modules.ts';
import { CaseRunner, type CaseState } from '../../../../emulator/index.ts';

/** Where the memory of the state begins. */
export const DATA = 0x2000_0c00;

export interface Result {
  /** A vector register, an X register, or `fpsr`; what did not change reads as it was set. */
  reg(name: string): string;
  /** Bytes that changed, by address. */
  readonly memory: readonly (readonly [string, string])[];
  readonly exception: string | undefined;
}

let runner: CaseRunner | undefined;

const zeros: CaseState = {
  init: 0,
  x: Array.from({ length: 31 }, () => '0'),
  sp: '20001000',
  nzcv: '0',
  v: Array.from({ length: 32 }, () => '0'),
  mem: Array.from({ length: 2048 }, (_, i) => (i & 0xff).toString(16).padStart(2, '0')).join(''),
};

export function runProgram(words: readonly number[], set: Readonly<Record<string, string>> = {}): Result {
  runner ??= new CaseRunner(loadEngineModules(), 'max', [zeros]);
  const code = words.map((word) => (word >>> 0).toString(16)).join(' ');
  const plain = Object.fromEntries(
    Object.entries(set).map(([name, value]) => [name, value.replaceAll('_', '')]),
  );
  const { end, exc } = runner.run({ id: 'test', feat: 'base', init: 0, set: plain, code, end: {} });
  return {
    reg(name) {
      const value = end[name] ?? plain[name] ?? '0';
      if (typeof value !== 'string') throw new Error(`${name} is no register`);
      return value.padStart(name.startsWith('v') ? 32 : 1, '0');
    },
    memory: (end.mem ?? []) as [string, string][],
    exception: exc?.kind,
  };
}

/** The instruction with these registers in the usual places. */
export const on = (word: number, Rd: number, Rn: number, Rm = 0): number =>
  (word | (Rm << 16) | (Rn << 5) | Rd) >>> 0;
