// The state hash covers all that decides how a machine goes on, and nothing of ours: one bit is
// flipped in each class of state.

import { describe, expect, test, vi } from 'vitest';
import * as layout from '../../../emulator/memory/layout.ts';
import { stateHash, textOfState } from '../../../emulator/machine/state-hash.ts';
import { ControlDomain } from '../../../emulator/xen/toolstack/control-domain.ts';
import { fresh, helloGuest, runUntil, type TestMachine } from './guests.ts';
import { type Field, fieldsOf } from './object-fields.ts';

const PROMPT = 'hello> ';

async function booted(gic: 2 | 3): Promise<TestMachine> {
  const machine = fresh(await helloGuest(gic, 2));
  runUntil(machine, PROMPT);
  return machine;
}

const machine = await booted(3);
const { loaded } = machine;
const { engine } = loaded.machine;
const bytes = new Uint8Array(engine.memory.buffer);
const view = new DataView(engine.memory.buffer);
const before = stateHash(loaded);

/** The hash with one bit of the machine's memory flipped. */
function hashWithBitFlipped(address: number): string {
  bytes[address] = (bytes[address] as number) ^ 1;
  try {
    return stateHash(loaded);
  } finally {
    bytes[address] = (bytes[address] as number) ^ 1;
  }
}

test('asking twice gives the same', () => {
  expect(stateHash(loaded)).toBe(before);
  expect(before).toMatch(/^[0-9a-f]{32}$/);
});

describe('a bit of state changes the hash', () => {
  const inCpuBlock: Record<string, number> = {
    X0: layout.X,
    X30: layout.X + 30 * 8 + 7,
    SP: layout.SP + 1,
    PC: layout.PC + 1,
    'PSTATE.EL': layout.PSTATE_EL,
    'PSTATE.SP': layout.PSTATE_SP,
    'PSTATE.DAIF': layout.PSTATE_DAIF,
    'PSTATE.PAN': layout.PSTATE_OTHER + 2,
    FPCR: layout.FPCR + 3,
    FPSR: layout.FPSR,
    'exclusive monitor': layout.EXCLUSIVE_VALID,
    'address of the exclusive monitor': layout.EXCLUSIVE_PA,
    'value of the exclusive monitor': layout.EXCLUSIVE_HIGH,
    'interrupt lines': layout.LINES,
    'waiting for an interrupt': layout.WAITING,
    'event register': layout.EVENT_REGISTER,
    V0: layout.V,
    V31: layout.V + 31 * 16 + 15,
    'the first system register': layout.SYSREGS,
    TTBR1_EL1: layout.TTBR1_EL1 + 5,
    'the last system register': layout.SYSREGS + 8 * layout.SYSREGS_COUNT - 1,
  };
  for (const [name, address] of Object.entries(inCpuBlock)) {
    test(`${name} of the running CPU`, () => {
      expect(hashWithBitFlipped(address)).not.toBe(before);
    });
    test(`${name} of a CPU that waits`, () => {
      const other = 1 - engine.selected;
      expect(hashWithBitFlipped(engine.blockOf(other) + address - layout.CPU)).not.toBe(before);
    });
  }

  test('NZCV', () => {
    const cpu = loaded.machine.cpus[engine.selected];
    const flags = cpu?.nzcv ?? 0;
    for (const bit of [1, 2, 4, 8]) {
      if (cpu) cpu.nzcv = flags ^ bit;
      expect(stateHash(loaded)).not.toBe(before);
    }
    if (cpu) cpu.nzcv = flags;
    expect(stateHash(loaded)).toBe(before);
  });

  test('RAM', () => {
    const end = layout.RAM_HOST + loaded.machine.memory.size;
    for (const address of [layout.RAM_HOST, layout.RAM_HOST + 0x12_3456, end - 1]) {
      expect(hashWithBitFlipped(address)).not.toBe(before);
    }
  });

  test('what is resident in a data TLB', () => {
    const entry = residentEntry();
    expect(hashWithBitFlipped(entry + layout.TLB_KEY)).not.toBe(before);
    expect(hashWithBitFlipped(entry + layout.TLB_PAGE)).not.toBe(before);
  });

  test('what is resident in an instruction TLB', () => {
    const entry = residentInstructionEntry() + layout.ITLB_SLOW;
    expect(hashWithBitFlipped(entry + 1)).not.toBe(before);
    expect(hashWithBitFlipped(entry + layout.ITLB_PAGE)).not.toBe(before);
  });

  test('which address space a TLB is for', () => {
    expect(hashWithBitFlipped(layout.TLB_AREA + layout.TLB_FACTS + 8)).not.toBe(before);
  });

  test('what stage 2 keeps', () => {
    expect(hashWithBitFlipped(layout.TLB_AREA + layout.TLB_STAGE2 + 1)).not.toBe(before);
  });
});

describe('what is ours changes nothing', () => {
  test('tags of TLBs, from which generated code finds RAM', () => {
    const entry = residentEntry();
    expect(hashWithBitFlipped(entry + layout.TLB_READ_TAG)).toBe(before);
    expect(hashWithBitFlipped(entry + layout.TLB_WRITE_TAG + 1)).toBe(before);
    expect(hashWithBitFlipped(entry + layout.TLB_ADDEND)).toBe(before);
    const instruction = residentInstructionEntry();
    expect(hashWithBitFlipped(instruction + layout.ITLB_RECORDS)).toBe(before);
  });

  test('predecoded code', () => {
    expect(hashWithBitFlipped(layout.PAGE_MAP)).toBe(before);
    expect(hashWithBitFlipped(layout.RECORDS)).toBe(before);
    engine.setBreakpoints([{ kind: 'va', address: 0x4008_0000n }]);
    expect(stateHash(loaded)).toBe(before);
    engine.setBreakpoints([]);
  });

  test('bookkeeping of the engine in a block', () => {
    for (const address of [
      layout.BUDGET,
      layout.BUDGET_HELD,
      layout.ATTENTION,
      layout.EXIT_REASON,
      layout.CURRENT_RECORD,
      layout.PAGE_RECORDS,
      layout.TLB_BASE,
      layout.SYSREG_VALUE,
      layout.SCRATCH,
      layout.X_DISCARD,
    ]) {
      expect(hashWithBitFlipped(address), `+0x${(address - layout.CPU).toString(16)}`).toBe(before);
    }
  });

  test('the form in which the flags are kept', () => {
    const kept = bytes.slice(layout.FLAGS_OP, layout.FLAGS_B + 8);
    const hashes = new Set<string>();
    const zero = {
      [layout.FLAGS_ADD]: [0n, 0n],
      [layout.FLAGS_LOGIC]: [0n, 0n],
      [layout.FLAGS_RAW]: [4n, 0n],
    };
    for (const [form, [a = 0n, b = 0n]] of Object.entries(zero)) {
      view.setInt32(layout.FLAGS_OP, Number(form), true);
      view.setBigInt64(layout.FLAGS_A, a, true);
      view.setBigInt64(layout.FLAGS_B, b, true);
      hashes.add(stateHash(loaded));
    }
    bytes.set(kept, layout.FLAGS_OP);
    expect(hashes.size).toBe(1);
  });

  test('which CPU stands where generated code finds it', () => {
    const selected = engine.selected;
    engine.select(1 - selected);
    expect(stateHash(loaded)).toBe(before);
    engine.select(selected);
  });
});

// ---- what is kept in objects

/** Fields that are not in the hash, and why they need not be. A class stands for all of its fields. */
const NOT_STATE: Readonly<Record<string, string>> = {
  'CpuInterface.pending': 'what the distributor offers, found again from its registers',
  'InterruptBank.best': 'found again from the registers',
  'EdgeFilter.high': 'the level last told; follows from the registers behind it',
  'Timer.due': 'follows from the comparator',
  'Pl031.due': 'follows from the match register',
  'ListRegisters.used': 'follows from the list registers',
  'Store.owned': 'how many nodes an owner has: counted from the nodes',
  'Store.nodes{}.children': 'the names below a node: follow from the paths',
  'Connection.outgoingBytes': 'counted from the messages',
  'Connection.repliesWaiting': 'counted from the messages',
  'Connection.eventsWaiting': 'found from the messages',

  'Bus.high': 'lives during one access',
  'Scheduler.yielded': 'lives during one trap',
  'SchedulingCore.raised': 'lives during one call',
  'SchedulingCore.isSettling': 'lives during one call',
  'SchedulingCore.nextDeadline': 'follows from the ends of slices',
  'Cpu.index': 'configuration',
  'Credit2Policy.slice': 'lives during one call',
  'Credit2Policy.maximumWeight': 'follows from the weights',
  'P2m.stale': 'lives during one hypercall',
  'Vpl011.refused': 'lives during one access',
  'XenstoreServer.isTransmitting': 'lives during one request',
  'Store.actor': 'lives during one request',
  'Connection.sent': 'a counter that tells whether one call made progress',

  'Machine.slices': 'a counter that tells whether anything ran since',
  'Machine.exitCounts': 'counters for people',
  'Machine.accesses.deviceReads': 'a counter for people',
  'Machine.accesses.deviceWrites': 'a counter for people',
  'Machine.accesses.registerReads': 'a counter for people',
  'Machine.accesses.registerWrites': 'a counter for people',
  'Machine.passing': 'what a debugger wants',
  'Machine.trapServed': 'who watches',
  'Machine.judgeWatchpoints': 'what a debugger wants',
  'Machine.exceptionTaken': 'what a debugger wants',
  'VirtualInterface.observer': 'who watches',
  'ObserverRelay.observers[new]': 'who watches',
  'Machine.stopRequested': 'what the host wants',
  'Machine.stopAt': 'the limit of one call',
  'Machine.servedEnd': 'lives during one call',
  'Machine.accessKnown': 'says whether a cache is filled',
  'OnceLogger.': 'what was reported',
  'Networks.refusals': 'what was reported',
  'Bus.reports': 'how many reports are left',

  'Bus.windows': 'wiring',
  'Bus.last': 'wiring: a cache of the lookup',
  'EventChannels.handlers': 'wiring',
  'Distributor.observer': 'who watches',
  'CpuInterface.spurious': 'who watches',
  'Timer.observer': 'who watches',
  'ObservedMemory.observer': 'who watches',
  'ObserverRelay.wrapper': 'who watches',
  'Machine.inSlice': 'whether a slice is under way',
  'Hypervisor.daemons': 'a view of what the control domain keeps',
  'XenstoreClient.callbacks': 'wiring',
  'BackendTimers.': 'follows from what the backends wait for, which they save',
  'DiskStore.': 'files of the host; their names and stamps are for snapshots',
  'ControlDomain.kernelClient': 'one of the clients that the xenstore server saves',
  'Machine.firmware': 'wiring',
  'MmioSpace.': 'wiring',
  'HostedDomain.trapContexts': 'wiring',

  'SchedulingCore.host.tick': 'configuration',
  'Machine.monitorDeadline': 'follows from the ends of slices',
  'Machine.choresDeadline': 'follows from the chores',
  'Machine.otherDeadline': 'follows from both',
  'Machine.options': 'configuration',
  'DomainLifeCycle.configs{}.': 'configuration',
  'DomainLifeCycle.restarts': 'configuration',
  'Machine.features': 'configuration',
  'Hypervisor.platform': 'configuration',
  'Hypervisor.services': 'configuration',
  'Domain.memory': 'a view of what DomainPages and P2m keep',
  'EventChannels.sockets': 'a view of the domain',
  'GrantTable.sockets': 'a view of the domain',
  'Domain.sharedInfo': 'a page of the domain, which its gfn names',
  'GrantTable.mappedAt[new]': 'frames beyond the table',
};

/** Set once, in a constructor. */
const CONSTANT = new Set(
  `Distributor.cpus Distributor.spis Distributor.bankedSgis CpuInterface.cpu Priorities.combined
  InterruptBank.count VirtualInterface.options.combinedPriorities VirtualInterface.options.controlMask
  VirtualInterface.options.group0AlwaysFiq GicV3CpuInterface.cpu GicV3CpuInterface.affinities[]
  GicV3DistributorFrame.cpu Redistributor.cpu Redistributor.affinity Redistributor.isLast
  EmbeddedDelivery.capacity TwoLevelDelivery.capacity Maptrack.maximumPages GrantTable.maximumFrames
  DomainPages.domid P2m.vmid P2m.ipaBits P2m.startLevel Page.base Vgic.domid Vgic.version Vgic.cpus[].id
  VirtualInterrupt.intid`.split(/\s+/),
);

const isExcused = (name: string): boolean =>
  CONSTANT.has(name) || Object.keys(NOT_STATE).some((prefix) => name.startsWith(prefix));

/** The control domain, which nothing else can reach from outside. */
function controlDomainOf(test: TestMachine): ControlDomain {
  const saves = vi.spyOn(ControlDomain.prototype, 'save');
  textOfState(test.loaded);
  const [found] = saves.mock.contexts;
  saves.mockRestore();
  if (!(found instanceof ControlDomain)) throw new Error('no control domain was asked for its state');
  return found;
}

for (const gic of [2, 3] as const) {
  test(`every field of every object is hashed, or has a reason not to be (GICv${gic})`, async () => {
    const subject = await booted(gic);
    const control = controlDomainOf(subject);
    const isHashed = (field: Field): boolean => {
      const text = textOfState(subject.loaded);
      const undo = field.change();
      try {
        return textOfState(subject.loaded) !== text;
      } catch {
        // A value that save() cannot even write down does make a difference.
        return true;
      } finally {
        undo();
      }
    };
    const fields = [...fieldsOf({ machine: subject.loaded.machine, control })];
    expect(fields.length).toBeGreaterThan(150);
    const forgotten = fields.filter((field) => !isExcused(field.name) && !isHashed(field));
    expect(forgotten.map(({ name }) => name)).toEqual([]);
  });
}

// ---- helpers

function residentEntry(): number {
  for (let entry = layout.TLB_AREA; ; entry += layout.TLB_ENTRY_SIZE) {
    if ((view.getInt32(entry + layout.TLB_PAGE, true) & layout.TLB_FLAG_VALID) !== 0) return entry;
    if (entry > layout.TLB_AREA + layout.TLB_CONTEXT_ITLB) throw new Error('the TLB is empty');
  }
}

function residentInstructionEntry(): number {
  const first = layout.TLB_AREA + layout.TLB_CONTEXT_ITLB;
  for (let entry = first; entry < first + 4 * layout.ITLB_SIZE; entry += layout.ITLB_ENTRY_SIZE) {
    if (view.getInt32(entry + layout.ITLB_RECORDS, true) !== 0) return entry;
  }
  throw new Error('the instruction TLB is empty');
}
