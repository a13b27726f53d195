// Conditions in C as programs of the machine, which decides by them between two instructions whether a stop is
// one. The same grammar and the same types as for watches; what would need floating point, the caller's
// frame or another address space is refused in words.

import type { LexicalScope, Variable } from '../../emulator/formats/dwarf/model.ts';
import type { BinaryOperator, Program } from '../../emulator/machine/stop-programs.ts';
import * as errors from '../errors.ts';
import { fieldName, fieldsOf } from '../register-fields.ts';
import { lookupName } from '../../emulator/cpu/sysregs/lookup.ts';
import type { Target } from '../symbols/target.ts';
import { commonInteger, literalType, promoted } from './arithmetic.ts';
import { binary, constant, NotCompilable, placeOf, registerNamed } from './compile-place.ts';
import type { PlaceContext } from './compile-place.ts';
import { addressOf, common, extended, isTruth, number, read } from './compiled-values.ts';
import type { Compiled, Scalar } from './compiled-values.ts';
import { memberArgument } from './function-arguments.ts';
import { findMember } from './members.ts';
import { defined } from './names.ts';
import { parseWatch, possibleTypes } from './syntax.ts';
import type { ArithmeticOperator, Node, TypeSyntax, Watch } from './syntax.ts';
import {
  arrayOf,
  bare,
  builtInType,
  INT,
  known,
  LONG,
  pointerTo,
  sizeOf,
  spell,
  UNSIGNED_LONG,
  VOID,
  word,
  WORD,
} from './types.ts';
import type { PointerType, Type } from './types.ts';

/** `link`: where its names are looked up; undefined for what happens anywhere. */
export async function compileCondition(
  text: string,
  target: Target | undefined,
  link: bigint | undefined,
): Promise<Program> {
  return compileWith(text, target, link, async (compiler, { expression }) =>
    compiler.truth(await compiler.scalar(await compiler.node(expression))),
  );
}

export async function compileWith<Result>(
  text: string,
  target: Target | undefined,
  link: bigint | undefined,
  make: (compiler: Compiler, watch: Watch) => Promise<Result>,
): Promise<Result> {
  const compiler = await Compiler.at(target, link);
  const watch = await compiler.parse(text);
  try {
    return await make(compiler, watch);
  } catch (error) {
    if (error instanceof NotCompilable) throw errors.notCompilable(text.trim(), error.message);
    throw error;
  }
}

export class Compiler {
  readonly target: Target | undefined;
  private readonly link: bigint | undefined;
  private readonly scopes: readonly LexicalScope[];
  private readonly context: PlaceContext;

  private constructor(
    target: Target | undefined,
    link: bigint | undefined,
    scopes: readonly LexicalScope[],
    context: PlaceContext,
  ) {
    this.target = target;
    this.link = link;
    this.scopes = scopes;
    this.context = context;
  }

  static async at(target: Target | undefined, link: bigint | undefined): Promise<Compiler> {
    const scopes = (link === undefined ? undefined : await target?.program?.scopesAt(link)) ?? [];
    const rules = link === undefined ? undefined : await target?.rulesAt(target.map.toRuntime(link));
    return new Compiler(target, link, scopes, {
      toRuntime: (address) => target?.map.toRuntime(address) ?? address,
      perCpu: (address) => (isPerCpu(target, address) ? registerNamed('TPIDR_EL1') : undefined),
      frameBase: scopes.find(({ kind }) => kind === 'function')?.frameBase,
      cfa: rules?.cfa,
      indexedAddress: async (unit, index) => (await target?.program?.indexedAddress(unit, index)) ?? 0n,
    });
  }

  async parse(text: string): Promise<Watch> {
    const types = new Set<string>();
    const locals = new Set(this.scopes.flatMap(({ variables }) => variables).map(({ name }) => name));
    for (const name of possibleTypes(text)) {
      if (!locals.has(name) && (await this.typeNamed(name))) types.add(name);
    }
    return parseWatch(text, (name) => types.has(name));
  }

  async node(node: Node): Promise<Compiled> {
    switch (node.kind) {
      case 'integer':
        return number(constant(node.value), literalType(node));
      case 'character':
        return number(constant(BigInt(node.code)), INT);
      case 'name':
        return this.name(node);
      case 'static':
      case 'foreign':
        return this.elsewhere(node);
      case 'register':
        return this.register(node.name, node.vcpu !== undefined);
      case 'unary':
        return this.unary(node);
      case 'arithmetic':
        return this.arithmetic(node.operator, await this.node(node.left), await this.node(node.right));
      case 'comparison':
        return this.comparison(node);
      case 'and':
      case 'or': {
        const left = this.truth(await this.scalar(await this.node(node.left)));
        const right = this.truth(await this.scalar(await this.node(node.right)));
        return number({ kind: node.kind, left, right }, INT);
      }
      case 'choose': {
        const condition = this.truth(await this.scalar(await this.node(node.condition)));
        const yes = await this.scalar(await this.node(node.yes));
        const no = await this.scalar(await this.node(node.no));
        const type =
          yes.type.kind === 'pointer' ? yes.type : no.type.kind === 'pointer' ? no.type : common(yes, no);
        return number({ kind: 'choose', condition, yes: yes.program, no: no.program }, type);
      }
      case 'cast':
        return this.cast(await this.node(node.of), await this.type(node.type));
      case 'sizeof': {
        const type = node.of.kind === 'type' ? await this.type(node.of) : (await this.node(node.of)).type;
        return number(constant(BigInt(await this.size(type))), UNSIGNED_LONG);
      }
      case 'member':
        return this.member(node);
      case 'index': {
        const outer = await this.node(node.of);
        return this.dereference(await this.arithmetic('+', outer, await this.node(node.index)));
      }
      case 'call':
        return this.call(node);
      case 'float':
        throw new NotCompilable('it computes with floating point');
      case 'string':
        throw new NotCompilable('it compares texts: only fields of events can be compared with them');
      case 'reference':
      case 'space':
        throw new NotCompilable('only virtual addresses of the vCPU can be read there');
      case 'member-pointer':
        throw new NotCompilable('it goes through a pointer to a member');
      case 'slice':
      case 'repeat':
        throw new NotCompilable('a range is no single value');
      case 'step':
      case 'assign':
        throw new NotCompilable('it would change the guest');
    }
  }

  // ---------------------------------------------------------------- names

  private async name({ name, within }: Extract<Node, { kind: 'name' }>): Promise<Compiled> {
    const wanted = within === undefined ? name : `${within}::${name}`;
    for (const { variables } of this.scopes) {
      const local = variables.find((variable) => variable.name === wanted);
      if (local) return this.variable(local);
    }
    const { target, link } = this;
    const globals = (await target?.program?.variables(wanted, link)) ?? [];
    const [global] = defined(globals);
    if (global) return this.variable(global);
    const [address] = target?.addressesOf(wanted) ?? [];
    if (address !== undefined) {
      const type = await target?.program?.functionType(name, link);
      const at = constant(this.context.toRuntime(address));
      return number(at, type ? pointerTo({ kind: 'other', name: 'function', size: 1 }) : WORD);
    }
    const found = await target?.program?.enumerator(wanted, link);
    if (!found) throw errors.unknownName(wanted);
    return number(constant(found.value), (await target?.types?.get(found.type)) ?? INT);
  }

  /** Of another file; other programs are other places in time. */
  private async elsewhere(node: Extract<Node, { kind: 'static' | 'foreign' }>): Promise<Compiled> {
    if (node.kind === 'foreign') throw new NotCompilable('it names another program');
    const all = (await this.target?.program?.variables(node.name, this.link)) ?? [];
    const found = all.find(({ declared }) => declared && `/${declared.file}`.endsWith(`/${node.file}`));
    if (!found) throw errors.unknownName(`${node.file}'${node.name}`);
    return this.variable(found);
  }

  private async variable(variable: Variable): Promise<Compiled> {
    const type = await (this.target?.types?.reference(variable.type) ?? known(VOID)).resolve();
    return { type, place: await placeOf(variable.location, this.context), bitOffset: 0, bitSize: undefined };
  }

  private register(written: string, isOther: boolean): Compiled {
    if (isOther) throw new NotCompilable('it names another vCPU');
    const lower = written.toLowerCase();
    const name = { lr: 'x30', fp: 'x29', cpsr: 'pstate' }[lower] ?? lower;
    const pstate = registerNamed('pstate');
    const numbered = /^([xw])(\d+)$/.exec(name);
    if (numbered && Number(numbered[2]) <= 30) {
      return number(registerNamed(`x${numbered[2]}`), numbered[1] === 'x' ? WORD : word(32));
    }
    switch (name) {
      case 'sp':
      case 'pc':
        return number(registerNamed(name), WORD);
      case 'pstate':
        return number(pstate, word(32));
      case 'nzcv':
        return number(binary('&', pstate, constant(0xf000_0000n)), word(32));
      case 'el':
        return number(binary('&', binary('>>u', pstate, constant(2n)), constant(3n)), word(32));
      case 'asid':
        return number(binary('>>u', registerNamed('TTBR0_EL1'), constant(48n)), INT);
      case 'dom':
        if (this.target) return number(constant(BigInt(this.target.domain)), INT);
        break;
      case 'hit':
        return number({ kind: 'hits' }, UNSIGNED_LONG);
      case 'old':
      case 'new':
        return number({ kind: name }, UNSIGNED_LONG);
      default: {
        const found = lookupName(written.toUpperCase());
        if (found) return number(registerNamed(written.toUpperCase()), WORD);
      }
    }
    throw errors.unknownRegister(written);
  }

  // ---------------------------------------------------------------- parts

  private async member(node: Extract<Node, { kind: 'member' }>): Promise<Compiled> {
    const { of, name } = node;
    if (of.kind === 'register') {
      if (of.name === 'ev') return number({ kind: 'event', field: name }, UNSIGNED_LONG);
      return this.field(of.name.toUpperCase(), name);
    }
    const outer = await this.node(of);
    const core = await bare(outer.type);
    const whole = core.kind === 'pointer' || core.kind === 'array' ? await this.dereference(outer) : outer;
    const type = await bare(whole.type);
    const found = type.kind === 'structure' ? await findMember(type, name, 0) : undefined;
    if (!found) throw errors.notComputable(`'${await spell(outer.type)}' has no member '${name}'`);
    return {
      type: await found.member.type.resolve(),
      place: whole.place,
      bitOffset: whole.bitOffset + found.bitOffset,
      bitSize: found.member.bitSize,
    };
  }

  /** Of a system register. */
  private field(register: string, name: string): Compiled {
    const fields = fieldsOf(register, 0n);
    const found = fields.find((field) => fieldName(field).toLowerCase() === name.toLowerCase());
    if (!found) throw errors.unknownField(register, name);
    const size = found.high - found.low + 1;
    const place = { kind: 'value' as const, program: registerNamed(register) };
    return { type: WORD, place, bitOffset: found.low, bitSize: size };
  }

  private async dereference(value: Compiled): Promise<Compiled> {
    const { type, program } = await this.scalar(value);
    const target = type.kind === 'pointer' ? await type.target.resolve() : WORD;
    return { type: target, place: { kind: 'memory', address: program }, bitOffset: 0, bitSize: undefined };
  }

  private async call({ name, args }: Extract<Node, { kind: 'call' }>): Promise<Compiled> {
    const [pointer, type] = args;
    if (name !== '$container_of' || !pointer || !type || pointer.kind === 'type') {
      throw new NotCompilable(`'${name}' is only there at a stop`);
    }
    const path = memberArgument(args, 2, '$container_of(pointer, type, member)');
    if (path.kind !== 'name') throw new NotCompilable('it names a member of a member');
    const syntax: TypeSyntax | undefined =
      type.kind === 'type'
        ? type
        : type.kind === 'name'
          ? { kind: 'type', from: 0, to: 0, name: type.name, pointers: 0, toFunction: 0, dimensions: [] }
          : undefined;
    if (!syntax) throw new NotCompilable(`'${name}' takes a type`);
    const outer = await this.type(syntax);
    const core = await bare(outer);
    const found = core.kind === 'structure' ? await findMember(core, path.name, 0) : undefined;
    if (!found) throw errors.notComputable(`'${await spell(outer)}' has no member '${path.name}'`);
    const { program } = await this.scalar(await this.node(pointer));
    return number(binary('-', program, constant(BigInt(found.bitOffset / 8))), pointerTo(outer));
  }

  // ---------------------------------------------------------------- operators

  private async unary({ operator, of }: Extract<Node, { kind: 'unary' }>): Promise<Compiled> {
    const value = await this.node(of);
    switch (operator) {
      case '*':
        return this.dereference(value);
      case '&': {
        if (value.type === WORD && of.kind === 'name') return value;
        if (value.place.kind !== 'memory' || value.bitSize !== undefined)
          throw new NotCompilable('it has no address');
        return number(addressOf(value.place.address, value.bitOffset), pointerTo(value.type));
      }
      case '!':
        return number({ kind: 'unary', operator: '!', operand: this.truth(await this.scalar(value)) }, INT);
      default: {
        const scalar = await this.scalar(value);
        if (scalar.type.kind === 'pointer') throw errors.notComputable(`'${operator}' takes no pointer`);
        const type = promoted(scalar.type, value.bitSize);
        if (operator === '+') return number(scalar.program, type);
        return number(extended({ kind: 'unary', operator, operand: scalar.program }, type), type);
      }
    }
  }

  private async arithmetic(operator: ArithmeticOperator, left: Compiled, right: Compiled): Promise<Compiled> {
    const a = await this.scalar(left);
    const b = await this.scalar(right);
    if (a.type.kind === 'pointer' || b.type.kind === 'pointer') return this.pointers(operator, a, b);
    const isShift = operator === '<<' || operator === '>>';
    const own = promoted(a.type, left.bitSize);
    const type = isShift ? own : commonInteger(own, promoted(b.type, right.bitSize));
    const x = extended(a.program, type);
    const y = isShift ? b.program : extended(b.program, type);
    const suffixed = operator === '/' || operator === '%' || operator === '>>';
    const chosen = suffixed ? `${operator}${type.signed ? 's' : 'u'}` : operator;
    return number(extended(binary(chosen as BinaryOperator, x, y), type), type);
  }

  private async pointers(operator: ArithmeticOperator, a: Scalar, b: Scalar): Promise<Compiled> {
    if (a.type.kind === 'pointer' && b.type.kind === 'pointer') {
      if (operator !== '-') throw errors.notComputable(`'${operator}' takes no two pointers`);
      const size = constant(BigInt(await this.step(a.type)));
      return number(binary('/s', binary('-', a.program, b.program), size), LONG);
    }
    const [pointer, index] = a.type.kind === 'pointer' ? [a, b] : [b, a];
    if (pointer.type.kind !== 'pointer' || (operator !== '+' && operator !== '-')) {
      throw errors.notComputable(`'${operator}' takes no pointer`);
    }
    const size = BigInt(await this.step(pointer.type));
    const by =
      index.program.kind === 'constant'
        ? constant(index.program.value * size)
        : size === 1n
          ? index.program
          : binary('*', index.program, constant(size));
    return number(binary(operator, pointer.program, by), pointer.type);
  }

  private async comparison(node: Extract<Node, { kind: 'comparison' }>): Promise<Compiled> {
    const { operator, left, right } = node;
    const text = eventText(left, right) ?? eventText(right, left);
    if (text) {
      if (operator === '==') return number(text, INT);
      if (operator === '!=') return number({ kind: 'unary', operator: '!', operand: text }, INT);
      throw new NotCompilable('texts are equal or not');
    }
    const x = await this.node(left);
    const y = await this.node(right);
    const a = await this.scalar(x);
    const b = await this.scalar(y);
    const isPointer = a.type.kind === 'pointer' || b.type.kind === 'pointer';
    const type =
      a.type.kind === 'pointer' || b.type.kind === 'pointer'
        ? UNSIGNED_LONG
        : commonInteger(promoted(a.type, x.bitSize), promoted(b.type, y.bitSize));
    const isEquality = operator === '==' || operator === '!=';
    const chosen = isEquality ? operator : `${operator}${type.signed && !isPointer ? 's' : 'u'}`;
    const program = binary(chosen as BinaryOperator, extended(a.program, type), extended(b.program, type));
    return number(program, INT);
  }

  private async cast(value: Compiled, type: Type): Promise<Compiled> {
    const core = await bare(type);
    if (core.kind === 'pointer') return number((await this.scalar(value)).program, core);
    if (core.kind !== 'integer' && core.kind !== 'enumeration') {
      throw new NotCompilable(
        core.kind === 'float' ? 'it computes with floating point' : 'only numbers can be cast',
      );
    }
    const scalar = await this.scalar(value);
    if (core.kind === 'integer' && core.role === 'boolean') return number(this.truth(scalar), core);
    return number(extended(scalar.program, core), core);
  }

  /** 1 or 0: what C takes for true. */
  truth({ program }: Scalar): Program {
    return isTruth(program) ? program : binary('!=', program, constant(0n));
  }

  async scalar(value: Compiled): Promise<Scalar> {
    const type = await bare(value.type);
    const { place, bitOffset, bitSize } = value;
    switch (type.kind) {
      case 'integer':
      case 'enumeration': {
        if (type.size > 8) throw new NotCompilable('it has more than 64 bits');
        return { type, program: read(value, type.size, type.signed) };
      }
      case 'pointer':
        if (!type.isReference) return { type, program: read(value, 8, false) };
        return this.scalar(await this.dereference({ ...value, type: { ...type, isReference: false } }));
      case 'array':
        if (place.kind !== 'memory' || bitSize !== undefined)
          throw new NotCompilable('it is an array without an address');
        return { type: pointerTo(type.element), program: addressOf(place.address, bitOffset) };
      case 'float':
        throw new NotCompilable('it is a floating-point number');
      default:
        throw new NotCompilable(`a value of type '${await spell(value.type)}' is no number`);
    }
  }

  // ---------------------------------------------------------------- types

  private async typeNamed(name: string): Promise<Type | undefined> {
    const { target, link } = this;
    return target?.types ? target.types.named(name, link) : builtInType(name);
  }

  private async type(syntax: TypeSyntax): Promise<Type> {
    let type = await this.typeNamed(syntax.name);
    if (!type) throw errors.notComputable(`There is no type '${syntax.name}'`);
    for (let i = 0; i < syntax.pointers + syntax.toFunction; i++) type = pointerTo(type);
    for (const count of syntax.dimensions.toReversed()) type = arrayOf(type, count);
    return type;
  }

  async size(type: Type): Promise<number> {
    const size = await sizeOf(type);
    if (size === undefined) throw new NotCompilable(`how large '${await spell(type)}' is, is not known`);
    return size;
  }

  /** What adding 1 to a pointer adds. */
  private async step({ target }: PointerType): Promise<number> {
    return (await sizeOf(await target.resolve())) ?? 1;
  }
}

function eventText(field: Node, text: Node): Program | undefined {
  if (text.kind !== 'string' || field.kind !== 'member' || field.of.kind !== 'register') return undefined;
  if (field.of.name !== 'ev') return undefined;
  return { kind: 'event-text', field: field.name, pattern: new TextDecoder().decode(text.bytes) };
}

/** Of Linux: see Scope.ofThisCpu. */
function isPerCpu(target: Target | undefined, address: bigint): boolean {
  const perCpu = target?.perCpu;
  if (!target || !perCpu) return false;
  return address >= target.map.toRuntime(perCpu.start) && address < target.map.toRuntime(perCpu.end);
}
