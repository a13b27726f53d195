// Keeps the views that a panel declares up to date: asks again when something changed, never twice at once
// for one view, and remembers what a view was at the stop before. Knows no page: a unit test drives it.

import type { Answer, PanelArguments } from '../messages.ts';

/** A view that a panel wants to have. */
export interface Query {
  /** Its name, such as `xen/gic`; the panel's row allows it. */
  readonly request: string;
  readonly arguments?: PanelArguments;
  /** Areas whose change outdates it; the request's own when left out. */
  readonly areas?: readonly string[];
}

interface Held {
  /** The request with its arguments; an answer to another one is none. */
  asked: string;
  inFlight: boolean;
  outdated: boolean;
  answer: Answer | undefined;
  error: string | undefined;
  /** The newest answer of the last stop, and of the stop before that. */
  atStop: Answer | undefined;
  atStopBefore: Answer | undefined;
}

export interface QueryOwner {
  /** What is wanted now; may depend on views that are there. */
  wanted(): Readonly<Record<string, Query | undefined>>;
  ask(request: string, args: PanelArguments): Promise<Answer>;
  /** Calls back before the next frame is painted. */
  soon(pump: () => void): void;
  /** Something is to be drawn. */
  changed(): void;
}

export class Queries {
  private readonly owner: QueryOwner;
  private readonly held = new Map<string, Held>();
  private scheduled = false;
  /** Answers of an earlier session are dropped. */
  private session = 0;

  constructor(owner: QueryOwner) {
    this.owner = owner;
  }

  /** Forgets everything: another session begins. */
  reset(): void {
    this.held.clear();
    this.session++;
  }

  /** Views of these areas may have changed. */
  outdate(areas: readonly string[]): void {
    const wanted = this.owner.wanted();
    for (const [key, held] of this.held) {
      const query = wanted[key];
      if (query && (query.areas ?? [areaOf(query)]).some((area) => areas.includes(area)))
        held.outdated = true;
    }
    this.schedule();
  }

  outdateAll(): void {
    for (const held of this.held.values()) held.outdated = true;
    this.schedule();
  }

  schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.owner.soon(() => {
      this.scheduled = false;
      this.pump();
    });
  }

  answer(key: string): Answer | undefined {
    return this.held.get(key)?.answer;
  }

  answers(): Answer[] {
    return [...this.held.values()].flatMap(({ answer }) => answer ?? []);
  }

  error(key: string): string | undefined {
    return this.held.get(key)?.error;
  }

  /** What the view was at the stop that the user compares with: the last one, or while stopped the one before. */
  before(key: string): Answer | undefined {
    const held = this.held.get(key);
    return held?.answer?.running ? held.atStop : held?.atStopBefore;
  }

  private pump(): void {
    for (const [key, query] of Object.entries(this.owner.wanted())) {
      if (!query) {
        this.held.delete(key);
        continue;
      }
      const asked = JSON.stringify([query.request, query.arguments ?? {}]);
      let held = this.held.get(key);
      if (!held || held.asked !== asked) {
        // What is shown stays until the answer to the other question is there, unless nothing compares.
        const { inFlight, answer } = held ?? {};
        held = { ...EMPTY, asked, outdated: true, inFlight: inFlight ?? false, answer };
        this.held.set(key, held);
      }
      if (held.outdated && !held.inFlight) void this.ask(key, query, held);
    }
  }

  private async ask(key: string, query: Query, held: Held): Promise<void> {
    const { session } = this;
    const { asked } = held;
    held.inFlight = true;
    held.outdated = false;
    let answer: Answer | undefined;
    let error: string | undefined;
    try {
      answer = await this.owner.ask(query.request, query.arguments ?? {});
    } catch (reason) {
      error = reason instanceof Error ? reason.message : String(reason);
    }
    if (session !== this.session) return;
    const now = this.held.get(key);
    if (!now) return;
    now.inFlight = false;
    if (now.asked === asked) {
      now.error = error;
      if (answer) receive(now, answer);
      this.owner.changed();
    }
    this.schedule();
  }
}

const EMPTY = {
  error: undefined,
  atStop: undefined,
  atStopBefore: undefined,
} as const;

function receive(held: Held, answer: Answer): void {
  held.answer = answer;
  if (answer.running) return;
  if (held.atStop && held.atStop.generation !== answer.generation) held.atStopBefore = held.atStop;
  held.atStop = answer;
}

/** `xen/gic` shows the area `gic`. */
const areaOf = ({ request }: Query): string => request.replace(/^xen\//, '');
