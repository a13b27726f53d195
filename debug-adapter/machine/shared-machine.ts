// A machine that several sessions look at: the one that launched it, one for each domain where the client wants that,
// and those that attached. There is one run state, and every session is told of it: the session that shows the cause of
// a stop with the reason, the others that they stand with it.

import type { MachineEvent, Moment } from '../../emulator/machine/messages.ts';
import { type BuiltMachine, buildMachine, disposeOf } from './build-machine.ts';
import { CombinedBreakpoints } from '../breakpoints/combined-breakpoints.ts';
import type { LaunchConfiguration } from '../configuration.ts';
import type { Debuggee } from '../debuggee.ts';
import { entryPlaces } from './entry.ts';
import * as errors from '../errors.ts';
import type { StopReport } from '../breakpoints/judge.ts';
import type { Machines } from './machines.ts';
import { DomainSessions } from './domain-sessions.ts';
import { type Member, Members, pauseOf } from './members.ts';
import { resolveAgain } from '../requests/exceptions.ts';
import { moduleOf, oncePerFile } from '../requests/sources.ts';
import { type Ended, momentText, RunControl } from '../execution/run-control.ts';
import type { XenSession } from '../session.ts';
import { PowerOff } from './power-off.ts';

const START: Moment = { instructions: 0, virtualNanoseconds: 0 };

export class SharedMachine {
  readonly id: string;
  private readonly machines: Machines;
  private readonly breakpoints = new CombinedBreakpoints();
  private readonly members = new Members();
  private readonly starting: DomainSessions;
  private readonly powerOff = new PowerOff();
  /** Sessions that came to a machine that had begun, and configure. */
  private readonly late = new Set<XenSession>();
  /** Domains that have come to their end and left nothing to look at. */
  private readonly gone = new Set<number>();
  private configuration: LaunchConfiguration;
  private readonly base: string | undefined;
  private built: BuiltMachine | undefined;
  private run: RunControl | undefined;
  private hasBegun = false;
  private isRestarting = false;
  /** It is gone for good. */
  private isOver = false;
  private moment: Moment = START;

  private constructor(machines: Machines, configuration: LaunchConfiguration, base: string | undefined) {
    this.id = machines.nextMachineId();
    this.machines = machines;
    this.configuration = configuration;
    this.base = base;
    this.starting = new DomainSessions(machines.patience, {
      refused: () => this.showAgain('launcher'),
      ready: () => this.begin(),
    });
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
    if (session.closed || session.queue.isCancelled) {
      shared.dispose();
      throw errors.notLaunched();
    }
    shared.machines.add(shared);
    shared.starting.wait(session);
    if (shared.wantsSessions(session)) for (const domain of shared.domains) shared.starting.expect(domain);
    shared.join({ session, role: 'launcher' });
  }

  get description(): string {
    const names = this.built?.debuggee.info.domains.map(({ name }) => name) ?? [];
    return `${this.id} (${names.join(', ')})`;
  }

  // ---------------------------------------------------------------- sessions

  get sessions(): readonly XenSession[] {
    return this.members.sessions;
  }

  /** Asks the client for a session for each domain that is to have one. */
  startSessions(): void {
    const { launcher } = this.members;
    if (launcher) this.starting.ask(launcher, this.id, this.built?.debuggee.info.domains ?? []);
  }

  /** A session comes to look at one domain or at all of them. */
  async attach(session: XenSession, domain: number | undefined, isPart: boolean): Promise<void> {
    if (domain !== undefined && !this.domains.includes(domain)) {
      const known = this.built?.debuggee.info.domains.map((info) => `${info.domain} (${info.name})`);
      throw errors.noSuchDomain(domain, known ?? []);
    }
    if (isPart && domain !== undefined) {
      const isLate = !this.starting.isApart(domain);
      this.starting.arrived(domain);
      if (!this.hasBegun) this.starting.wait(session);
      this.join({ session, role: 'domain', domain });
      // It was not expected any more: the launcher has shown the domain meanwhile.
      if (isLate) await this.showAgain('launcher');
      return;
    }
    this.join({ session, role: 'guest', ...(domain !== undefined && { domain }) });
  }

  /** The client of a session has set its breakpoints. */
  configured(session: XenSession): void {
    if (!this.hasBegun) this.starting.done(session);
    else if (!this.late.delete(session)) return;
    else if (this.run && !this.run.running)
      session.showStop(pauseOf(session), momentText(this.moment), false);
    else if (session.suspends) this.run?.pause(session.focus);
  }

  /** A session that did not launch the machine wants what it shows to end. */
  async endShown(session: XenSession): Promise<void> {
    const member = this.members.find(session);
    if (!member || member.role === 'launcher') return;
    const { domain } = member;
    if (domain === undefined) this.end();
    else await this.built?.client.request('act', { action: { kind: 'destroy', domain } });
  }

  /**
   * A session wants what it shows to end: guests that hear of it power off, others are destroyed, and after a while
   * so are all. Asked for a second time it ends at once, and likewise where the machine stands: nobody could hear of it.
   */
  async terminate(session: XenSession): Promise<void> {
    const member = this.members.find(session);
    const { built, run, powerOff } = this;
    if (!member || !built || !run) return;
    const { domain } = member;
    const domains = domain === undefined ? this.domains.filter((one) => !this.gone.has(one)) : [domain];
    const seconds = run.running && !built.debuggee.isBare ? this.configuration.shutdownTimeout : 0;
    const isAsked = await powerOff.ask(built.client, domains, 1000 * seconds, () => {
      session.say(errors.stillRunning(seconds));
      void this.kill(domain);
    });
    if (!isAsked) await this.kill(domain);
  }

  /** A domain, or all of them with the machine. */
  private async kill(domain: number | undefined): Promise<void> {
    if (domain === undefined) {
      this.end();
      return;
    }
    await this.built?.client.request('act', { action: { kind: 'destroy', domain } }).catch(() => {});
    // Of one that had crashed before the machine tells nothing more.
    this.domainEnded({ ...this.moment, domain, reason: 'destroyed' });
  }

  /** A session goes; the machine goes with the one that launched it, unless that says that it is to stay. */
  leave(session: XenSession, { keeps = false, suspends = false } = {}): void {
    const member = this.members.remove(session);
    if (!member) return;
    const { run } = this;
    this.letGo(session);
    if (member.role === 'launcher' && !keeps) {
      this.end();
      return;
    }
    this.late.delete(session);
    this.starting.done(session);
    const isAlone = this.members.all.length === 0;
    void run
      ?.breakpointsChanged()
      .then(() => {
        // Nobody is left to let it go on.
        if (isAlone && !suspends && this.hasBegun && !run.ended) run.continue(session.focus);
      })
      .catch(() => {});
  }

  // ---------------------------------------------------------------- run state

  /** A session lets the machine run: the others are told, unless one of them was faster. */
  began(by: XenSession): void {
    if (this.run?.running) return;
    this.members.showRun(by);
  }

  /**
   * The same configuration, or another one, from moment 0. It begins when `by` is configured, and with it the sessions
   * of domains whose own have gone with them.
   */
  async restart(by: XenSession, configuration: LaunchConfiguration | undefined): Promise<void> {
    if (this.isRestarting) throw errors.notLaunched();
    this.isRestarting = true;
    try {
      await this.buildAgain(by, configuration);
    } finally {
      this.isRestarting = false;
    }
  }

  private async buildAgain(by: XenSession, configuration: LaunchConfiguration | undefined): Promise<void> {
    this.configuration = configuration ?? this.configuration;
    // The old machine goes first: two of them may not fit the memory.
    this.dispose();
    for (const session of this.members.sessions) {
      for (const image of oncePerFile(session.launched?.debuggee.withSymbols ?? []))
        if (image.as) session.tell('module', { reason: 'removed', module: moduleOf(image) });
      session.launched = undefined;
    }
    this.gone.clear();
    try {
      await this.build(by);
    } catch (error) {
      this.end();
      throw error;
    }
    // It may have gone meanwhile.
    if (this.isOver) {
      this.dispose();
      throw errors.notLaunched();
    }
    this.hasBegun = false;
    this.starting.wait(by);
    for (const domain of this.members.launcher ? this.domains : []) {
      if (this.starting.isApart(domain) && !this.members.all.some((one) => one.domain === domain))
        this.starting.expect(domain);
    }
    for (const member of this.members.all) {
      const { session, domain } = member;
      if (domain !== undefined && !this.domains.includes(domain)) {
        session.tell('terminated');
        this.leave(session);
        continue;
      }
      session.breakpoints.forgetReturns();
      session.handles.invalidate();
      this.show(member);
      await resolveAgain(session);
    }
  }

  /** Lets the machine go, as far as stopOnEntry says. */
  private begin(): void {
    const { run, built } = this;
    if (!run || !built || this.hasBegun) return;
    this.hasBegun = true;
    const { debuggee } = built;
    this.recognizeGuests(debuggee);
    const first = debuggee.vcpus[0] ?? { domain: 0, vcpu: 0 };
    const { stopOnEntry } = this.configuration;
    const places = typeof stopOnEntry === 'string' ? entryPlaces(debuggee, stopOnEntry) : [];
    if (stopOnEntry === true || (stopOnEntry === 'kernel' && places.length === 0)) {
      this.stopped(
        { reason: 'entry', vcpu: first, description: 'Paused on entry', hitBreakpointIds: [] },
        START,
      );
      return;
    }
    this.members.showRun(undefined);
    if (stopOnEntry === false) {
      run.continue(first);
      return;
    }
    if (places.length === 0)
      this.members.launcher?.say(errors.noEntrySymbol(stopOnEntry).toString(), 'important');
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
          for (const session of this.members.sessions) session.threadsRenamed();
        })
        .catch((error: unknown) => this.members.launcher?.host.log('error', String(error)));
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

  private wantsSessions({ client }: XenSession): boolean {
    const { sessions } = this.configuration;
    if (!client.supportsStartDebuggingRequest || this.configuration.bare) return false;
    return sessions === 'perDomain' || (sessions === 'auto' && this.domains.length > 1);
  }

  private async build(by: XenSession): Promise<void> {
    const onEvent = (event: MachineEvent): void => this.machineEvent(event);
    this.built = await buildMachine(
      by.host,
      this.configuration,
      this.base,
      onEvent,
      (text, category) => by.say(text, category),
      (part) => {
        by.checkCancelled();
        by.queue.report(part);
      },
    );
    this.moment = START;
    this.run = new RunControl(this.built.debuggee, this.breakpoints, {
      stopped: (report, moment) => this.stopped(report, moment),
      ended: (ended) => this.ended(ended),
      refused: (message) => this.members.say(message),
      failed: (message) => this.failed(message),
      stopsAtCrash: () => this.members.sessions.some((session) => session.wantsException('crash')),
      moved: async () => {
        for (const { session } of this.members.all) await resolveAgain(session);
      },
      loaded: async (changes) => {
        for (const { session } of this.members.all) {
          for (const { reason, image } of changes) {
            if (this.shows(session, image.domain))
              session.tell('module', { reason, module: moduleOf(image) });
          }
          await resolveAgain(session);
        }
      },
      used: (breakpoint) => this.members.ownerOf(breakpoint)?.breakpointUsed(breakpoint),
      conditionFailed: (breakpoint, problem) =>
        this.members.ownerOf(breakpoint)?.conditionFailed(breakpoint, problem),
    });
  }

  private join(member: Member): void {
    if (this.hasBegun) this.late.add(member.session);
    this.members.add(member);
    member.session.shared = this;
    this.breakpoints.add(member.session.breakpoints);
    this.show(member);
  }

  /** What a session sees of the machine. */
  private show({ session, role, domain }: Member): void {
    const { built, run, configuration, base } = this;
    if (!built || !run) return;
    const isElsewhere = (one: number): boolean => role === 'launcher' && this.starting.isApart(one);
    const shown = this.domains.filter((one) => (domain === undefined ? !isElsewhere(one) : one === domain));
    const debuggee = built.debuggee.showing(shown);
    const { client, config: machineConfig } = built;
    session.launched = { configuration, base, machineConfig, client, debuggee, run, shared: this };
    session.focus = debuggee.vcpus[0] ?? built.debuggee.vcpus[0] ?? session.focus;
  }

  /** There are other domains for the sessions of a role to show. */
  private async showAgain(role: Member['role']): Promise<void> {
    for (const member of this.members.all) {
      if (member.role !== role) continue;
      this.show(member);
      await resolveAgain(member.session);
      member.session.showChange(['threads']);
    }
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
        for (const { session } of this.members.all) session.vcpuSwitched(event.body, event.body.isOn);
        return;
      default:
        this.members.tell(event);
    }
  }

  private stopped(report: StopReport, moment: Moment): void {
    this.moment = moment;
    this.members.showStop(report, momentText(moment));
  }

  private domainEnded(end: Ended): void {
    if (this.gone.has(end.domain)) return;
    this.members.domainEnded(end);
    if (end.reason !== 'crash') this.gone.add(end.domain);
  }

  private ended(ended: Ended): void {
    this.powerOff.end();
    this.members.ended(ended, this.gone);
    // Everybody who was to leave it alive has left.
    if (this.members.all.length === 0) this.end();
  }

  private failed(message: string): void {
    for (const session of this.members.sessions) session.failed(message);
    this.end();
  }

  /** The machine is gone: sessions are told. */
  private end(): void {
    this.isOver = true;
    this.dispose();
    this.machines.remove(this);
    for (const { session } of this.members.removeAll()) {
      this.letGo(session);
      session.tell('terminated');
    }
  }

  private letGo(session: XenSession): void {
    this.breakpoints.remove(session.breakpoints);
    session.launched = undefined;
    session.shared = undefined;
    session.changes.end();
    session.reads.end();
  }

  private dispose(): void {
    this.powerOff.end();
    this.starting.end();
    this.run?.abandon();
    if (this.built) disposeOf(this.built.client);
    this.built = undefined;
    this.run = undefined;
  }
}
