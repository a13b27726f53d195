// The domains of a machine with their vCPUs, memory, devices and consoles; a bare machine counts as one.

import { hex, PAGE_SIZE } from '../../base/address.ts';
import { BARE_DOMAIN } from '../../machine/messages.ts';
import {
  SHUTDOWN_CRASH,
  SHUTDOWN_POWEROFF,
  SHUTDOWN_REBOOT,
  SHUTDOWN_SUSPEND,
  SHUTDOWN_WATCHDOG,
} from '../../xen/abi/sched.ts';
import type { DomainView as Known, VcpuView } from '../../xen/hypervisor/view.ts';
import { inspection, type Subject } from './inspection.ts';
import { textTable } from './text-table.ts';
import { durationText, shortDomain } from './xen-words.ts';
import { type DeviceView, devicesIn } from './xenstore-devices.ts';

export interface DomainsView {
  /** By domid; on a bare machine one with the domid -1. */
  readonly domains: readonly DomainRow[];
}

export interface DomainRow {
  readonly domain: number;
  readonly name: string;
  readonly uuid?: string;
  readonly state: 'running' | 'paused' | 'shutdown';
  /** `running`, `paused`, `shut down: crash`. */
  readonly stateWords: string;
  /** Acts on others: domain 0, which is the embedded toolstack without a vCPU. */
  readonly control: boolean;
  readonly memory: { readonly bytes: number; readonly maximumBytes: number; readonly words: string };
  readonly gicVersion?: number;
  readonly vcpus: readonly VcpuRow[];
  /** Whose frontends the domain has. */
  readonly devices: readonly DeviceView[];
  readonly consoles: readonly ConsoleRow[];
  /** What may be done to it: `kind` of an action. */
  readonly actions: readonly ('pause' | 'unpause' | 'shutdown' | 'destroy')[];
}

export interface VcpuRow {
  readonly vcpu: number;
  /** The context that holds its registers. */
  readonly cpu: number;
  readonly state: 'running' | 'blocked' | 'offline' | 'paused';
  /** `running`, `waits for a physical CPU`, `waits for an interrupt`, `polls port 3`. */
  readonly stateWords: string;
  readonly el: number;
  readonly pc: string;
  readonly mpidr?: string;
  /** Virtual nanoseconds in each runstate of Xen. */
  readonly times?: Readonly<Record<'running' | 'runnable' | 'blocked' | 'offline', number>>;
  readonly timeWords?: string;
}

export interface ConsoleRow {
  /** `PV console`. */
  readonly name: string;
  readonly words: string;
}

export const domainsInspection = inspection('domains', {
  doc: 'domains with their vCPUs, memory, devices and consoles',
  arguments: {},
  inspect(subject): DomainsView {
    const { view } = subject.loaded;
    if (!view) return { domains: [bareRow(subject)] };
    const devices = view.daemons ? devicesIn(view.daemons.xenstore) : [];
    return { domains: view.domains().map((domain) => row(subject, domain, devices)) };
  },
  text: ({ domains }) =>
    `${textTable(
      ['domid', 'name', 'state', 'vCPUs', 'memory', 'GIC'],
      domains.map((domain) => [
        domain.domain,
        domain.name,
        domain.stateWords,
        domain.vcpus.length,
        domain.memory.words,
        domain.gicVersion === undefined ? undefined : `GICv${domain.gicVersion}`,
      ]),
    )}${domains.map(detailText).join('')}`,
});

function row(subject: Subject, domain: Known, devices: readonly DeviceView[]): DomainRow {
  const { id, name, uuid, state, pages, maximumPages, gicVersion, privileged } = domain;
  const isControl = domain.vcpus.length === 0;
  return {
    domain: id,
    name,
    uuid: uuidText(uuid),
    state,
    stateWords: stateWords(domain),
    control: privileged,
    memory: memoryOf(pages, maximumPages),
    ...(gicVersion !== undefined && { gicVersion }),
    vcpus: domain.vcpus.map((vcpu) => vcpuRow(subject, vcpu)),
    devices: devices.filter(({ frontend }) => frontend.domain === id),
    consoles: consolesOf(subject, id),
    actions: isControl ? [] : ACTIONS[state],
  };
}

const ACTIONS: Readonly<Record<Known['state'], DomainRow['actions']>> = {
  running: ['pause', 'shutdown', 'destroy'],
  paused: ['unpause', 'destroy'],
  shutdown: ['destroy'],
};

function stateWords({ state, shutdownCode, vcpus }: Known): string {
  if (state === 'shutdown') return `shut down: ${REASONS[shutdownCode ?? -1] ?? `reason ${shutdownCode}`}`;
  if (vcpus.length === 0) return 'the embedded toolstack';
  return state;
}

const REASONS: Readonly<Record<number, string>> = {
  [SHUTDOWN_POWEROFF]: 'power off',
  [SHUTDOWN_REBOOT]: 'reboot',
  [SHUTDOWN_SUSPEND]: 'suspend',
  [SHUTDOWN_CRASH]: 'crash',
  [SHUTDOWN_WATCHDOG]: 'watchdog',
};

function memoryOf(pages: number, maximumPages: number): DomainRow['memory'] {
  const mib = (count: number): string => {
    const size = (count * PAGE_SIZE) / 2 ** 20;
    return Number.isInteger(size) ? String(size) : size.toFixed(2);
  };
  return {
    bytes: pages * PAGE_SIZE,
    maximumBytes: maximumPages * PAGE_SIZE,
    words: maximumPages === 0 ? 'none' : `${mib(pages)} MiB of ${mib(maximumPages)} MiB at most`,
  };
}

function vcpuRow({ loaded }: Subject, vcpu: VcpuView): VcpuRow {
  const state = loaded.machine.cpus[vcpu.cpu];
  const { running, blocked, runnable, offline } = vcpu.runstateTimes;
  return {
    vcpu: vcpu.id,
    cpu: vcpu.cpu,
    state: vcpu.state,
    stateWords: vcpuWords(vcpu),
    el: state?.el ?? 0,
    pc: hex(state?.pc ?? 0n),
    mpidr: hex(vcpu.mpidr),
    times: { running, runnable, blocked, offline },
    timeWords:
      `ran for ${durationText(running)}, waited for ${durationText(blocked)}` +
      (runnable > 0 ? `, and for a CPU ${durationText(runnable)}` : ''),
  };
}

function vcpuWords({ state, runstate, polls, blockedUntil }: VcpuView): string {
  switch (state) {
    case 'running':
      return runstate === 'runnable' ? 'waits for a physical CPU' : 'running';
    case 'paused':
      return 'paused';
    case 'offline':
      return 'switched off (PSCI)';
    case 'blocked': {
      const until = blockedUntil === undefined ? '' : `, until ${durationText(blockedUntil)} of system time`;
      if (!polls) return `waits for an interrupt${until}`;
      const ports = polls.slice(0, MAX_POLLS).join(', ');
      return polls.length === 0
        ? `polls for any event${until}`
        : `polls port${polls.length === 1 ? '' : 's'} ${ports}${polls.length > MAX_POLLS ? ', …' : ''}${until}`;
    }
  }
}

const MAX_POLLS = 8;

function consolesOf({ loaded }: Subject, domid: number): ConsoleRow[] {
  const rings = loaded.view?.daemons?.rings() ?? [];
  return rings
    .filter((ring) => ring.domid === domid && ring.use === 'console')
    .map(({ guestPort, port, waiting }) => ({
      name: 'PV console',
      words:
        `ring served through ${shortDomain(domid)} port ${guestPort} and d0 port ${port}` +
        (waiting > 0 ? `; ${waiting} bytes that were typed wait for room` : ''),
    }));
}

function uuidText(bytes: Uint8Array): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [0, 8, 12, 16, 20].map((at, index, all) => digits.slice(at, all[index + 1])).join('-');
}

/** The board itself. */
function bareRow({ loaded }: Subject): DomainRow {
  const { machine, info } = loaded;
  const [bare] = info.domains;
  const bytes = machine.memory.size;
  return {
    domain: BARE_DOMAIN,
    name: bare?.name ?? '',
    state: 'running',
    stateWords: 'a bare machine, without a hypervisor of ours',
    control: false,
    memory: { bytes, maximumBytes: bytes, words: `${bytes / 2 ** 20} MiB` },
    vcpus: machine.cpus.map((state, cpu) => {
      const kind = machine.stateOf(cpu);
      return {
        vcpu: cpu,
        cpu,
        state: kind === 'running' ? 'running' : kind === 'off' ? 'offline' : 'blocked',
        stateWords: BARE_STATES[kind],
        el: state.el,
        pc: hex(state.pc),
      };
    }),
    devices: [],
    consoles: [{ name: 'PL011', words: "the board's UART" }],
    actions: [],
  };
}

const BARE_STATES = {
  running: 'running',
  wfi: 'waits for an interrupt (WFI)',
  wfe: 'waits for an event (WFE)',
  off: 'switched off (PSCI)',
  blocked: 'waits',
} as const;

// ---------------------------------------------------------------- text

function detailText({ domain, name, vcpus, devices, consoles }: DomainRow): string {
  if (vcpus.length === 0) return '';
  const table = textTable(
    ['vCPU', 'CPU', 'state', 'EL', 'pc', 'time'],
    vcpus.map(({ vcpu, cpu, stateWords: words, el, pc, timeWords }) => [
      vcpu,
      cpu,
      words,
      `EL${el}`,
      pc,
      timeWords,
    ]),
  );
  const deviceLines = devices.map(
    ({ name: device, frontend, backend, sentence }) =>
      `${device}: frontend ${frontend.stateName}, backend ${backend.stateName}: ${sentence}\n`,
  );
  const consoleLines = consoles.map((one) => `${one.name}: ${one.words}\n`);
  return `\n${domain < 0 ? name : `d${domain} (${name})`}\n${table}${deviceLines.join('')}${consoleLines.join('')}`;
}
