// Many steps by instruction through the bundled guest, each of them judged.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { DirectClient } from '../../../debug-adapter/node/direct-client.ts';
import { controlFlow, successors } from '../../../debug-adapter/instructions/instructions.ts';
import { parseMemoryReference } from '../../../debug-adapter/memory-reference.ts';

const THREAD = 257;
/**
 * Where a part of the steps begins, and how many of a hundred it is: boot, the idle loop, the program at EL0, the
 * kernel that serves it and returns.
 */
const PLACES = [
  ['kernel_main', 40],
  ['wait_for_ticks', 25],
  ['task_main', 30],
  ['handle_system_call', 30],
] as const;
const THROUGH_CALLS = 'handle_system_call';
/** Of system-calls.h: what never comes back. */
const CALL_EXIT = 4n;
/** An event for the guest, and with it an interrupt, before every so many steps. */
const STEPS_TO_EVENT = 20;
const XENSTORE_PORT = 1;
const WFI = 0xd503207f;

export interface Counts {
  steps: number;
  systemCalls: number;
  hypercalls: number;
  interrupts: number;
  waits: number;
  atEl0: number;
}

/** Throws where a step ends that it must not end. */
export async function stepThrough(kernel: string, steps: number): Promise<Counts> {
  const client = new DirectClient();
  await client.send('initialize', { adapterID: 'xen', pathFormat: 'path' });
  await client.send('launch', {
    domains: [1, 2].map((n) => ({ name: `hello${n}`, kernel, memory: 16, vcpus: n, gicVersion: 3 })),
    sessions: 'single',
  } as Dap.LaunchRequestArguments);
  const counts: Counts = { steps: 0, systemCalls: 0, hypercalls: 0, interrupts: 0, waits: 0, atEl0: 0 };
  for (const [i, [place, percent]] of PLACES.entries()) {
    await client.send('setFunctionBreakpoints', { breakpoints: [{ name: `d1!${place}` }] });
    await goOn(client, i === 0 ? 'configurationDone' : 'continue');
    await client.send('setFunctionBreakpoints', { breakpoints: [] });
    for (let left = Math.ceil((steps * percent) / 100); left > 0; left--) {
      if (!(await oneStep(client, counts, place === THROUGH_CALLS))) break;
    }
  }
  await client.send('disconnect', {});
  return counts;
}

/**
 * Mostly `stepIn`, which enters calls and system calls; now and then `next`, or over all calls of the kernel. False: the
 * program ends here.
 */
async function oneStep(client: DirectClient, counts: Counts, throughCalls: boolean): Promise<boolean> {
  const before = await stateOf(client);
  if (isSystemCall(before.word) && before.x[8] === CALL_EXIT) return false;
  if (counts.steps % STEPS_TO_EVENT === 0 && (await sendEvent(client))) counts.interrupts++;
  const into = throughCalls ? before.el === 0 : counts.steps % 4 !== 0;
  const body = await goOn(client, into ? 'stepIn' : 'next');
  const after = await stateOf(client);
  const wrong = verdict(before, after, into, body);
  if (wrong !== undefined) {
    const [from, to] = [before, after].map(({ pc }) => `0x${pc.toString(16)}`);
    throw new Error(`step ${counts.steps} (${into ? 'stepIn' : 'next'}) from ${from} to ${to}: ${wrong}`);
  }
  counts.steps++;
  if (after.el === 0) counts.atEl0++;
  if (before.word === WFI) counts.waits++;
  if (isSystemCall(before.word)) counts.systemCalls++;
  else if (controlFlow(before.word, before.pc).kind === 'exception') counts.hypercalls++;
  return true;
}

interface State {
  readonly pc: bigint;
  readonly el: number;
  readonly word: number;
  /** ELR_EL1. */
  readonly returns: bigint;
  /** Those that the instruction needs. */
  readonly x: readonly bigint[];
}

/** What is wrong with where a step ended. */
function verdict(
  before: State,
  after: State,
  into: boolean,
  { reason, threadId }: Dap.StoppedEvent['body'],
): string | undefined {
  if (reason !== 'step') return `it ended with '${reason}'`;
  if (threadId !== THREAD) return `it shows thread ${threadId}`;
  const flow = controlFlow(before.word, before.pc);
  if (flow.kind === 'exception-return')
    return after.pc === before.returns ? undefined : 'ERET leads elsewhere';
  if (into && isSystemCall(before.word)) {
    return after.el === 1 ? undefined : 'a system call was to be entered';
  }
  if (after.el !== before.el) return 'the exception level changed';
  const isCall = flow.kind === 'call' || flow.kind === 'call-register' || flow.kind === 'exception';
  const expected =
    isCall && !into
      ? [BigInt.asUintN(64, before.pc + 4n)]
      : (successors(flow, before.pc, (register) => before.x[register] ?? 0n) ?? []);
  if (expected.includes(after.pc)) return undefined;
  return `only ${expected.map((pc) => `0x${pc.toString(16)}`).join(' and ')} can follow`;
}

const isSystemCall = (word: number): boolean => (word & 0xffe0_001f) >>> 0 === 0xd400_0001;

/** False while the guest has not set up its events. */
async function sendEvent(client: DirectClient): Promise<boolean> {
  const action = { kind: 'send-event', domain: 1, port: XENSTORE_PORT } as const;
  return client.send('xen/act', { action }).then(
    () => true,
    () => false,
  );
}

async function stateOf(client: DirectClient): Promise<State> {
  const value = async (name: string): Promise<bigint> => {
    const answer = await client.send('evaluate', { expression: `$${name}`, context: 'watch' });
    return BigInt(/0x[0-9a-f]+/.exec(answer?.result ?? '')?.[0] ?? answer?.result ?? 0);
  };
  const top = await client.send('stackTrace', { threadId: THREAD, levels: 1 });
  const reference = top?.stackFrames[0]?.instructionPointerReference ?? '';
  const { address: pc } = parseMemoryReference(reference, { domain: 1, vcpu: 0 });
  const read = await client.send('readMemory', { memoryReference: reference, count: 4 });
  const word = Buffer.from(read?.data ?? '', 'base64').readUInt32LE(0);
  const flow = controlFlow(word, pc);
  const needed = 'register' in flow ? flow.register : isSystemCall(word) ? 8 : 31;
  const x: bigint[] = [];
  if (needed < 31) x[needed] = await value(`x${needed}`);
  const returns = await value('ELR_EL1');
  return { pc, word, x, returns, el: (Number(await value('pstate')) >>> 2) & 3 };
}

async function goOn(
  client: DirectClient,
  command: 'configurationDone' | 'continue' | 'next' | 'stepIn',
): Promise<Dap.StoppedEvent['body']> {
  const stopped = client.next(({ event }) => event === 'stopped' || event === 'terminated');
  if (command === 'configurationDone') await client.send(command, {});
  else await client.send(command, { threadId: THREAD, granularity: 'instruction' });
  return ((await stopped) as Dap.StoppedEvent).body;
}
