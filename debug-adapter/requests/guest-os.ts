// What runs in a domain beyond its code: tasks of the operating system, their stacks, its log.

import { BARE_DOMAIN } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import * as errors from '../errors.ts';
import type { GuestOs, GuestTask } from '../guest-os/guest-os.ts';
import { nameOfDomain } from '../memory-reference.ts';
import type { TaskFrame, TaskRow } from '../protocol.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import { type FunctionRow, frameName, rowsOf } from './stack.ts';

const MAX_FRAMES = 64;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

export const guestRequests = [
  request('xen/tasks', {
    needs: 'stopped',
    takes: { 'domain?': 'number', 'start?': 'number', 'count?': 'number' },
    quiet: true,
    async handle(session, { domain, start = 0, count }) {
      const guest = await guestOf(session.debuggee, domainOr(session, domain));
      const all = await guest.tasks();
      const from = Math.max(0, start);
      const page = all.slice(from, count === undefined ? undefined : from + Math.max(0, count));
      const { stopGeneration: generation } = session.handles;
      return { generation, os: guest.name, tasks: page.map(taskRow), total: all.length };
    },
  }),

  request('xen/taskStack', {
    needs: 'stopped',
    takes: { 'domain?': 'number', 'pid?': 'number', 'address?': 'string', 'levels?': 'number' },
    quiet: true,
    async handle(session, { domain, pid, address, levels = MAX_FRAMES }) {
      const { debuggee } = session;
      const id = domainOr(session, domain);
      const guest = await guestOf(debuggee, id);
      const task = (await guest.tasks()).find((one) =>
        address === undefined ? one.pid === pid : hex(one.address) === address.toLowerCase(),
      );
      if (!task) throw errors.noSuchTask(address ?? `with the pid ${pid}`);
      const idOf = ({ frame, index, inlined }: FunctionRow): number | undefined => {
        // No vCPU sees the memory of a program that does not run.
        if (!task.on && frame.el === 0) return undefined;
        // What a task that waits has in registers, it has saved; so it is with callers.
        const vcpu = task.on ?? { domain: id, vcpu: 0 };
        const depth = task.on ? index : index + 1;
        return session.handles.add({ kind: 'frame', vcpu, frame, index: depth, inlined });
      };
      const most = Math.min(Math.max(1, levels), MAX_FRAMES);
      const frames = await taskFrames(debuggee, id, guest, task, most, idOf);
      return { generation: session.handles.stopGeneration, task: taskRow(task), frames };
    },
  }),

  request('xen/log', {
    needs: 'machine',
    takes: { 'domain?': 'number', 'since?': 'number' },
    quiet: true,
    async handle(session, { domain, since = 0 }) {
      const guest = await guestOf(session.debuggee, domainOr(session, domain));
      const records = (await guest.log()).filter(({ sequence }) => Number(sequence) >= since);
      return {
        generation: session.handles.stopGeneration,
        records: records.map(({ sequence, nanoseconds, level, text }) => ({
          sequence: Number(sequence),
          nanoseconds: Number(nanoseconds),
          level,
          text,
        })),
      };
    },
  }),
];

/** Throws where nothing is known of it. */
export async function guestOf(debuggee: Debuggee, domain: number): Promise<GuestOs> {
  const guest = await debuggee.guestOs(domain);
  if (!guest) throw errors.noGuestOs(domain === BARE_DOMAIN ? 'the machine' : nameOfDomain(domain));
  return guest;
}

export async function taskFrames(
  debuggee: Debuggee,
  domain: number,
  guest: GuestOs,
  task: GuestTask,
  levels: number,
  idOf: (row: FunctionRow) => number | undefined = () => undefined,
): Promise<readonly TaskFrame[]> {
  const target = await debuggee.targetOfTask(domain, task.address);
  const rows = await rowsOf(await guest.stackOf(task, levels), target, levels);
  return rows.map((row): TaskFrame => {
    if (row.kind !== 'function') return { name: row.text };
    const { frame, lookup, scope } = row;
    const name = scope?.inlined
      ? `${scope.name} [inlined]`
      : frameName(frame.pc, target.symbolAt(lookup), scope?.name);
    const place = scope && { path: scope.path, line: scope.line };
    const frameId = idOf(row);
    return { name, address: hex(frame.pc), ...place, ...(frameId !== undefined && { frameId }) };
  });
}

function taskRow({ address, pid, tgid, parent, name, state, cpu, isKernel, on }: GuestTask): TaskRow {
  return {
    address: hex(address),
    pid,
    tgid,
    ...(parent !== undefined && { parent }),
    name,
    state,
    ...(cpu !== undefined && { cpu }),
    kernel: isKernel,
    ...(on && { vcpu: on.vcpu }),
  };
}

const domainOr = (session: XenSession, domain: number | undefined): number =>
  domain ?? session.debuggee.shown[0] ?? session.focus.domain;
