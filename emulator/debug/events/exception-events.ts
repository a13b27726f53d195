// Exceptions that guests take themselves, as events.

import { hex } from '../../base/address.ts';
import type { LoadedMachine } from '../../machine/guest.ts';
import { BARE_DOMAIN } from '../../machine/messages.ts';
import * as layout from '../../memory/layout.ts';
import { type EventSink, vcpuText } from './event-sink.ts';
import { linuxSystemCalls } from './linux-system-calls.ts';
import { type ExceptionKind, exceptionKinds } from './exception-kinds.ts';

const EC_SVC = 0x15;
/** Vector offsets of what has no syndrome. */
const INTERRUPTS: Readonly<Record<number, number>> = {
  0x080: layout.EVENT_IRQ,
  0x100: layout.EVENT_FIQ,
  0x180: layout.EVENT_SERROR,
};
const ALL_CLASSES = (1n << BigInt(layout.EVENT_IRQ)) - 1n;

/** Another part that wants to hear of exceptions. */
export interface ExceptionListener {
  /** As EXCEPTION_EVENTS has them. */
  readonly classes: bigint;
  taken(): void;
}

export class ExceptionEvents {
  private readonly loaded: LoadedMachine;
  private readonly sink: EventSink;

  constructor(loaded: LoadedMachine, sink: EventSink) {
    this.loaded = loaded;
    this.sink = sink;
  }

  /** Has the CPUs tell of the classes that are wanted. */
  start(isWanted: (name: string) => boolean, listeners: readonly ExceptionListener[]): () => void {
    const { machine } = this.loaded;
    let classes = isWanted('el1exception') ? ALL_CLASSES : 0n;
    if (isWanted('syscall')) classes |= 1n << BigInt(EC_SVC);
    for (const { id, classes: own } of exceptionKinds) {
      if (isWanted(`el1exception.${id}`)) for (const one of own) classes |= 1n << BigInt(one);
    }
    const hearing = listeners.filter((one) => one.classes !== 0n);
    for (const one of hearing) classes |= one.classes;
    machine.engine.setExceptionEvents(classes);
    machine.exceptionTaken = (_target, from, vector) => {
      for (const one of hearing) one.taken();
      this.taken(from, vector);
    };
    return () => {
      machine.engine.setExceptionEvents(0n);
      machine.exceptionTaken = undefined;
    };
  }

  private taken(from: number, vector: number): void {
    const { machine } = this.loaded;
    const cpu = machine.engine.selected;
    const state = machine.cpus[cpu];
    if (!state) return;
    const isEl2 = state.el === 2;
    const interrupt = INTERRUPTS[vector];
    const ec = (state.read32(isEl2 ? layout.ESR_EL2 : layout.ESR_EL1) >>> 26) & 0x3f;
    const kind = kindOfClass[interrupt ?? ec];
    const names = namesOf(
      interrupt === undefined,
      interrupt === undefined && ec === EC_SVC && from === 0,
      kind,
    );
    if (!this.sink.wants(names)) return;
    const { domain, vcpu } = this.loaded.vcpuOf(cpu) ?? { domain: BARE_DOMAIN, vcpu: cpu };
    this.sink.tell(names, [domain], { domain, vcpu }, () => {
      const pc = state.sysreg(isEl2 ? layout.ELR_EL2 : layout.ELR_EL1);
      const esr = state.sysreg(isEl2 ? layout.ESR_EL2 : layout.ESR_EL1);
      return {
        fields: {
          ec: interrupt === undefined ? BigInt(ec) : -1n,
          iss: interrupt === undefined ? esr & 0x1ff_ffffn : 0n,
          far: state.sysreg(isEl2 ? layout.FAR_EL2 : layout.FAR_EL1),
          from_el: BigInt(from),
          pc,
          ...(ec === EC_SVC &&
            interrupt === undefined && { nr: state.x(8), name: linuxSystemCalls[Number(state.x(8))] ?? '' }),
          dom: BigInt(domain),
          vcpu: BigInt(vcpu),
        },
        description: () =>
          `${vcpuText(domain, vcpu)} takes an exception at ${hex(pc)}: ${kind?.label ?? `class ${hex(ec)}`}`,
      };
    });
  }
}

/** By ESR_EL1.EC or EVENT_*. */
const kindOfClass: (ExceptionKind | undefined)[] = [];
for (const kind of exceptionKinds) for (const one of kind.classes) kindOfClass[one] = kind;

const namesByKind = new Map<string, readonly string[]>();

/** Groups first. */
function namesOf(
  isSynchronous: boolean,
  isCall: boolean,
  kind: ExceptionKind | undefined,
): readonly string[] {
  const key = `${isCall ? 'call ' : ''}${kind?.id ?? ''}`;
  let names = namesByKind.get(key);
  if (!names) {
    names = [
      ...(isSynchronous ? ['el1exception'] : []),
      ...(isCall ? ['syscall'] : []),
      ...(kind ? [`el1exception.${kind.id}`] : []),
    ];
    namesByKind.set(key, names);
  }
  return names;
}
