// How a packet of the protocol is declared: one row for each, in `commands/`.

import type { GdbSession } from './session.ts';

/** Numbers of the File-I/O protocol's errno, which `E` replies carry. */
export const EPERM = 1;
export const ESRCH = 3;
export const EFAULT = 14;
export const EINVAL = 22;

/** Becomes an `E` reply. */
export class GdbError extends Error {
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}

export const badPacket = (what: string): GdbError => new GdbError(EINVAL, `${what} is malformed`);

export interface Command {
  /** As the packet begins: one character, or a word of letters. */
  readonly name: string;
  readonly doc: string;
  /** `args` follow the name, without the separator. Answers the reply's body. */
  handle(session: GdbSession, args: string): string | Promise<string>;
}

/** What a packet gets that no row is for: the client does without. */
export const UNSUPPORTED = '';
export const OK = 'OK';
/** The packet has no reply. */
export const NO_REPLY = '\0none';

/** The name and the arguments in a packet. */
export function splitPacket(body: string): { readonly name: string; readonly args: string } {
  const word = /^[qQvj][A-Za-z]+\??/.exec(body)?.[0];
  if (word === undefined) return { name: body.slice(0, 1), args: body.slice(1) };
  return { name: word, args: body.slice(word.length).replace(/^[,:;]/, '') };
}
