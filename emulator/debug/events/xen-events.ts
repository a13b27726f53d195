// What the hypervisor does for its guests, as events.

import { hex } from '../../base/address.ts';
import type { CpuState } from '../../cpu/state.ts';
import type { LoadedMachine } from '../../machine/guest.ts';
import { BARE_DOMAIN, type VcpuId } from '../../machine/messages.ts';
import type { EventText } from '../../machine/stops/occurrence.ts';
import * as layout from '../../memory/layout.ts';
import { errnoName } from '../../xen/abi/errno.ts';
import type { HypercallArgs, HypercallContext } from '../../xen/hypercalls/define.ts';
import { hypercalls } from '../../xen/hypercalls/dispatch.ts';
import { virqName } from '../../xen/abi/event-channel.ts';
import type { XenObserver } from '../../xen/observer.ts';
import type { Recorder } from '../record/recorder.ts';
import { plainText } from '../plain-text.ts';
import { isScalar, RESERVED, shortName } from './catalog.ts';
import { domainText, type EventSink, vcpuText } from './event-sink.ts';
import { firmwareName } from './firmware-names.ts';

/** Which calls tell of the events of a group. */
const CALLS = {
  hypercall: ['hypercallMade', 'hypercallDone'],
  s2fault: ['stage2Fault'],
  s2unhandled: ['stage2Fault'],
  trap: ['trapTaken'],
  evtchn: ['eventRaised', 'eventDelivered'],
  grant: ['grantUsed', 'grantUnmapped', 'grantRefused'],
  xenstore: ['xenstoreChanged', 'xenstoreAsked', 'xenstoreWatchFired'],
  sysreg: ['registerAccessed', 'firmwareCalled', 'firmwareDone'],
  psci: ['firmwareCalled', 'firmwareDone'],
  crash: ['domainShutDown'],
  domain: ['domainCreated', 'domainDestroyed'],
  vcpu: ['vcpuChanged', 'vcpuSwitched'],
  irq: ['interruptRaised', 'interruptListed'],
  virq: ['virqRaised'],
} as const satisfies Record<string, readonly (keyof XenObserver)[]>;

export const XEN_GROUPS: readonly string[] = Object.keys(CALLS);

/** Listens to what is wanted, and to nothing else. */
export function xenEvents(
  loaded: LoadedMachine,
  record: Recorder,
  sink: EventSink,
  groups: ReadonlySet<string>,
): XenObserver {
  const events = new XenEvents(loaded, record, sink);
  const calls = Object.entries(CALLS).flatMap(([group, names]) => (groups.has(group) ? names : []));
  return Object.fromEntries(calls.map((name) => [name, events[name].bind(events)]));
}

const rowsByNumber = new Map(hypercalls.map((row) => [row.number, row]));
/** By hypercall and sub-operation: names of the event. */
const namesOfCalls = new Map<string, readonly string[]>();

/** What handlers return in place of an error number ends here; addresses and counts are larger. */
const ERRNO_MAX = 4095;
const LONGEST_VALUE = 1024;

const VECTOR_IRQ = 0x80;
const TRAP_NAMES: Readonly<Record<number, string>> = {
  0x01: 'wfx',
  0x16: 'hvc',
  0x17: 'smc',
  0x18: 'sysreg',
  0x20: 'instruction-abort',
  0x24: 'data-abort',
};
const SHUTDOWN_REASONS = ['poweroff', 'reboot', 'suspend', 'crash', 'watchdog'];
const XENSTORE_READS = new Set(['READ', 'DIRECTORY', 'GET_PERMS']);
const CHANGES = { written: 'write', removed: 'rm', permissions: 'permissions' } as const;
const VCPU_EVENTS = { blocked: 'vcpu.blocked', running: 'vcpu.woken', offline: 'vcpu.offline' } as const;
const VCPU_WORDS = { blocked: 'waits', running: 'can run', offline: 'is off' } as const;

interface Registers {
  x(register: number): bigint;
}

class XenEvents implements Required<Omit<XenObserver, 'interruptEnded' | 'memoryMapped' | 'packetSent'>> {
  private readonly loaded: LoadedMachine;
  private readonly record: Recorder;
  private readonly sink: EventSink;
  /** Grants that were used since somebody listens: `granter reference`. */
  private readonly used = new Set<string>();
  /** Of the firmware call that is being served. */
  private firmwareArguments: readonly bigint[] = [];

  constructor(loaded: LoadedMachine, record: Recorder, sink: EventSink) {
    this.loaded = loaded;
    this.record = record;
    this.sink = sink;
  }

  // ---- hypercalls

  hypercallMade(context: HypercallContext, number: number, args: HypercallArgs): void {
    const names = namesOfCall(number, args);
    this.sink.tell(names, [context.caller.id], vcpuIn(context), () =>
      this.hypercallText(context, number, args, undefined),
    );
  }

  hypercallDone(
    context: HypercallContext,
    number: number,
    args: HypercallArgs,
    result: number | undefined,
  ): void {
    if (result === undefined) return;
    const text = (): EventText => this.hypercallText(context, number, args, result);
    const names = namesOfCall(number, args);
    const isError = result < 0 && result >= -ERRNO_MAX;
    const all = isError ? ['hypercall.error', ...names] : names;
    this.sink.tell(all, [context.caller.id], vcpuIn(context), text, 'post');
  }

  private hypercallText(
    context: HypercallContext,
    number: number,
    args: HypercallArgs,
    result: number | undefined,
  ): EventText {
    const row = rowsByNumber.get(number);
    const subOp = row?.select(args);
    const members = membersOf(context, args, subOp?.argument);
    const name = row?.name ?? `hypercall ${number}`;
    const list = Object.entries(members);
    const words = list.map(([member, value]) => `${member} ${numberText(value)}`).join(', ');
    const error = result === undefined ? '' : (errnoName(result) ?? (result < 0 ? String(result) : ''));
    const numbers = list.filter(([member]) => !RESERVED.has(member));
    const { id } = context.caller;
    const inside = [subOp ? shortName(subOp.name) : '', words].filter((part) => part !== '').join(' ');
    const outcome = result === undefined ? '' : error === '' ? ` returned ${result}` : ` returned -${error}`;
    return {
      fields: {
        ...Object.fromEntries(numbers.map(([member, value]) => [member, BigInt(value)])),
        name,
        op: subOp?.name ?? '',
        args: words,
        ...Object.fromEntries(args.map((value, i) => [`a${i}`, value])),
        pc: this.elr(id, context.vcpu.id) - 4n,
        dom: BigInt(id),
        vcpu: BigInt(context.vcpu.id),
        ...(result !== undefined && { ret: BigInt(result), error }),
      },
      description: () =>
        `Hypercall ${name}${inside === '' ? '' : `(${inside})`} by ${vcpuText(id, context.vcpu.id)}${outcome}`,
    };
  }

  // ---- traps

  trapTaken(domid: number, vcpu: number): void {
    const state = this.stateOf(domid, vcpu);
    const vector = state?.read32(layout.TRAP_VECTOR) ?? 0;
    const esr = state?.read32(layout.ESR_EL2) ?? 0;
    const isIrq = (vector & 0x180) === VECTOR_IRQ;
    const ec = esr >>> 26;
    const kind = isIrq ? 'irq' : (TRAP_NAMES[ec] ?? 'other');
    this.sink.tell(['trap', `trap.${kind}`], [domid], { domain: domid, vcpu }, () => ({
      fields: {
        ec: isIrq ? -1n : BigInt(ec),
        iss: isIrq ? 0n : BigInt(esr & 0x1ff_ffff),
        ...this.place(domid, vcpu),
      },
      description: () => `Trap of ${vcpuText(domid, vcpu)} to the hypervisor: ${kind}`,
    }));
  }

  stage2Fault(
    domid: number,
    vcpu: number,
    kind: 'data' | 'instruction',
    ipa: number,
    esr: number,
    device: string | undefined,
  ): void {
    const names = device === undefined ? ['s2fault', 's2unhandled'] : ['s2fault', 's2fault.mmio'];
    const isWrite = kind === 'data' && (esr & (1 << 6)) !== 0;
    const isDescribed = kind === 'data' && (esr & (1 << 24)) !== 0;
    const verb = kind === 'instruction' ? 'fetches from' : isWrite ? 'writes' : 'reads';
    this.sink.tell(names, [domid], { domain: domid, vcpu }, () => ({
      fields: {
        ipa: BigInt(ipa),
        va: this.stateOf(domid, vcpu)?.sysreg(layout.FAR_EL2) ?? 0n,
        write: isWrite ? 1n : 0n,
        size: isDescribed ? 1n << BigInt((esr >>> 22) & 3) : 0n,
        esr: BigInt(esr >>> 0),
        device: device ?? '',
        ...this.place(domid, vcpu),
        // What was emulated has been skipped.
        pc: this.elr(domid, vcpu) - (device === undefined ? 0n : 4n),
      },
      description: () =>
        `${vcpuText(domid, vcpu)} ${verb} guest physical address ${hex(ipa)}` +
        (device === undefined ? ', where nothing is' : ` of ${device}`),
    }));
  }

  firmwareCalled(domid: number, vcpu: number, functionId: number, registers: Registers): void {
    this.firmwareArguments = [registers.x(1), registers.x(2), registers.x(3)];
    this.firmware(domid, vcpu, functionId, this.firmwareArguments, undefined);
  }

  firmwareDone(domid: number, vcpu: number, functionId: number, registers: Registers): void {
    this.firmware(domid, vcpu, functionId, this.firmwareArguments, registers.x(0));
  }

  private firmware(
    domid: number,
    vcpu: number,
    functionId: number,
    args: readonly bigint[],
    result: bigint | undefined,
  ): void {
    const name = firmwareName(functionId);
    const names = name === undefined ? ['sysreg', 'psci'] : ['sysreg', 'psci', `psci.${name}`];
    const text = (): EventText => {
      const [a1 = 0n, a2 = 0n, a3 = 0n] = args;
      const ret = result === undefined ? undefined : BigInt.asIntN(32, result);
      return {
        fields: {
          fn: BigInt(functionId),
          name: name ?? '',
          a1,
          a2,
          a3,
          ...(ret !== undefined && { ret }),
          dom: BigInt(domid),
          vcpu: BigInt(vcpu),
        },
        description: () =>
          `Firmware call ${name ?? hex(functionId)} by ${vcpuText(domid, vcpu)}` +
          (ret === undefined ? '' : ` returned ${ret}`),
      };
    };
    this.sink.tell(names, [domid], { domain: domid, vcpu }, text, result === undefined ? 'pre' : 'post');
  }

  registerAccessed(
    domid: number,
    vcpu: number,
    name: string,
    isRead: boolean,
    register: number,
    isUndefined: boolean,
  ): void {
    const value = (): bigint => (isUndefined ? 0n : (this.stateOf(domid, vcpu)?.x(register) ?? 0n));
    this.sink.tell(['sysreg', 'sysreg.access'], [domid], { domain: domid, vcpu }, () => ({
      fields: {
        reg: name,
        write: isRead ? 0n : 1n,
        value: value(),
        outcome: isUndefined ? 'UNDEFINED' : 'emulated',
        ...this.place(domid, vcpu),
      },
      description: () =>
        `${vcpuText(domid, vcpu)} ${isRead ? 'reads' : 'writes'} ${name}, which the hypervisor traps` +
        (isUndefined ? ': UNDEFINED' : `: ${hex(value())}`),
    }));
  }

  // ---- interrupts and events

  interruptRaised(domid: number, vcpu: number, intid: number): void {
    // Of a bare machine it is an acknowledge: interrupt-events.ts.
    if (domid === BARE_DOMAIN) return;
    this.sink.tell(['irq.injected'], [domid], { domain: domid, vcpu }, () => {
      const name = this.nameOf(domid, intid);
      return {
        fields: { intid: BigInt(intid), name, hw: 0n, dom: BigInt(domid), vcpu: BigInt(vcpu) },
        description: () => `Interrupt ${numbered(intid, name)} is injected into ${vcpuText(domid, vcpu)}`,
      };
    });
  }

  interruptListed(domid: number, vcpu: number, intid: number, lr: number): void {
    this.sink.tell(['irq.listed'], [domid], { domain: domid, vcpu }, () => {
      const name = this.nameOf(domid, intid);
      const fields = { intid: BigInt(intid), name, hw: 0n, lr: BigInt(lr) };
      return {
        fields: { ...fields, dom: BigInt(domid), vcpu: BigInt(vcpu) },
        description: () =>
          `${vcpuText(domid, vcpu)} is shown interrupt ${numbered(intid, name)} in list register ${lr}`,
      };
    });
  }

  private nameOf(domid: number, intid: number): string {
    return this.record.interrupts.namesOf(domid).get(intid)?.name ?? '';
  }

  virqRaised(domid: number, vcpu: number, virq: number, port: number): void {
    const name = virqName(virq);
    const names = ['virq', name.replace('VIRQ_', 'virq.')];
    this.sink.tell(names, [domid], { domain: domid, vcpu }, () => ({
      fields: { name, virq: BigInt(virq), port: BigInt(port), dom: BigInt(domid), vcpu: BigInt(vcpu) },
      description: () =>
        `Xen raises ${name} for ${vcpuText(domid, vcpu)}${port === 0 ? ', which did not bind it' : ` at port ${port}`}`,
    }));
  }

  eventRaised(
    domid: number,
    port: number,
    byDomid: number,
    byVcpu: number,
    byPort: number,
    wasPending: boolean,
  ): void {
    const by = byVcpu < 0 ? undefined : { domain: byDomid, vcpu: byVcpu };
    this.sink.tell(['evtchn', 'evtchn.sent'], [domid, byDomid], by, () => ({
      fields: {
        ...eventFields(domid, port, 'sent'),
        peer: BigInt(byDomid),
        peerPort: BigInt(byPort),
        pending: wasPending ? 1n : 0n,
        masked: 0n,
        vcpu: BigInt(byVcpu),
      },
      description: () =>
        `${domainText(byDomid)} raises the event at port ${port} of ${domainText(domid)}` +
        (wasPending ? ', where one is pending already' : ''),
    }));
  }

  eventDelivered(domid: number, port: number, vcpu: number, isMasked: boolean): void {
    this.sink.tell(['evtchn', 'evtchn.delivered'], [domid], { domain: domid, vcpu }, () => ({
      fields: {
        ...eventFields(domid, port, 'delivered'),
        peer: -1n,
        peerPort: 0n,
        pending: 0n,
        masked: isMasked ? 1n : 0n,
        vcpu: BigInt(vcpu),
      },
      description: () => `Port ${port} of ${domainText(domid)} is pending${isMasked ? ', and masked' : ''}`,
    }));
  }

  // ---- grants

  grantUsed(
    granter: number,
    reference: number,
    user: number,
    use: 'map' | 'copy',
    isReadOnly: boolean,
  ): void {
    this.used.add(`${granter} ${reference}`);
    this.grant(use, granter, reference, user, { isReadOnly });
  }

  grantUnmapped(granter: number, reference: number, user: number): void {
    this.grant('unmap', granter, reference, user);
    // An owner that takes the entry back while it is in use has no say in what is written there until now.
    if (this.sink.wants(['grant.revoked']) && !this.entryOf(granter, reference)) {
      this.grant('revoked', granter, reference, user, { status: 'ended while it was mapped' });
    }
  }

  grantRefused(granter: number, reference: number, user: number, status: string): void {
    this.grant('refused', granter, reference, user, { status });
    if (this.used.has(`${granter} ${reference}`)) this.grant('revoked', granter, reference, user, { status });
  }

  private entryOf(granter: number, reference: number): { readonly gfn: number } | undefined {
    return this.loaded.view?.grantEntries(granter).find((one) => one.reference === reference);
  }

  private grant(
    use: 'map' | 'copy' | 'unmap' | 'refused' | 'revoked',
    granter: number,
    reference: number,
    user: number,
    { isReadOnly = false, status = '' }: { isReadOnly?: boolean; status?: string } = {},
  ): void {
    const verbs = {
      map: 'maps',
      copy: 'copies',
      unmap: 'unmaps',
      refused: 'may not use',
      revoked: 'used, after its end,',
    };
    const entry = (): { readonly gfn: number } | undefined => this.entryOf(granter, reference);
    this.sink.tell(['grant', `grant.${use}`], [granter, user], undefined, () => ({
      fields: {
        ref: BigInt(reference),
        peer: BigInt(user),
        // Looked for when somebody asks.
        get frame() {
          return BigInt(entry()?.gfn ?? -1);
        },
        use,
        readonly: isReadOnly ? 1n : 0n,
        status,
        dom: BigInt(granter),
      },
      description: () =>
        `${domainText(user)} ${verbs[use]} grant ${reference} of ${domainText(granter)}` +
        (status === '' ? '' : `: ${status}`),
    }));
  }

  // ---- xenstore

  xenstoreChanged(path: string, change: 'written' | 'removed' | 'permissions', byDomid: number): void {
    const op = CHANGES[change];
    const names = op === 'permissions' ? ['xenstore.permissions'] : ['xenstore', `xenstore.${op}`];
    this.sink.tell(names, [byDomid, ...ownerOf(path)], undefined, () => this.storeText(path, op, byDomid));
  }

  xenstoreAsked(domid: number, request: string, payload: Uint8Array, error: string | undefined): void {
    const own = ['xenstore.request', `xenstore.request.${request.toLowerCase()}`];
    this.sink.tell(own, [domid], undefined, () => {
      const [path = ''] = textOf(payload.subarray(0, LONGEST_VALUE)).split('\0');
      return {
        fields: { op: request, path, error: error ?? '', by: BigInt(domid) },
        description: () =>
          `${domainText(domid)} asks xenstore: ${request} ${plainText(path)}${error === undefined ? '' : `: ${error}`}`,
      };
    });
    if (!XENSTORE_READS.has(request)) return;
    const names = ['xenstore.read'];
    if (!this.sink.wants(names)) return;
    const [given = ''] = textOf(payload).split('\0');
    const path = given.startsWith('/') || given.startsWith('@') ? given : `/local/domain/${domid}/${given}`;
    this.sink.tell(names, [domid, ...ownerOf(path)], undefined, () => this.storeText(path, 'read', domid));
  }

  xenstoreWatchFired(domid: number, path: string): void {
    this.sink.tell(['xenstore', 'xenstore.watch'], [domid, ...ownerOf(path)], undefined, () =>
      this.storeText(path, 'watch', domid),
    );
  }

  private storeText(path: string, op: string, by: number): EventText {
    const bytes = this.loaded.view?.daemons?.xenstore.node(path)?.value;
    const value = bytes === undefined ? '' : textOf(bytes.subarray(0, LONGEST_VALUE));
    const verbs: Record<string, string> = {
      read: 'reads',
      write: 'writes',
      rm: 'removes',
      permissions: 'changes the permissions of',
    };
    const what = plainText(path);
    return {
      fields: { path, value, op, by: BigInt(by) },
      description: () =>
        op === 'watch'
          ? `${domainText(by)} is told that ${what} changed`
          : `${domainText(by)} ${verbs[op]} ${what}${op === 'write' ? ` = "${plainText(value)}"` : ''}`,
    };
  }

  // ---- domains

  domainCreated(domid: number, name: string): void {
    this.sink.tell(['domain.created'], [domid], undefined, () => ({
      fields: { dom: BigInt(domid), name },
      description: () => `Domain ${domid}, '${plainText(name)}', is created`,
    }));
  }

  domainShutDown(domid: number, code: number): void {
    const reason = SHUTDOWN_REASONS[code] ?? String(code);
    this.sink.tell(['crash'], [domid], undefined, () => ({
      fields: { dom: BigInt(domid), reason },
      description: () =>
        reason === 'crash' ? `Domain ${domid} crashed` : `Domain ${domid} shut down: ${reason}`,
    }));
  }

  domainDestroyed(domid: number): void {
    this.sink.tell(['domain.destroyed'], [domid], undefined, () => ({
      fields: { dom: BigInt(domid) },
      description: () => `Domain ${domid} is destroyed`,
    }));
  }

  vcpuSwitched(domid: number, vcpu: number, isIn: boolean): void {
    this.sink.tell(['vcpu.switch', isIn ? 'vcpu.in' : 'vcpu.out'], [domid], { domain: domid, vcpu }, () => ({
      fields: { dom: BigInt(domid), vcpu: BigInt(vcpu) },
      description: () => `${vcpuText(domid, vcpu)} ${isIn ? 'gets a CPU' : 'leaves its CPU'}`,
    }));
  }

  vcpuChanged(domid: number, vcpu: number, state: 'running' | 'blocked' | 'offline'): void {
    this.sink.tell([VCPU_EVENTS[state]], [domid], { domain: domid, vcpu }, () => ({
      fields: { dom: BigInt(domid), vcpu: BigInt(vcpu) },
      description: () => `${vcpuText(domid, vcpu)} ${VCPU_WORDS[state]}`,
    }));
  }

  // ---- the vCPU in its trap

  private stateOf(domain: number, vcpu: number): CpuState | undefined {
    const cpu = this.loaded.cpuOf({ domain, vcpu });
    return cpu === undefined ? undefined : this.loaded.machine.cpus[cpu];
  }

  private elr(domain: number, vcpu: number): bigint {
    return this.stateOf(domain, vcpu)?.sysreg(layout.ELR_EL2) ?? 0n;
  }

  private place(domid: number, vcpu: number): Record<string, bigint> {
    return { pc: this.elr(domid, vcpu), dom: BigInt(domid), vcpu: BigInt(vcpu) };
  }
}

const vcpuIn = ({ caller, vcpu }: HypercallContext): VcpuId => ({ domain: caller.id, vcpu: vcpu.id });

function namesOfCall(number: number, args: HypercallArgs): readonly string[] {
  const row = rowsByNumber.get(number);
  if (!row) return ['hypercall'];
  const subOp = row.select(args);
  const key = `${number} ${subOp?.name ?? ''}`;
  let names = namesOfCalls.get(key);
  if (!names) {
    const own = `hypercall.${row.name}`;
    names = subOp ? ['hypercall', own, `${own}.${shortName(subOp.name)}`] : ['hypercall', own];
    namesOfCalls.set(key, names);
  }
  return names;
}

/** Numbers of the structure behind a pointer argument, as the guest's memory has it now. */
function membersOf(
  { memory }: HypercallContext,
  args: HypercallArgs,
  argument:
    | { readonly type: { size: number; read(bytes: Uint8Array): unknown }; readonly pointer: number }
    | undefined,
): Record<string, number | bigint> {
  if (!argument) return {};
  const bytes = memory.readVa(args[argument.pointer] ?? 0n, argument.type.size);
  if (!bytes) return {};
  const members = argument.type.read(bytes) as Record<string, unknown>;
  return Object.fromEntries(
    Object.entries(members).filter((entry): entry is [string, number | bigint] => isScalar(entry[1])),
  );
}

/** Small numbers as they are, addresses in hexadecimal. */
const numberText = (value: number | bigint): string =>
  value > -65_536 && value < 65_536 ? String(value) : hex(value);

const numbered = (intid: number, name: string): string =>
  name === '' ? String(intid) : `${intid} (${name})`;

const eventFields = (domid: number, port: number, phase: string): Record<string, bigint | string> => ({
  port: BigInt(port),
  phase,
  dom: BigInt(domid),
});

/** The domain whose part of the store it is. */
function ownerOf(path: string): number[] {
  const domain = /^\/local\/domain\/(\d{1,5})(?:\/|$)/.exec(path)?.[1];
  return domain === undefined ? [] : [Number(domain)];
}

const textOf = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);
