// What passes without stopping: log points and events with the action to log or to count them. A guest may pass
// thousands of them in a second, so lines that belong together are sent together.

import type { MachineEvents } from '../../emulator/machine/messages.ts';
import type { XenSession } from '../session.ts';

type Hit = MachineEvents['hit'];

/** Milliseconds for which lines are collected. */
const PATIENCE = 20;

interface Source {
  readonly path: string;
  readonly line: number;
}

export class Hits {
  private readonly session: XenSession;
  private lines: string[] = [];
  private source: Source | undefined;
  private counted = new Set<number>();
  private readonly counts = new Map<number, number>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: XenSession) {
    this.session = session;
  }

  /** How often an event breakpoint was met, since it was set. */
  countOf(id: number): number {
    return this.counts.get(id) ?? 0;
  }

  /** Of event breakpoints these are left. */
  keep(ids: readonly number[]): void {
    for (const id of this.counts.keys()) if (!ids.includes(id)) this.counts.delete(id);
  }

  passed({ id, values, event, omitted = 0 }: Hit): void {
    const { breakpoints } = this.session;
    const logPoint = breakpoints.logPoint(id);
    const breakpoint = logPoint?.breakpoint ?? breakpoints.find(id);
    if (!breakpoint) return;
    if (breakpoint.kind === 'event') this.count(breakpoint.id, 1 + omitted);
    if (logPoint?.place.message) this.add(logPoint.place.message.text(values), logPoint.place.source);
    else if (event && breakpoint.action === 'log') this.add(event.description, undefined);
    this.timer ??= setTimeout(() => this.flush(), PATIENCE);
  }

  /** The machine stopped at these. */
  stopped(ids: readonly number[]): void {
    for (const id of ids) if (this.session.breakpoints.find(id)?.kind === 'event') this.count(id, 1);
  }

  private count(id: number, times: number): void {
    this.counts.set(id, this.countOf(id) + times);
    this.counted.add(id);
  }

  /** What was collected goes out before anything that came after it. */
  flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.send();
    const counts = [...this.counted].map((id) => ({ id, count: this.countOf(id) }));
    this.counted.clear();
    if (counts.length > 0) this.session.tellXen('xen/hit', { counts });
  }

  private add(text: string, source: Source | undefined): void {
    if (source?.path !== this.source?.path || source?.line !== this.source?.line) this.send();
    this.source = source;
    this.lines.push(`${text}\n`);
  }

  private send(): void {
    const { session, source, lines } = this;
    if (lines.length === 0) return;
    this.lines = [];
    session.tell('output', {
      category: 'console',
      output: lines.join(''),
      ...(source && {
        source: { name: source.path.split(/[/\\]/).at(-1), path: session.pathToClient(source.path) },
        line: session.lineToClient(source.line),
      }),
    });
  }
}
