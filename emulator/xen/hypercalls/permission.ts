// Who may act on whom. Xen include/xsm/dummy.h (XSM_TARGET, XSM_PRIV) and xsm/silo.c.

import { DOMID_SELF } from '../abi/domid.ts';
import type { Errno } from '../abi/errno.ts';
import type { Domain } from '../domain.ts';
import type { HypercallContext } from './define.ts';

/** The domain a structure names; DOMID_SELF is the caller. */
export function resolveDomain({ caller, xen }: HypercallContext, domid: number): Domain | undefined {
  return domid === DOMID_SELF || domid === caller.id ? caller : xen.domains.find(domid);
}

/** XSM_TARGET: a domain on itself, or the control domain on any. */
export function mayTarget({ caller }: HypercallContext, target: Domain): Errno | undefined {
  return caller === target || caller.privileged ? undefined : 'EPERM';
}

/** XSM_PRIV: the control domain only. */
export function mustBePrivileged({ caller }: HypercallContext): Errno | undefined {
  return caller.privileged ? undefined : 'EPERM';
}

/** Whether two domains may communicate: under SILO one of them, or the caller, is the control domain. */
export function mayCommunicate({ caller, xen }: HypercallContext, one: Domain, other: Domain): boolean {
  if (xen.xsm === 'dummy' || one === other) return true;
  return caller.privileged || one.privileged || other.privileged;
}
