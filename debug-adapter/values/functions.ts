// The functions of expressions: `$va2ipa(p)`, `$container_of(p, struct page, lru)`, `$xs("/local")`… None
// of them runs code of the guest.

import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';
import * as errors from '../errors.ts';
import { containerFunction, CONTAINERS } from './containers.ts';
import type { ContainerKind } from './containers.ts';
import { formatMemoryReference } from '../memory-reference.ts';
import type { Target } from '../symbols/target.ts';
import type { Evaluator } from './evaluate.ts';
import { address, argument, memberArgument, numberOf, offsetIn, typeArgument } from './function-arguments.ts';
import type { Argument } from './function-arguments.ts';
import { isObjectName, inspect, object } from './objects.ts';
import { addressNeeded, integerOf } from './scalars.ts';
import { shifted } from './scope.ts';
import type { Scope } from './scope.ts';
import type { Node } from './syntax.ts';
import { taskOf } from './tasks.ts';
import { pointerTo, UNSIGNED_LONG, WORD } from './types.ts';
import { inMemory, ofInteger } from './value.ts';
import type { TypedValue, Value } from './value.ts';

/** What else somebody has to look up. */
export interface Lookup {
  /** One instruction as text. */
  disassemble(word: number, address: bigint): Promise<string>;
  /** `$ev`: what stopped the machine, as far as that was an event. */
  readonly event?: Readonly<Record<string, unknown>> | undefined;
  /** `$prev`: keeps a value for the next stop, and answers that of the stop before. */
  previous(key: string, now: Value, scope: Scope): Promise<Value>;
}

type Implementation = (evaluator: Evaluator, args: readonly Argument[], lookup: Lookup) => Promise<Value>;

interface FunctionRow {
  /** As a user calls it. */
  readonly form: string;
  readonly call: Implementation;
  /** It is known and not there: not offered. */
  readonly isAbsent?: true;
}

export const functions: Readonly<Record<string, FunctionRow>> = {
  $va2ipa: { form: '$va2ipa(address)', call: vaToIpa },
  $ipa2pa: { form: '$ipa2pa(address)', call: ipaToPa },
  $walk: { form: '$walk(address)', call: walk },
  $sym: { form: '$sym(address)', call: symbolOf },
  $line: { form: '$line(address)', call: lineOf },
  $dis: { form: '$dis(address)', call: disassembled },
  $container_of: { form: '$container_of(pointer, type, member)', call: containerOf },
  $offsetof: { form: '$offsetof(type, member)', call: offsetOf },
  $percpu: { form: '$percpu(variable, cpu)', call: perCpu },
  $prev: { form: '$prev(expression)', call: previousValue },
  $at: { form: '$at(moment, expression)', call: noTimeTravel, isAbsent: true },
  $list: containerRow('list'),
  $rbtree: containerRow('rbtree'),
  $xarray: containerRow('xarray'),
  $task: { form: '$task(pid)', call: taskByPid },
};

function containerRow(kind: ContainerKind): FunctionRow {
  return { form: CONTAINERS[kind], call: (evaluator, args) => containerFunction(kind, evaluator, args) };
}

export async function callFunction(
  evaluator: Evaluator,
  name: string,
  args: readonly Argument[],
  lookup: Lookup,
): Promise<Value> {
  const row = functions[name] ?? functions[`$${name}`];
  if (row) return row.call(evaluator, args, lookup);
  const object = name.replace(/^\$/, '');
  if (isObjectName(object)) return objectOf(evaluator, object, args);
  if (!name.startsWith('$')) {
    throw errors.notComputable(`'${name}' is not called: calling functions of the guest would change it`);
  }
  throw errors.notComputable(`There is no function '${name}'`);
}

async function vaToIpa(evaluator: Evaluator, args: readonly Argument[]): Promise<Value> {
  const va = await address(evaluator, args, '$va2ipa(address)');
  const { debuggee, at } = evaluator.scope;
  const number = await numberOf(evaluator, va);
  const result = await debuggee.machine.request('translate', { space: va.space, address: number });
  if (!result.ok) throw errors.notComputable(`0x${number.toString(16)}: ${result.fault}`);
  const { domain } = at.vcpu;
  const space = domain === BARE_DOMAIN ? { kind: 'pa' as const } : { kind: 'ipa' as const, domain };
  return ofInteger(WORD, 8, BigInt(result.ipa ?? result.pa), space);
}

async function ipaToPa(evaluator: Evaluator, args: readonly Argument[]): Promise<Value> {
  const ipa = await address(evaluator, args, '$ipa2pa(address)');
  const { debuggee, at } = evaluator.scope;
  const number = await numberOf(evaluator, ipa);
  const space = ipa.space.kind === 'va' ? { kind: 'ipa' as const, domain: at.vcpu.domain } : ipa.space;
  const result = await debuggee.machine.request('translate', { space, address: number });
  if (!result.ok) throw errors.notComputable(`0x${number.toString(16)}: ${result.fault}`);
  return ofInteger(WORD, 8, BigInt(result.pa), { kind: 'pa' });
}

async function walk(evaluator: Evaluator, args: readonly Argument[]): Promise<Value> {
  const va = await address(evaluator, args, '$walk(address)');
  const { debuggee, at, space } = evaluator.scope;
  const number = `0x${(await numberOf(evaluator, va)).toString(16)}`;
  const { domain, vcpu } = at.vcpu;
  const where = va.space.kind === 'ipa' ? { ipa: number } : { address: number };
  const data = await inspect(debuggee, 'walk', { domain, vcpu, ...where });
  return { kind: 'tree', data, space };
}

function targetOf(evaluator: Evaluator, value: TypedValue): Target {
  const { debuggee, at } = evaluator.scope;
  return debuggee.targetFor(value.space.kind === 'va' ? value.space.at : at.vcpu);
}

async function symbolOf(evaluator: Evaluator, args: readonly Argument[]): Promise<Value> {
  const value = await address(evaluator, args, '$sym(address)');
  const number = await numberOf(evaluator, value);
  const found = targetOf(evaluator, value).describe(number);
  if (found === undefined) throw errors.notComputable(`No symbol is known at 0x${number.toString(16)}`);
  return { kind: 'text', text: found };
}

async function lineOf(evaluator: Evaluator, args: readonly Argument[]): Promise<Value> {
  const value = await address(evaluator, args, '$line(address)');
  const number = await numberOf(evaluator, value);
  const found = await targetOf(evaluator, value).lineAt(number);
  if (found === undefined) throw errors.notComputable(`No line is known at 0x${number.toString(16)}`);
  return { kind: 'text', text: `${found.path}:${found.line}` };
}

async function disassembled(evaluator: Evaluator, args: readonly Argument[], lookup: Lookup): Promise<Value> {
  const value = await address(evaluator, args, '$dis(address)');
  const at = (await numberOf(evaluator, value)) & ~3n;
  const bytes = await evaluator.scope.memory.read(value.space, at, 4);
  if (bytes.length < 4) throw errors.unreadable(formatMemoryReference({ space: value.space, address: at }));
  const instruction = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  return { kind: 'text', text: await lookup.disassemble(instruction, at) };
}

async function containerOf(evaluator: Evaluator, args: readonly Argument[]): Promise<Value> {
  const form = '$container_of(pointer, type, member)';
  const pointer = await address(evaluator, args, form);
  const type = await typeArgument(evaluator, args[1], form);
  const offset = await offsetIn(type, memberArgument(args, 2, form), form);
  const at = (await numberOf(evaluator, pointer)) - BigInt(offset);
  return ofInteger(pointerTo(type), 8, at, pointer.space);
}

async function offsetOf(evaluator: Evaluator, args: readonly Argument[]): Promise<Value> {
  const form = '$offsetof(type, member)';
  const type = await typeArgument(evaluator, args[0], form);
  const offset = await offsetIn(type, memberArgument(args, 1, form), form);
  return ofInteger(UNSIGNED_LONG, 8, BigInt(offset), evaluator.scope.space);
}

// ---------------------------------------------------------------- per-CPU variables of Linux

/** CPUs that Linux on arm64 may be built for; the array says how many it was. */
const MAX_CPUS = 512;

async function perCpu(evaluator: Evaluator, args: readonly Argument[]): Promise<Value> {
  const form = '$percpu(variable, cpu)';
  const { scope } = evaluator;
  const value = await evaluator.typed(argument(args, 0, form));
  const here = await evaluator.scope.debuggee.systemRegister(scope.at.vcpu, 'TPIDR_EL1');
  const kernel = scope.below ?? scope;
  const [offsets] = kernel.target.addressesOf('__per_cpu_offset');
  if (offsets === undefined)
    throw errors.notComputable('The program has no per-CPU variables (__per_cpu_offset)');
  const address = addressNeeded(value);
  // Naming it has chosen this CPU's copy already.
  const isPattern = await scope.isPerCpu(address);
  const pattern = isPattern ? value : shifted(value, -(here ?? 0n));
  if (!(await scope.isPerCpu(addressNeeded(pattern)))) {
    throw errors.notComputable('It is no per-CPU variable');
  }
  const toRuntime = await kernel.toRuntime();
  const ofCpu = async (cpu: number): Promise<TypedValue | undefined> => {
    const at = inMemory(UNSIGNED_LONG, scope.space, toRuntime(offsets) + BigInt(8 * cpu));
    const offset = await integerOf(at, scope.memory);
    return offset === 0n ? undefined : shifted(pattern, offset);
  };
  if (args.length > 1) {
    const cpu = Number(await numberOf(evaluator, await evaluator.typed(argument(args, 1, form))));
    const found = cpu >= 0 && cpu < MAX_CPUS ? await ofCpu(cpu) : undefined;
    if (!found) throw errors.notComputable(`There is no CPU ${cpu}`);
    return found;
  }
  const vcpus = scope.debuggee.info.domains.find(({ domain }) => domain === scope.at.vcpu.domain)?.vcpus ?? 1;
  const items: { name: string; value: Value }[] = [];
  for (let cpu = 0; cpu < vcpus; cpu++) {
    const found = await ofCpu(cpu);
    if (found) items.push({ name: `[${cpu}]`, value: found });
  }
  return { kind: 'list', items };
}

async function taskByPid(evaluator: Evaluator, args: readonly Argument[]): Promise<Value> {
  const pid = await evaluator.typed(argument(args, 0, '$task(pid)'));
  return taskOf(evaluator.scope, Number(await numberOf(evaluator, pid)));
}

// ---------------------------------------------------------------- other moments

async function previousValue(
  evaluator: Evaluator,
  args: readonly Argument[],
  lookup: Lookup,
): Promise<Value> {
  const node = argument(args, 0, '$prev(expression)');
  return lookup.previous(keyOf(node), await evaluator.evaluate(node), evaluator.scope);
}

/** The same wherever the expression stands. */
const keyOf = (node: Node): string =>
  JSON.stringify(node, (name, part: unknown) =>
    typeof part === 'bigint' ? `${part}n` : name === 'from' || name === 'to' ? undefined : part,
  );

function noTimeTravel(): Promise<Value> {
  throw errors.notComputable(
    'There is no history to look back into: $at(moment, expression) needs time travel',
  );
}

// ---------------------------------------------------------------- objects of the hypervisor

async function objectOf(
  evaluator: Evaluator,
  name: Parameters<typeof object>[1],
  args: readonly Argument[],
): Promise<Value> {
  const { scope } = evaluator;
  const node = argument(args, 0, `$${name}(…)`);
  const key =
    node.kind === 'string'
      ? new TextDecoder().decode(node.bytes)
      : await numberOf(evaluator, await evaluator.typed(node));
  const data = await object(scope.debuggee, name, key, scope.at.vcpu.domain);
  return { kind: 'tree', data, space: scope.space };
}
