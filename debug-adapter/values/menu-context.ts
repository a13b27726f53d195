// What a variable is for the menu of the Variables view: VS Code hands `__vscodeVariableMenuContext` to the `when`
// clauses of `debug/variables/context` as debugProtocolVariableMenuContext.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { formatMemoryReference } from '../memory-reference.ts';
import type { Child } from './children.ts';
import type { Shown } from './show.ts';
import { bare } from './types.ts';
import type { AddressSpace } from '../../emulator/machine/messages.ts';
import type { Value } from './value.ts';

export type MenuContext = 'address' | 'pointer' | 'functionPointer' | 'sysreg' | 'ring' | 'port' | 'xsPath';

export type XenVariable = Dap.Variable & { __vscodeVariableMenuContext?: MenuContext };

export async function menuContextOf(
  { value, expression }: Child,
  { memoryReference }: Shown,
): Promise<MenuContext | undefined> {
  if (value.kind === 'tree') {
    return treeContext(value.data, expression) ?? (memoryReference === undefined ? undefined : 'address');
  }
  if (value.kind !== 'typed') return undefined;
  const { storage, bits } = value;
  if (storage.kind === 'register' && /^[A-Z]/.test(storage.name) && !bits) return 'sysreg';
  if (memoryReference === undefined) return undefined;
  const type = await bare(value.type);
  if (type.kind === 'function') return 'functionPointer';
  if (type.kind !== 'pointer') return 'address';
  const isCode = (await bare(await type.target.resolve())).kind === 'function';
  return isCode ? 'functionPointer' : 'pointer';
}

/** By what leads there, or by the name of a member of a view. */
function treeContext(data: unknown, expression: string | undefined): MenuContext | undefined {
  const path = expression ?? '';
  if (/\$ring\["[^"]*"\]$/.test(path)) return 'ring';
  if (/\$evtchn\[\d+\]$/.test(path)) return 'port';
  if (/\$xs\("[^"]*"\)$/.test(path)) return 'xsPath';
  const name = /\.(\w+)$/.exec(path)?.[1] ?? '';
  if (/^(?:\w+P|p)ort$/.test(name) && typeof data === 'number') return 'port';
  if (name === 'ring' && typeof data === 'string') return 'ring';
  if (/path$/i.test(name) && typeof data === 'string' && data.startsWith('/')) return 'xsPath';
  return undefined;
}

/** A member of a view that is an address of a space, which its name says. */
export function treeReference(
  { data, space }: Extract<Value, { kind: 'tree' }>,
  expression: string | undefined,
): string | undefined {
  if (typeof data !== 'string' || !/^0x[0-9a-f]{1,16}$/.test(data)) return undefined;
  const name = /\.(va|ipa|pa|pc)$/.exec(expression ?? '')?.[1];
  const domain = space.kind === 'va' ? space.at.domain : undefined;
  const spaces: Readonly<Record<string, AddressSpace | undefined>> = {
    va: space,
    pc: space,
    ipa: domain === undefined ? undefined : { kind: 'ipa', domain },
    pa: { kind: 'pa' },
  };
  const meant = spaces[name ?? ''];
  return meant && formatMemoryReference({ space: meant, address: BigInt(data) });
}
