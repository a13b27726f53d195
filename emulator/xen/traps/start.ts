// The entry of a vCPU: registers as Xen's arch_set_info_guest() leaves them, and the EL2 controls
// under which it runs.

import {
  CNTHCTL_EL2,
  CNTVOFF_EL2,
  CPTR_EL2,
  ELR_EL2,
  HCR_EL2,
  HSTR_EL2,
  MDCR_EL2,
  SCTLR_EL1,
  SPSR_EL2,
  VMPIDR_EL2,
  VPIDR_EL2,
  VTCR_EL2,
  VTTBR_EL2,
} from '../../memory/layout.ts';
import type { Hypervisor } from '../hypervisor.ts';
import type { HostedDomain } from '../hypervisor/hosted-domain.ts';
import { vtcr } from '../p2m.ts';
import {
  GUEST_CNTHCTL,
  GUEST_CPTR,
  GUEST_HCR,
  GUEST_HSTR,
  GUEST_MDCR,
  PSR_GUEST64_INIT,
  SCTLR_GUEST_INIT,
} from '../sysreg-policy.ts';
import type { Vcpu } from '../vcpu.ts';

/** Starts a vCPU that is down at `entry`, with `x0` and all other general registers zero. */
export function startVcpu(
  xen: Hypervisor,
  domain: HostedDomain,
  vcpu: Vcpu,
  entry: bigint,
  x0: bigint,
): void {
  const { cpu } = vcpu;
  domain.vgic.clearPending(vcpu.id);
  const vgicCpu = domain.vgic.cpus[vcpu.id];
  if (vgicCpu) vgicCpu.online = true;

  cpu.reset();
  cpu.setX(0, x0);
  cpu.setSysreg(SCTLR_EL1, SCTLR_GUEST_INIT);
  cpu.setSysreg(ELR_EL2, entry);
  cpu.setSysreg(SPSR_EL2, PSR_GUEST64_INIT);

  cpu.setSysreg(HCR_EL2, GUEST_HCR);
  cpu.setSysreg(MDCR_EL2, GUEST_MDCR);
  cpu.setSysreg(CPTR_EL2, GUEST_CPTR);
  cpu.setSysreg(HSTR_EL2, GUEST_HSTR);
  cpu.setSysreg(CNTHCTL_EL2, GUEST_CNTHCTL);
  cpu.setSysreg(CNTVOFF_EL2, domain.virtualOffset);
  cpu.setSysreg(VTCR_EL2, BigInt(vtcr(domain.p2m.ipaBits)));
  cpu.setSysreg(VTTBR_EL2, domain.p2m.vttbr);
  cpu.setSysreg(VPIDR_EL2, cpu.midr);
  cpu.setSysreg(VMPIDR_EL2, vcpu.vmpidr);

  const timer = xen.platform.timers[cpu.index];
  timer?.virtual.writeControl(0);
  timer?.setVirtualOffset(
    Number(domain.virtualOffset & 0xffff_ffffn),
    Number((domain.virtualOffset >> 32n) & 0xffff_ffffn),
  );
  vcpu.physicalTimer.control = 0;
  xen.scheduler.started(vcpu);
}
