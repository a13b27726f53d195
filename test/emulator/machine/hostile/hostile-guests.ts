// The guests of guests.S as configurations of a machine.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadEngineModules } from '../../../../debug-adapter/node/engine-modules.ts';
import {
  type EngineModules,
  type HeadlessEnd,
  type HeadlessRun,
  type MachineConfig,
  startHeadless,
} from '../../../../emulator/index.ts';
import type { Kernel } from '../../../../emulator/formats/kernel.ts';

const code = JSON.parse(readFileSync(join(import.meta.dirname, 'guests.json'), 'utf8')) as Readonly<
  Record<string, string>
>;

export const guestNames = Object.keys(code);

export const codeOf = (name: string): Uint8Array => Buffer.from(code[name] ?? '', 'hex');

/** Where it is loaded and entered. */
export const ENTRY = 0x4008_0000;

/** Under the embedded Xen with either GIC, or bare at either level. */
export type Setting = 'domU' | 'domU on GICv2' | 'bare' | 'bare at EL2';
export const settings: readonly Setting[] = ['domU', 'domU on GICv2', 'bare', 'bare at EL2'];

const MEMORY = 32 * 1024 * 1024;
const CPUS = 2;

export function configurationOf(name: string, setting: Setting): MachineConfig {
  const data = codeOf(name);
  const segment = { address: ENTRY, data, memorySize: data.length };
  const kernel: Kernel = { kind: 'elf', entry: ENTRY, segments: [segment] };
  const common = { kernel: { name, kernel }, cmdline: '', memory: MEMORY };
  const gicVersion = setting === 'domU on GICv2' ? 2 : 3;
  if (setting === 'bare' || setting === 'bare at EL2') {
    const el = setting === 'bare' ? 1 : 2;
    return { cpu: 'a53', seed: 0, bare: { ...common, cpus: CPUS, gicVersion, el } };
  }
  return { cpu: 'max', seed: 0, domains: [{ ...common, name, vcpus: CPUS, gicVersion }] };
}

let modules: EngineModules | undefined;

export const engineModules = (): EngineModules => (modules ??= loadEngineModules());

export interface HostileRun {
  readonly run: HeadlessRun;
  readonly end: HeadlessEnd;
  readonly printed: number;
  readonly warnings: readonly string[];
}

export function runHostile(name: string, setting: Setting, maxInstructions: number): HostileRun {
  let printed = 0;
  const warnings: string[] = [];
  const run = startHeadless(engineModules(), configurationOf(name, setting), {
    script: [],
    maxInstructions,
    output: (_domain, bytes) => {
      printed += bytes.length;
    },
    log: { log: (_level, _source, message) => void warnings.push(message) },
  });
  let end: HeadlessEnd | undefined;
  while (!end) end = run.turn(1_000_000);
  return { run, end, printed, warnings };
}
