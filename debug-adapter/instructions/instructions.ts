// What the debugger must know of A64 instructions: where control goes next, and what happens to the
// link register and the frame pointer. Encodings: DDI 0487, "Branches, Exception Generating and
// System instructions" and "Loads and Stores". Printing is the disassembler's business.

export type ControlFlow =
  /** Only the next instruction follows. */
  | { readonly kind: 'next' }
  /** Taken or not: B.cond, CBZ, CBNZ, TBZ, TBNZ. */
  | { readonly kind: 'conditional'; readonly target: bigint }
  | { readonly kind: 'branch'; readonly target: bigint }
  | { readonly kind: 'call'; readonly target: bigint }
  /** BLR. */
  | { readonly kind: 'call-register'; readonly register: number }
  /** BR. */
  | { readonly kind: 'branch-register'; readonly register: number }
  | { readonly kind: 'return'; readonly register: number }
  | { readonly kind: 'exception-return' }
  /** SVC, HVC, SMC, BRK: comes back behind the instruction, if at all. */
  | {
      readonly kind: 'exception';
      readonly name: 'svc' | 'hvc' | 'smc' | 'brk' | 'hlt';
      readonly immediate: number;
    };

const NEXT: ControlFlow = { kind: 'next' };

export function controlFlow(word: number, pc: bigint): ControlFlow {
  // op0 of the top level: Branches, Exception Generating and System instructions.
  if ((word & 0x1c00_0000) !== 0x1400_0000) return NEXT;
  const w = word >>> 0;
  const masked = (mask: number): number => (w & mask) >>> 0;
  const relative = (offset: number): bigint => BigInt.asUintN(64, pc + BigInt(offset));

  // B, BL: op:1 00101 imm26
  if (masked(0x7c00_0000) === 0x1400_0000) {
    const target = relative(signed(w & 0x03ff_ffff, 26) * 4);
    return { kind: w >>> 31 ? 'call' : 'branch', target };
  }
  // B.cond, BC.cond: 01010100 imm19 o0 cond; condition 14 and 15 mean always
  if (masked(0xff00_0000) === 0x5400_0000) {
    const target = relative(signed((w >>> 5) & 0x7_ffff, 19) * 4);
    return (w & 0xe) === 0xe ? { kind: 'branch', target } : { kind: 'conditional', target };
  }
  // CBZ, CBNZ: sf 011010 op imm19 Rt
  if (masked(0x7e00_0000) === 0x3400_0000) {
    return { kind: 'conditional', target: relative(signed((w >>> 5) & 0x7_ffff, 19) * 4) };
  }
  // TBZ, TBNZ: b5 011011 op b40 imm14 Rt
  if (masked(0x7e00_0000) === 0x3600_0000) {
    return { kind: 'conditional', target: relative(signed((w >>> 5) & 0x3fff, 14) * 4) };
  }
  // Unconditional branch (register): 1101011 opc:4 11111 op3:6 Rn op4:5. The forms with pointer
  // authentication have Z or op3 set and differ in bit 24 only.
  if (masked(0xfe1f_0000) === 0xd61f_0000) {
    const register = (w >>> 5) & 31;
    switch ((w >>> 21) & 0x7) {
      case 0:
        return { kind: 'branch-register', register };
      case 1:
        return { kind: 'call-register', register };
      case 2:
        // RETAA and RETAB have 31 in Rn and mean X30.
        return { kind: 'return', register: register === 31 ? 30 : register };
      case 4:
        return { kind: 'exception-return' };
      default:
        return NEXT;
    }
  }
  // Exception generation: 11010100 opc:3 imm16 op2:3 LL
  if (masked(0xff00_0000) === 0xd400_0000) {
    const immediate = (w >>> 5) & 0xffff;
    switch (w & 0x00e0_001f) {
      case 0x0000_0001:
        return { kind: 'exception', name: 'svc', immediate };
      case 0x0000_0002:
        return { kind: 'exception', name: 'hvc', immediate };
      case 0x0000_0003:
        return { kind: 'exception', name: 'smc', immediate };
      case 0x0020_0000:
        return { kind: 'exception', name: 'brk', immediate };
      case 0x0040_0000:
        return { kind: 'exception', name: 'hlt', immediate };
      default:
        return NEXT;
    }
  }
  return NEXT;
}

/**
 * Where the PC can be after this instruction, exceptions left out. `x` gives register values; undefined:
 * the set is not known (ERET).
 */
export function successors(
  flow: ControlFlow,
  pc: bigint,
  x: (n: number) => bigint,
): readonly bigint[] | undefined {
  const after = BigInt.asUintN(64, pc + 4n);
  switch (flow.kind) {
    case 'next':
    case 'exception':
      return [after];
    case 'conditional':
      return [after, flow.target];
    case 'branch':
    case 'call':
      return [flow.target];
    case 'call-register':
    case 'branch-register':
    case 'return':
      return [flow.register === 31 ? 0n : x(flow.register)];
    case 'exception-return':
      return undefined;
  }
}

/** What an instruction does to the frame record, as far as an unwinder must know. */
export type FrameEffect = 'saves-link' | 'restores-link' | 'sets-frame-pointer' | undefined;

export function frameEffect(word: number): FrameEffect {
  const w = word >>> 0;
  const masked = (mask: number): number => (w & mask) >>> 0;
  // STP/LDP of 64-bit registers, all three addressing modes: 10 101 0 0mm L imm7 Rt2 Rn Rt
  if (masked(0xfe00_0000) === 0xa800_0000 && ((w >>> 23) & 3) !== 0) {
    const usesLink = ((w >>> 10) & 31) === 30 || (w & 31) === 30;
    const onStack = ((w >>> 5) & 31) === 31 || ((w >>> 5) & 31) === 29;
    if (usesLink && onStack) return (w >>> 22) & 1 ? 'restores-link' : 'saves-link';
  }
  // STR/LDR X30, [SP ...]: unsigned offset, or pre- and post-indexed
  const loadStore = masked(0xffc0_0000);
  if (
    loadStore === 0xf900_0000 ||
    loadStore === 0xf940_0000 ||
    loadStore === 0xf800_0000 ||
    loadStore === 0xf840_0000
  ) {
    if ((w & 31) === 30 && ((w >>> 5) & 31) === 31) {
      return loadStore === 0xf940_0000 || loadStore === 0xf840_0000 ? 'restores-link' : 'saves-link';
    }
  }
  // ADD X29, SP, #imm, of which MOV X29, SP is the case of 0
  if (masked(0xff80_03ff) === 0x9100_03fd) return 'sets-frame-pointer';
  return undefined;
}

/** Bits of a field as a signed number. */
function signed(value: number, bits: number): number {
  return (value << (32 - bits)) >> (32 - bits);
}
