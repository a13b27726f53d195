// Where kernels of all kinds end when they find themselves broken, by symbol, and what they say then.

import type { VcpuId } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';

/** What a function that only a broken kernel calls is given. */
interface PanicFunction {
  readonly name: string;
  readonly os: string;
  readonly words: string;
  /** `format`: X0 and what it refers to; `text`: a string in that argument; `none`: nothing to show. */
  readonly message: 'format' | 'none' | { readonly text: number };
}

export const PANIC_FUNCTIONS: readonly PanicFunction[] = [
  // panic(fmt, ...) of Linux, BSDs, Xen and small kernels that follow them.
  { name: 'panic', os: 'kernel', words: 'Guest panic', message: 'format' },
  // die(str, regs, err) of arm64 Linux: oopses, and BUG() through its BRK handler.
  { name: 'die', os: 'Linux', words: 'Guest oops', message: { text: 0 } },
  // Zephyr.
  { name: 'z_fatal_error', os: 'Zephyr', words: 'Fatal error of Zephyr', message: 'none' },
  { name: 'assert_post_action', os: 'Zephyr', words: 'Assertion failed', message: { text: 0 } },
  // Unikraft.
  { name: 'ukplat_crash', os: 'Unikraft', words: 'Unikraft crashed', message: 'none' },
  // The C libraries of unikernels: (assertion, file, line, function) and newlib's (file, line, function, assertion).
  { name: '__assert_fail', os: 'libc', words: 'Assertion failed', message: { text: 0 } },
  { name: '__assert_func', os: 'libc', words: 'Assertion failed', message: { text: 3 } },
  { name: 'abort', os: 'libc', words: 'The guest called abort()', message: 'none' },
];

/** A message of the guest is read this far. */
const MAX_TEXT = 256;

export interface Panic {
  readonly os: string;
  readonly message: string;
  /** One sentence. */
  readonly description: string;
}

/** What the function at whose entry a vCPU stands has to say. */
export async function panicAt(debuggee: Debuggee, vcpu: VcpuId, symbol: string | undefined): Promise<Panic> {
  const row = PANIC_FUNCTIONS.find(({ name }) => name === symbol) ?? PANIC_FUNCTIONS[0];
  const { os = '', words = 'Guest panic', message: kind = 'none' } = row ?? {};
  const { x } = await debuggee.general(vcpu);
  const textAt = async (address: bigint): Promise<string> => {
    const bytes = await debuggee.reader(vcpu)(address, MAX_TEXT);
    const end = bytes.indexOf(0);
    return new TextDecoder('latin1').decode(bytes.subarray(0, end < 0 ? bytes.length : end));
  };
  const text =
    kind === 'none' ? '' : kind === 'format' ? await formatted(x, textAt) : await textAt(x[kind.text] ?? 0n);
  const message = text.replace(/[^ -~]+/g, ' ').trim();
  return { os, message, description: message === '' ? words : `${words}: ${message}` };
}

/** printf's format in X0, with the registers that follow. */
async function formatted(x: BigUint64Array, textAt: (address: bigint) => Promise<string>): Promise<string> {
  let text = '';
  let argument = 1;
  for (const part of (await textAt(x[0] ?? 0n)).split(/(%(?:l{0,2}[dux]|s|c))/)) {
    const kind = /^%l{0,2}([duxsc])$/.exec(part)?.[1];
    const value = kind === undefined ? 0n : (x[argument++] ?? 0n);
    const wide = part.startsWith('%l') ? 64 : 32;
    if (kind === undefined) text += part;
    else if (kind === 's') text += await textAt(value);
    else if (kind === 'c') text += String.fromCharCode(Number(value & 0xffn));
    else if (kind === 'd') text += BigInt.asIntN(wide, value).toString();
    else text += BigInt.asUintN(wide, value).toString(kind === 'x' ? 16 : 10);
  }
  return text;
}
