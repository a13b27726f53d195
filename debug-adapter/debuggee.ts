// What is being debugged: the machine, its domains with their symbols, and the state of the vCPUs as of
// the current stop (each register file crosses the worker's border once for a stop).

import type {
  AddressSpace,
  GeneralRegisters,
  MachineInfo,
  RegisterGroup,
  Registers,
  StopInfo,
  SystemRegister,
  VcpuId,
} from '../emulator/machine/messages.ts';
import { BARE_DOMAIN } from '../emulator/machine/messages.ts';
import { invariant } from '../emulator/base/errors.ts';
import * as errors from './errors.ts';
import { frameExpression } from './frames/frame-expression.ts';
import type { GuestOs } from './guest-os/guest-os.ts';
import { Guests } from './guest-os/guests.ts';
import type { LoadedImages } from './guest-os/loaded-images.ts';
import type { MachineClient } from './machine/machine-client.ts';
import { threadIdOf } from './protocol.ts';
import { walkStack } from './frames/stack.ts';
import type { Frame, ReadGuest, StackSource } from './frames/stack.ts';
import { StopMemory } from './frames/stop-memory.ts';
import type { Target } from './symbols/target.ts';

const keyOf = ({ domain, vcpu }: VcpuId, group: RegisterGroup): string => `${domain}/${vcpu}/${group}`;

export class Debuggee {
  readonly machine: MachineClient;
  readonly info: MachineInfo;
  /** Of all domains, and of those that are shown. */
  readonly allTargets: readonly Target[];
  readonly targets: readonly Target[];
  /** A session may show some domains only; the others can be reached by address and name. */
  readonly shown: readonly number[];
  private readonly registerCache: Map<string, Promise<Registers>>;
  private readonly memory: StopMemory;
  private readonly guests: Guests;
  /** What guests load beside their kernels, where somebody looks for it. */
  readonly images: LoadedImages | undefined;

  constructor(
    machine: MachineClient,
    info: MachineInfo,
    targets: readonly Target[],
    shown: readonly number[] = info.domains.map(({ domain }) => domain),
    registerCache = new Map<string, Promise<Registers>>(),
    memory = new StopMemory(machine),
    guests = new Guests(),
    images?: LoadedImages,
  ) {
    this.machine = machine;
    this.info = info;
    this.allTargets = targets;
    this.targets = targets.filter(({ domain }) => shown.includes(domain));
    this.shown = shown;
    this.registerCache = registerCache;
    this.memory = memory;
    this.guests = guests;
    this.images = images;
  }

  /** With all domains. */
  get whole(): Debuggee {
    return this.showing(this.info.domains.map(({ domain }) => domain));
  }

  /** The same machine as a session sees it that shows these domains. */
  showing(shown: readonly number[]): Debuggee {
    const { machine, info, allTargets, registerCache, memory, guests, images } = this;
    return new Debuggee(machine, info, allTargets, shown, registerCache, memory, guests, images);
  }

  /** What the machine told with a stop needs not be asked for. */
  remember({ vcpu, state }: StopInfo): void {
    if (!state) return;
    const { general, pages } = state;
    this.registerCache.set(keyOf(vcpu, 'general'), Promise.resolve({ general }));
    this.memory.remember(vcpu, pages);
  }

  /** The machine runs, or somebody wrote a register. */
  forgetRegisters(): void {
    this.registerCache.clear();
  }

  targetOf(domain: number): Target {
    const target = this.allTargets.find((candidate) => candidate.domain === domain);
    invariant(target, `domain ${domain} of a stop is one of the machine`);
    return target;
  }

  /** Of the domains that are shown. */
  get vcpus(): readonly VcpuId[] {
    const domains = this.info.domains.filter(({ domain }) => this.shown.includes(domain));
    return domains.flatMap(({ domain, vcpus }) =>
      Array.from({ length: vcpus }, (_, vcpu): VcpuId => ({ domain, vcpu })),
    );
  }

  /** The operating system in a domain, as far as anything is known of it. */
  guestOs(domain: number): Promise<GuestOs | undefined> {
    return this.guests.of(this, domain);
  }

  /** The same for the first who asks; undefined for others. */
  recognizeGuestOs(domain: number): Promise<GuestOs | undefined> | undefined {
    return this.guests.once(this, domain);
  }

  /** The same, if it has been recognized already. */
  knownGuestOs(domain: number): GuestOs | undefined {
    return this.guests.ifKnown(domain);
  }

  /** In a session that shows no domain itself, whatever is done is done to the whole machine. */
  vcpuOfThread(threadId: number): VcpuId {
    const isWhole = this.shown.length === 0;
    const { vcpus } = isWhole ? this.whole : this;
    const vcpu = vcpus.find((id) => threadIdOf(id.domain, id.vcpu) === threadId) ?? (isWhole && vcpus[0]);
    if (!vcpu) throw errors.unknownThread(threadId);
    return vcpu;
  }

  /** A domain as a vCPU sees it: with the program that it runs. */
  targetFor(vcpu: VcpuId): Target {
    const target = this.targetOf(vcpu.domain);
    return this.images?.viewOf(target, vcpu) ?? target;
  }

  /** A domain as a task sees it, by its descriptor. */
  async targetOfTask(domain: number, task: bigint): Promise<Target> {
    const target = this.targetOf(domain);
    if (!this.images || this.images.programsOf(domain).length === 0) return target;
    const program = await (await this.guestOs(domain))?.programOf(task);
    return this.images.viewOfTable(target, program?.table) ?? target;
  }

  /** Whatever has symbols in the domains that are shown: kernels, their modules, programs. */
  get withSymbols(): readonly Target[] {
    return this.targets.flatMap((target) => [
      target,
      ...target.loaded,
      ...(this.images?.programsOf(target.domain) ?? []),
    ]);
  }

  get isBare(): boolean {
    return this.info.domains.some(({ domain }) => domain === BARE_DOMAIN);
  }

  // ---------------------------------------------------------------- state of a vCPU

  async general(vcpu: VcpuId): Promise<GeneralRegisters> {
    const { general } = await this.registers(vcpu, 'general');
    invariant(general, 'the machine answers the general registers when asked');
    return general;
  }

  async system(vcpu: VcpuId): Promise<readonly SystemRegister[]> {
    return (await this.registers(vcpu, 'system')).system ?? [];
  }

  async systemRegister(vcpu: VcpuId, name: string): Promise<bigint | undefined> {
    const wanted = name.toUpperCase();
    return (await this.system(vcpu)).find((register) => register.name.toUpperCase() === wanted)?.value;
  }

  registers(vcpu: VcpuId, group: RegisterGroup): Promise<Registers> {
    const key = keyOf(vcpu, group);
    let answer = this.registerCache.get(key);
    if (!answer) {
      answer = this.machine.request('readRegisters', { vcpu, groups: [group] });
      this.registerCache.set(key, answer);
    }
    return answer;
  }

  async writeRegister(vcpu: VcpuId, name: string, value: bigint): Promise<void> {
    await this.machine.request('writeRegister', { vcpu, name, value });
    this.forgetRegisters();
  }

  walk(vcpu: VcpuId, limit: number): Promise<readonly Frame[]> {
    return this.general(vcpu).then((registers) =>
      walkStack(registers, { ...this.stackSource(vcpu), guesses: true }, limit),
    );
  }

  stackSource(vcpu: VcpuId, target = this.targetFor(vcpu)): StackSource {
    return {
      read: this.reader(vcpu),
      rulesAt: (address) => target.rulesAt(address),
      symbolAt: (address) => target.symbolAt(address),
      systemRegister: (name) => this.systemRegister(vcpu, name),
      evaluate: (bytes, frame, initial) => frameExpression(bytes, frame, initial, this.reader(vcpu)),
    };
  }

  /** Memory as the vCPU sees it at this stop. */
  reader(vcpu: VcpuId): ReadGuest {
    return (address, length) => this.memory.read(vcpu, address, length);
  }

  readMemory(space: AddressSpace, address: bigint, length: number): Promise<Uint8Array> {
    return this.machine.request('readMemory', { space, address, length });
  }

  /** Guest physical address behind a VA. */
  async ipaOf(vcpu: VcpuId, address: bigint): Promise<number | undefined> {
    const space: AddressSpace = { kind: 'va', at: vcpu };
    const result = await this.machine.request('translate', { space, address });
    return result.ok ? (result.ipa ?? result.pa) : undefined;
  }

  /** Looks at the PC and the vectors of a vCPU: they tell where a moved kernel runs. */
  async learnSlide(vcpu: VcpuId): Promise<boolean> {
    const { map } = this.targetOf(vcpu.domain);
    if (map.slide !== undefined) return false;
    const translate = (address: bigint): Promise<number | undefined> => this.ipaOf(vcpu, address);
    if (await map.learnFrom((await this.general(vcpu)).pc, translate)) return true;
    const vectors = await this.systemRegister(vcpu, 'VBAR_EL1');
    return vectors !== undefined && vectors !== 0n && (await map.learnFrom(vectors, translate));
  }
}
