// From the exception that was taken to EL2 to the part that serves it (xen/arch/arm/traps.c,
// do_trap_guest_sync(), do_trap_irq()).

import { hex } from '../../base/address.ts';
import { invariant } from '../../base/errors.ts';
import type { TrapOutcome } from '../../cpu/monitor.ts';
import { HYPERVISOR_TIMER_INTID, VIRTUAL_TIMER_INTID } from '../../devices/generic-timer.ts';
import { ELR_EL2, ESR_EL2 } from '../../memory/layout.ts';
import type { HypercallContext } from '../hypercalls/define.ts';
import { dispatchHypercall } from '../hypercalls/dispatch.ts';
import type { Hypervisor } from '../hypervisor.ts';
import { VcpuMemory } from '../hypervisor/guest-memory.ts';
import type { HostedDomain } from '../hypervisor/hosted-domain.ts';
import type { Vcpu } from '../vcpu.ts';
import { affinityOf, vcpuOfAffinity } from '../vgic/distributor-v3.ts';
import {
  PSCI_ALREADY_ON,
  PSCI_INVALID_ADDRESS,
  PSCI_INVALID_PARAMETERS,
  PSCI_SUCCESS,
  smccc,
} from '../vpsci.ts';
import { physicalTimerAllowed, readPhysicalTimer, virtualTimerFired, writePhysicalTimer } from '../vtimer.ts';
import { type AbortContext, handleAbort } from './abort.ts';
import { guestPc, injectUndefined, skipInstruction } from './guest-state.ts';
import { startVcpu } from './start.ts';
import { handleSysreg } from './sysreg.ts';

const TWO_32 = 2 ** 32;

const EC_WFX = 0x01;
const EC_HVC64 = 0x16;
const EC_SMC64 = 0x17;
const EC_SYSREG = 0x18;
const EC_INSTRUCTION_ABORT_LOWER = 0x20;
const EC_DATA_ABORT_LOWER = 0x24;

/** HVC #0xEA1 is a hypercall. */
const XEN_HYPERCALL_TAG = 0xea1;

/** Kinds of vectors: bits 8..7 of the vector offset. */
const VECTOR_SYNCHRONOUS = 0;
const VECTOR_IRQ = 1;

const MAINTENANCE_INTID = 25;
/** From here on IAR says that there is no interrupt. */
const FIRST_SPECIAL_INTID = 1020;

/** Serves one trap. Returns an outcome only when the vCPU cannot go on. */
export function handleTrap(xen: Hypervisor, domain: HostedDomain, vcpu: Vcpu): TrapOutcome | undefined {
  switch ((vcpu.cpu.trapVector() >>> 7) & 3) {
    case VECTOR_SYNCHRONOUS:
      return handleSynchronous(xen, domain, vcpu);
    case VECTOR_IRQ:
      handleInterrupts(xen, domain, vcpu);
      return undefined;
    default:
      // FIQ: no interrupt of the machine is in group 0. SError: no device reports one.
      xen.warn('fiq-serror', `unexpected FIQ or SError on CPU ${vcpu.cpu.index}`);
      return undefined;
  }
}

function handleInterrupts(xen: Hypervisor, domain: HostedDomain, vcpu: Vcpu): void {
  const { gic, timers } = xen.platform;
  const cpu = vcpu.cpu.index;
  for (;;) {
    const intid = gic.acknowledge(cpu);
    if (intid >= FIRST_SPECIAL_INTID) return;
    const timer = timers[cpu];
    if (intid === VIRTUAL_TIMER_INTID && timer) virtualTimerFired(vcpu, domain.vgic, timer.virtual);
    else if (intid === HYPERVISOR_TIMER_INTID) xen.scheduler.hypervisorTimerFired(cpu);
    // Being here is all the maintenance there is: list registers are filled on the way out.
    else if (intid !== MAINTENANCE_INTID)
      xen.warn(`irq:${intid}`, `interrupt ${intid}, which nobody handles`);
    gic.complete(cpu, intid);
  }
}

function handleSynchronous(xen: Hypervisor, domain: HostedDomain, vcpu: Vcpu): TrapOutcome | undefined {
  const { cpu } = vcpu;
  const esr = cpu.sysregLow(ESR_EL2);
  const ec = esr >>> 26;
  const iss = esr & 0x1ff_ffff;
  switch (ec) {
    case EC_WFX:
      if ((iss & 1) !== 0) xen.scheduler.yield(vcpu.domid, vcpu.id);
      else xen.scheduler.waitForInterrupt(vcpu);
      skipInstruction(cpu);
      return undefined;

    case EC_HVC64:
      // The preferred return address is behind the HVC already.
      if ((iss & 0xffff) === 0) handleSmccc(xen, domain, vcpu);
      else if ((iss & 0xffff) === XEN_HYPERCALL_TAG) handleHypercall(xen, domain, vcpu);
      else {
        xen.warn(
          `hvc:${iss & 0xffff}`,
          `HVC #${hex(iss & 0xffff)} at pc ${hex(guestPc(cpu) - 4n)}: UNDEFINED`,
        );
        injectUndefined(cpu);
      }
      return undefined;

    case EC_SMC64:
      if ((iss & 0xffff) !== 0) {
        injectUndefined(cpu);
        return undefined;
      }
      skipInstruction(cpu);
      handleSmccc(xen, domain, vcpu);
      return undefined;

    case EC_SYSREG:
      handleSysreg(sysregContext(xen, domain, vcpu), iss);
      return undefined;

    case EC_INSTRUCTION_ABORT_LOWER:
    case EC_DATA_ABORT_LOWER: {
      const outcome = handleAbort(
        contextsOf(xen, domain, vcpu).abort,
        ec === EC_DATA_ABORT_LOWER ? 'data' : 'instruction',
        esr,
      );
      return outcome.kind === 'stop' ? outcome : undefined;
    }

    default:
      xen.warn(
        `ec:${ec}`,
        `exception class ${hex(ec)} at pc ${hex(guestPc(cpu))}: Xen does not know it, UNDEFINED`,
      );
      injectUndefined(cpu);
      return undefined;
  }
}

/** What the parts that serve traps are told about a vCPU. */
export interface TrapContexts {
  readonly hypercall: HypercallContext;
  readonly abort: AbortContext;
}

/** They are the same for every trap of the vCPU. */
function contextsOf(xen: Hypervisor, domain: HostedDomain, vcpu: Vcpu): TrapContexts {
  const known = domain.trapContexts[vcpu.id];
  if (known) return known;
  const { cpu } = vcpu;
  const { memory } = xen.platform;
  const caller = domain.domain.vcpus[vcpu.id];
  invariant(caller !== undefined, 'a domain knows its vCPUs');
  const contexts: TrapContexts = {
    hypercall: {
      caller: domain.domain,
      vcpu: caller,
      memory: new VcpuMemory(cpu, memory),
      xen: xen.services,
    },
    abort: {
      cpu,
      vcpu: vcpu.id,
      memory,
      find: (ipa) => domain.mmio.find(ipa),
      warn: (key, message) => xen.warn(`d${domain.id}:${key}`, message),
      fault: (kind, ipa, esr, device) => xen.observer.stage2Fault(domain.id, vcpu.id, kind, ipa, esr, device),
    },
  };
  domain.trapContexts[vcpu.id] = contexts;
  return contexts;
}

function handleHypercall(xen: Hypervisor, domain: HostedDomain, vcpu: Vcpu): void {
  const { cpu } = vcpu;
  const args = [cpu.x(0), cpu.x(1), cpu.x(2), cpu.x(3), cpu.x(4)];
  const outcome = dispatchHypercall(contextsOf(xen, domain, vcpu).hypercall, cpu.xLow(16), args);
  if (outcome.kind === 'done') {
    const { result } = outcome;
    cpu.setXHalves(0, result, Math.floor(result / TWO_32));
    return;
  }
  outcome.args.forEach((value, register) => cpu.setX(register, value));
  cpu.setSysreg(ELR_EL2, cpu.sysreg(ELR_EL2) - 4n);
}

function handleSmccc(xen: Hypervisor, domain: HostedDomain, vcpu: Vcpu): void {
  const { cpu } = vcpu;
  const functionId = cpu.xLow(0);
  xen.observer.firmwareCalled(domain.id, vcpu.id, functionId, cpu);
  smccc(cpu, {
    cpuOff: () => xen.scheduler.goDown(domain, vcpu),
    cpuOn: (mpidr, entry, context) => cpuOn(xen, domain, mpidr, entry, context),
    anyOn: (affinity, mask) =>
      domain.vcpus.some((other) => !other.down && (BigInt(affinityOf(other.id)) & mask) === affinity),
    suspend: () => xen.scheduler.waitForInterrupt(vcpu),
    shutDown: (reason) => domain.domain.shutdown(reason),
    unknown: (functionId) =>
      xen.once.once(
        `smccc:${functionId}`,
        'info',
        'xen',
        `unhandled SMC/HVC function ${hex(functionId)}, answered -1`,
      ),
  });
  xen.observer.firmwareDone(domain.id, vcpu.id, functionId, cpu);
}

function cpuOn(xen: Hypervisor, domain: HostedDomain, mpidr: bigint, entry: bigint, context: bigint): number {
  const id = vcpuOfAffinity(Number(mpidr & 0xff0fn));
  const target = id === undefined ? undefined : domain.vcpus[id];
  if (target === undefined) return PSCI_INVALID_PARAMETERS;
  // Bit 0 would mean Thumb.
  if ((entry & 1n) !== 0n) return PSCI_INVALID_ADDRESS;
  if (!target.down) return PSCI_ALREADY_ON;
  startVcpu(xen, domain, target, entry, context);
  return PSCI_SUCCESS;
}

function sysregContext(xen: Hypervisor, domain: HostedDomain, vcpu: Vcpu) {
  const now = () => BigInt(xen.scheduler.count());
  return {
    cpu: vcpu.cpu,
    actlr: 0n,
    physicalTimerAllowed: (fromEl0: boolean) => physicalTimerAllowed(vcpu, fromEl0),
    readPhysicalTimer: (register: 'CTL' | 'TVAL' | 'CVAL') => readPhysicalTimer(vcpu, register, now()),
    writePhysicalTimer: (register: 'CTL' | 'TVAL' | 'CVAL', value: bigint) => {
      writePhysicalTimer(vcpu, register, value, now());
      xen.scheduler.programTimer(vcpu);
    },
    sendSgi: (value: bigint) => sendSgi(domain, vcpu, value),
    warn: (key: string, message: string) => xen.warn(`d${domain.id}:${key}`, message),
    accessed: (name: string, isRead: boolean, rt: number, isUndefined: boolean) =>
      xen.observer.registerAccessed(domain.id, vcpu.id, name, isRead, rt, isUndefined),
  };
}

/** ICC_SGI1R_EL1: only Aff1, the target list and IRM are looked at. */
function sendSgi(domain: HostedDomain, vcpu: Vcpu, value: bigint): boolean {
  if (domain.vgic.version !== 3) return false;
  const intid = Number((value >> 24n) & 0xfn);
  const all = domain.vcpus.map((other) => other.id);
  if (((value >> 40n) & 1n) !== 0n) {
    domain.vgic.sendSgi(
      all.filter((id) => id !== vcpu.id),
      intid,
    );
    return true;
  }
  const first = Number((value >> 16n) & 0xffn) * 16;
  const list = Number(value & 0xffffn);
  domain.vgic.sendSgi(
    all.filter((id) => id >= first && id < first + 16 && ((list >>> (id - first)) & 1) !== 0),
    intid,
  );
  return true;
}
