// The sessions that look at a machine, and what each of them is told: who shows the cause of a stop gets its reason, the
// others that they stand with it.

import type { MachineEvent } from '../../emulator/machine/messages.ts';
import type { UserBreakpoint } from '../breakpoints/breakpoints.ts';
import type { StopReport } from '../breakpoints/judge.ts';
import type { Ended } from '../execution/run-control.ts';
import { nameOfDomain } from '../memory-reference.ts';
import type { XenSession } from '../session.ts';

export interface Member {
  readonly session: XenSession;
  /** `launcher`: the machine goes with it. `domain`: shows that domain for the launcher's client. */
  readonly role: 'launcher' | 'domain' | 'guest';
  /** Of the role `domain`. */
  readonly domain?: number;
}

export class Members {
  private readonly members: Member[] = [];

  add(member: Member): void {
    this.members.push(member);
  }

  /** The one that was removed. */
  remove(session: XenSession): Member | undefined {
    const index = this.members.findIndex((member) => member.session === session);
    return index < 0 ? undefined : this.members.splice(index, 1)[0];
  }

  removeAll(): readonly Member[] {
    return this.members.splice(0);
  }

  find(session: XenSession): Member | undefined {
    return this.members.find((member) => member.session === session);
  }

  /** As they are now: they may come and go while something is told to them. */
  get all(): readonly Member[] {
    return [...this.members];
  }

  get sessions(): readonly XenSession[] {
    return this.members.map(({ session }) => session);
  }

  get launcher(): XenSession | undefined {
    return this.members.find(({ role }) => role === 'launcher')?.session;
  }

  ownerOf({ id }: UserBreakpoint): XenSession | undefined {
    return this.sessions.find((session) => session.breakpoints.find(id));
  }

  // ---------------------------------------------------------------- what they are told

  /** What concerns everybody is said once to each client. */
  tell(event: MachineEvent): void {
    for (const { session, role } of this.all) {
      if (role !== 'domain' || event.event === 'hit') session.machineEvent(event);
    }
  }

  say(text: string): void {
    for (const { session, role } of this.all) if (role !== 'domain') session.say(text, 'important');
  }

  /** `by` wanted it; undefined: all did. */
  showRun(by: XenSession | undefined): void {
    for (const session of this.sessions) session.showRun(by === undefined || session === by);
  }

  showStop(report: StopReport, moment: string): void {
    const { domain } = report.vcpu;
    const others: XenSession[] = [];
    for (const session of this.sessions) {
      if (shows(session, domain)) session.showStop(report, moment, true);
      else others.push(session);
    }
    for (const session of others) session.showStop(pauseOf(session, domain), moment, false);
  }

  /** One of several domains ended. Of one that crashed nothing is gone: it is there to be looked at. */
  domainEnded({ domain, reason }: Ended): void {
    for (const { session, role } of this.all) {
      const isShown = shows(session, domain);
      if (role !== 'domain' || isShown) session.say(`Domain ${nameOfDomain(domain)} ended: ${reason}`);
      if (!isShown || reason === 'crash') continue;
      session.threadsExited(domain);
      if (role !== 'domain') continue;
      session.tell('exited', { exitCode: 0 });
      session.tell('terminated');
    }
  }

  /** The last domain ended. `gone`: domains whose sessions know. */
  ended(ended: Ended, gone: ReadonlySet<number>): void {
    for (const { session, domain } of this.all) {
      if (domain === undefined || !gone.has(domain)) session.ended(ended);
    }
  }
}

/** A stop that has nothing to do with what the session shows, or not any more. */
export function pauseOf({ focus }: XenSession, cause?: number): StopReport {
  const description = cause === undefined ? 'Paused' : `Paused with ${nameOfDomain(cause)}`;
  return { reason: 'pause', vcpu: focus, description, hitBreakpointIds: [] };
}

const shows = ({ launched }: XenSession, domain: number): boolean =>
  launched?.debuggee.shown.includes(domain) ?? false;
