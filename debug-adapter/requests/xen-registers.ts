// Changing a register from a panel.

import type { VcpuId } from '../../emulator/machine/messages.ts';
import * as errors from '../errors.ts';
import { withField } from '../register-fields.ts';
import { parseRegisterValue, registerBits } from '../registers.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';

export const xenRegisterRequests = [
  request('xen/setRegister', {
    needs: 'stopped',
    takes: { domain: 'number', vcpu: 'number', name: 'string', 'field?': 'string', value: 'string' },
    quiet: true,
    async handle(session, { domain, vcpu, name, field, value }) {
      const at = { domain, vcpu };
      const wanted =
        field === undefined
          ? parseRegisterValue(value, registerBits(name))
          : withField(name, await currentValue(session, at, name), field, value);
      await session.debuggee.writeRegister(at, name, wanted);
      session.afterResponse(() => session.changedByUser());
      return {};
    },
  }),
];

/** Of a register with fields. */
export async function currentValue({ debuggee }: XenSession, at: VcpuId, name: string): Promise<bigint> {
  if (name === 'pstate') return BigInt((await debuggee.general(at)).pstate);
  const value = await debuggee.systemRegister(at, name);
  if (value === undefined) throw errors.unknownRegister(name);
  return value;
}
