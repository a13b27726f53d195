// A run without a debugger: loads the guests, executes until a script of expected texts is met,
// the machine ends, or a bound is reached. Idle time is skipped, or left to the caller to pace.

import type { HostFiles } from '../formats/disk-image/host-files.ts';
import type { Logger } from '../base/log.ts';
import type { EngineCounters } from '../engine/counters.ts';
import type { EngineModules } from '../engine/engine.ts';
import type { TranslatorStatistics } from '../engine/translator/translator.ts';
import { ConsoleBuffer } from './console-buffer.ts';
import { ConsoleScript, type ScriptStep } from './console-script.ts';
import { DomainEnds } from './domain-ends.ts';
import type { GuestEnd, LoadedMachine } from './guest.ts';
import { beginIdle, type IdleSleep } from './idle-pacing.ts';
import { InputLog } from './input-log.ts';
import { loadMachine } from './load.ts';
import { SLICE } from './machine.ts';
import type { MachineConfig } from './messages.ts';
import { stateHash } from './state-hash.ts';

export interface HeadlessOptions {
  readonly script: readonly ScriptStep[];
  readonly maxInstructions?: number;
  /** Asked between slices; true ends the run. */
  readonly outOfTime?: () => boolean;
  /** Guest output. */
  readonly output: (domain: number, bytes: Uint8Array) => void;
  /** A domain has come to its end. */
  readonly ended?: (domain: number, reason: GuestEnd) => void;
  /** A domain has come, in the place of another one or by itself. */
  readonly created?: (domain: number, name: string, replaces: number | undefined) => void;
  readonly log: Logger;
  /** Where the images of disks are. */
  readonly files?: HostFiles;
}

export type HeadlessEnd =
  | { readonly kind: 'met' }
  /** All domains have ended; the reason is that of the least orderly end. */
  | { readonly kind: 'ended'; readonly reason: GuestEnd }
  /** A bound was reached, or nothing can happen any more. */
  | { readonly kind: 'bound'; readonly why: string };

export interface HeadlessRun {
  /** Runs for about that many instructions, skipping idle time; undefined when there is more to do. */
  turn(instructions: number): HeadlessEnd | undefined;
  /** The same at the pace of the wall clock: comes back with a sleep when every CPU waits. */
  turnAtWallClock(instructions: number, now: () => number): HeadlessEnd | IdleSleep | undefined;
  /** Typed into the console of a domain, the first when left out. */
  type(bytes: Uint8Array, domain?: number): void;
  readonly loaded: LoadedMachine;
  readonly inputs: InputLog;
  readonly script: ConsoleScript;
  statistics(): HeadlessStatistics;
  /** Nothing runs any more: what disks were to keep is written to their files. */
  close(): void;
}

export interface HeadlessStatistics {
  readonly instructions: number;
  readonly virtualNanoseconds: number;
  readonly stateHash: string;
  /** Bytes of RAM in pages that are not all zeros. */
  readonly touchedBytes: number;
  readonly exits: Readonly<Record<string, number>>;
  /** Accesses to devices and system registers that left generated code, by kind. */
  readonly accesses: Readonly<Record<string, number>>;
  readonly exceptions: EngineCounters['exceptions'];
  readonly exceptionReturns: number;
  readonly mmu: EngineCounters['mmu'];
  /** Of the second tier, where there is one. */
  readonly translator?: TranslatorStatistics | undefined;
}

interface Idle {
  readonly kind: 'idle';
  readonly deadline: number;
}

/** Throws UserErrors for a configuration that cannot be built. */
export function startHeadless(
  modules: EngineModules,
  config: MachineConfig,
  options: HeadlessOptions,
): HeadlessRun {
  /** What the script typed: it arrives after the instruction that met the text. */
  const typed: { readonly domain: number; readonly bytes: Uint8Array }[] = [];
  const buffer = new ConsoleBuffer(options.output);
  const script = new ConsoleScript(
    options.script,
    (domain, bytes) => {
      typed.push({ domain, bytes });
      loaded.machine.requestStop();
    },
    () => loaded.machine.requestStop(),
  );
  const loaded = loadMachine(
    modules,
    config,
    {
      console: (domain, byte) => {
        buffer.write(domain, byte);
        script.observe(domain, byte);
      },
      ended: (domain, reason) => {
        if (ends.end(domain, reason)) options.ended?.(domain, reason);
        loaded.machine.requestStop();
      },
      created: (domain, name, replaces) => {
        ends.begin(domain);
        options.created?.(domain, name, replaces);
      },
    },
    options.log,
    options.files,
  );
  const { machine } = loaded;
  const ends = new DomainEnds(loaded.info.domains.map(({ domain }) => domain));
  const inputs = new InputLog(loaded);
  const type = (bytes: Uint8Array, domain = loaded.info.domains[0]?.domain ?? 0): void =>
    inputs.enter({ kind: 'console', domain, bytes });
  const limit = options.maxInstructions ?? Number.MAX_SAFE_INTEGER;

  function slice(): HeadlessEnd | Idle | undefined {
    if (options.outOfTime?.()) return { kind: 'bound', why: 'the time is up' };
    const left = limit - machine.engine.instructions;
    if (left <= 0) return { kind: 'bound', why: `${limit} instructions were executed` };
    const end = machine.runSlice(left);
    for (const { domain, bytes } of typed.splice(0)) type(bytes, domain);
    if (script.done) return { kind: 'met' };
    const { verdict } = ends;
    if (verdict) return { kind: 'ended', reason: verdict };
    if (end.kind === 'stuck') return { kind: 'bound', why: end.reason };
    return end.kind === 'idle' ? end : undefined;
  }

  function turn<T>(
    instructions: number,
    idle: (deadline: number) => T | undefined,
  ): HeadlessEnd | T | undefined {
    try {
      for (let spent = 0; spent < instructions; spent += SLICE) {
        const end = slice();
        const result = end?.kind === 'idle' ? idle(end.deadline) : end;
        if (result) return result;
      }
      return undefined;
    } finally {
      // What the guest printed comes out, even before a failure of ours.
      buffer.flush();
    }
  }

  const skip = (deadline: number): HeadlessEnd | undefined => {
    if (deadline === Number.POSITIVE_INFINITY) {
      return { kind: 'bound', why: 'every CPU is off or waits for an interrupt, and no timer is set' };
    }
    machine.skipTo(deadline);
    return undefined;
  };

  return {
    loaded,
    inputs,
    script,
    type,
    close: () => loaded.close?.(),
    turn: (instructions) => turn(instructions, skip),
    turnAtWallClock: (instructions, now) =>
      turn(instructions, (deadline) => beginIdle(machine, deadline, now)),
    statistics: () => ({
      instructions: machine.engine.instructions,
      virtualNanoseconds: machine.clock.nanoseconds(),
      stateHash: stateHash(loaded),
      touchedBytes: machine.memory.touched(),
      exits: { ...machine.exits },
      accesses: { ...machine.accesses },
      ...machine.engine.counters,
      translator: machine.engine.statistics && { ...machine.engine.statistics },
    }),
  };
}
