// The measured guest: its checksums are those that QEMU 7.2 recorded, bare and as a domU.

import { expect, test } from 'vitest';
import { WORKLOADS } from '../../debug-adapter/node/bench/workloads.ts';
import { type HeadlessEnd, startHeadless } from '../../emulator/index.ts';
import { benchGuest } from '../tools/build-bench-guest.ts';
import { configured, modules } from '../emulator/machine/guests.ts';

const MAX_INSTRUCTIONS = 40_000_000;

/** Of two units of work on QEMU 7.2.22, `-M virt,gic-version=3 -cpu cortex-a53`. */
const CHECKSUMS: Readonly<Record<string, string>> = {
  alu: 'fd40542b979fc3fd',
  crc: '00000000cd8ab2b7',
  copy: '7a663f3d5a011094',
  chase: '0000000092718b40',
  stride: 'e0c1e51c262a72d6',
  call: '7693eb52d1311105',
  fib: '00000000000204f3',
  sort: '000000000161f411',
  sha256: '42982df0749be318',
  bytecode: '8266e888f9b86eb3',
  tree: '0000000053a8a9c0',
  string: 'c51d4ff91deae91f',
  multiply: 'bed23588db30cc65',
  core: '000000000000c25c',
  records: 'e9589b5b5f5d502c',
  hypercall: '0000000000004e20',
  mmio: '0000000000004e20',
  timer: '0000000000000fa0',
  syscall: 'b19fb8ff240b9e4a',
  refill: '0000000027fd8000',
  pages: '2e1432ff40bdbb7c',
  spaces: '000000002de6fa00',
  share: '000000be583b4f83',
};

test.each(WORKLOADS)('$name', async ({ work, setting, cpus = 1 }) => {
  const common = {
    kernel: benchGuest,
    cmdline: `bench=${work}:2`,
    memory: 64,
    gicVersion: 3,
  };
  const prepared = await configured(
    setting === 'bare' ? { bare: { ...common, cpus } } : { domains: [{ ...common, name: 'bench' }] },
  );
  const domains = prepared.domains?.map((domain) => ({ ...domain, vuart: true }));
  const machine = { ...prepared, ...(domains && { domains }) };
  let console = '';
  const guest = startHeadless(modules, machine, {
    script: [],
    maxInstructions: MAX_INSTRUCTIONS,
    output: (_domain, bytes) => {
      console += new TextDecoder().decode(bytes);
    },
    log: { log: () => {} },
  });
  let end: HeadlessEnd | undefined;
  while (!end) end = guest.turn(MAX_INSTRUCTIONS);
  expect(console.replaceAll('\r', '')).toBe(`${work} 2 ${CHECKSUMS[work]}\n`);
  expect(end).toEqual({ kind: 'ended', reason: 'poweroff' });
});

test('the statistics of a run count accesses to devices and registers', async () => {
  const accessesOf = async (work: string) => {
    const config = await configured({
      bare: { kernel: benchGuest, cmdline: `bench=${work}:2`, memory: 64, gicVersion: 3 },
    });
    const guest = startHeadless(modules, config, { script: [], output: () => {}, log: { log: () => {} } });
    while (!guest.turn(MAX_INSTRUCTIONS));
    return guest.statistics().accesses;
  };
  const mmio = await accessesOf('mmio');
  expect(mmio['deviceReads']).toBe(20_000);
  // Every character of the checksum's line is a write of the UART.
  expect(mmio['deviceWrites']).toBe('mmio 2 0123456789abcdef\n'.length);
  const timer = await accessesOf('timer');
  // ICC_IAR1_EL1 of 4000 interrupts.
  expect(timer['registerReads']).toBe(4_000);
  expect(timer['registerWrites']).toBeGreaterThan(4_000);
});
