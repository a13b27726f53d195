// A machine with the embedded hypervisor at EL2 and domains in it, built as `xl create` does. Its CPUs are contexts, one
// for each vCPU; what there is of physical CPUs is the scheduler's to give.

import { gfnOf, ipa as asIpa } from '../base/address.ts';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { HostFiles } from '../formats/disk-image/host-files.ts';
import type { EngineModules } from '../engine/engine.ts';
import * as layout from '../memory/layout.ts';
import { hostGic } from '../xen/hypervisor/host-gic.ts';
import type { Platform } from '../xen/hypervisor/platform.ts';
import { Hypervisor } from '../xen/hypervisor.ts';
import type { ObserverRelay } from '../xen/observer.ts';
import { ALL_CPUS } from '../xen/scheduling/scheduled-vcpu.ts';
import { type BuiltDomain, buildDomain } from '../xen/toolstack/build.ts';
import { ControlDomain } from '../xen/toolstack/control-domain.ts';
import { act, destroyDomain } from './actions.ts';
import { buildDeviceTree } from './boards/board-device-tree.ts';
import { virt } from './boards/virt.ts';
import { DomainLifeCycle, endOf } from './domain-life-cycle.ts';
import type { GuestEvents, LoadedMachine } from './guest.ts';
import { ObservedMemory, type ReadObserver } from './host-memory.ts';
import { MachineCpu } from './host-cpu.ts';
import { Machine } from './machine.ts';
import {
  BARE_DOMAIN,
  type DomainConfig,
  type DomainInfo,
  MAX_CPUS,
  MAX_DOMAIN_MEMORY,
  MAX_VCPUS,
  type MachineConfig,
} from './messages.ts';
import { translateOptions } from './translation.ts';

const MIB = 1 << 20;
/** RAM of the machine beside the domains': Xen's heap (p2m tables, shared pages). */
const XEN_MEMORY = virt.ram.maxSize - MAX_DOMAIN_MEMORY;

/**
 * Builds machine, hypervisor and domains at moment 0; their domids are 1, 2, … in the order of the configuration. Throws
 * UserErrors for what does not fit.
 */
export function createXenMachine(
  modules: EngineModules,
  config: MachineConfig,
  guests: readonly [DomainConfig, ...DomainConfig[]],
  events: GuestEvents,
  log: Logger,
  files: HostFiles,
): LoadedMachine {
  checkSize(guests);
  checkCpus(config.scheduling?.cpus);
  const startTime = config.startTime ?? 0;
  const { gicVersion } = guests[0];
  const room = roomFor(guests, config.restarts ?? false);
  const machine = new Machine(
    modules,
    {
      core: config.cpu,
      cpus: room.contexts,
      memory: room.memory + XEN_MEMORY,
      gic: gicVersion,
      startTime,
      translate: translateOptions(config.translate),
    },
    // Nobody listens to the board's own UART: Xen prints through the log.
    { console: { write: () => {} }, log },
  );
  for (const cpu of machine.cpus) {
    cpu.write32(layout.EL2_EMBEDDED, 1);
    cpu.write32(layout.PSTATE_EL, 2);
  }
  machine.cpus.forEach((_, cpu) => machine.parkCpu(cpu));

  const xenLog = withHypervisorConsole(log, events);
  const consoleOutput = (domid: number) => ({
    write: (bytes: Uint8Array) => {
      for (const byte of bytes) events.console(domid, byte);
    },
  });
  const memory = new ObservedMemory(machine.memory);
  const hypervisor = new Hypervisor({
    platform: platformOf(machine, memory, xenLog),
    ...(config.xsm && { xsm: config.xsm }),
    scheduling: { ...config.scheduling, cpus: config.scheduling?.cpus ?? physicalCpus(guests) },
    console: {
      guestLine: (domid, line) => xenLog.log('info', `d${domid}`, line),
      write: (bytes) => xenLog.log('info', 'xen', new TextDecoder().decode(bytes)),
      read: () => new Uint8Array(0),
    },
    onShutdown: (domid, reason) => {
      events.hypervisorConsole?.(`(XEN) d${domid} shut down: ${endOf(reason)}\n`);
      control.domainShutDown(domid);
      lifeCycle.ended(domid, reason);
    },
  });
  const control = new ControlDomain(hypervisor, consoleOutput, files);
  machine.monitor = hypervisor;
  events.hypervisorConsole?.(`(XEN) Xen 4.17 on an emulated machine with GICv${gicVersion}\n`);
  const built = new Map<number, BuiltDomain>();
  const domains: DomainInfo[] = [];
  const lifeCycle = new DomainLifeCycle(guests, config.restarts ?? false, {
    nanoseconds: () => machine.clock.nanoseconds(),
    make(guest, domid, uuid) {
      // Whoever was destroyed was kept to be looked at.
      hypervisor.releaseDestroyed();
      const domain = buildDomain(toolstackConfig(uuid ? { ...guest, uuid } : guest), {
        hypervisor,
        control,
        uartOutput: consoleOutput(domid),
        domid,
        seed: config.seed,
        startTime,
      });
      built.set(domid, domain);
      domains.push(infoOf(domain));
      const { name, vcpus, memory } = guest;
      events.hypervisorConsole?.(
        `(XEN) d${domid} '${name}': ${vcpus} vCPU${vcpus === 1 ? '' : 's'}, ${memory / MIB} MiB\n`,
      );
    },
    uuidOf: (domid) => hypervisor.domain(domid)?.domain.handle,
    destroy(domid) {
      const domain = hypervisor.domain(domid);
      if (domain) destroyDomain(hypervisor, control, domain);
    },
    rename: (domid, name) => control.rename(domid, name),
    ended: (domid, reason) => events.ended(domid, reason),
    created(domid, replaces) {
      const index = domains.findIndex(({ domain }) => domain === domid);
      const [info] = domains.splice(index, 1);
      if (!info) return;
      // It stands where the one stood whose place it takes.
      const place = domains.findIndex(({ domain }) => domain === replaces);
      const isGone = replaces !== undefined && hypervisor.domains.find(replaces) === undefined;
      if (place >= 0) domains.splice(place, isGone ? 1 : 0, info);
      else domains.push(info);
      if (isGone) built.delete(replaces);
      events.created?.(domid, info.name, replaces);
    },
    deadlineChanged: (deadline) => machine.setChoresDeadline(deadline),
    warn: (message) => xenLog.log('warn', 'xl', message),
  });
  machine.chores = lifeCycle;
  lifeCycle.makeAll();
  // What firmware would describe the board with to a hypervisor.
  const boardTree = buildDeviceTree(virt, {
    cpus: hypervisor.scheduler.core.cpus.length,
    memory: machine.memory.size,
    gic: gicVersion,
    el: 2,
    cmdline: '',
    model: config.cpu,
  });
  return {
    machine,
    info: { domains },
    cpuOf: ({ domain, vcpu }) => hypervisor.domain(domain)?.vcpus[vcpu]?.cpu.index,
    vcpuOf: (cpu) => {
      const vcpu = hypervisor.scheduler.residentOn(cpu);
      return vcpu && { domain: vcpu.domid, vcpu: vcpu.id };
    },
    isOn: ({ domain, vcpu }) => hypervisor.domain(domain)?.vcpus[vcpu]?.down === false,
    // One keyboard for the PV console and the emulated UART: a guest listens to the one it was told to use.
    consoleInput: (domid, bytes) => {
      control.type(domid, bytes);
      hypervisor.domain(domid)?.vpl011?.receive(bytes);
    },
    paOfIpa: (domid, ipa) => {
      const entry = hypervisor.domain(domid)?.p2m.lookup(gfnOf(asIpa(ipa)));
      return entry && entry.mfn * 4096 + (ipa % 4096);
    },
    stage2Map: (domid) => hypervisor.view.p2mRanges(domid),
    deviceTree: (domid) => (domid === BARE_DOMAIN ? boardTree : built.get(domid)?.deviceTree),
    view: hypervisor.view,
    observe: (observer) => hypervisor.observer.add(observer),
    observeReads: (observer) => observeReads(machine, memory, hypervisor.observer, observer),
    act(action) {
      act(hypervisor, control, lifeCycle, action);
      if (action.kind === 'destroy') events.ended(action.domain, 'destroyed');
    },
    diskFiles: () => control.disks.stamps,
    close: () => control.close(),
    saveMonitor: () => ({
      hypervisor: hypervisor.save(),
      control: control.save(),
      lifeCycle: lifeCycle.save(),
    }),
  };
}

/** What all domains need together, those included that stay when another one is made in their place. */
function roomFor(guests: readonly DomainConfig[], restarts: boolean): { contexts: number; memory: number } {
  const staying = guests.filter(({ actions }) => Object.values(actions ?? {}).includes('rename-restart'));
  const all = restarts ? [...guests, ...staying] : guests;
  const contexts = sumOf(all, ({ vcpus }) => vcpus);
  // Domains may grow to their maximum as far as there is room.
  const memory = sumOf(all, (guest) => Math.max(guest.memory, guest.maximumMemory ?? 0));
  return { contexts: Math.min(contexts, MAX_VCPUS), memory: Math.min(memory, MAX_DOMAIN_MEMORY) };
}

function infoOf({ domain, kernel, ram }: BuiltDomain): DomainInfo {
  return {
    domain: domain.id,
    name: domain.domain.name,
    vcpus: domain.vcpus.length,
    segments: kernel.segments.map(({ ipa, size }) => ({ ipa, size })),
    ram: ram.map(({ base, size }) => ({ ipa: base, size })),
  };
}

function toolstackConfig(guest: DomainConfig): Parameters<typeof buildDomain>[0] {
  return {
    name: guest.name,
    kernel: guest.kernel.kernel,
    kernelFile: guest.kernel.name,
    ...(guest.ramdisk && { ramdisk: guest.ramdisk.bytes }),
    ...(guest.cmdline !== '' && { cmdline: guest.cmdline }),
    memory: guest.memory,
    vcpus: guest.vcpus,
    gicVersion: guest.gicVersion,
    ...(guest.maximumMemory !== undefined && { maximumMemory: guest.maximumMemory }),
    ...(guest.uuid && { uuid: guest.uuid }),
    ...(guest.vuart && { vuart: true }),
    ...(guest.disks && { disks: guest.disks }),
    ...(guest.vifs && { vifs: guest.vifs }),
    ...(guest.scheduling && { scheduling: guest.scheduling }),
  };
}

/** What the hypervisor logs appears on its console too, in the form of Xen's own messages. */
function withHypervisorConsole(log: Logger, events: GuestEvents): Logger {
  return {
    log: (level, source, message) => {
      log.log(level, source, message);
      if (level === 'debug') return;
      const from = source === 'xen' ? '(XEN)' : /^d\d+$/.test(source) ? `(${source})` : `(XEN) ${source}:`;
      events.hypervisorConsole?.(`${from} ${message.trimEnd()}\n`);
    },
  };
}

/** What the machine under the domains can have at most. Xen's own limits are checked where domains are built. */
function checkSize(guests: readonly DomainConfig[]): void {
  for (const { name, memory, vcpus } of guests) {
    if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) {
      throw new UserError(`domain '${name}': ${vcpus} vCPUs`, `A domain has 1 to ${MAX_VCPUS} here.`);
    }
    if (memory > MAX_DOMAIN_MEMORY) {
      throw new UserError(
        `domain '${name}': ${Math.floor(memory / MIB)} MiB of memory`,
        `The emulated machine has at most ${MAX_DOMAIN_MEMORY / MIB} MiB for domains.`,
      );
    }
  }
  const vcpus = sumOf(guests, (guest) => guest.vcpus);
  if (vcpus > MAX_VCPUS) {
    throw new UserError(
      `the domains have ${vcpus} vCPUs together`,
      `The emulated machine has room for ${MAX_VCPUS}.`,
    );
  }
  const memory = sumOf(guests, (guest) => guest.memory);
  if (memory > MAX_DOMAIN_MEMORY) {
    throw new UserError(
      `the domains have ${Math.floor(memory / MIB)} MiB of memory together`,
      `The emulated machine has at most ${MAX_DOMAIN_MEMORY / MIB} MiB for domains.`,
    );
  }
  const [first] = guests;
  const other = guests.find(({ gicVersion }) => gicVersion !== first?.gicVersion);
  if (first && other) {
    throw new UserError(
      `domain '${other.name}' has a GICv${other.gicVersion}, and domain '${first.name}' a GICv${first.gicVersion}`,
      'Give all domains of a machine the same version of the GIC.',
    );
  }
  const twice = guests.find(({ name }, i) => guests.some((guest, k) => k < i && guest.name === name));
  if (twice) {
    throw new UserError(`there are two domains '${twice.name}'`, 'Give each domain a name of its own.');
  }
}

/** As many as can be of use: one for each vCPU, and those that a domain names. */
function physicalCpus(guests: readonly DomainConfig[]): number {
  const vcpus = sumOf(guests, (guest) => guest.vcpus);
  const named = guests
    .flatMap(({ scheduling }) => scheduling?.hardAffinity ?? [])
    .map((set) => (set === ALL_CPUS ? 0 : 32 - Math.clz32(set)));
  return Math.min(Math.max(vcpus, ...named), MAX_CPUS);
}

function checkCpus(cpus: number | undefined): void {
  if (cpus === undefined || (Number.isInteger(cpus) && cpus >= 1 && cpus <= MAX_CPUS)) return;
  throw new UserError(`${cpus} physical CPUs`, `The emulated machine has 1 to ${MAX_CPUS}.`);
}

const sumOf = (guests: readonly DomainConfig[], figure: (guest: DomainConfig) => number): number =>
  guests.reduce((sum, guest) => sum + figure(guest), 0);

/** What those that look on read of memory is not told, nor what is read while nothing runs. */
function observeReads(
  machine: Machine,
  memory: ObservedMemory,
  relay: ObserverRelay,
  observer: ReadObserver | undefined,
): void {
  let lookers = 0;
  memory.observer =
    observer &&
    ((address, length) => {
      if (lookers === 0 && machine.isInSlice) observer(address, length);
    });
  relay.around(
    observer &&
      ((call) => {
        lookers++;
        call();
        lookers--;
      }),
  );
}

function platformOf(machine: Machine, memory: ObservedMemory, log: Logger): Platform {
  const { devices, engine } = machine;
  const gic = devices.gicV3
    ? {
        version: 3 as const,
        distributor: devices.gicV3.distributor,
        virtual: devices.gicV3.cpus.map(({ virtual }) => virtual),
      }
    : devices.gicV2 && {
        version: 2 as const,
        distributor: devices.gicV2.distributor,
        virtual: devices.gicV2.virtual,
        virtualCpuInterface: virt.gicV2.virtualCpuInterface.base,
      };
  if (!gic) throw new Error('a board has an interrupt controller');
  return {
    memory,
    ramBase: virt.ram.base,
    ramSize: machine.memory.size,
    paBits: machine.features.paBits,
    cpus: machine.cpus.map((_, cpu) => new MachineCpu(machine, cpu)),
    gic: hostGic(gic),
    timers: devices.timers,
    scheduler: {
      start: (cpu) => machine.returnFromEl2(cpu),
      wake: (cpu) => machine.wakeCpu(cpu),
      park: (cpu) => machine.parkCpu(cpu),
      setTimer: (deadline) => machine.setMonitorDeadline(deadline),
    },
    tlbs: { flushVmid: (vmid) => engine.kernels.flushVmid(vmid, 1) },
    log,
  };
}
