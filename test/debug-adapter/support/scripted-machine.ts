// Two domains without an emulator: nothing is executed, and the test says when and why the machine stops.

import type { MachineClient } from '../../../debug-adapter/machine/machine-client.ts';
import type {
  MachineConfig,
  MachineEvent,
  MachineEventSink,
  MachineInfo,
  MachineRequestName,
  MachineRequests,
  StopInfo,
  VcpuId,
} from '../../../emulator/machine/messages.ts';

export const TWO_DOMAINS: MachineInfo = {
  domains: [
    { domain: 1, name: 'front', vcpus: 2, segments: [], ram: [] },
    { domain: 2, name: 'back', vcpus: 1, segments: [], ram: [] },
  ],
};
export const NO_CONFIG = { cpu: 'a53', seed: 0, domains: [] } as const satisfies MachineConfig;

const MOMENT = { instructions: 1, virtualNanoseconds: 1 };

export class ScriptedMachine implements MachineClient {
  readonly changes = 0;
  onEvent: MachineEventSink = () => {};
  /** What was asked of it, but for reads. */
  readonly done: { readonly name: MachineRequestName; readonly args: unknown }[] = [];
  /** By `domain.vcpu`. */
  readonly pc = new Map<string, bigint>();
  private readonly info: MachineInfo;
  private ran: (() => void) | undefined;
  private isRunning = false;

  constructor(info: MachineInfo = TWO_DOMAINS) {
    this.info = info;
  }

  request<Name extends MachineRequestName>(
    name: Name,
    args: MachineRequests[Name]['arguments'],
  ): Promise<MachineRequests[Name]['result']> {
    return Promise.resolve(this.answer(name, args) as MachineRequests[Name]['result']);
  }

  /** Resolves when the machine runs, or steps. */
  running(): Promise<void> {
    if (this.isRunning) return Promise.resolve();
    return new Promise((resolve) => {
      this.ran = resolve;
    });
  }

  /** The machine comes to a stop. */
  stop(reason: StopInfo['reason'], vcpu: VcpuId, more: Partial<StopInfo> = {}): void {
    this.tell({ event: 'stopped', body: { ...MOMENT, reason, vcpu, breakpointIds: [], ...more } });
  }

  end(domain: number, reason: 'poweroff' | 'crash' | 'destroyed', isLast = true): void {
    const body = { ...MOMENT, domain, reason };
    this.tell(isLast ? { event: 'terminated', body } : { event: 'domainEnded', body });
  }

  tell(event: MachineEvent): void {
    if (event.event !== 'domainEnded') this.isRunning = false;
    this.onEvent(event);
  }

  dispose(): void {}

  private answer(name: MachineRequestName, args: unknown): unknown {
    const vcpus = this.info.domains.flatMap(({ domain, vcpus: count }) =>
      Array.from({ length: count }, (_, vcpu) => ({ domain, vcpu })),
    );
    switch (name) {
      case 'create':
        return this.info;
      case 'vcpus':
        return vcpus.map((id) => ({ ...id, state: id.vcpu === 0 ? 'running' : 'off', el: 1, pc: 0n }));
      case 'readRegisters': {
        const { vcpu } = args as { vcpu: VcpuId };
        const pc = this.pc.get(`${vcpu.domain}.${vcpu.vcpu}`) ?? 0n;
        return {
          general: { x: new BigUint64Array(31).fill(BigInt(vcpu.domain)), sp: 0n, pc, pstate: 5 },
          fp: { v: new Uint8Array(512), fpcr: 0, fpsr: 0 },
          system: [
            { name: 'SCTLR_EL1', value: BigInt(0x100 * vcpu.domain + vcpu.vcpu) },
            { name: 'TTBR0_EL1', value: 0n },
          ],
        };
      }
      case 'readMemory': {
        const { space, length } = args as MachineRequests['readMemory']['arguments'];
        const byte = space.kind === 'pa' ? 0xaa : space.kind === 'va' ? space.at.domain : 0x10 + space.domain;
        return new Uint8Array(length).fill(byte);
      }
      case 'writeMemory':
        this.done.push({ name, args });
        return (args as { bytes: Uint8Array }).bytes.length;
      case 'translate':
        return { ok: false, fault: 'nothing is mapped there' };
      case 'statistics':
        return { ...MOMENT, exits: {} };
      case 'inspectCommand':
        return `${(args as { line: string }).line} of d${(args as { focus: VcpuId }).focus.domain}`;
      default:
        this.done.push({ name, args });
        if (name === 'run' || name === 'step') this.begin();
        if (name === 'pause' && this.isRunning) this.stop('pause', { domain: 1, vcpu: 0 });
        return undefined;
    }
  }

  private begin(): void {
    this.isRunning = true;
    const { ran } = this;
    this.ran = undefined;
    ran?.();
  }
}
