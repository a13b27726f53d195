// The machine that clients debug, one after the other: it outlives their connections.

import type { MachineConfig, MachineEvent, SystemRegister, VcpuId } from '../../emulator/machine/messages.ts';
import { Debuggee } from '../debuggee.ts';
import type { MachineClient } from '../machine/machine-client.ts';
import type { Target } from '../symbols/target.ts';
import { GdbRunControl } from './run-control.ts';

export interface GdbMachineOptions {
  readonly config: MachineConfig;
  /** Symbols of the domains, to learn where a moved kernel runs; asked for when somebody wants to know. */
  loadTargets(info: Debuggee['info']): Promise<readonly Target[]>;
  /** The file with the symbols of each domain, in their order; undefined where none is named. */
  readonly symbolFiles: readonly (string | undefined)[];
  /** The machine stands. */
  onStop(): void;
  /** What the machine tells beside its stops. */
  onEvent(event: MachineEvent): void;
}

export class GdbMachine {
  readonly client: MachineClient;
  private readonly options: GdbMachineOptions;
  private built: { readonly debuggee: Debuggee; readonly run: GdbRunControl };
  private targets: Promise<Debuggee> | undefined;
  hasClient = false;
  /** Domains that the client is not attached to. */
  readonly detached = new Set<number>();

  /** A machine at its first instruction. */
  static async start(client: MachineClient, options: GdbMachineOptions): Promise<GdbMachine> {
    const info = await client.request('create', options.config);
    return new GdbMachine(client, options, info);
  }

  private constructor(client: MachineClient, options: GdbMachineOptions, info: Debuggee['info']) {
    this.client = client;
    this.options = options;
    this.built = this.build(info);
    client.onEvent = (event) => this.machineEvent(event);
  }

  get debuggee(): Debuggee {
    return this.built.debuggee;
  }

  get run(): GdbRunControl {
    return this.built.run;
  }

  /** From the first instruction again. Breakpoints are the client's to set again. */
  async restart(): Promise<void> {
    await this.run.halt();
    await this.client.request('setBreakpoints', { breakpoints: [] });
    const info = await this.client.request('create', this.options.config);
    this.targets = undefined;
    this.detached.clear();
    this.built = this.build(info);
  }

  /** If nobody is attached the machine runs by itself, until a client comes or the last guest ends. */
  goOn(): void {
    if (!this.isAlone || this.run.ended || this.run.running) return;
    const [first = { domain: 0, vcpu: 0 }] = this.debuggee.vcpus;
    this.run.resume({ kind: 'continue' }, first).catch(() => {});
  }

  nameOf(domain: number): string {
    return this.debuggee.info.domains.find((known) => known.domain === domain)?.name ?? '';
  }

  symbolFileOf(domain: number): string | undefined {
    return this.options.symbolFiles[this.debuggee.info.domains.findIndex((known) => known.domain === domain)];
  }

  systemRegisters(vcpu: VcpuId): Promise<readonly SystemRegister[]> {
    return this.debuggee.system(vcpu);
  }

  /** The target of a domain, after a look at where its vCPUs run. */
  async learnedTarget(domain: number): Promise<Target> {
    const { debuggee } = this;
    this.targets ??= this.options
      .loadTargets(debuggee.info)
      .then((targets) => new Debuggee(this.client, debuggee.info, targets));
    const withTargets = await this.targets;
    withTargets.forgetRegisters();
    for (const vcpu of withTargets.vcpus) {
      if (vcpu.domain === domain) await withTargets.learnSlide(vcpu);
    }
    return withTargets.targetOf(domain);
  }

  private build(info: Debuggee['info']) {
    const debuggee = new Debuggee(this.client, info, []);
    return { debuggee, run: new GdbRunControl(debuggee, () => this.stopped()) };
  }

  private stopped(): void {
    // The end of one domain holds up the others only where somebody is told of it.
    if (this.run.lastStop.kind !== 'stopped' && this.isAlone) this.goOn();
    this.options.onStop();
  }

  /** No client is attached to any domain that is left. */
  private get isAlone(): boolean {
    const { domains } = this.debuggee.info;
    return (
      !this.hasClient || domains.every(({ domain }) => !this.run.isAlive(domain) || this.detached.has(domain))
    );
  }

  private machineEvent(event: MachineEvent): void {
    switch (event.event) {
      case 'stopped':
        this.run.machineStopped(event.body);
        break;
      case 'domainEnded':
        this.run.domainEnded(event.body, false);
        break;
      case 'terminated':
        this.run.domainEnded(event.body, true);
        break;
      case 'failed':
        this.run.failed(event.body.message);
        break;
      case 'console':
      case 'vcpu':
      case 'hit':
      case 'log':
        break;
    }
    this.options.onEvent(event);
  }
}
