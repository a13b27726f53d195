// Expected values: Arm DEN0022 (PSCI) and DEN0028 (SMCCC).

import { expect, test } from 'vitest';
import { callFirmware, type PsciSockets } from '../../../emulator/machine/psci.ts';

const ON = 0xc400_0003n;
const AFFINITY_INFO = 0xc400_0004n;

/** A machine of three CPUs of which the first runs; what firmware did to it is in `done`. */
function machine() {
  const done: string[] = [];
  const running = new Set([0]);
  const sockets: PsciSockets = {
    cpus: 3,
    affinityOf: (cpu) => BigInt(cpu),
    isOn: (cpu) => running.has(cpu),
    cpuOn: (cpu, entry, context) => {
      running.add(cpu);
      done.push(`on ${cpu} at 0x${entry.toString(16)} with ${context}`);
    },
    cpuOff: (cpu) => {
      running.delete(cpu);
      done.push(`off ${cpu}`);
    },
    suspend: (cpu) => done.push(`suspend ${cpu}`),
    systemOff: () => done.push('power off'),
    systemReset: () => done.push('reset'),
  };
  /** Returns X0 as a signed number. */
  const call = (id: bigint, ...args: bigint[]) => {
    const registers = [id, ...args, 0n, 0n, 0n];
    callFirmware(sockets, {
      index: 0,
      x: (n) => registers[n] ?? 0n,
      xLow: (n) => Number(BigInt.asUintN(32, registers[n] ?? 0n)),
      setXHalves: (n, low, high) => {
        registers[n] = (BigInt.asUintN(32, BigInt(high)) << 32n) | BigInt.asUintN(32, BigInt(low));
      },
    });
    return BigInt.asIntN(64, registers[0] ?? 0n);
  };
  return { call, done };
}

test('Linux finds PSCI 1.1 without a trusted OS', () => {
  const { call } = machine();
  expect(call(0x8400_0000n)).toBe(0x1_0001n);
  expect(call(0x8400_0006n)).toBe(2n);
  expect(call(0x8400_000an, 0xc400_0001n)).toBe(0n);
  expect(call(0x8400_000an, 0x8400_0012n)).toBe(-1n);
  expect(call(0x8400_000an, 0x8000_0000n)).toBe(0n);
  expect(call(0x8000_0000n)).toBe(0x1_0001n);
  expect(call(0x8000_0001n, 0x8000_8000n)).toBe(-1n);
});

test('a CPU is switched on at an address with a context, once', () => {
  const { call, done } = machine();
  expect(call(AFFINITY_INFO, 2n, 0n)).toBe(1n);
  expect(call(ON, 2n, 0x4020_0000n, 42n)).toBe(0n);
  expect(done).toEqual(['on 2 at 0x40200000 with 42']);
  expect(call(AFFINITY_INFO, 2n, 0n)).toBe(0n);
  expect(call(ON, 2n, 0x4020_0000n, 42n)).toBe(-4n);
});

test('the 32-bit convention cuts its arguments', () => {
  const { call, done } = machine();
  expect(call(0x8400_0003n, 0x1_0000_0001n, 0xffff_ffff_4020_0000n, 7n)).toBe(0n);
  expect(done).toEqual(['on 1 at 0x40200000 with 7']);
});

test('a CPU that is not there or an address that cannot be is refused', () => {
  const { call, done } = machine();
  expect(call(ON, 3n, 0x4020_0000n, 0n)).toBe(-2n);
  expect(call(ON, 0x100n, 0x4020_0000n, 0n)).toBe(-2n);
  expect(call(ON, 1n, 0x4020_0001n, 0n)).toBe(-9n);
  expect(call(AFFINITY_INFO, 9n, 0n)).toBe(-2n);
  expect(call(AFFINITY_INFO, 0n, 4n)).toBe(-2n);
  expect(done).toEqual([]);
});

test('calls that stop the machine or the CPU reach it', () => {
  const { call, done } = machine();
  call(0x8400_0008n);
  call(0x8400_0009n);
  call(0x8400_0002n);
  expect(call(0xc400_0001n, 0n, 0n, 0n)).toBe(0n);
  expect(call(0xc400_0001n, 0x0100_0000n, 0n, 0n)).toBe(-2n);
  expect(done).toEqual(['power off', 'reset', 'off 0', 'suspend 0']);
});

test('what is unknown is not supported, over the whole register', () => {
  const { call } = machine();
  expect(call(0x8400_0050n)).toBe(-1n);
  expect(call(0x8600_ff01n)).toBe(-1n);
});
