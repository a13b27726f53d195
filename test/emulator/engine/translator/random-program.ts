// Random programs for the harness: valid instruction words made from the rows of the instruction set, strung
// together to what hot code looks like: loops, calls, tables of branches, code that rewrites itself.

import { atomics } from '../../../../emulator/cpu/isa/atomics.ts';
import { instructions } from '../../../../emulator/cpu/isa/catalog.ts';
import { dataProcessingImmediate } from '../../../../emulator/cpu/isa/data-processing-immediate.ts';
import { dataProcessingRegister } from '../../../../emulator/cpu/isa/data-processing-register.ts';
import type { InstructionRow } from '../../../../emulator/cpu/isa/define.ts';
import { exclusives } from '../../../../emulator/cpu/isa/exclusives.ts';
import { floatingPoint } from '../../../../emulator/cpu/isa/floating-point.ts';
import { loadsAndStores } from '../../../../emulator/cpu/isa/loads-stores.ts';
import { simd } from '../../../../emulator/cpu/isa/simd.ts';
import { Decoder } from '../../../../emulator/engine/interpreter/decode.ts';

/** The program's pages, from where it is linked; the data pages of the harness are DATA_PAGES. */
export const PROGRAM_SIZE = 0x4000;
const DATA_SIZE = 0x8000;

const SVC_END = 0xd4000001 | (0x77 << 5);
const NOP = 0xd503201f;
const RET = 0xd65f03c0;
/** Registers that the program computes with. */
const FREE_REGISTERS = 16;
const BASE = 20;
const INDEX = 22;

const isMemory = (row: InstructionRow): boolean => row.fields.some(({ name }) => name === 'Rn');
const simdMemory = simd.filter((row) => (row.mask & row.value & 0x0a000000) === 0x08000000 && isMemory(row));

/** How often each kind of instruction comes, and the rows it comes from. */
const COMPUTING: readonly (readonly [number, readonly InstructionRow[]])[] = [
  [10, dataProcessingImmediate],
  [10, dataProcessingRegister],
  [2, floatingPoint],
  [2, simd.filter((row) => !simdMemory.includes(row))],
];
const ACCESSING: readonly (readonly [number, readonly InstructionRow[]])[] = [
  [12, loadsAndStores],
  [2, exclusives],
  [2, atomics],
  [3, simdMemory],
];

const decoder = new Decoder(instructions);

/** Repeatable numbers: xorshift. */
export class Random {
  private state: number;

  constructor(seed: number) {
    this.state = Math.imul(seed + 1, 0x9e3779b1) | 1;
    for (let i = 0; i < 4; i++) this.next();
  }

  /** 32 bits. */
  next(): number {
    let x = this.state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.state = x;
    return x >>> 0;
  }

  /** From 0 to `limit` - 1. */
  below(limit: number): number {
    return this.next() % limit;
  }

  /** True once in so many times. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  weighted<T>(list: readonly (readonly [number, T])[]): T {
    let at = this.below(list.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, item] of list) {
      at -= weight;
      if (at < 0) return item;
    }
    throw new Error('an empty list');
  }
}

/** The words of a program. The same seed gives the same program. */
export function randomProgram(seed: number): Uint32Array {
  return new Generator(new Random(seed)).program();
}

class Generator {
  private readonly random: Random;
  private readonly words: number[] = [];
  /** Where functions begin, as word numbers. */
  private readonly functions: number[] = [];
  /** Words that the program may rewrite. */
  private readonly slots: number[] = [];
  private inLoop = false;
  /** Code that is rewritten often is not translated any more, so most programs leave themselves alone. */
  private readonly rewrites: boolean;

  constructor(random: Random) {
    this.random = random;
    this.rewrites = random.once(3);
  }

  program(): Uint32Array {
    const { random, words } = this;
    // Functions come first, over the first pages; a branch at the entry leads behind them.
    words.push(0);
    for (let i = 1 + random.below(6); i > 0; i--) this.function();
    // Some of them lie on another page than their callers.
    if (random.once(2)) while (words.length % 1024 < 1000) words.push(NOP);
    words[0] = branch(words.length);
    this.sequence(8 + random.below(24));
    words.push(SVC_END);
    if (words.length * 4 > PROGRAM_SIZE) throw new Error(`a program of ${words.length} words`);
    return Uint32Array.from(words);
  }

  private function(): void {
    const { random, words } = this;
    const start = words.length;
    const calls = this.functions.length > 0 && random.once(3);
    if (calls) words.push(moveRegister(21, 30));
    for (let i = 1 + random.below(4); i > 0; i--) this.straight();
    if (calls) {
      words.push(call(random.pick(this.functions) - words.length));
      words.push(moveRegister(30, 21));
    }
    if (random.once(3)) this.skipping();
    words.push(RET);
    this.functions.push(start);
  }

  private sequence(units: number): void {
    for (let i = 0; i < units; i++) {
      this.random.weighted<() => void>([
        [12, () => this.straight()],
        [6, () => this.loop()],
        [4, () => this.skipping()],
        [4, () => this.choosing()],
        [4, () => this.calling()],
        [2, () => this.table()],
        [3, () => this.rewriting()],
        [2, () => this.system()],
        [3, () => this.exclusive()],
      ])();
    }
  }

  /** Without a branch. */
  private straight(): void {
    for (let i = 1 + this.random.below(6); i > 0; i--) {
      if (this.random.once(3)) this.access();
      else this.words.push(this.computing());
    }
  }

  private computing(): number {
    return this.word(this.random.weighted(COMPUTING), (field) =>
      field.startsWith('R') ? this.freeRegister() : undefined,
    );
  }

  private freeRegister(): number {
    return this.random.once(12) ? 31 : this.random.below(FREE_REGISTERS);
  }

  /** A load or store somewhere in the data pages, often near the end of one, seldom aligned by chance. */
  private access(): void {
    const { random, words } = this;
    const page = random.below(DATA_SIZE / 4096) * 4096;
    const near = random.once(3) ? page + 4096 - random.below(40) : page + random.below(4096);
    const offset = random.once(2) ? near & ~15 : near;
    // Once in a while somewhere else: a device, nowhere, the upper half.
    const wild = random.once(60);
    words.push(moveWide(INDEX, offset & 0xffff), addRegisters(BASE, wild ? random.below(16) : 24, INDEX));
    words.push(moveWide(INDEX, random.below(64)));
    const atSp = random.once(10);
    if (atSp) words.push((0x910003ff & ~(31 << 5)) | (BASE << 5));
    const word = this.word(random.weighted(ACCESSING), (field) => {
      if (field === 'Rn') return atSp ? 31 : BASE;
      if (field === 'Rm') return INDEX;
      return field.startsWith('R') && field !== 'R' ? this.freeRegister() : undefined;
    });
    words.push(word);
  }

  /** A load-exclusive and a store-exclusive that most often belong together, or a pair of each. */
  private exclusive(): void {
    const { random, words } = this;
    const size = random.below(4);
    const isPair = size > 1 && random.once(3);
    const offset = random.below(DATA_SIZE) & (random.once(8) ? ~1 : ~15);
    words.push(moveWide(INDEX, offset), addRegisters(BASE, 24, INDEX));
    const [first, second, status] = [random.below(5), 5 + random.below(5), 10 + random.below(5)];
    const operation = (isPair ? 0x08200000 : 0x08000000) | (random.below(2) << 15);
    const other = isPair ? second << 10 : 31 << 10;
    const word = (load: number, at: number, rt: number): number =>
      ((at << 30) | operation | (load << 22) | ((load ? 31 : status) << 16) | other | (BASE << 5) | rt) >>> 0;
    words.push(word(1, size, first));
    if (random.once(2)) words.push(this.computing());
    // Sometimes another store in between, of another size, or none to belong to.
    if (random.once(6)) words.push((0xf9000000 | (BASE << 5) | second) >>> 0);
    if (random.once(10)) words.push(0xd503305f);
    words.push(word(0, random.once(8) && !isPair ? random.below(4) : size, random.below(FREE_REGISTERS)));
    if (random.once(3)) words.push(addRegisters(second, second, status));
  }

  /** A word of one of the rows, its registers chosen by `register`. */
  private word(rows: readonly InstructionRow[], register: (field: string) => number | undefined): number {
    for (let attempt = 0; attempt < 100; attempt++) {
      const row = this.random.pick(rows);
      let word = (row.value | (this.random.next() & ~row.mask)) >>> 0;
      for (const { name, shift, width } of row.fields) {
        const number = width === 5 ? register(name) : undefined;
        if (number !== undefined) word = ((word & ~(31 << shift)) | (number << shift)) >>> 0;
      }
      // The watching variant of a row has the same fields and another name.
      if (decoder.decode(word)?.row.name.startsWith(row.name)) return word;
    }
    return NOP;
  }

  private loop(): void {
    const { random, words } = this;
    const counter = this.inLoop ? 23 : 18;
    const nested = this.inLoop;
    words.push(moveWide(counter, 1 + random.below(nested ? 6 : random.once(8) ? 40 : 8)));
    const head = words.length;
    this.inLoop = true;
    for (let i = 1 + random.below(3); i > 0; i--) {
      random.weighted<() => void>([
        [6, () => this.straight()],
        [2, () => this.skipping()],
        [2, () => this.choosing()],
        [2, () => this.calling()],
        [1, () => this.table()],
        [1, () => this.rewriting()],
        [1, () => this.system()],
        [2, () => this.exclusive()],
        [nested ? 0 : 2, () => this.loop()],
      ])();
    }
    this.inLoop = nested;
    const back = (): number => head - words.length;
    if (random.once(2)) {
      words.push(0xd1000400 | (counter << 5) | counter); // SUB Xc, Xc, #1
      words.push(0xb5000000 | imm19(back()) | counter); // CBNZ
    } else {
      words.push(0xf1000400 | (counter << 5) | counter); // SUBS
      words.push(0x54000000 | imm19(back()) | 1); // B.NE
    }
  }

  /** Forward over some instructions, by a condition or a bit of a register. */
  private skipping(): void {
    const { random, words } = this;
    if (random.once(2)) words.push(this.computing());
    const at = words.length;
    words.push(NOP);
    this.straight();
    words[at] = this.conditionalBranch(words.length - at);
  }

  private conditionalBranch(over: number): number {
    const { random } = this;
    const register = random.below(FREE_REGISTERS);
    return random.pick([
      0x54000000 | imm19(over) | random.below(16),
      0x34000000 | imm19(over) | register | (random.below(2) << 24) | (random.below(2) << 31),
      0x36000000 | ((over & 0x3fff) << 5) | register | (random.below(2) << 24) | (random.below(32) << 19),
    ]);
  }

  /** One way or another, each of which uses the flags from before. */
  private choosing(): void {
    const { random, words } = this;
    words.push(this.flagSetting());
    const at = words.length;
    words.push(NOP, this.flagUsing());
    if (random.once(2)) words.push(this.flagSetting(), this.flagUsing());
    this.straight();
    const end = words.length;
    words.push(NOP);
    words[at] = this.conditionalBranch(words.length - at);
    words.push(this.flagUsing());
    if (random.once(2)) words.push(this.flagSetting());
    this.straight();
    words[end] = branch(words.length - end);
    if (random.once(2)) words.push(this.flagUsing());
  }

  private flagSetting(): number {
    const operation = this.random.pick([
      0x2b000000, // ADDS
      0x6b000000, // SUBS
      0x6a000000, // ANDS
      0x3a000000, // ADCS
      0x7a000000, // SBCS
    ]);
    return this.threeRegisters(operation);
  }

  private flagUsing(): number {
    const condition = this.random.below(16) << 12;
    const operation = this.random.pick([
      0x1a800000 | condition, // CSEL
      0x5a800400 | condition, // CSNEG
      0x1a000000, // ADC
      0x5a000000, // SBC
    ]);
    return this.threeRegisters(operation);
  }

  private threeRegisters(operation: number): number {
    const { random } = this;
    const wide = random.below(2) * 0x80000000;
    const registers = (random.below(16) << 16) | (random.below(16) << 5) | random.below(16);
    return (wide + operation + registers) >>> 0;
  }

  private calling(): void {
    const { random, words } = this;
    if (this.functions.length === 0) return;
    const target = random.pick(this.functions);
    if (random.once(2)) {
      words.push(call(target - words.length));
    } else {
      words.push(addressOf(16, target - words.length), 0xd63f0000 | (16 << 5));
    }
  }

  /** BR to one of four places, by two bits of a register. */
  private table(): void {
    const { random, words } = this;
    words.push(0x92400400 | (random.below(FREE_REGISTERS) << 5) | 17); // AND X17, Xn, #3
    words.push(addressOf(16, 3), 0x8b110a10, 0xd61f0200); // ADD X16, X16, X17, LSL #2; BR X16
    const first = words.length;
    words.push(NOP, NOP, NOP, NOP);
    const exits: number[] = [];
    for (let i = 0; i < 4; i++) {
      words[first + i] = branch(words.length - (first + i));
      this.straight();
      exits.push(words.length);
      words.push(NOP);
    }
    for (const exit of exits) words[exit] = branch(words.length - exit);
  }

  /**
   * Writes ADD Xd, Xd, #n with n from a register into a word that was executed before, or comes next, with or
   * without the maintenance that real caches need.
   */
  private rewriting(): void {
    const { random, words } = this;
    if (!this.rewrites) return this.straight();
    const register = random.below(FREE_REGISTERS);
    const add = 0x91000000 | (register << 5) | register;
    const old = this.slots.length > 0 && random.once(2) ? random.pick(this.slots) : undefined;
    words.push(moveWide(17, add & 0xffff), moveWideKeep(17, add >>> 16));
    words.push(0x92401c00 | (random.below(FREE_REGISTERS) << 5) | 16); // AND X16, Xn, #0xff
    words.push(0x0b000000 | (16 << 16) | (10 << 10) | (17 << 5) | 17); // ADD W17, W17, W16, LSL #10
    const maintenance = random.once(2) ? [0xd50b7520 | 16, 0xd5033f9f, 0xd5033fdf] : [];
    const slot = old ?? words.length + 2 + maintenance.length + random.below(3);
    words.push(addressOf(16, slot - words.length), 0xb9000211, ...maintenance); // STR W17, [X16]
    if (old === undefined) {
      while (words.length < slot) words.push(this.computing());
      words.push(NOP);
      this.slots.push(slot);
    }
  }

  /** What leaves generated code, or changes how it goes on. */
  private system(): void {
    const { random, words } = this;
    const register = random.below(FREE_REGISTERS);
    const word = random.pick([
      0xd4000001 | (random.below(0x70) << 5), // SVC
      0xd4000002 | (random.below(0x70) << 5), // HVC
      0xd4200000 | (random.below(0x70) << 5), // BRK
      0x00000000 | random.below(0x1000), // UDF
      0xd53b4200 | register, // MRS NZCV
      0xd51b4200 | register, // MSR NZCV
      0xd53b4400 | register, // MRS FPCR
      0xd51b4400 | register, // MSR FPCR
      0xd53b4420 | register, // MRS FPSR
      0xd51b4420 | register, // MSR FPSR
      0xd53bd040 | register, // MRS TPIDR_EL0
      0xd51bd040 | register, // MSR TPIDR_EL0
      0xd53be040 | register, // MRS CNTVCT_EL0
      0xd53be320 | register, // MRS CNTV_CTL_EL0
      0xd5384100 | register, // MRS SP_EL0: UNDEFINED at EL0
      0xd53b0020 | register, // MRS CTR_EL0
      0xd5380000 | register, // MRS MIDR_EL1
      0xd50b7420 | BASE, // DC ZVA
      0xd50b7e20 | BASE, // DC CIVAC
      0xd508871f, // TLBI VMALLE1: UNDEFINED at EL0
      0xd53b4220 | register, // MRS DAIF
      0xd51b4220 | register, // MSR DAIF
      0xd5384240 | register, // MRS CurrentEL
      0xd5384200 | register, // MRS SPSel
      0xd53b00e0 | register, // MRS DCZID_EL0
      0xd50b7b20 | BASE, // DC CVAU
      0xd50b7a20 | BASE, // DC CVAC
      0xd50b7520 | BASE, // IC IVAU
      0xd508751f, // IC IALLU: UNDEFINED at EL0
      0xd5033fdf, // ISB
      0xd5033f9f, // DSB SY
      0xd503305f | (random.below(16) << 8), // CLREX
      0xd50342df, // MSR DAIFSet, #2
      0xd50342ff, // MSR DAIFClr, #2
      0xd503203f, // YIELD
      0xd503205f, // WFE
      0xd503207f, // WFI
      0xd503209f, // SEV
    ]);
    words.push(word >>> 0);
  }
}

// ---- the words of what a program is built from; distances count words

const imm19 = (distance: number): number => (distance & 0x7ffff) << 5;
const branch = (distance: number): number => (0x14000000 | (distance & 0x3ffffff)) >>> 0;
const call = (distance: number): number => (0x94000000 | (distance & 0x3ffffff)) >>> 0;
const moveWide = (register: number, value: number): number => (0xd2800000 | (value << 5) | register) >>> 0;
const moveWideKeep = (register: number, value: number): number =>
  (0xf2a00000 | (value << 5) | register) >>> 0;
const moveRegister = (to: number, from: number): number => (0xaa0003e0 | (from << 16) | to) >>> 0;
const addRegisters = (to: number, a: number, b: number): number =>
  (0x8b000000 | (b << 16) | (a << 5) | to) >>> 0;
const addressOf = (register: number, distance: number): number =>
  (0x10000000 | imm19(distance) | register) >>> 0;
