// Registers of the thread that is looked at.

import { badPacket, type Command, EINVAL, GdbError, OK } from '../command.ts';
import { parseHex } from '../packets.ts';

export const registerCommands: readonly Command[] = [
  {
    name: 'g',
    doc: 'Reads the general and the floating-point registers',
    handle: async (session) => (await session.registers()).readAll(session.general),
  },
  {
    name: 'G',
    doc: 'Writes them',
    async handle(session, args) {
      if (!(await (await session.registers()).writeAll(session.general, args))) throw badPacket('G');
      return OK;
    },
  },
  {
    name: 'p',
    doc: 'Reads one register',
    async handle(session, args) {
      const number = parseHex(args);
      if (number === undefined) throw badPacket('p');
      const value = await (await session.registers()).read(session.general, number);
      if (value === undefined) throw noRegister(number);
      return value;
    },
  },
  {
    name: 'P',
    doc: 'Writes one register',
    async handle(session, args) {
      const [number, value = ''] = args.split('=');
      const index = parseHex(number ?? '');
      if (index === undefined) throw badPacket('P');
      const registers = await session.registers();
      if (!registers.registerOf(index)) throw noRegister(index);
      if (!(await registers.write(session.general, index, value))) throw badPacket('P');
      return OK;
    },
  },
];

const noRegister = (number: number): GdbError => new GdbError(EINVAL, `there is no register ${number}`);
