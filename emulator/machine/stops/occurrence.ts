// What happens in a machine, as those who look at it tell those who stop it.

import type { EventReport, VcpuId } from '../messages.ts';

/** As it begins, or with its result. */
export type EventStage = 'pre' | 'post';

/** What is said of it. */
export interface EventText {
  readonly fields: EventReport['fields'];
  /** One sentence; made only for people. */
  readonly description: () => string;
}

/** One thing that happened. It may have several names: of groups, and of itself. */
export interface Occurrence {
  readonly names: readonly string[];
  readonly stage: EventStage;
  /** Whom it concerns. */
  readonly domains: readonly number[];
  /** Whose cause or effect it is; undefined: the one that runs. */
  readonly vcpu?: VcpuId | undefined;
  /** Its own name among them. */
  readonly event: string;
  /** Made only when somebody asks. */
  text(): EventText;
}

export type WantedNames = Readonly<Record<EventStage, ReadonlySet<string>>>;

/** Tells of events, whoever knows of them (emulator/debug stands above). */
export interface EventSource {
  /** The stages that an event of this name has, the usual one first; undefined: there is no such event. */
  stagesOf(name: string): readonly EventStage[] | undefined;
  /** From now on `happened` is called for these; it costs nothing while there are none. */
  listen(wanted: WantedNames, happened: (occurrence: Occurrence) => void): void;
}
