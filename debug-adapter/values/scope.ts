// Where an expression is evaluated: a vCPU, one of its frames, and in that frame a function or one that
// was inlined into it. What the names of variables mean there, and where the variables are.

import { evaluateLocation, evaluateValue, registerName } from '../../emulator/formats/dwarf/expression.ts';
import type { EvaluationContext } from '../../emulator/formats/dwarf/expression.ts';
import type {
  Expression,
  LexicalScope,
  Location,
  ProgramInfo,
  Variable,
} from '../../emulator/formats/dwarf/model.ts';
import { littleEndianBytes } from '../../emulator/formats/dwarf/operations.ts';
import type { AddressSpace, VcpuId } from '../../emulator/machine/messages.ts';
import type { Debuggee } from '../debuggee.ts';
import type { Frame } from '../frames/stack.ts';
import type { Target } from '../symbols/target.ts';
import { GuestMemory } from './guest-memory.ts';
import { arrayOf, bare, sizeOf, VOID } from './types.ts';
import type { Type, TypeReference } from './types.ts';
import { missing, partOf, storageOf } from './value.ts';
import type { RegisterStorage, Storage, TypedValue } from './value.ts';

/** A frame of a vCPU that stands. */
export interface FrameOfVcpu {
  readonly vcpu: VcpuId;
  /** From the innermost one. */
  readonly index: number;
  readonly frame: Frame;
  /** Calls that were inlined around the function that is meant. */
  readonly inlined: number;
}

/** Entry values lead from caller to caller. */
const MAX_CALLERS = 8;

const MAX_PATCHABLE = 16n;

/** How a sentence about a register of a caller ends. */
const NOT_SAVED = 'is not saved';
/** X0 to X17 and the platform's X18 (AAPCS64, section 6.1.1). */
const LAST_CALLER_SAVED = 18;

export class Scope {
  readonly debuggee: Debuggee;
  readonly at: FrameOfVcpu;
  readonly target: Target;
  readonly memory: GuestMemory;
  private scopes: Promise<readonly LexicalScope[]> | undefined;
  private runtime: Promise<(link: bigint) => bigint> | undefined;
  private readonly depth: number;
  /** Registers that nobody saved are those of the innermost frame. */
  private readonly isKeeping: boolean;

  /** `target`: whose names are meant, if not those of the code at the frame. */
  constructor(
    debuggee: Debuggee,
    at: FrameOfVcpu,
    memory = new GuestMemory(debuggee),
    depth = 0,
    target = debuggee.targetFor(at.vcpu).imageAt(at.frame.lookupPc),
    isKeeping = false,
  ) {
    this.debuggee = debuggee;
    this.at = at;
    this.target = target;
    this.memory = memory;
    this.depth = depth;
    this.isKeeping = isKeeping;
  }

  /** Virtual addresses, as the vCPU sees them. */
  get space(): AddressSpace {
    return { kind: 'va', at: { domain: this.at.vcpu.domain, vcpu: this.at.vcpu.vcpu } };
  }

  get program(): ProgramInfo | undefined {
    return this.target.program;
  }

  /** The same place, for names of another image of the domain. */
  within(target: Target): Scope {
    return target === this.target ? this : new Scope(this.debuggee, this.at, this.memory, this.depth, target);
  }

  /** For names that an image takes from the kernel below it; undefined in the kernel itself. */
  get below(): Scope | undefined {
    return this.target.as && this.within(this.debuggee.targetOf(this.at.vcpu.domain));
  }

  /** A type by its name, of the image or of the kernel below it. */
  async typeNamed(name: string): Promise<Type | undefined> {
    return (await this.target.types?.named(name, this.link)) ?? this.below?.typeNamed(name);
  }

  /** The address whose scopes are meant, as linked; undefined outside of the program. */
  get link(): bigint | undefined {
    return this.target.map.toLink(this.at.frame.lookupPc);
  }

  /** From the innermost block out to the function, inlined or not, that the frame shows. */
  async lexicalScopes(): Promise<readonly LexicalScope[]> {
    const groups: LexicalScope[][] = [[]];
    for (const scope of await this.allScopes()) {
      groups.at(-1)?.push(scope);
      if (scope.kind !== 'block') groups.push([]);
    }
    groups.pop();
    return groups.at(-1 - this.at.inlined) ?? [];
  }

  /** The variables that a name could mean, those of inner blocks first. */
  async locals(): Promise<readonly Variable[]> {
    return (await this.lexicalScopes()).flatMap(({ variables }) => variables);
  }

  /** What the variable is here. */
  async valueOf(variable: Variable): Promise<TypedValue> {
    const type = await this.typeOf(variable).resolve();
    let storage = await this.storageAt(variable.location);
    if (storage.kind === 'missing' && storage.reason.endsWith(NOT_SAVED) && (await this.isKept(variable))) {
      const keeping = new Scope(this.debuggee, this.at, this.memory, this.depth, this.target, true);
      storage = await keeping.storageAt(variable.location);
    }
    const value: TypedValue = { kind: 'typed', type, storage, offset: 0, space: this.space };
    if (variable.kind !== 'static' && variable.kind !== 'global') return value;
    return this.ofThisCpu({ ...value, type: await this.counted(value) });
  }

  private async storageAt(location: Location): Promise<Storage> {
    const place = await evaluateLocation(location, await this.context());
    return storageOf(place, {
      space: this.space,
      register: (n) => this.register(n),
      pointee: (entry, offset) => this.variableOfEntry(entry, offset),
    });
  }

  /**
   * Of a caller: whether a variable is in the same place after the call as before it. Then no function that was called
   * changes the registers that it is in, although the procedure call standard would let it: compilers look at what
   * they call (GCC's -fipa-ra).
   */
  private async isKept({ entry, location }: Variable): Promise<boolean> {
    const { vcpu, index, frame } = this.at;
    const returns = frame.standing ? undefined : this.target.map.toLink(frame.pc);
    if (index === 0 || returns === undefined || location.kind !== 'expression') return false;
    // An exception keeps its own registers.
    const callees = await this.debuggee.walk(vcpu, index);
    if (callees.slice(1).some(({ standing }) => standing)) return false;
    const after = ((await this.program?.scopesAt(returns)) ?? []).flatMap(({ variables }) => variables);
    const same = after.find((variable) => variable.entry === entry)?.location;
    return same?.kind === 'expression' && equal(same.expression.bytes, location.expression.bytes);
  }

  /** X0..X30 and SP of the frame. */
  private async generalRegister(n: number): Promise<bigint | undefined> {
    const value = n <= 31 ? this.at.frame.register(n) : undefined;
    if (value !== undefined || !this.isKeeping || n > LAST_CALLER_SAVED) return value;
    const [innermost] = await this.debuggee.walk(this.at.vcpu, 1);
    return innermost?.register(n);
  }

  /** `extern const char banner[]` does not say how long it is, but the symbol does. */
  private async counted({ type, storage }: TypedValue): Promise<Type> {
    const core = await bare(type);
    if (core.kind !== 'array' || core.count !== undefined || storage.kind !== 'memory') return type;
    const symbol = this.target.symbolAt(storage.address);
    const size = await sizeOf(await core.element.resolve());
    if (symbol?.start !== storage.address || !size) return type;
    return arrayOf(core.element, Math.floor(Number(symbol.end - symbol.start) / size));
  }

  private typeOf({ type }: Variable): TypeReference {
    return this.target.types?.reference(type) ?? { resolve: () => Promise.resolve(VOID) };
  }

  private async variableOfEntry(entry: number, offset: number): Promise<TypedValue> {
    const found = (await this.allScopes()).flatMap((s) => s.variables).find((v) => v.entry === entry);
    if (!found) return missing(VOID, 'synthetic pointer', this.space);
    const value = await this.valueOf(found);
    return offset === 0 ? value : partOf(value, value.type, 8 * offset, undefined);
  }

  /** A register of the frame by its DWARF number. */
  async register(n: number): Promise<Storage> {
    const { vcpu, index } = this.at;
    const value = await this.generalRegister(n);
    if (value !== undefined) return this.registerStorage(registerName(n), littleEndianBytes(value, 8));
    if (n >= 64 && n < 96 && index === 0) {
      const { fp } = await this.debuggee.registers(vcpu, 'fp');
      if (fp) return this.registerStorage(registerName(n), fp.v.slice(16 * (n - 64), 16 * (n - 63)));
    }
    return { kind: 'missing', reason: `${registerName(n)} ${NOT_SAVED}` };
  }

  registerStorage(name: string, bytes: Uint8Array): RegisterStorage {
    return { kind: 'register', vcpu: this.at.vcpu, name, bytes, isSaved: this.at.index > 0 };
  }

  /** Where a link address is now: at its physical place until the MMU is on. */
  async toRuntime(): Promise<(link: bigint) => bigint> {
    this.runtime ??= this.runtimePlaces();
    return this.runtime;
  }

  private async runtimePlaces(): Promise<(link: bigint) => bigint> {
    const { map } = this.target;
    const sctlr = await this.debuggee.systemRegister(this.at.vcpu, 'SCTLR_EL1');
    if (sctlr === undefined || (sctlr & 1n) !== 0n) return (link) => map.toRuntime(link);
    return (link) => BigInt(map.toIpa(link) ?? link);
  }

  async context(): Promise<EvaluationContext> {
    const toRuntime = await this.toRuntime();
    const { frame } = this.at;
    const { program, space } = this;
    return {
      register: (n) => this.generalRegister(n),
      memory: (address, length) => this.memory.read(space, BigInt.asUintN(64, address), length),
      cfa: async () => frame.cfa,
      frameBase: async () => (await this.allScopes()).find(({ kind }) => kind === 'function')?.frameBase,
      entryValue: (expression) => this.entryValue(expression),
      indexedAddress: async (unit, index) => (await program?.indexedAddress(unit, index)) ?? 0n,
      type: async (entry) => (await program?.type(entry)) ?? { kind: 'unspecified', name: 'void' },
      toRuntime,
    };
  }

  private allScopes(): Promise<readonly LexicalScope[]> {
    const { link, program } = this;
    this.scopes ??= link === undefined || !program ? Promise.resolve([]) : program.scopesAt(link);
    return this.scopes;
  }

  /**
   * What a register held when the function was called, from what the caller's debug information says of the call.
   * Nothing is known when the caller called somebody else, who then jumped here.
   */
  private async entryValue(wanted: Expression): Promise<bigint | undefined> {
    const { vcpu, index } = this.at;
    if (this.depth >= MAX_CALLERS || this.program === undefined) return undefined;
    const frame = (await this.debuggee.walk(vcpu, index + 2))[index + 1];
    const returns = frame && !frame.standing ? this.target.map.toLink(frame.pc) : undefined;
    if (!frame || returns === undefined) return undefined;
    const site = await this.program.callSiteBefore(returns);
    const parameter = site?.parameters.find(({ at }) => equal(at.bytes, wanted.bytes));
    if (!parameter || !(await this.isCalledFrom(frame.pc))) return undefined;
    const caller = new Scope(
      this.debuggee,
      { vcpu, index: index + 1, frame, inlined: 0 },
      this.memory,
      this.depth + 1,
    );
    return evaluateValue(parameter.value, await caller.context());
  }

  /** Whether the call before this address is to the function of the frame; a call through a register is believed. */
  private async isCalledFrom(returns: bigint): Promise<boolean> {
    const at = returns - 4n;
    const bytes = await this.memory.read(this.space, at, 4);
    if (bytes.length < 4) return false;
    const instruction = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
    // BL: DDI 0487, C6.2, imm26 counts words.
    if (instruction >>> 26 !== 0x25) return true;
    const called = BigInt.asUintN(64, at + BigInt(((instruction << 6) >> 6) * 4));
    const start = (await this.allScopes()).find(({ kind }) => kind === 'function')?.ranges[0]?.[0];
    const link = this.target.map.toLink(called);
    // Instructions for tracers may stand before what debug information calls the function's start
    // (-fpatchable-function-entry).
    return start !== undefined && link !== undefined && link <= start && start - link <= MAX_PATCHABLE;
  }

  // ---------------------------------------------------------------- per-CPU variables of Linux

  /**
   * A variable of `.data..percpu` is only a pattern; every CPU has its copy, TPIDR_EL1 bytes further on
   * (arch/arm64/include/asm/percpu.h). Shown is that of the vCPU's.
   */
  async ofThisCpu(value: TypedValue): Promise<TypedValue> {
    const { storage } = value;
    if (storage.kind !== 'memory' || !(await this.isPerCpu(storage.address))) return value;
    const offset = await this.debuggee.systemRegister(this.at.vcpu, 'TPIDR_EL1');
    return offset === undefined || offset === 0n ? value : shifted(value, offset);
  }

  async isPerCpu(address: bigint): Promise<boolean> {
    const { perCpu } = this.target;
    if (!perCpu) return false;
    const toRuntime = await this.toRuntime();
    return address >= toRuntime(perCpu.start) && address < toRuntime(perCpu.end);
  }
}

/** The same thing further on in memory. */
export function shifted(value: TypedValue, by: bigint): TypedValue {
  const { storage } = value;
  if (storage.kind !== 'memory') return value;
  return { ...value, storage: { ...storage, address: BigInt.asUintN(64, storage.address + by) } };
}

const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);
