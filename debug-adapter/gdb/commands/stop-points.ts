// Breakpoints and watchpoints, of the process that is looked at.

import { badPacket, type Command, EINVAL, GdbError, OK, UNSUPPORTED } from '../command.ts';
import { parseAddress, parseHex } from '../packets.ts';
import type { GdbSession } from '../session.ts';
import { STOP_POINT_KINDS, type StopPoint } from '../stop-points.ts';

/** More is no variable, and slow. */
const MOST_WATCHED = 1 << 20;
const MOST_STOP_POINTS = 1000;

export const stopPointCommands: readonly Command[] = [
  {
    name: 'Z',
    doc: 'Inserts one; conditions and commands of agents are not taken',
    async handle(session, args) {
      const point = stopPointIn(session, args);
      if (!point) return UNSUPPORTED;
      const { points } = session.run;
      if (points.count >= MOST_STOP_POINTS) throw new GdbError(EINVAL, 'there are too many breakpoints');
      points.insert(point);
      try {
        await points.send([]);
      } catch (error) {
        points.remove(point);
        throw error;
      }
      return OK;
    },
  },
  {
    name: 'z',
    doc: 'Removes one',
    handle(session, args) {
      const point = stopPointIn(session, args);
      if (!point) return UNSUPPORTED;
      session.run.points.remove(point);
      return OK;
    },
  },
];

/** `type,addr,kind`. Undefined: a type that there is not. */
function stopPointIn(session: GdbSession, args: string): Omit<StopPoint, 'id'> | undefined {
  const [type = '', start = '', count = ''] = (args.split(';')[0] ?? '').split(',');
  const address = parseAddress(start);
  const size = parseHex(count);
  if (address === undefined || size === undefined) throw badPacket('the breakpoint');
  const kind = STOP_POINT_KINDS[parseHex(type) ?? STOP_POINT_KINDS.length];
  if (kind === undefined) return undefined;
  if (size === 0 || size > MOST_WATCHED) throw new GdbError(EINVAL, `${size} bytes cannot be watched`);
  return { kind, domain: session.general.domain, address, size };
}
