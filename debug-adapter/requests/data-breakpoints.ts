// Breakpoints on data: what can be watched, and the watching of it.

import type { DebugProtocol as Dap } from '@vscode/debugprotocol';
import { UserError } from '../../emulator/base/errors.ts';
import { formatData, lasting, MAX_WATCHED } from '../breakpoints/data.ts';
import { type DataAnswer, dataOfChild, dataOfExpression } from '../breakpoints/data-place.ts';
import { parseMode } from '../breakpoints/modes.ts';
import { setDataGroup } from '../breakpoints/place.ts';
import {
  formatRegisterData,
  registerAccesses,
  type RegisterData,
  registerDataOf,
} from '../breakpoints/register-data.ts';
import { xenstorePathOf } from '../breakpoints/xenstore-data.ts';
import * as errors from '../errors.ts';
import { breakpointMessages } from '../errors.ts';
import { formatMemoryReference } from '../memory-reference.ts';
import { request } from '../request.ts';
import type { XenSession } from '../session.ts';
import { parsed } from './memory.ts';

type Info = Dap.DataBreakpointInfoResponse['body'];

/** What an address is taken to hold when nobody says how much. */
const WORD = 8;

export const dataBreakpointRequests = [
  request('dataBreakpointInfo', {
    capabilities: { supportsDataBreakpoints: true, supportsDataBreakpointBytes: true },
    needs: 'machine',
    quiet: true,
    async handle(session, args): Promise<Info> {
      try {
        const path = xenstorePathOf(args.name, session.focus.domain);
        if (path !== undefined && !args.variablesReference) return nodeInfo(session, path);
        const mode = parseMode(args.mode, 'data');
        const register = registerOf(session, args);
        if (register) return registerInfo(session, { ...register, mode: args.mode });
        const found = await locate(session, args);
        if ('reason' in found) return refused(found.reason);
        const size = args.bytes ?? found.size;
        if (size < 1 || size > MAX_WATCHED) return refused(breakpointMessages.watchedSize(MAX_WATCHED));
        const reference = await lasting(session, found.reference, mode);
        if (!reference) return refused(breakpointMessages.notMapped);
        const { name } = found;
        const where = formatMemoryReference(reference);
        return {
          dataId: formatData({ reference, size, mode, name }),
          description: `${name}: ${size} ${size === 1 ? 'byte' : 'bytes'} at ${where}`,
          accessTypes: ['read', 'write', 'readWrite'],
          canPersist: found.lasts,
        };
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        return refused(error.toString());
      }
    },
  }),

  request('setDataBreakpoints', {
    needs: 'nothing',
    async handle(session, { breakpoints }) {
      return { breakpoints: await setDataGroup(session, breakpoints) };
    },
  }),
];

function nodeInfo({ debuggee }: XenSession, path: string): Info {
  if (debuggee.isBare) return refused(errors.noXenstore().toString());
  return {
    dataId: `host/xs:${path}`,
    description: `xenstore: ${path}`,
    accessTypes: ['read', 'write', 'readWrite'],
    canPersist: true,
  };
}

/** A register that is named, or is a variable of the scope of system registers, or a field of one. */
function registerOf(
  session: XenSession,
  { variablesReference, name, asAddress }: Dap.DataBreakpointInfoArguments,
): RegisterData | undefined {
  if (asAddress) return undefined;
  if (!variablesReference) {
    const data = registerDataOf(name, session.focus.domain);
    // What a general register holds is an expression as others are.
    const isExpression = name.trim().startsWith('$') && registerAccesses(data?.register ?? '').length === 0;
    return isExpression ? undefined : data;
  }
  const handle = session.handles.get(variablesReference);
  if (handle.kind !== 'registers') return undefined;
  return { domain: handle.vcpu.domain, register: (handle.register ?? name).toUpperCase(), mode: undefined };
}

function registerInfo({ debuggee }: XenSession, data: RegisterData): Info {
  if (!debuggee.allTargets.some(({ domain }) => domain === data.domain))
    return refused(breakpointMessages.badReference(formatRegisterData(data)));
  const accessTypes = registerAccesses(data.register);
  if (accessTypes.length === 0) return refused(breakpointMessages.registerWatch(data.register));
  const dataId = formatRegisterData(data);
  return { dataId, description: `System register ${dataId}`, accessTypes, canPersist: true };
}

const refused = (description: string): Info => ({ dataId: null, description });

async function locate(
  session: XenSession,
  { variablesReference, name, frameId, asAddress }: Dap.DataBreakpointInfoArguments,
): Promise<DataAnswer> {
  if (asAddress) return { reference: parsed(session, name), size: WORD, name, lasts: true };
  // Variables are where the vCPU that stands has them.
  if (session.machine.run.running) return { reason: breakpointMessages.pauseFirst };
  if (variablesReference) return dataOfChild(session, variablesReference, name);
  return dataOfExpression(session, name, frameId);
}
