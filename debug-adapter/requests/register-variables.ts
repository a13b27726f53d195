// The registers of a frame as variables: general ones, FP and SIMD, and system registers by group with their
// fields. Of callers only what unwinding recovers is known.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import * as errors from '../errors.ts';
import { vaReference } from '../memory-reference.ts';
import { fieldName, fieldsOf, registerWords, withField } from '../register-fields.ts';
import { parseRegisterValue, pstateText, registerBits } from '../registers.ts';
import type { HandleValue } from '../handle-values.ts';
import type { XenSession } from '../session.ts';
import { SP } from '../frames/stack.ts';
import type { XenVariable } from '../values/menu-context.ts';
import { currentValue } from './xen-registers.ts';

export type RegistersHandle = Extract<HandleValue, { kind: 'registers' }>;

const NOT_SAVED = '<not saved>';

export async function setRegisterVariable(
  session: XenSession,
  handle: RegistersHandle,
  name: string,
  value: string,
): Promise<Dap.SetVariableResponse['body']> {
  if (handle.index > 0) throw errors.notAssignable(name);
  const { register, vcpu } = handle;
  const wanted =
    register === undefined
      ? parseRegisterValue(value, registerBits(name))
      : withField(register, await currentValue(session, vcpu, register), name, value);
  await session.debuggee.writeRegister(vcpu, register ?? name, wanted);
  const changed = (await registerVariables(session, handle)).find((variable) => variable.name === name);
  if (!changed) throw errors.unknownRegister(name);
  session.afterResponse(() => session.changedByUser());
  const { type, memoryReference } = changed;
  return {
    value: changed.value,
    variablesReference: 0,
    ...(type !== undefined && { type }),
    ...(memoryReference !== undefined && { memoryReference }),
  };
}

export function registerVariables(
  session: XenSession,
  handle: RegistersHandle,
): Promise<readonly Dap.Variable[]> {
  if (handle.register !== undefined) return registerFields(session, handle, handle.register);
  switch (handle.group) {
    case 'general':
      return generalRegisters(session, handle);
    case 'fp':
      return fpRegisters(session, handle);
    case 'system':
      return systemGroups(session, handle);
    case 'EL0':
    case 'EL1':
    case 'EL2':
    case 'other':
      return systemRegisters(session, handle);
  }
}

async function generalRegisters(session: XenSession, handle: RegistersHandle) {
  const { vcpu, index, frame } = handle;
  const { debuggee } = session;
  const target = debuggee.targetFor(vcpu);
  const registers = await debuggee.general(vcpu);
  const variable = (name: string, value: bigint | undefined): XenVariable => {
    if (value === undefined)
      return {
        name,
        value: NOT_SAVED,
        variablesReference: 0,
        presentationHint: { attributes: ['readOnly'] },
      };
    const symbol = target.describeNear(value);
    return {
      name,
      value: `0x${value.toString(16).padStart(16, '0')}${symbol === undefined ? '' : ` <${symbol}>`}`,
      type: 'u64',
      variablesReference: 0,
      evaluateName: `$${name}`,
      memoryReference: vaReference(vcpu, value),
      __vscodeVariableMenuContext: 'address',
      ...(index > 0 && { presentationHint: { attributes: ['readOnly'] } }),
    };
  };
  const names = Array.from({ length: 31 }, (_, n) => `x${n}`);
  if (index > 0) {
    return [
      ...names.map((name, n) => variable(name, frame.register(n))),
      variable('sp', frame.register(SP)),
      variable('pc', frame.pc),
    ];
  }
  return [
    ...names.map((name, n) => variable(name, registers.x[n] ?? 0n)),
    variable('sp', registers.sp),
    variable('pc', registers.pc),
    {
      name: 'pstate',
      value: `0x${registers.pstate.toString(16).padStart(8, '0')} ${pstateText(registers.pstate)}`,
      type: 'u32',
      variablesReference: session.handles.add({ ...handle, register: 'pstate' }),
      evaluateName: '$pstate',
    },
  ];
}

async function fpRegisters({ debuggee }: XenSession, { vcpu }: RegistersHandle) {
  const { fp } = await debuggee.registers(vcpu, 'fp');
  if (!fp) return [];
  const plain = (name: string, digits: number, value: bigint): Dap.Variable => ({
    name,
    value: `0x${value.toString(16).padStart(digits, '0')}`,
    type: `u${digits * 4}`,
    variablesReference: 0,
    evaluateName: `$${name}`,
  });
  const view = new DataView(fp.v.buffer, fp.v.byteOffset, fp.v.byteLength);
  const vectors = Array.from({ length: 32 }, (_, n) => {
    return plain(`v${n}`, 32, (view.getBigUint64(16 * n + 8, true) << 64n) | view.getBigUint64(16 * n, true));
  });
  return [...vectors, plain('fpcr', 8, BigInt(fp.fpcr)), plain('fpsr', 8, BigInt(fp.fpsr))];
}

const GROUPS = ['EL1', 'EL2', 'EL0', 'other'] as const;

const groupOf = (name: string): (typeof GROUPS)[number] => {
  const suffix = /_(EL[012])$/i.exec(name)?.[1]?.toUpperCase();
  return suffix === 'EL0' || suffix === 'EL1' || suffix === 'EL2' ? suffix : 'other';
};

async function systemGroups(session: XenSession, handle: RegistersHandle) {
  const registers = await session.debuggee.system(handle.vcpu);
  return GROUPS.flatMap((group): Dap.Variable[] => {
    const count = registers.filter(({ name }) => groupOf(name) === group).length;
    if (count === 0) return [];
    const variablesReference = session.handles.add({ ...handle, group });
    return [{ name: group, value: `${count} registers`, variablesReference, namedVariables: count }];
  });
}

async function systemRegisters(session: XenSession, handle: RegistersHandle) {
  const registers = await session.debuggee.system(handle.vcpu);
  return registers
    .filter(({ name }) => groupOf(name) === handle.group)
    .map(({ name, value }): XenVariable => {
      const words = registerWords(name, value);
      const { length } = fieldsOf(name, value);
      return {
        name,
        value: `0x${value.toString(16).padStart(16, '0')}${words === undefined ? '' : ` <${words}>`}`,
        type: 'u64',
        ...(length === 0
          ? { variablesReference: 0 }
          : {
              variablesReference: session.handles.add({ ...handle, register: name }),
              namedVariables: length,
            }),
        evaluateName: `$${name}`,
        __vscodeVariableMenuContext: 'sysreg',
      };
    });
}

/** `0x1 <yes>` for each field, the highest first. */
async function registerFields(session: XenSession, { vcpu }: RegistersHandle, register: string) {
  const value = await currentValue(session, vcpu, register);
  return fieldsOf(register, value).map((field): Dap.Variable => {
    const { high, low, words, doc } = field;
    return {
      name: fieldName(field),
      value: `0x${field.value.toString(16)}${words === undefined ? '' : ` <${words}>`}`,
      type: `${high === low ? `bit ${low}` : `bits ${high}:${low}`}: ${doc}`,
      variablesReference: 0,
    };
  });
}
