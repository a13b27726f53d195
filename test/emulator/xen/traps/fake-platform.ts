// A machine without an engine: RAM, registers and page tables as plain objects, with the real GIC
// and timers. It stands where the processor stands, so that the hypervisor can be driven by traps.

import { type Pa, pa } from '../../../../emulator/base/address.ts';
import { silentLogger } from '../../../../emulator/base/log.ts';
import { GenericTimer } from '../../../../emulator/devices/generic-timer.ts';
import { GicV2 } from '../../../../emulator/devices/gic-v2/gic-v2.ts';
import { GicV3 } from '../../../../emulator/devices/gic-v3/gic-v3.ts';
import type { VirtualInterface } from '../../../../emulator/devices/gic/virtual-interface.ts';
import { ELR_EL2, ESR_EL2, FAR_EL2, HPFAR_EL2, SPSR_EL2 } from '../../../../emulator/memory/layout.ts';
import { Hypervisor } from '../../../../emulator/xen/hypervisor.ts';
import { hostGic } from '../../../../emulator/xen/hypervisor/host-gic.ts';
import type { HostedDomain } from '../../../../emulator/xen/hypervisor/hosted-domain.ts';
import type { HostCpu, HostMemory, Platform } from '../../../../emulator/xen/hypervisor/platform.ts';
import { startVcpu } from '../../../../emulator/xen/traps/start.ts';

export const RAM_BASE = 0x4000_0000;

export class FakeMemory implements HostMemory {
  private readonly view: DataView;
  private readonly all: Uint8Array;

  constructor(size: number) {
    this.all = new Uint8Array(size);
    this.view = new DataView(this.all.buffer);
  }

  read8 = (at: Pa) => this.view.getUint8(at - RAM_BASE);
  read16 = (at: Pa) => this.view.getUint16(at - RAM_BASE, true);
  read32 = (at: Pa) => this.view.getUint32(at - RAM_BASE, true);
  write8 = (at: Pa, value: number) => this.view.setUint8(at - RAM_BASE, value);
  write16 = (at: Pa, value: number) => this.view.setUint16(at - RAM_BASE, value, true);
  write32 = (at: Pa, value: number) => this.view.setUint32(at - RAM_BASE, value, true);
  bytes = (at: Pa, length: number) => this.all.subarray(at - RAM_BASE, at - RAM_BASE + length);
  writable = (at: Pa, length: number) => this.bytes(at, length);
  write = (at: Pa, bytes: Uint8Array) => this.all.set(bytes, at - RAM_BASE);
  fill = (at: Pa, length: number, value: number) => {
    this.all.fill(value, at - RAM_BASE, at - RAM_BASE + length);
  };
  contains = (at: Pa, length: number) => at >= RAM_BASE && at + length <= RAM_BASE + this.all.length;
}

const joined = (low: number, high: number): bigint =>
  (BigInt.asUintN(32, BigInt(high)) << 32n) | BigInt.asUintN(32, BigInt(low));

export class FakeCpu implements HostCpu {
  readonly index: number;
  readonly midr = 0x410f_d034n;
  readonly registers = new Map<number, bigint>();
  vector = 0x400;
  sp = 0n;
  /** Stage 1 is off in these tests: VA = IPA, and this finds the PA. */
  stage2: (ipa: number) => number | undefined = () => undefined;
  private readonly general = new BigUint64Array(31);

  constructor(index: number) {
    this.index = index;
  }

  x = (register: number) => this.general[register] ?? 0n;
  setX = (register: number, value: bigint) => {
    if (register < 31) this.general[register] = value;
  };
  xLow = (register: number) => Number(BigInt.asUintN(32, this.x(register)));
  setXHalves = (register: number, low: number, high: number) => this.setX(register, joined(low, high));
  sysreg = (offset: number) => this.registers.get(offset) ?? 0n;
  sysregLow = (offset: number) => Number(BigInt.asUintN(32, this.sysreg(offset)));
  sysregHigh = (offset: number) => Number(BigInt.asUintN(32, this.sysreg(offset) >> 32n));
  setSysregHalves = (offset: number, low: number, high: number) => this.setSysreg(offset, joined(low, high));
  setSysreg = (offset: number, value: bigint) => {
    this.registers.set(offset, value);
  };
  idRegister = () => 0xffff_ffff_ffff_ffffn;
  trapVector = () => this.vector;
  guestSp = () => this.sp;
  setGuestSp = (value: bigint) => {
    this.sp = value;
  };
  reset = () => this.general.fill(0n);
  translate = (va: bigint) => {
    const ipa = Number(va);
    const found = this.stage2(ipa);
    return found === undefined ? undefined : { ipa, pa: pa(found) };
  };
}

export interface FakeMachineOptions {
  readonly gicVersion?: 2 | 3;
  readonly vcpus?: number;
  /** As many as vCPUs when absent. */
  readonly cpus?: number;
  readonly ramSize?: number;
  readonly vuart?: boolean;
}

/** A hypervisor with one domain, vCPU 0 running at the start of its 4 MiB of RAM. */
export class FakeMachine {
  nanoseconds = 0;
  readonly memory: FakeMemory;
  readonly cpus: FakeCpu[];
  readonly timers: GenericTimer[];
  readonly virtual: readonly VirtualInterface[];
  readonly hypervisor: Hypervisor;
  readonly domain: HostedDomain;
  readonly woken: number[] = [];
  readonly started: number[] = [];
  readonly shutdowns: { domid: number; reason: number }[] = [];
  readonly uart: number[] = [];
  tlbFlushes = 0;

  constructor(options: FakeMachineOptions = {}) {
    const { gicVersion = 3, vcpus = 1, cpus = vcpus, ramSize = 0x200_0000, vuart = false } = options;
    this.memory = new FakeMemory(ramSize);
    this.cpus = Array.from({ length: cpus }, (_, index) => new FakeCpu(index));
    const line = { set: () => {} };
    const lines = { irq: line, fiq: line, virq: line, vfiq: line };
    const gic =
      gicVersion === 3
        ? new GicV3(
            this.cpus.map(({ index }) => ({ lines, affinity: index })),
            { spis: 32 },
          )
        : new GicV2(
            this.cpus.map(() => lines),
            { spis: 32 },
          );
    this.virtual = gic instanceof GicV3 ? gic.cpus.map((cpu) => cpu.virtual) : gic.virtual;
    const clock = { nanoseconds: () => this.nanoseconds };
    this.timers = this.cpus.map(
      ({ index }) =>
        new GenericTimer(clock, {
          physical: gic.ppi(index, 30),
          virtual: gic.ppi(index, 27),
          hypervisor: gic.ppi(index, 26),
        }),
    );
    const platform: Platform = {
      memory: this.memory,
      ramBase: RAM_BASE,
      ramSize,
      paBits: 44,
      cpus: this.cpus,
      gic: hostGic({
        version: gicVersion,
        distributor: gic.distributor,
        virtual: this.virtual,
        ...(gicVersion === 2 ? { virtualCpuInterface: 0x0804_0000 } : {}),
      }),
      timers: this.timers,
      scheduler: {
        start: (cpu) => this.started.push(cpu),
        wake: (cpu) => this.woken.push(cpu),
        park: () => {},
        setTimer: () => {},
      },
      tlbs: {
        flushVmid: () => {
          this.tlbFlushes++;
        },
      },
      log: silentLogger,
    };
    this.hypervisor = new Hypervisor({
      platform,
      console: { guestLine: () => {}, write: () => {}, read: () => new Uint8Array() },
      onShutdown: (domid, reason) => this.shutdowns.push({ domid, reason }),
    });
    this.domain = this.hypervisor.createDomain({
      id: 1,
      name: 'guest',
      handle: new Uint8Array(16),
      vcpus,
      gicVersion,
      maximumPages: 2048,
      ...(vuart ? { vuart: { write: (bytes: Uint8Array) => this.uart.push(...bytes) } } : {}),
    });
    this.domain.pages.populate(0x4_0000 as never, 1024);
    for (const cpu of this.cpus) {
      cpu.stage2 = (ipa) => {
        const entry = this.domain.p2m.lookup(Math.floor(ipa / 4096) as never);
        return entry === undefined ? undefined : entry.mfn * 4096 + (ipa % 4096);
      };
    }
    const [boot] = this.domain.vcpus;
    if (boot) startVcpu(this.hypervisor, this.domain, boot, 0x4000_0000n, 0n);
    this.woken.length = 0;
  }

  get cpu(): FakeCpu {
    return this.cpus[0]!;
  }

  /** An exception of this class and syndrome is taken from EL1; `outcome.kind` comes back. */
  trap(ec: number, iss: number, { cpu = 0, far = 0n, ipa = 0, pc }: TrapDetails = {}): string {
    const target = this.cpus[cpu]!;
    target.vector = 0x400;
    target.setSysreg(ESR_EL2, (BigInt(ec) << 26n) | (1n << 25n) | BigInt(iss));
    target.setSysreg(FAR_EL2, far);
    target.setSysreg(HPFAR_EL2, BigInt(Math.floor(ipa / 4096)) << 4n);
    if (pc !== undefined) target.setSysreg(ELR_EL2, pc);
    return this.hypervisor.onTrap(cpu).kind;
  }

  /** Time passes; interrupts that are then pending are taken to EL2. */
  pass(nanoseconds: number, cpu = 0): string {
    this.nanoseconds += nanoseconds;
    for (const timer of this.timers) timer.update();
    this.cpus[cpu]!.vector = 0x480;
    return this.hypervisor.onTrap(cpu).kind;
  }

  pc(cpu = 0): bigint {
    return this.cpus[cpu]!.sysreg(ELR_EL2);
  }

  pstate(cpu = 0): bigint {
    return this.cpus[cpu]!.sysreg(SPSR_EL2);
  }
}

export interface TrapDetails {
  readonly cpu?: number;
  readonly far?: bigint;
  readonly ipa?: number;
  readonly pc?: bigint;
}
