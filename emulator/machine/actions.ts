// What a debugger changes through the hypervisor: it acts as the toolstack in domain 0 would.

import { UserError } from '../base/errors.ts';
import type { Hypervisor } from '../xen/hypervisor.ts';
import type { ControlDomain } from '../xen/toolstack/control-domain.ts';
import type { Action } from './messages.ts';

/** Throws a UserError, before anything has changed, for an action that cannot be. */
export function act(_hypervisor: Hypervisor, _control: ControlDomain, action: Action): void {
  throw new UserError(`'${action.kind}' is not available in this version`, 'Use the console of the guest.');
}
