// A hash of everything that decides how a machine goes on: RAM, CPUs, devices, what sits at EL2,
// time. No cache and no counter of ours is in it.

import * as layout from '../memory/layout.ts';
import type { LoadedMachine } from './guest.ts';

/** Fields of a CPU's block that are bookkeeping of the engine, as [first, behind the last]. */
const NOT_STATE: readonly (readonly [number, number])[] = [
  // The lazy flags: NZCV is hashed instead.
  [layout.FLAGS_OP, layout.FLAGS_B + 8],
  [layout.BUDGET, layout.LINES],
  [layout.TLB_BASE, layout.CPU_INDEX],
  [layout.BREAKPOINT_SKIP, layout.FEATURES],
  [layout.TRAP_VECTOR, layout.V],
  [layout.X_DISCARD, layout.X_DISCARD + 8],
];

/** 32 hexadecimal digits. */
export function stateHash({ machine, saveMonitor }: LoadedMachine): string {
  const { engine } = machine;
  const u8 = new Uint8Array(engine.memory.buffer);
  const view = new DataView(engine.memory.buffer);
  view.setBigUint64(layout.HASH, 0n, true);
  view.setBigUint64(layout.HASH + 8, 0n, true);
  engine.kernels.hashMemory(layout.RAM_HOST, machine.memory.size);
  engine.kernels.hashTlbs();

  machine.cpus.forEach((cpu, index) => {
    const block = u8.slice(engine.blockOf(index), engine.blockOf(index) + layout.CPU_BLOCK_SIZE);
    for (const [first, end] of NOT_STATE) block.fill(0, first - layout.CPU, end - layout.CPU);
    block[layout.FLAGS_A - layout.CPU] = cpu.nzcv;
    hashBytes(machine.engine, block);
  });
  const bytes = new TextEncoder().encode(textOfState({ machine, saveMonitor }));
  hashBytes(machine.engine, bytes);
  const half = (address: number): string => view.getBigUint64(address, true).toString(16).padStart(16, '0');
  return half(layout.HASH) + half(layout.HASH + 8);
}

/** The part of the state that is kept in objects: run loop, devices, what sits at EL2. */
export function textOfState({
  machine,
  saveMonitor,
}: Pick<LoadedMachine, 'machine' | 'saveMonitor'>): string {
  const state = { machine: machine.save(), devices: machine.devices.save(), monitor: saveMonitor() };
  return JSON.stringify(state, plain);
}

/** Hashes bytes through the scratch page behind the CPU banks. */
function hashBytes(engine: LoadedMachine['machine']['engine'], bytes: Uint8Array): void {
  const u8 = new Uint8Array(engine.memory.buffer);
  for (let at = 0; at < bytes.length; at += layout.STAGING_SIZE) {
    const part = bytes.subarray(at, at + layout.STAGING_SIZE);
    const length = Math.ceil(part.length / 8) * 8;
    u8.fill(0, layout.STAGING, layout.STAGING + length);
    u8.set(part, layout.STAGING);
    engine.kernels.hashMemory(layout.STAGING, length);
  }
}

/** JSON of what save() returns: bigints, typed arrays and maps as lists. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
    return Array.from(value as unknown as Iterable<number | bigint>, String);
  }
  return value;
}
