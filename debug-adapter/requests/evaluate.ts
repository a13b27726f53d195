// Evaluation of watches, hovers and console input against a frame.

import type { VcpuId } from '../../emulator/machine/messages.ts';
import * as errors from '../errors.ts';
import { parseExpression } from '../expression.ts';
import type { Expression, Parsed } from '../expression.ts';
import { formatMemoryReference, nameOfDomain, vaReference } from '../memory-reference.ts';
import type { MemoryReference } from '../memory-reference.ts';
import { registerBits } from '../registers.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import { SP } from '../stack.ts';
import type { Frame } from '../stack.ts';
import { parsed } from './memory.ts';

/** Where an expression is evaluated. */
interface Scope {
  readonly vcpu: VcpuId;
  /** A caller's frame; undefined: the innermost one. */
  readonly caller: Frame | undefined;
}

interface Value {
  readonly bits: bigint;
  readonly width: number;
  /** Set when the value is an address in a space that was named. */
  readonly reference?: MemoryReference;
}

export const evaluateRequests = [
  request('evaluate', {
    capabilities: { supportsEvaluateForHovers: true },
    needs: 'machine',
    quiet: true,
    async handle(session, { expression: text, frameId, context }) {
      // Views of the machine can be had while it runs; values cannot.
      if (context === 'repl' && text.trimStart().startsWith(':')) {
        const line = text.trim().slice(1);
        const result = await session.machine.client.request('inspectCommand', { line, focus: session.focus });
        return { result, variablesReference: 0 };
      }
      if (session.machine.run.running) throw errors.notStopped();
      const scope = scopeOf(session, frameId);
      const expression = parseExpression(text);
      if (expression.assign !== undefined) return assign(session, scope, expression, context);
      const value = await evaluate(session, scope, expression.expression);
      return present(session, scope, value, expression.format);
    },
  }),
];

/** What an expression names: a place in memory. */
export async function evaluateAddress(
  session: XenSession,
  text: string,
  vcpu: VcpuId,
): Promise<MemoryReference> {
  const { expression } = parseExpression(text);
  const { bits, reference } = await evaluate(session, { vcpu, caller: undefined }, expression);
  return reference ?? { space: { kind: 'va', at: vcpu }, address: bits };
}

function scopeOf(session: XenSession, frameId: number | undefined): Scope {
  if (frameId === undefined) return { vcpu: session.focus, caller: undefined };
  const handle = session.handles.get(frameId);
  if (handle.kind !== 'frame' && handle.kind !== 'registers')
    return { vcpu: session.focus, caller: undefined };
  return { vcpu: handle.vcpu, caller: handle.index > 0 ? handle.frame : undefined };
}

async function assign(
  session: XenSession,
  scope: Scope,
  { assign: name = '', expression, format }: Parsed,
  context?: string,
) {
  // Watches and hovers are evaluated again and again: they change nothing.
  if (context !== 'repl' || scope.caller) throw errors.notAssignable(`$${name}`);
  const value = await evaluate(session, scope, expression);
  await session.debuggee.writeRegister(
    scope.vcpu,
    registerName(name),
    BigInt.asUintN(registerBits(registerName(name)), value.bits),
  );
  session.afterResponse(() => session.changedByUser());
  return present(session, scope, await register(session, scope, name), format);
}

async function evaluate(session: XenSession, scope: Scope, expression: Expression): Promise<Value> {
  switch (expression.kind) {
    case 'number':
      return { bits: BigInt.asUintN(64, expression.value), width: 64 };
    case 'reference': {
      const reference = parsed(session, expression.text);
      return { bits: reference.address, width: 64, reference };
    }
    case 'register':
      return register(session, scope, expression.name);
    case 'symbol':
      return symbol(session, scope, expression.domain, expression.name);
    case 'negate': {
      const { bits, width } = await evaluate(session, scope, expression.of);
      return { bits: BigInt.asUintN(width, -bits), width };
    }
    case 'load':
      return load(session, scope, await evaluate(session, scope, expression.address));
    case 'sum': {
      const left = await evaluate(session, scope, expression.left);
      const right = await evaluate(session, scope, expression.right);
      const bits = BigInt.asUintN(64, left.bits + BigInt(expression.sign) * right.bits);
      return {
        bits,
        width: 64,
        ...(left.reference && { reference: { space: left.reference.space, address: bits } }),
      };
    }
  }
}

/** `lr` and `fp` are the names of the procedure call standard. */
const ALIASES: Readonly<Record<string, string>> = { lr: 'x30', fp: 'x29', cpsr: 'pstate' };

const registerName = (name: string): string => ALIASES[name.toLowerCase()] ?? name;

async function register(session: XenSession, { vcpu, caller }: Scope, written: string): Promise<Value> {
  const name = registerName(written);
  const lower = name.toLowerCase();
  if (caller) return { bits: savedRegister(caller, lower, written), width: 64 };

  const { debuggee } = session;
  const general = await debuggee.general(vcpu);
  const numbered = /^([xwvqds])(\d{1,2})$/.exec(lower);
  if (numbered) {
    const [, letter = '', digits = ''] = numbered;
    const n = Number(digits);
    if (letter === 'x' || letter === 'w') {
      const bits = general.x[n];
      if (bits === undefined) throw errors.unknownRegister(written);
      return letter === 'x' ? { bits, width: 64 } : { bits: BigInt.asUintN(32, bits), width: 32 };
    }
    const width = { v: 128, q: 128, d: 64, s: 32 }[letter] ?? 128;
    return { bits: BigInt.asUintN(width, await vector(session, vcpu, n, written)), width };
  }
  if (lower === 'sp') return { bits: general.sp, width: 64 };
  if (lower === 'pc') return { bits: general.pc, width: 64 };
  if (lower === 'pstate') return { bits: BigInt(general.pstate >>> 0), width: 32 };
  if (lower === 'nzcv') return { bits: BigInt((general.pstate & 0xf000_0000) >>> 0), width: 32 };
  if (lower === 'el') return { bits: BigInt((general.pstate >>> 2) & 3), width: 32 };
  if (lower === 'fpcr' || lower === 'fpsr') {
    const { fp } = await debuggee.registers(vcpu, 'fp');
    return { bits: BigInt(fp?.[lower] ?? 0), width: 32 };
  }
  const bits = await debuggee.systemRegister(vcpu, name);
  if (bits === undefined) throw errors.unknownRegister(written);
  return { bits, width: 64 };
}

async function vector({ debuggee }: XenSession, vcpu: VcpuId, n: number, written: string): Promise<bigint> {
  const { fp } = await debuggee.registers(vcpu, 'fp');
  if (!fp || n > 31) throw errors.unknownRegister(written);
  const view = new DataView(fp.v.buffer, fp.v.byteOffset, fp.v.byteLength);
  return (view.getBigUint64(16 * n + 8, true) << 64n) | view.getBigUint64(16 * n, true);
}

function savedRegister(frame: Frame, name: string, written: string): bigint {
  const number = /^x(\d+)$/.exec(name)?.[1];
  const value =
    name === 'pc' ? frame.pc : name === 'sp' ? frame.register(SP) : frame.register(Number(number ?? -1));
  if (value === undefined) throw errors.notSaved(`$${written}`);
  return value;
}

function symbol(session: XenSession, { vcpu }: Scope, domain: string | undefined, name: string): Value {
  const targets = session.debuggee.targets.filter((target) =>
    domain === undefined
      ? target.domain === vcpu.domain
      : nameOfDomain(target.domain) === domain.toLowerCase(),
  );
  for (const target of targets) {
    const [link] = target.addressesOf(name);
    if (link === undefined) continue;
    const address = target.map.toRuntime(link);
    return {
      bits: address,
      width: 64,
      reference: { space: { kind: 'va', at: { domain: target.domain, vcpu: 0 } }, address },
    };
  }
  throw errors.unknownSymbol(name);
}

async function load(session: XenSession, { vcpu }: Scope, { bits, reference }: Value): Promise<Value> {
  const at: MemoryReference = reference ?? { space: { kind: 'va', at: vcpu }, address: bits };
  const bytes = await session.debuggee.readMemory(at.space, at.address, 8);
  if (bytes.length < 8) throw errors.unreadable(formatMemoryReference(at));
  return { bits: new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true), width: 64 };
}

function present(
  session: XenSession,
  { vcpu }: Scope,
  { bits, width, reference }: Value,
  format: Parsed['format'],
) {
  const text =
    format === 'd' ? bits.toString() : format === 'b' ? `0b${bits.toString(2)}` : `0x${bits.toString(16)}`;
  const name = width === 64 ? session.debuggee.targetOf(vcpu.domain).describe(bits) : undefined;
  return {
    result: name === undefined || format !== undefined ? text : `${text} <${name}>`,
    type: `u${width}`,
    variablesReference: 0,
    ...(width === 64 && {
      memoryReference: reference ? formatMemoryReference(reference) : vaReference(vcpu, bits),
    }),
  };
}
