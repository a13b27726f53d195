// Writes and reads of system registers, and instructions for TLBs and caches, as events. While one of them is wanted,
// the accesses that it needs come to TypeScript (SystemRegisters.observe); all others are as they were.
//
// What an exception, or the hypervisor, writes into a register of the guest is found by comparing.

import { hex } from '../../base/address.ts';
import { lookupName, type NumberedRow } from '../../cpu/sysregs/lookup.ts';
import type { LoadedMachine } from '../../machine/guest.ts';
import { BARE_DOMAIN, type VcpuId } from '../../machine/messages.ts';
import type { EventText } from '../../machine/stops/occurrence.ts';
import {
  CACHE_INSTRUCTIONS,
  cacheEvent,
  isObservable,
  ROOTS,
  TLB_INSTRUCTIONS,
  tlbEvent,
} from './cpu-catalog.ts';
import { type EventSink, vcpuText } from './event-sink.ts';
import type { ExceptionListener } from './exception-events.ts';

/** What is to be told of an access, by the index of the register. */
interface Watched {
  readonly numbered: NumberedRow;
  readonly read: Teller[];
  readonly write: Teller[];
}

interface Access {
  readonly register: string;
  readonly value: bigint;
  readonly old: bigint;
  readonly by: 'instruction' | 'exception' | 'hypervisor';
}

type Teller = (access: Access, at: Place) => void;

interface Place {
  readonly id: VcpuId;
  readonly pc: bigint;
}

/** An exception writes them. DDI 0487, AArch64.TakeException(). */
const BY_EXCEPTION = new Set(['ESR', 'ELR', 'SPSR', 'FAR'].flatMap((name) => [`${name}_EL1`, `${name}_EL2`]));
const EVERYTHING = (1n << 64n) - 1n;
const UPPER = 1n << 55n;
const ADDRESS_BITS = 0xffff_ffff_f000n;
const ROOT_BITS = 0xffff_ffff_fffen;

/** Another part that wants to hear of registers or system instructions that are written. */
export interface RegisterListener {
  readonly names: readonly string[];
  written(name: string, value: bigint): void;
}

export class RegisterEvents {
  private readonly loaded: LoadedMachine;
  private readonly sink: EventSink;
  private watched = new Map<number, Watched>();
  /** What registers held when they were last looked at, by CPU: of those that change by more than MSR. */
  private known = new Map<NumberedRow, bigint[]>();

  constructor(loaded: LoadedMachine, sink: EventSink) {
    this.loaded = loaded;
    this.sink = sink;
  }

  /** `names`: of all events that are wanted. */
  start(names: ReadonlySet<string>, listener: RegisterListener): () => void {
    const { machine } = this.loaded;
    this.watched = new Map();
    this.known = new Map();
    this.addRoots(names);
    this.addInstructions(names);
    this.addTasks(names);
    for (const name of names) this.addRegister(name);
    for (const name of listener.names) {
      this.add(name, 'write', ({ value }) => listener.written(name, value));
    }
    const all = [...this.watched.values()];
    const indexes = (how: 'read' | 'write'): number[] =>
      all.filter((one) => one[how].length > 0).map(({ numbered }) => numbered.index);
    machine.observeRegisters(indexes('read'), indexes('write'), {
      read: (index, low, high) => this.accessed(index, 'read', joined(low, high)),
      write: (index, low, high) => this.accessed(index, 'write', joined(low, high)),
    });
    if (this.known.size > 0) machine.trapServed = (cpu) => this.compare(cpu, 'hypervisor');
    return () => {
      machine.observeRegisters([], [], undefined);
      machine.trapServed = undefined;
    };
  }

  /** What it wants to hear of exceptions. */
  exceptions(names: ReadonlySet<string>): ExceptionListener {
    const isWanted = [...names].some((name) => BY_EXCEPTION.has(name.replace('register.write.', '')));
    return {
      classes: isWanted ? EVERYTHING : 0n,
      taken: () => this.compare(this.loaded.machine.engine.selected, 'exception'),
    };
  }

  // ---- what is wanted

  private add(register: string, how: 'read' | 'write', teller: Teller): void {
    const numbered = lookupName(register);
    if (!numbered) return;
    const { index } = numbered;
    const watched = this.watched.get(index) ?? { numbered, read: [], write: [] };
    watched[how].push(teller);
    this.watched.set(index, watched);
  }

  private addRoots(names: ReadonlySet<string>): void {
    for (const register of ROOTS) {
      const own = ['tables', `tables.${register}`];
      if (!own.some((name) => names.has(name))) continue;
      this.add(register, 'write', ({ value, old }, at) => {
        if (value !== old) this.tell(own, at, () => rootText(register, value, old, at));
      });
    }
  }

  private addInstructions(names: ReadonlySet<string>): void {
    const wanted = [
      ...TLB_INSTRUCTIONS.map(({ name }) => ({ name, own: ['tlbi', tlbEvent(name)] })),
      ...CACHE_INSTRUCTIONS.map(({ name }) => ({ name, own: ['cache', cacheEvent(name)] })),
    ];
    for (const { name, own } of wanted) {
      if (!own.some((event) => names.has(event))) continue;
      this.add(name, 'write', ({ value }, at) => this.tell(own, at, () => instructionText(name, value, at)));
    }
  }

  private addTasks(names: ReadonlySet<string>): void {
    const wants = (name: string): boolean => names.has('task') || names.has(name);
    if (wants('task.context')) {
      this.add('CONTEXTIDR_EL1', 'write', ({ value, old }, at) => {
        if (value !== old) this.tellTask('task.context', 'CONTEXTIDR_EL1', old, value, at);
      });
    }
    if (!wants('task.switch')) return;
    // In between, SP_EL0 holds the stack pointer of a program.
    const current = new Map<number, bigint>();
    const { machine } = this.loaded;
    this.add('SP_EL0', 'write', ({ value, old }, at) => {
      const cpu = machine.engine.selected;
      if ((value & UPPER) === 0n) return;
      const from = current.get(cpu) ?? ((old & UPPER) === 0n ? undefined : old);
      current.set(cpu, value);
      if (from !== undefined && from !== value) this.tellTask('task.switch', 'SP_EL0', from, value, at);
    });
  }

  private addRegister(event: string): void {
    const [, how, register = ''] = /^register\.(read|write)\.(.*)$/.exec(event) ?? [];
    if ((how !== 'read' && how !== 'write') || !isObservable(register)) return;
    this.add(register, how, (access, at) => this.tell([event], at, () => accessText(how, access, at)));
    const numbered = lookupName(register);
    if (how === 'write' && numbered && numbered.slot !== 0 && !numbered.row.write) {
      const { machine } = this.loaded;
      this.known.set(
        numbered,
        machine.cpus.map((_, cpu) => this.held(cpu, numbered)),
      );
    }
  }

  // ---- what happens

  private accessed(index: number, how: 'read' | 'write', value: bigint): void {
    const watched = this.watched.get(index);
    const { machine } = this.loaded;
    if (!watched) return;
    const { numbered } = watched;
    const register = numbered.row.name;
    const old = how === 'read' ? value : BigInt.asUintN(64, machine.systemRegisters.peek(register) ?? 0n);
    const { writable } = numbered.row;
    const known = this.known.get(numbered);
    if (how === 'write' && known) {
      const kept = writable === undefined ? 0n : old & ~writable;
      known[machine.engine.selected] = kept | (writable === undefined ? value : value & writable);
    }
    const at = this.placeOf(machine.engine.selected, machine.engine.kernels.currentPc());
    for (const teller of watched[how]) teller({ register, value, old, by: 'instruction' }, at);
  }

  /** Tells of registers that something else than an MSR has written. */
  private compare(cpu: number, by: 'exception' | 'hypervisor'): void {
    for (const [numbered, values] of this.known) {
      const register = numbered.row.name;
      if (by === 'exception' && !BY_EXCEPTION.has(register)) continue;
      const [old, value] = [values[cpu] as bigint, this.held(cpu, numbered)];
      if (old === value) continue;
      values[cpu] = value;
      const { machine } = this.loaded;
      const at = this.placeOf(cpu, machine.cpus[cpu]?.pc ?? 0n);
      for (const teller of this.watched.get(numbered.index)?.write ?? [])
        teller({ register, value, old, by }, at);
    }
  }

  private held(cpu: number, { row }: NumberedRow): bigint {
    const { machine } = this.loaded;
    return machine.withCpu(cpu, () => BigInt.asUintN(64, machine.systemRegisters.peek(row.name) ?? 0n));
  }

  private placeOf(cpu: number, pc: bigint): Place {
    const id = this.loaded.vcpuOf(cpu) ?? { domain: BARE_DOMAIN, vcpu: cpu };
    return { id, pc: BigInt.asUintN(64, pc) };
  }

  private tell(names: readonly string[], { id }: Place, text: () => EventText): void {
    this.sink.tell(names, [id.domain], id, text);
  }

  private tellTask(event: string, reg: string, from: bigint, to: bigint, at: Place): void {
    this.tell(['task', event], at, () => ({
      fields: { reg, from, to, ...fieldsAt(at) },
      description: () => `${who(at)} goes on with ${hex(to)} in place of ${hex(from)} (${reg})`,
    }));
  }
}

const joined = (low: number, high: number): bigint => (BigInt(high) << 32n) | BigInt(low);

const who = ({ id }: Place): string => vcpuText(id.domain, id.vcpu);

const fieldsAt = ({ id, pc }: Place): Record<string, bigint> => ({
  pc,
  dom: BigInt(id.domain),
  vcpu: BigInt(id.vcpu),
});

function rootText(register: string, value: bigint, old: bigint, at: Place): EventText {
  const root = value & ROOT_BITS;
  const asid = value >> 48n;
  return {
    fields: { reg: register, value, old, root, asid, ...fieldsAt(at) },
    description: () =>
      `${who(at)} sets ${register}: tables at ${hex(root)}, ${register === 'VTTBR_EL2' ? 'VMID' : 'ASID'} ${asid}`,
  };
}

function instructionText(name: string, value: bigint, at: Place): EventText {
  const [kind = '', op = ''] = name.split(' ');
  const va = kind === 'TLBI' ? pageOf(op, value) : byVa(op) ? value : 0n;
  return {
    fields: { op, value, va, ...fieldsAt(at) },
    description: () => `${who(at)} executes ${name}${va === 0n ? '' : ` for ${hex(va)}`}`,
  };
}

const byVa = (op: string): boolean => /VA/.test(op);

/** Xt has bits 55 to 12 of a VA, or 47 to 12 of an IPA, at its bits 43 to 0. */
function pageOf(op: string, value: bigint): bigint {
  if (op.startsWith('IPAS')) return (value << 12n) & ADDRESS_BITS;
  if (!/^V(?:AA?|ALE|AALE)/.test(op) || op.startsWith('VMALL')) return 0n;
  return BigInt.asUintN(64, BigInt.asIntN(56, (value << 12n) & ((1n << 56n) - 1n)));
}

const VERBS = {
  instruction: 'writes',
  exception: 'takes an exception, which writes',
  hypervisor: 'finds that the hypervisor has written',
} as const;

function accessText(how: 'read' | 'write', { register, value, old, by }: Access, at: Place): EventText {
  return {
    fields: { reg: register, value, ...(how === 'write' && { old }), ...fieldsAt(at) },
    description: () =>
      how === 'read'
        ? `${who(at)} reads ${register}: ${hex(value)}`
        : `${who(at)} ${VERBS[by]} ${register}: ${hex(old)} → ${hex(value)}`,
  };
}
