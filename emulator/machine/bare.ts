// A bare machine: a kernel on the board without Xen, entered at EL1 or EL2 as firmware would.
// Placement follows QEMU's loader for `virt`, so that runs can be compared address by address.

import { hex } from '../base/address.ts';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { EngineModules } from '../engine/engine.ts';
import * as layout from '../memory/layout.ts';
import { affinityOf } from './boards/board.ts';
import { buildDeviceTree } from './boards/board-device-tree.ts';
import { virt } from './boards/virt.ts';
import type { GuestEvents, LoadedMachine } from './guest.ts';
import { MachineCpu } from './host-cpu.ts';
import { Machine } from './machine.ts';
import {
  type Action,
  BARE_DOMAIN,
  type BareConfig,
  type LoadedSegment,
  type MachineConfig,
} from './messages.ts';
import { callFirmware, type PsciSockets } from './psci.ts';
import { randomBytes } from '../base/random.ts';
import { ObserverRelay } from '../xen/observer.ts';
import { translateOptions } from './translation.ts';

const MIB = 1 << 20;
/** An Image with a smaller text_offset goes one step of 2 MiB further up. */
const BOOT_LOADER_ROOM = 4096;
/** D, A, I, F masked; EL1 or EL2 with its own SP. */
const ENTRY_PSTATE = { 1: 0x3c5, 2: 0x3c9 } as const;
const RNG_SEED_SIZE = 32;

/** Builds the machine at moment 0. Throws UserErrors for what does not fit. */
export function createBareMachine(
  modules: EngineModules,
  config: MachineConfig,
  bare: BareConfig,
  events: GuestEvents,
  log: Logger,
): LoadedMachine {
  checkMemory(bare);
  const machine = new Machine(
    modules,
    {
      core: config.cpu,
      cpus: bare.cpus,
      memory: bare.memory,
      gic: bare.gicVersion,
      el2: bare.el === 2,
      startTime: config.startTime ?? 0,
      translate: translateOptions(config.translate),
    },
    { console: { write: (byte) => events.console(BARE_DOMAIN, byte) }, log },
  );
  const segments = loadKernelSegments(machine, bare);
  const kernelEnd = Math.max(...segments.map(({ ipa, size }) => ipa + size));
  const { at: tree, blob } = placeTree(machine, bare, config.seed, kernelEnd);
  const observers = new ObserverRelay();
  installFirmware(machine, bare, events, observers);
  const { gicV2, gicV3 } = machine.devices;
  const distributor = (gicV3 ?? gicV2)?.distributor;
  if (distributor) {
    distributor.observer = {
      acknowledged: (cpu, intid) => observers.interruptRaised(BARE_DOMAIN, cpu, intid, false),
      deactivated: (cpu, intid) => observers.interruptEnded(BARE_DOMAIN, cpu, intid),
    };
  }

  for (let cpu = 1; cpu < bare.cpus; cpu++) machine.stopCpu(cpu);
  machine.cpus[0]?.setX(0, BigInt(tree));
  machine.startCpu(0, BigInt(entryOf(bare)), ENTRY_PSTATE[bare.el]);
  return {
    machine,
    info: {
      domains: [
        {
          domain: BARE_DOMAIN,
          name: bare.kernel.name,
          vcpus: bare.cpus,
          segments,
          ram: [{ ipa: virt.ram.base, size: bare.memory }],
        },
      ],
    },
    cpuOf: ({ domain, vcpu }) => (domain === BARE_DOMAIN && vcpu in machine.cpus ? vcpu : undefined),
    vcpuOf: (cpu) => (cpu in machine.cpus ? { domain: BARE_DOMAIN, vcpu: cpu } : undefined),
    isOn: ({ vcpu }) => !machine.isOff(vcpu),
    consoleInput: (_domain, bytes) => {
      for (const byte of bytes) machine.devices.uart.receive(byte);
    },
    paOfIpa: (_domain, ipa) => ipa,
    stage2Map: () => [],
    deviceTree: (domain) => (domain === BARE_DOMAIN ? blob : undefined),
    observe: (observer) => observers.add(observer),
    act: (action) => {
      // A client of the adapter may send anything.
      const given = action as Action | undefined;
      if (given?.kind === 'vcpu-off') return turnOff(machine, given.vcpu);
      throw new UserError(
        `'${given?.kind}' needs a hypervisor`,
        'This is a bare machine: start the guest as a domain.',
      );
    },
    saveMonitor: () => undefined,
  };
}

function turnOff(machine: Machine, cpu: number): void {
  if (!(cpu in machine.cpus)) throw new UserError(`there is no CPU ${cpu}`, 'Ask for the list of CPUs.');
  if (machine.isOff(cpu)) throw new UserError(`CPU ${cpu} is off`, 'There is nothing to do.');
  machine.stopCpu(cpu);
}

/** The device tree that the machine would get, for `--print-dtb`. */
export function bareDeviceTree(bare: BareConfig, core: 'a53' | 'max', seed: number): Uint8Array {
  return buildDeviceTree(virt, treeOptions(bare, core, seed, initrdRange(bare)));
}

function checkMemory(bare: BareConfig): void {
  const { maxSize } = virt.ram;
  if (bare.memory >= 16 * MIB && bare.memory <= maxSize && bare.memory % (2 * MIB) === 0) return;
  throw new UserError(
    `memory of ${bare.memory} bytes is not possible`,
    `Give a multiple of 2 MiB from 16 MiB to ${maxSize / MIB} MiB.`,
  );
}

const imageBase = (textOffset: number): number =>
  virt.ram.base + (textOffset < BOOT_LOADER_ROOM ? 2 * MIB : 0);

function entryOf({ kernel: { kernel } }: BareConfig): number {
  return kernel.kind === 'image' ? imageBase(kernel.textOffset) + kernel.entry : kernel.entry;
}

function loadKernelSegments(machine: Machine, bare: BareConfig): LoadedSegment[] {
  const { kernel, name } = bare.kernel;
  const base = kernel.kind === 'image' ? imageBase(kernel.textOffset) : 0;
  return kernel.segments.map(({ address, data, memorySize }) => {
    const pa = base + address;
    if (!machine.memory.contains(pa, memorySize)) {
      throw new UserError(
        `its part at ${hex(pa)}, ${memorySize} bytes, lies outside the machine's RAM (${hex(virt.ram.base)}, ${bare.memory / MIB} MiB)`,
        'Give more memory, or link the kernel into RAM.',
        { file: name },
      );
    }
    machine.memory.write(pa, data);
    return { ipa: pa, size: memorySize };
  });
}

function initrdRange(bare: BareConfig): { start: number; end: number } | undefined {
  if (!bare.ramdisk) return undefined;
  const start = virt.ram.base + Math.min(bare.memory / 2, 128 * MIB);
  return { start, end: start + bare.ramdisk.bytes.length };
}

/** Puts ramdisk and device tree into RAM. */
function placeTree(
  machine: Machine,
  bare: BareConfig,
  seed: number,
  kernelEnd: number,
): { at: number; blob: Uint8Array } {
  const initrd = initrdRange(bare);
  const start = initrd?.start ?? virt.ram.base + Math.min(bare.memory / 2, 128 * MIB);
  const treeAt = Math.ceil((initrd?.end ?? start) / (2 * MIB)) * 2 * MIB;
  const tree =
    bare.deviceTree?.bytes ?? buildDeviceTree(virt, treeOptions(bare, machine.options.core, seed, initrd));
  if (kernelEnd > start || !machine.memory.contains(treeAt, tree.length)) {
    throw new UserError(
      `kernel, ramdisk and device tree do not fit into ${bare.memory / MIB} MiB`,
      'Give the machine more memory.',
      { file: bare.kernel.name },
    );
  }
  if (initrd && bare.ramdisk) machine.memory.write(initrd.start, bare.ramdisk.bytes);
  machine.memory.write(treeAt, tree);
  return { at: treeAt, blob: tree };
}

function treeOptions(
  bare: BareConfig,
  model: 'a53' | 'max',
  seed: number,
  initrd: { start: number; end: number } | undefined,
): Parameters<typeof buildDeviceTree>[1] {
  return {
    cpus: bare.cpus,
    memory: bare.memory,
    gic: bare.gicVersion,
    el: bare.el,
    cmdline: bare.cmdline,
    model,
    rngSeed: randomBytes(seed, 'rng-seed', RNG_SEED_SIZE),
    ...(initrd ? { initrd } : {}),
    ...(bare.kaslrSeed === undefined ? {} : { kaslrSeed: bare.kaslrSeed }),
  };
}

/** PSCI by HVC for a kernel at EL1, by SMC for one at EL2. */
function installFirmware(
  machine: Machine,
  bare: BareConfig,
  events: GuestEvents,
  observers: ObserverRelay,
): void {
  const conduit = bare.el === 1 ? layout.CONDUIT_HVC : layout.CONDUIT_SMC;
  new DataView(machine.engine.memory.buffer).setInt32(layout.FIRMWARE_CONDUIT, conduit, true);
  const end = (reason: 'poweroff' | 'reboot'): void => {
    for (let cpu = 0; cpu < bare.cpus; cpu++) machine.stopCpu(cpu);
    events.ended(BARE_DOMAIN, reason);
  };
  const sockets: PsciSockets = {
    cpus: bare.cpus,
    affinityOf: (cpu) => BigInt(affinityOf(virt, bare.gicVersion, cpu)),
    isOn: (cpu) => !machine.isOff(cpu),
    cpuOn: (cpu, entry, context) => {
      machine.resetCpu(cpu);
      machine.cpus[cpu]?.setX(0, context);
      machine.startCpu(cpu, entry, ENTRY_PSTATE[bare.el]);
    },
    cpuOff: (cpu) => machine.stopCpu(cpu),
    suspend: (cpu) => machine.cpus[cpu]?.write32(layout.WAITING, layout.WAIT_WFI),
    systemOff: () => end('poweroff'),
    systemReset: () => end('reboot'),
  };
  const callers = machine.cpus.map((_, cpu) => new MachineCpu(machine, cpu));
  machine.firmware = {
    call: (cpu) => {
      const caller = callers[cpu];
      if (!caller) return;
      const id = caller.xLow(0);
      observers.firmwareCalled(BARE_DOMAIN, cpu, id, caller);
      callFirmware(sockets, caller);
      observers.firmwareDone(BARE_DOMAIN, cpu, id, caller);
    },
  };
}
