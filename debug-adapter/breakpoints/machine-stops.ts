// Tells the machine where and why to stop. Most parts of a plan change nothing, and then nothing is sent.

import type { Breakpoint, EventBreakpoint } from '../../emulator/machine/messages.ts';
import type { MachineBreakpoints } from './breakpoints.ts';
import type { MachineClient } from '../machine/machine-client.ts';

export class MachineStops {
  private readonly machine: MachineClient;
  private readonly table: MachineBreakpoints;
  private version = -1;
  private othersVersion = -1;
  private breakpoints: readonly Breakpoint[] = [];
  private planEvents: readonly EventBreakpoint[] = [];
  private readonly sent = { breakpoints: '[]', temporary: '[]', watchpoints: '[]', events: '[]' };

  constructor(machine: MachineClient, table: MachineBreakpoints) {
    this.machine = machine;
    this.table = table;
  }

  /** `temporary`: the places of the plan that is under way. */
  async send(temporary: readonly Breakpoint[]): Promise<void> {
    await this.sendOthers();
    const breakpoints = this.takeBreakpoints(temporary);
    if (breakpoints) await this.machine.request('setBreakpoints', { breakpoints });
  }

  /** What a plan wants to hear of beside the breakpoints, from the next time on that something is sent. */
  setPlanEvents(events: readonly EventBreakpoint[]): void {
    this.planEvents = events;
    this.othersVersion = -1;
  }

  /** Watchpoints and events. */
  async sendOthers(): Promise<void> {
    const { machine, table } = this;
    if (table.version === this.othersVersion) return;
    this.othersVersion = table.version;
    const watchpoints = table.watchpoints();
    const events = [...table.eventBreakpoints(), ...this.planEvents];
    if (this.differs('watchpoints', watchpoints)) await machine.request('setWatchpoints', { watchpoints });
    if (this.differs('events', events)) await machine.request('setEventBreakpoints', { events });
  }

  /** Breakpoints that the machine does not have yet; whoever takes them sends them before anything else. */
  takeBreakpoints(temporary: readonly Breakpoint[]): readonly Breakpoint[] | undefined {
    const { table } = this;
    let differs = false;
    if (table.version !== this.version) {
      this.version = table.version;
      this.breakpoints = table.forMachine();
      differs = this.differs('breakpoints', this.breakpoints);
    }
    if (!this.differs('temporary', temporary) && !differs) return undefined;
    return [...this.breakpoints, ...temporary];
  }

  private differs(what: keyof MachineStops['sent'], list: readonly unknown[]): boolean {
    const text = JSON.stringify(list, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    );
    if (text === this.sent[what]) return false;
    this.sent[what] = text;
    return true;
  }
}
