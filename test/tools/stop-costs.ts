// What breakpoints and watchpoints that never stop cost: a loop around a function of 50 instructions, bare, with the
// translator on. CPU time as a ratio to the same loop without them; the least of several runs in turn.
//
//   node test/tools/stop-costs.ts [--times N] [--rounds N]

import { parseArgs } from 'node:util';
import { loadEngineModules } from '../../debug-adapter/node/engine-modules.ts';
import type { LoadedMachine } from '../../emulator/machine/guest.ts';
import { Machine } from '../../emulator/machine/machine.ts';
import type { HitCondition, Program } from '../../emulator/machine/stop-programs.ts';
import { Stops } from '../../emulator/machine/stops/stops.ts';
import { translateOptions } from '../../emulator/machine/translation.ts';

const RAM = 0x4000_0000;
const CODE = RAM + 0x1000;
const STACK = RAM + 0x20_0000;
const TABLES = RAM + 0x30_0000;
const EL1H_MASKED = 0x3c5;
/** From SP, in bytes: the loop's counter, and what the function works on. */
const COUNTER = 16;
const WORK = 64;
const DOMAIN = -1;

// A64, by the Arm ARM's names of fields.
const addImmediate = (d: number, n: number, imm12: number): number =>
  0x91000000 | (imm12 << 10) | (n << 5) | d;
const add = (d: number, n: number, m: number): number => 0x8b000000 | (m << 16) | (n << 5) | d;
const eor = (d: number, n: number, m: number): number => 0xca000000 | (m << 16) | (n << 5) | d;
const subs = (d: number, n: number, m: number): number => 0xeb000000 | (m << 16) | (n << 5) | d;
const str = (t: number, n: number, offset: number): number =>
  0xf9000000 | ((offset / 8) << 10) | (n << 5) | t;
const ldr = (t: number, n: number, offset: number): number =>
  0xf9400000 | ((offset / 8) << 10) | (n << 5) | t;
const bl = (words: number): number => 0x94000000 | (words & 0x3ffffff);
const bne = (words: number): number => 0x54000001 | ((words & 0x7ffff) << 5);
const RET = 0xd65f03c0;
const SP = 31;
const ZR = 31;

/** `for (n = 0; n != x20; n++) work();` with n in memory; the breakpoint is at the third instruction. */
const LOOP = [
  str(19, SP, COUNTER),
  ldr(4, SP, COUNTER),
  addImmediate(19, 19, 1),
  bl(3),
  subs(ZR, 19, 20),
  bne(-5),
];
const WORK_BODY = Array.from({ length: 12 }, (_, i) => [
  add(1, 1, 2),
  eor(2, 2, 3),
  str(1, SP, WORK + 8 * i),
  ldr(3, SP, WORK + 8 * ((i + 5) % 12)),
]).flat();
const PROGRAM = [...LOOP, ...WORK_BODY, RET];
const BREAKPOINT = BigInt(CODE + 8);
const PER_ROUND = PROGRAM.length;

const constant = (value: bigint): Program => ({ kind: 'constant', value });
const equals = (left: Program, value: bigint): Program => ({
  kind: 'binary',
  operator: '==',
  left,
  right: constant(value),
});
const atSp: Program = {
  kind: 'binary',
  operator: '+',
  left: { kind: 'register', name: 'sp' },
  right: constant(BigInt(COUNTER)),
};

const breakpoint = (stops: Stops, condition: Program | undefined, hits?: HitCondition): void =>
  stops.setBreakpoints([
    {
      id: 1,
      domain: DOMAIN,
      kind: 'va',
      address: BREAKPOINT,
      ...(condition && { condition }),
      ...(hits && { hits }),
    },
  ]);
const watchpoint = (stops: Stops, offset: number, condition?: Program): void =>
  stops.setWatchpoints([
    {
      id: 1,
      space: { kind: 'va', domain: DOMAIN },
      address: BigInt(STACK + offset),
      size: 8,
      access: 'write',
      ...(condition && { condition }),
    },
  ]);

const WAYS: readonly { readonly name: string; prepare(stops: Stops): void }[] = [
  { name: 'without', prepare: () => {} },
  {
    name: 'condition over a register',
    prepare: (stops) => breakpoint(stops, equals({ kind: 'register', name: 'x19' }, -1n)),
  },
  {
    name: 'condition over a local variable',
    prepare: (stops) =>
      breakpoint(stops, equals({ kind: 'load', address: atSp, size: 4, signed: true }, -1n)),
  },
  {
    name: 'condition over the number of hits',
    prepare: (stops) => breakpoint(stops, equals({ kind: 'hits' }, -1n)),
  },
  {
    name: 'hit count',
    prepare: (stops) => breakpoint(stops, undefined, { operator: '==', count: 1e9 }),
  },
  {
    name: 'every so many hits, with a condition',
    prepare: (stops) =>
      breakpoint(stops, equals({ kind: 'register', name: 'x20' }, BigInt(times)), {
        operator: '%',
        count: 1e9,
      }),
  },
  {
    name: 'condition that the judge has to compute',
    prepare: (stops) => breakpoint(stops, equals({ kind: 'register', name: 'CNTVCT_EL0' }, -1n)),
  },
  { name: 'data breakpoint on another page', prepare: (stops) => watchpoint(stops, 0x8000) },
  { name: 'data breakpoint beside hot variables', prepare: (stops) => watchpoint(stops, 1024) },
  {
    name: 'data breakpoint on a hot variable, condition',
    prepare: (stops) => watchpoint(stops, COUNTER, constant(0n)),
  },
];

const modules = loadEngineModules();

/** Seconds of CPU. */
function run(prepare: (stops: Stops) => void, times: number): number {
  const machine = new Machine(
    modules,
    {
      core: 'max',
      cpus: 1,
      memory: 16 << 20,
      gic: 3,
      el2: false,
      startTime: 0,
      translate: translateOptions(undefined),
    },
    { console: { write: () => {} }, log: { log: () => {} } },
  );
  PROGRAM.forEach((word, i) => machine.memory.write32(CODE + 4 * i, word >>> 0));
  // RAM as one block of Normal memory: 39 bits of VA, so the first table is that of level 1.
  machine.memory.write64(TABLES + 8, BigInt(RAM) | 0x701n);
  machine.startCpu(0, BigInt(CODE), EL1H_MASKED);
  machine.withCpu(0, () => {
    const registers = {
      MAIR_EL1: 0xffn,
      TCR_EL1: 0x2_0080_3519n,
      TTBR0_EL1: BigInt(TABLES),
      SCTLR_EL1: 0x30d0_1805n,
    };
    for (const [name, value] of Object.entries(registers)) machine.systemRegisters.poke(name, value);
  });
  const [cpu] = machine.cpus;
  if (!cpu) throw new Error('a machine has a CPU');
  cpu.sp = BigInt(STACK);
  cpu.setX(20, BigInt(times));
  const loaded = {
    machine,
    info: { domains: [{ domain: DOMAIN, name: 'loop', vcpus: 1, segments: [], ram: [] }] },
    cpuOf: () => 0,
    vcpuOf: () => ({ domain: DOMAIN, vcpu: 0 }),
    paOfIpa: (_domain: number, ipa: number) => ipa,
  } as Partial<LoadedMachine> as LoadedMachine;
  const stops = new Stops(loaded, { stagesOf: () => undefined, listen: () => {} }, () => {});
  prepare(stops);
  const end = times * PER_ROUND;
  const start = process.cpuUsage();
  while (machine.engine.instructions < end) {
    machine.runSlice(end - machine.engine.instructions);
    if (stops.take()) throw new Error('nothing was to stop');
  }
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

const { values } = parseArgs({
  options: { times: { type: 'string', default: '1000000' }, rounds: { type: 'string', default: '5' } },
});
const times = Number(values.times);
const best = new Map<string, number>();
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { name, prepare } of WAYS) {
    best.set(name, Math.min(best.get(name) ?? Infinity, run(prepare, times)));
  }
}
const base = best.get('without') ?? Number.NaN;
for (const [name, seconds] of best) {
  const each = ((seconds - base) / times) * 1e9;
  console.log(
    `${name.padEnd(48)} ${seconds.toFixed(3)} s  ratio ${(seconds / base).toFixed(2)}  ${each.toFixed(0)} ns more each time`,
  );
}
