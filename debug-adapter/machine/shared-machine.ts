// A machine that several sessions look at: the one that launched it, one for each domain where the client wants that,
// and those that attached. There is one run state, and every session is told of it: the session that shows the cause of
// a stop with the reason, the others that they stand with it.

import type { MachineEvent, Moment } from '../../emulator/machine/messages.ts';
import type { UserBreakpoint } from '../breakpoints/breakpoints.ts';
import { type BuiltMachine, buildMachine, disposeOf } from './build-machine.ts';
import { CombinedBreakpoints } from '../breakpoints/combined-breakpoints.ts';
import type { LaunchConfiguration } from '../configuration.ts';
import type { Debuggee } from '../debuggee.ts';
import * as errors from '../errors.ts';
import type { StopReport } from '../breakpoints/judge.ts';
import type { Machines } from './machines.ts';
import { nameOfDomain } from '../memory-reference.ts';
import { resolveAgain } from '../requests/exceptions.ts';
import { type Ended, momentText, RunControl } from '../execution/run-control.ts';
import type { XenSession } from '../session.ts';

const START: Moment = { instructions: 0, virtualNanoseconds: 0 };

interface Member {
  readonly session: XenSession;
  /** `launcher`: the machine goes with it. `domain`: shows that domain for the launcher's client. */
  readonly role: 'launcher' | 'domain' | 'guest';
  /** Of the role `domain`. */
  readonly domain?: number;
}

export class SharedMachine {
  readonly id: string;
  private readonly machines: Machines;
  private readonly breakpoints = new CombinedBreakpoints();
  private readonly members: Member[] = [];
  /** Before the machine begins: sessions that still configure, and domains whose session is yet to come. */
  private readonly awaited = new Set<XenSession | number>();
  /** Sessions that came to a machine that had begun, and configure. */
  private readonly late = new Set<XenSession>();
  /** Domains that a session of their own shows, or will. */
  private readonly apart = new Set<number>();
  /** Domains that have come to their end and left nothing to look at. */
  private readonly gone = new Set<number>();
  private configuration: LaunchConfiguration;
  private readonly base: string | undefined;
  private built: BuiltMachine | undefined;
  private run: RunControl | undefined;
  private hasBegun = false;
  private moment: Moment = START;

  private constructor(machines: Machines, configuration: LaunchConfiguration, base: string | undefined) {
    this.id = machines.nextMachineId();
    this.machines = machines;
    this.configuration = configuration;
    this.base = base;
  }

  /** Builds the machine that a session launches. Nothing runs before everybody is configured. */
  static async launch(
    session: XenSession,
    configuration: LaunchConfiguration,
    base: string | undefined,
  ): Promise<void> {
    const shared = new SharedMachine(session.machines, configuration, base);
    await shared.build(session);
    // Terminate and disconnect do not wait for a launch.
    if (session.closed) {
      shared.dispose();
      throw errors.notLaunched();
    }
    shared.machines.add(shared);
    shared.awaited.add(session);
    if (shared.wantsSessions(session)) {
      for (const domain of shared.domains) {
        shared.apart.add(domain);
        shared.awaited.add(domain);
      }
    }
    shared.join({ session, role: 'launcher' });
  }

  get description(): string {
    const names = this.built?.debuggee.info.domains.map(({ name }) => name) ?? [];
    return `${this.id} (${names.join(', ')})`;
  }

  // ---------------------------------------------------------------- sessions

  get sessions(): readonly XenSession[] {
    return this.members.map(({ session }) => session);
  }

  /** Asks the client for a session for each domain that is to have one. */
  startSessions(launcher: XenSession): void {
    for (const { domain, name } of this.built?.debuggee.info.domains ?? []) {
      if (!this.apart.has(domain)) continue;
      const configuration = {
        type: 'xen',
        name: `${nameOfDomain(domain)} ${name}`,
        __machine: this.id,
        domain,
      };
      const args = { request: 'attach', configuration, outputPresentation: 'mergeWithParent' };
      launcher
        .ask('startDebugging', args)
        .then(({ success }) => (success ? undefined : this.showWithLauncher(domain)))
        .catch((error: unknown) => launcher.host.log('error', String(error)));
    }
  }

  /** A session comes to look at one domain or at all of them. */
  attach(session: XenSession, domain: number | undefined, isPart: boolean): void {
    if (domain !== undefined && !this.domains.includes(domain)) {
      const known = this.built?.debuggee.info.domains.map((info) => `${info.domain} (${info.name})`);
      throw errors.noSuchDomain(domain, known ?? []);
    }
    if (isPart && domain !== undefined) {
      this.awaited.delete(domain);
      this.apart.add(domain);
      if (!this.hasBegun) this.awaited.add(session);
      this.join({ session, role: 'domain', domain });
      return;
    }
    this.join({ session, role: 'guest', ...(domain !== undefined && { domain }) });
  }

  /** The client of a session has set its breakpoints. */
  configured(session: XenSession): void {
    this.awaited.delete(session);
    if (!this.hasBegun) this.beginWhenConfigured();
    else if (!this.late.delete(session)) return;
    else if (this.run && !this.run.running)
      session.showStop(this.pauseOf(session), momentText(this.moment), false);
    else if (session.suspends) this.run?.pause(session.focus);
  }

  /** A session that did not launch the machine wants what it shows to end. */
  async endShown(session: XenSession): Promise<void> {
    const member = this.members.find((one) => one.session === session);
    if (!member || member.role === 'launcher') return;
    const { domain } = member;
    if (domain === undefined) this.end();
    else await this.built?.client.request('act', { action: { kind: 'destroy', domain } });
  }

  /** A session goes; the machine goes with the one that launched it. */
  leave(session: XenSession): void {
    const index = this.members.findIndex((member) => member.session === session);
    const [member] = index < 0 ? [] : this.members.splice(index, 1);
    if (!member) return;
    this.letGo(session);
    if (member.role === 'launcher') {
      this.end();
      return;
    }
    void this.run?.breakpointsChanged().catch(() => {});
    this.late.delete(session);
    this.awaited.delete(session);
    this.beginWhenConfigured();
  }

  // ---------------------------------------------------------------- run state

  /** A session lets the machine run: the others are told, unless one of them was faster. */
  began(by: XenSession): void {
    if (this.run?.running) return;
    for (const { session } of [...this.members]) session.showRun(session === by);
  }

  /** The same configuration, or another one, from moment 0. */
  async restart(by: XenSession, configuration: LaunchConfiguration | undefined): Promise<void> {
    this.configuration = configuration ?? this.configuration;
    // The old machine goes first: two of them may not fit the memory.
    this.dispose();
    for (const { session } of this.members) session.launched = undefined;
    this.gone.clear();
    try {
      await this.build(by);
    } catch (error) {
      this.end(by);
      throw error;
    }
    // It may have gone meanwhile.
    if (!this.launcher) {
      this.dispose();
      throw errors.notLaunched();
    }
    for (const member of [...this.members]) {
      const { session, domain } = member;
      if (domain !== undefined && !this.domains.includes(domain)) {
        session.tell('terminated');
        this.leave(session);
        continue;
      }
      session.breakpoints.forgetReturns();
      this.show(member);
      await resolveAgain(session);
    }
  }

  /** Lets the machine go, as far as stopOnEntry says. */
  begin(): void {
    const { run, built } = this;
    if (!run || !built) return;
    this.hasBegun = true;
    const { debuggee } = built;
    this.recognizeGuests(debuggee);
    const first = debuggee.vcpus[0] ?? { domain: 0, vcpu: 0 };
    const { stopOnEntry } = this.configuration;
    if (stopOnEntry === true) {
      this.stopped(
        { reason: 'entry', vcpu: first, description: 'Paused on entry', hitBreakpointIds: [] },
        START,
      );
      return;
    }
    for (const { session } of this.members) session.showRun(true);
    if (stopOnEntry === false) {
      run.continue(first);
      return;
    }
    const places = debuggee.targets.flatMap((target) =>
      target.addressesOf(stopOnEntry).flatMap((link) => target.map.breakpointsFor(0, target.domain, link)),
    );
    if (places.length === 0) this.launcher?.say(errors.noEntrySymbol(stopOnEntry).toString(), 'important');
    run.runToEntry(places, `Paused on entry of ${stopOnEntry}`);
  }

  /**
   * Finds out what runs in the domains while it begins to run: that takes a while, in which nobody shall wait for
   * the name of a thread.
   */
  private recognizeGuests(debuggee: Debuggee): void {
    for (const domain of this.domains) {
      debuggee
        .recognizeGuestOs(domain)
        ?.then((found) => {
          if (!found || this.built?.debuggee !== debuggee) return;
          for (const { session } of this.members) session.threadsRenamed();
        })
        .catch((error: unknown) => this.launcher?.host.log('error', String(error)));
    }
  }

  /** Whether a session shows a domain, as long as there is something to see of it. */
  shows(session: XenSession, domain: number): boolean {
    return (session.launched?.debuggee.shown.includes(domain) ?? false) && !this.gone.has(domain);
  }

  // ---------------------------------------------------------------- parts

  private get domains(): readonly number[] {
    return this.built?.debuggee.info.domains.map(({ domain }) => domain) ?? [];
  }

  private get launcher(): XenSession | undefined {
    return this.members.find(({ role }) => role === 'launcher')?.session;
  }

  private wantsSessions({ client }: XenSession): boolean {
    const { sessions } = this.configuration;
    if (!client.supportsStartDebuggingRequest || this.configuration.bare) return false;
    return sessions === 'perDomain' || (sessions === 'auto' && this.domains.length > 1);
  }

  private async build(by: XenSession): Promise<void> {
    const onEvent = (event: MachineEvent): void => this.machineEvent(event);
    this.built = await buildMachine(by.host, this.configuration, this.base, onEvent, (text, category) =>
      by.say(text, category),
    );
    this.moment = START;
    this.run = new RunControl(this.built.debuggee, this.breakpoints, {
      stopped: (report, moment) => this.stopped(report, moment),
      ended: (ended) => this.ended(ended),
      failed: (message) => this.failed(message),
      stopsAtCrash: () => this.members.some(({ session }) => session.wantsException('crash')),
      moved: async () => {
        for (const { session } of [...this.members]) await resolveAgain(session);
      },
      used: (breakpoint) => this.ownerOf(breakpoint)?.breakpointUsed(breakpoint),
      conditionFailed: (breakpoint, problem) =>
        this.ownerOf(breakpoint)?.conditionFailed(breakpoint, problem),
    });
  }

  private ownerOf({ id }: UserBreakpoint): XenSession | undefined {
    return this.members.find(({ session }) => session.breakpoints.find(id))?.session;
  }

  private join(member: Member): void {
    if (this.hasBegun) this.late.add(member.session);
    this.members.push(member);
    member.session.shared = this;
    this.breakpoints.add(member.session.breakpoints);
    this.show(member);
  }

  /** What a session sees of the machine. */
  private show({ session, role, domain }: Member): void {
    const { built, run, configuration, base } = this;
    if (!built || !run) return;
    const apart = role === 'launcher' ? this.apart : new Set<number>();
    const shown = this.domains.filter((one) => (domain === undefined ? !apart.has(one) : one === domain));
    const debuggee = built.debuggee.showing(shown);
    session.launched = { configuration, base, client: built.client, debuggee, run, shared: this };
    session.focus = debuggee.vcpus[0] ?? built.debuggee.vcpus[0] ?? session.focus;
  }

  /** The client does not want a session for a domain after all. */
  private async showWithLauncher(domain: number): Promise<void> {
    const member = this.members.find(({ role }) => role === 'launcher');
    if (!this.apart.delete(domain) || !member) return;
    this.show(member);
    await resolveAgain(member.session);
    this.awaited.delete(domain);
    this.beginWhenConfigured();
  }

  private beginWhenConfigured(): void {
    if (this.awaited.size === 0 && !this.hasBegun) this.begin();
  }

  private machineEvent(event: MachineEvent): void {
    switch (event.event) {
      case 'stopped':
        this.run?.machineStopped(event.body);
        return;
      case 'terminated':
        this.run?.machineEnded(event.body);
        return;
      case 'failed':
        this.failed(event.body.message);
        return;
      case 'domainEnded':
        this.domainEnded(event.body);
        return;
      case 'vcpu':
        for (const { session } of [...this.members]) session.vcpuSwitched(event.body, event.body.isOn);
        return;
      default:
        // What concerns everybody is said once to each client.
        for (const { session, role } of [...this.members]) {
          if (role !== 'domain' || event.event === 'hit') session.machineEvent(event);
        }
    }
  }

  private stopped(report: StopReport, moment: Moment): void {
    this.moment = moment;
    const text = momentText(moment);
    const others: XenSession[] = [];
    const { domain } = report.vcpu;
    for (const { session } of [...this.members]) {
      if (session.launched?.debuggee.shown.includes(domain)) session.showStop(report, text, true);
      else others.push(session);
    }
    for (const session of others) session.showStop(this.pauseOf(session, domain), text, false);
  }

  private pauseOf({ focus }: XenSession, cause?: number): StopReport {
    const description = cause === undefined ? 'Paused' : `Paused with ${nameOfDomain(cause)}`;
    return { reason: 'pause', vcpu: focus, description, hitBreakpointIds: [] };
  }

  /** One of several domains ended. A crash is there to be looked at, and nothing of it is gone. */
  private domainEnded({ domain, reason }: Ended): void {
    for (const { session, role } of [...this.members]) {
      const shown = session.launched?.debuggee.shown.includes(domain) ?? false;
      if (role !== 'domain' || shown) session.say(`Domain ${nameOfDomain(domain)} ended: ${reason}`);
      if (!shown || reason === 'crash') continue;
      session.threadsExited(domain);
      if (role !== 'domain') continue;
      session.tell('exited', { exitCode: 0 });
      session.tell('terminated');
    }
    if (reason !== 'crash') this.gone.add(domain);
  }

  private ended(ended: Ended): void {
    for (const { session, domain } of [...this.members]) {
      if (domain === undefined || !this.gone.has(domain)) session.ended(ended);
    }
  }

  private failed(message: string): void {
    const sessions = this.members.map(({ session }) => session);
    for (const session of sessions) session.failed(message);
    this.end();
  }

  /** The machine is gone: sessions are told, but for one that knows. */
  private end(by?: XenSession): void {
    this.dispose();
    this.machines.remove(this);
    for (const { session } of this.members.splice(0)) {
      this.letGo(session);
      if (session !== by) session.tell('terminated');
    }
  }

  private letGo(session: XenSession): void {
    this.breakpoints.remove(session.breakpoints);
    session.launched = undefined;
    session.shared = undefined;
    session.changes.end();
  }

  private dispose(): void {
    this.run?.abandon();
    if (this.built) disposeOf(this.built.client);
    this.built = undefined;
    this.run = undefined;
  }
}
