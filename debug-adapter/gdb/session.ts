// One client: what was agreed with it, which thread it looks at, and its packets, which are served one after the
// other. What each of them means stands in `commands/`.

import { UserError } from '../../emulator/base/errors.ts';
import type { VcpuId } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import { type Command, ESRCH, GdbError, NO_REPLY, splitPacket, UNSUPPORTED } from './command.ts';
import { allCommands } from './commands/all.ts';
import type { GdbMachine } from './machine.ts';
import { hexOfText, PACKET_SIZE } from './packets.ts';
import { RegisterFile } from './registers.ts';
import type { GdbRunControl, Resume, Stop } from './run-control.ts';
import { targetDescription } from './target-description.ts';
import { parseThreadId, pidOf, sameVcpu, tidOf } from './thread-ids.ts';

export interface SessionEvents {
  /** A packet of its own, before the reply of the one that is served. */
  send(body: string): void;
  /** From the next reply on nothing is acknowledged. */
  endAcknowledging(): void;
  /** Our own mistake, for the log. */
  bug(error: unknown): void;
}

const commandsByName = new Map<string, Command>(allCommands.map((row) => [row.name, row]));

/** How `m` and `M` take their addresses. */
export type MemorySpace = 'va' | 'ipa' | 'pa';

export class GdbSession {
  readonly machine: GdbMachine;
  readonly events: SessionEvents;
  /** Agreed in qSupported: processes have numbers. */
  multiprocess = false;
  /** The client reads the text of errors. */
  errorMessages = false;
  /** It knows the stop reasons `swbreak` and `hwbreak`. */
  breakReasons = false;
  /** It was told that watchpoints are reported behind the access (see commands/execution.ts). */
  expectsWatchAfter = false;
  /** `target extended-remote`: the connection outlives the processes. */
  extended = false;
  /** Whom registers and memory are of (Hg), and whom the old `c` and `s` mean (Hc). */
  general: VcpuId;
  /** Its next step has been taken already. */
  stepTaken: VcpuId | undefined;
  memorySpace: MemorySpace = 'va';

  private queue: Promise<void> = Promise.resolve();
  private waiting = 0;
  private interruptsNext = false;
  private described: { readonly of: Debuggee; readonly xml: string; readonly names: string[] } | undefined;

  constructor(machine: GdbMachine, events: SessionEvents) {
    this.machine = machine;
    this.events = events;
    // Whoever comes has to do with all domains, whatever was left by the one before.
    machine.detached.clear();
    this.general = this.firstThread();
  }

  get debuggee(): Debuggee {
    return this.machine.debuggee;
  }

  get run(): GdbRunControl {
    return this.machine.run;
  }

  // ---------------------------------------------------------------- packets

  /** Serves a packet after those before it. */
  receive(body: string): Promise<void> {
    this.waiting++;
    this.queue = this.queue.then(async () => {
      const reply = await this.answer(body);
      if (reply !== undefined) this.events.send(reply);
      if (--this.waiting === 0) this.interruptsNext = false;
    });
    return this.queue;
  }

  /** Ctrl-C: not a packet, and not in their order. */
  interrupt(): void {
    this.run.interrupt();
    // It may be for a packet that has come with it.
    this.interruptsNext = this.waiting > 0;
  }

  resume(how: Resume, focus: VcpuId): Promise<Stop> {
    const stop = this.run.resume(how, focus);
    if (this.interruptsNext) this.run.interrupt();
    this.interruptsNext = false;
    return stop;
  }

  private async answer(body: string): Promise<string | undefined> {
    const { name, args } = splitPacket(body);
    const row = commandsByName.get(name);
    if (!row) return UNSUPPORTED;
    try {
      const reply = await row.handle(this, args);
      return reply === NO_REPLY ? undefined : reply;
    } catch (error) {
      if (error instanceof GdbError) return this.errorReply(error.errno, error.message);
      if (error instanceof UserError) return this.errorReply(1, error.toString());
      this.events.bug(error);
      return this.errorReply(1, error instanceof Error ? error.message : String(error));
    }
  }

  private errorReply(errno: number, message: string): string {
    return this.errorMessages
      ? `E.${message.replace(/[^ -~]+/g, ' ')}`
      : `E${errno.toString(16).padStart(2, '0')}`;
  }

  /** Text for the client's console: while a `monitor` command is served, or the machine runs. */
  print(text: string): void {
    const digits = hexOfText(text);
    for (let at = 0; at < digits.length; at += PACKET_SIZE - 2) {
      this.events.send(`O${digits.slice(at, at + PACKET_SIZE - 2)}`);
    }
  }

  // ---------------------------------------------------------------- threads

  /** Domains that are this client's: alive and not detached from. */
  get domains(): readonly number[] {
    return this.debuggee.info.domains
      .map(({ domain }) => domain)
      .filter((domain) => this.run.isAlive(domain) && !this.machine.detached.has(domain));
  }

  /** Their vCPUs. */
  get threads(): readonly VcpuId[] {
    const domains = new Set(this.domains);
    return this.debuggee.vcpus.filter(({ domain }) => domains.has(domain));
  }

  /**
   * A client that knows processes begins with the first one, and attaches to others as it wants: gdb reads the target
   * description of an inferior only when it attaches to it. One that does not sees the threads of all.
   */
  attachAtFirst(): void {
    const { detached } = this.machine;
    detached.clear();
    if (this.multiprocess) for (const domain of this.domains.slice(1)) detached.add(domain);
    this.general = this.firstThread();
  }

  threadName(vcpu: VcpuId): string {
    if (this.multiprocess) return `p${pidOf(vcpu.domain).toString(16)}.${tidOf(vcpu.vcpu).toString(16)}`;
    return (1 + this.debuggee.vcpus.findIndex((other) => sameVcpu(other, vcpu))).toString(16);
  }

  /** The threads that a thread-id of the client means. */
  threadsOf(text: string): readonly VcpuId[] {
    const id = parseThreadId(text);
    if (!id) throw new GdbError(ESRCH, `there is no thread '${text}'`);
    const { pid, tid } = id;
    return this.threads.filter((vcpu) => {
      if (typeof pid === 'number' && pidOf(vcpu.domain) !== pid) return false;
      if (typeof tid !== 'number') return true;
      if (pid === undefined && !this.multiprocess) return this.threadName(vcpu) === tid.toString(16);
      return tidOf(vcpu.vcpu) === tid && (pid !== undefined || vcpu.domain === this.general.domain);
    });
  }

  /** The one thread of a thread-id; for any of several, the one that is looked at, or that stopped. */
  threadOf(text: string): VcpuId {
    const candidates = this.threadsOf(text);
    const { lastStop } = this.run;
    const preferred = [this.general, ...(lastStop.kind === 'stopped' ? [lastStop.vcpu] : [])];
    const found =
      preferred.find((vcpu) => candidates.some((other) => sameVcpu(other, vcpu))) ?? candidates[0];
    if (!found) throw new GdbError(ESRCH, `there is no thread '${text}'`);
    return found;
  }

  domainOf(pid: number): number {
    const found = this.debuggee.info.domains.find(({ domain }) => pidOf(domain) === pid);
    if (!found) throw new GdbError(ESRCH, `there is no process ${pid}`);
    return found.domain;
  }

  firstThread(): VcpuId {
    return this.threads[0] ?? this.debuggee.vcpus[0] ?? { domain: 0, vcpu: 0 };
  }

  /** The machine from its first instruction again. */
  async restart(): Promise<void> {
    await this.machine.restart();
    this.stepTaken = undefined;
    this.general = this.firstThread();
  }

  // ---------------------------------------------------------------- registers

  async targetXml(): Promise<string> {
    return (await this.description()).xml;
  }

  async registers(): Promise<RegisterFile> {
    return new RegisterFile(this.debuggee, (await this.description()).names);
  }

  /** All CPUs are the same: the first one's registers are described. */
  private async description(): Promise<{ readonly xml: string; readonly names: string[] }> {
    const { debuggee } = this;
    if (this.described?.of !== debuggee) {
      const [first = { domain: 0, vcpu: 0 }] = debuggee.vcpus;
      const names = (await this.machine.systemRegisters(first)).map(({ name }) => name);
      this.described = { of: debuggee, names, xml: targetDescription(names) };
    }
    return this.described;
  }
}
