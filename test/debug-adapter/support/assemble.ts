// A few A64 instructions as words, and small programs of them with labels.

export const NOP = 0xd503201f;
export const RET = 0xd65f03c0;
export const ERET = 0xd69f03e0;
/** STP X29, X30, [SP, #-16]! */
export const PUSH_FRAME = 0xa9bf7bfd;
/** LDP X29, X30, [SP], #16 */
export const POP_FRAME = 0xa8c17bfd;
/** MOV X29, SP */
export const SET_FRAME = 0x910003fd;
/** MSR SCTLR_EL1, X0: the fake machine turns its MMU on. */
export const MMU_ON = 0xd5181000;
/** ADD Xd, Xd, #immediate */
export const add = (register: number, immediate: number): number =>
  (0x91000000 | (immediate << 10) | (register << 5) | register) >>> 0;
/** SUB Xd, Xd, #immediate */
export const sub = (register: number, immediate: number): number =>
  (0xd1000000 | (immediate << 10) | (register << 5) | register) >>> 0;
/** MOVZ Xd, #immediate */
export const mov = (register: number, immediate: number): number =>
  (0xd2800000 | (immediate << 5) | register) >>> 0;
/** STR Xt, [Xn, #offset] */
export const str = (register: number, base: number, offset = 0): number =>
  (0xf9000000 | ((offset >>> 3) << 10) | (base << 5) | register) >>> 0;
/** LDR Xt, [Xn, #offset] */
export const ldr = (register: number, base: number, offset = 0): number =>
  (0xf9400000 | ((offset >>> 3) << 10) | (base << 5) | register) >>> 0;
/** HVC #n: the fake machine's event n happens. */
export const hvc = (n: number): number => (0xd4000002 | (n << 5)) >>> 0;
export const br = (register: number): number => (0xd61f0000 | (register << 5)) >>> 0;

/** An instruction that names a label. */
type Jump = { readonly encode: (offset: number) => number; readonly to: string };

export const b = (to: string): Jump => ({
  to,
  encode: (offset) => (0x14000000 | ((offset >> 2) & 0x3ffffff)) >>> 0,
});
export const bl = (to: string): Jump => ({
  to,
  encode: (offset) => (0x94000000 | ((offset >> 2) & 0x3ffffff)) >>> 0,
});

/** CBNZ Xn, label */
export const cbnz = (register: number, to: string): Jump => ({
  to,
  encode: (offset) => (0xb5000000 | (((offset >> 2) & 0x7ffff) << 5) | register) >>> 0,
});

export interface Program {
  readonly words: readonly number[];
  /** Offsets in bytes from the start of the program. */
  readonly labels: ReadonlyMap<string, number>;
}

/** A list of instructions; a string is a label for what follows. */
export function assemble(source: readonly (string | number | Jump)[]): Program {
  const labels = new Map<string, number>();
  const instructions: (number | Jump)[] = [];
  for (const item of source) {
    if (typeof item === 'string') labels.set(item, 4 * instructions.length);
    else instructions.push(item);
  }
  const words = instructions.map((item, i) => {
    if (typeof item === 'number') return item;
    const target = labels.get(item.to);
    if (target === undefined) throw new Error(`no label ${item.to}`);
    return item.encode(target - 4 * i);
  });
  return { words, labels };
}

export const bytesOf = (words: readonly number[]): Uint8Array =>
  new Uint8Array(new Uint32Array(words).buffer);
