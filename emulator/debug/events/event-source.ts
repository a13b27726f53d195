// Tells the machine of the events in catalog.ts. It listens to the hypervisor, to exceptions and to interrupt
// controllers, and only while somebody wants to know: each kind of listener is there for as long as one of its events
// is wanted. It changes nothing.

import type { LoadedMachine } from '../../machine/guest.ts';
import type { VcpuId } from '../../machine/messages.ts';
import type {
  EventSource,
  EventStage,
  EventText,
  Occurrence,
  WantedNames,
} from '../../machine/stops/occurrence.ts';
import type { Recorder } from '../record/recorder.ts';
import { eventNamed } from './catalog.ts';
import { ConsoleLines } from './console-lines.ts';
import type { EventSink } from './event-sink.ts';
import { ExceptionEvents } from './exception-events.ts';
import { InterruptEvents } from './interrupt-events.ts';
import { RegisterEvents } from './register-events.ts';
import { RingEvents } from './ring-events.ts';
import { SanitizerEvents } from './sanitizer-events.ts';
import { TimerEvents } from './timer-events.ts';
import { XEN_GROUPS, xenEvents } from './xen-events.ts';

/** A part listens while one of its events is wanted. */
interface Part {
  readonly groups: readonly string[];
  /** Given the groups and the names that are wanted. */
  start(groups: ReadonlySet<string>, names: ReadonlySet<string>): () => void;
  stop: (() => void) | undefined;
}

export class MachineEventSource implements EventSource, EventSink {
  private wanted: WantedNames = { pre: new Set(), post: new Set() };
  private happened: (occurrence: Occurrence) => void = () => {};
  private readonly parts: readonly Part[];
  readonly console: ConsoleLines;

  constructor(loaded: LoadedMachine, record: Recorder) {
    const part = (groups: readonly string[], start: Part['start']): Part => ({
      groups,
      start,
      stop: undefined,
    });
    this.console = new ConsoleLines(this);
    const registers = new RegisterEvents(loaded, this);
    const sanitizer = new SanitizerEvents(loaded, record, this);
    this.parts = [
      part(XEN_GROUPS, (groups) => loaded.observe?.(xenEvents(loaded, record, this, groups)) ?? (() => {})),
      part(['irq', 'sanitizer'], () =>
        new InterruptEvents(loaded, record, this).start((id, intid) => sanitizer.interruptTaken(id, intid)),
      ),
      part(['el1exception', 'syscall', 'register', 'sanitizer'], (_groups, names) =>
        new ExceptionEvents(loaded, this).start(
          (name) => this.wants([name]),
          [registers.exceptions(names), sanitizer.exceptions],
        ),
      ),
      part(['register', 'tables', 'tlbi', 'cache', 'task', 'sanitizer'], (_groups, names) =>
        registers.start(names, sanitizer.registers),
      ),
      part(['sanitizer'], () => sanitizer.start()),
      part(['timer'], () => new TimerEvents(loaded, this).start()),
      part(['ring'], (_groups, names) => new RingEvents(record.rings, this).start(hasOperations(names))),
    ];
  }

  stagesOf(name: string): readonly EventStage[] | undefined {
    return eventNamed(name)?.stages;
  }

  listen(wanted: WantedNames, happened: (occurrence: Occurrence) => void): void {
    this.wanted = wanted;
    this.happened = happened;
    const names = new Set([...wanted.pre, ...wanted.post]);
    const groups = new Set([...names].map(groupOf));
    for (const part of this.parts) {
      part.stop?.();
      part.stop = undefined;
    }
    for (const part of this.parts) {
      if (part.groups.some((group) => groups.has(group))) part.stop = part.start(groups, names);
    }
  }

  wants(names: readonly string[], stage: EventStage = 'pre'): boolean {
    const wanted = this.wanted[stage];
    for (const name of names) if (wanted.has(name)) return true;
    return false;
  }

  tell(
    names: readonly string[],
    domains: readonly number[],
    vcpu: VcpuId | undefined,
    text: () => EventText,
    stage: EventStage = 'pre',
  ): void {
    if (!this.wants(names, stage)) return;
    const event = names.at(-1) as string;
    this.happened({ names, stage, domains, vcpu, event, text });
  }
}

const OF_ALL_RINGS = ['ring', 'ring.request', 'ring.response'];
const hasOperations = (names: ReadonlySet<string>): boolean =>
  [...names].some((name) => groupOf(name) === 'ring' && !OF_ALL_RINGS.includes(name));

const groupOf = (name: string): string => name.split('.', 1)[0] as string;
