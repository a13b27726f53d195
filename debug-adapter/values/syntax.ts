// From the text of a watch to what it asks for. The grammar stands in c.grammar; here its tree becomes
// nodes that an evaluator and a compiler walk.

import type { SyntaxNode } from '@lezer/common';
import * as errors from '../errors.ts';
import { parser } from './generated/c-parser.ts';
import { TypeIdentifier, TypePath } from './generated/c-parser.terms.ts';
import { characterOf, floatOf, numberOf, textOf } from './literals.ts';
import type { FloatLiteral, IntegerLiteral } from './literals.ts';
import { typeIdentifier, typePath } from './type-names.ts';

interface Span {
  /** Offsets in the text. */
  readonly from: number;
  readonly to: number;
}

export type UnaryOperator = '-' | '+' | '~' | '!' | '*' | '&';
export type ArithmeticOperator = '+' | '-' | '*' | '/' | '%' | '&' | '|' | '^' | '<<' | '>>';
export type ComparisonOperator = '<' | '>' | '<=' | '>=' | '==' | '!=';

export type Node = Span &
  (
    | ({ readonly kind: 'integer' } & IntegerLiteral)
    | ({ readonly kind: 'float' } & FloatLiteral)
    | { readonly kind: 'character'; readonly code: number }
    | { readonly kind: 'string'; readonly bytes: Uint8Array }
    /** `jiffies`; a path is `outer::inner`. */
    | { readonly kind: 'name'; readonly name: string; readonly within: string | undefined }
    /** `d1!jiffies`, `xen_netfront!nr_queues`. */
    | { readonly kind: 'foreign'; readonly program: string; readonly name: string }
    /** `sched/core.c'runqueues`. */
    | { readonly kind: 'static'; readonly file: string; readonly name: string }
    | {
        readonly kind: 'register';
        readonly name: string;
        readonly domain: string | undefined;
        readonly vcpu: number | undefined;
      }
    | { readonly kind: 'reference'; readonly text: string }
    | { readonly kind: 'space'; readonly space: string; readonly of: Node }
    | { readonly kind: 'unary'; readonly operator: UnaryOperator; readonly of: Node }
    | { readonly kind: 'step'; readonly by: 1 | -1; readonly before: boolean; readonly of: Node }
    | {
        readonly kind: 'arithmetic';
        readonly operator: ArithmeticOperator;
        readonly left: Node;
        readonly right: Node;
      }
    | {
        readonly kind: 'comparison';
        readonly operator: ComparisonOperator;
        readonly left: Node;
        readonly right: Node;
      }
    /** `object.*member`, `pointer->*member` of C++. */
    | {
        readonly kind: 'member-pointer';
        readonly arrow: boolean;
        readonly of: Node;
        readonly member: Node;
      }
    | { readonly kind: 'and' | 'or'; readonly left: Node; readonly right: Node }
    | { readonly kind: 'choose'; readonly condition: Node; readonly yes: Node; readonly no: Node }
    | { readonly kind: 'cast'; readonly type: TypeSyntax; readonly of: Node }
    | { readonly kind: 'sizeof'; readonly of: Node | TypeSyntax }
    | { readonly kind: 'member'; readonly name: string; readonly arrow: boolean; readonly of: Node }
    | { readonly kind: 'index'; readonly of: Node; readonly index: Node }
    /** `a[2:8]`, and `*p @ n` with its start left out. */
    | {
        readonly kind: 'slice';
        readonly of: Node;
        readonly start: Node | undefined;
        readonly end: Node | undefined;
      }
    | { readonly kind: 'repeat'; readonly of: Node; readonly count: Node }
    | { readonly kind: 'call'; readonly name: string; readonly args: readonly (Node | TypeSyntax)[] }
    | {
        readonly kind: 'assign';
        readonly operator: ArithmeticOperator | undefined;
        readonly place: Node;
        readonly value: Node;
      }
  );

/** A type as it is written. */
export interface TypeSyntax extends Span {
  readonly kind: 'type';
  /** `struct page`, `unsigned long`, `u64`; without qualifiers. */
  readonly name: string;
  readonly pointers: number;
  /** A pointer to a function, so often a pointer more. */
  readonly toFunction: number;
  /** Outermost first. */
  readonly dimensions: readonly (number | undefined)[];
}

export interface Format {
  /** `x`, `s`, `flags`…; `[20]` has none. */
  readonly name: string | undefined;
  readonly type: TypeSyntax | undefined;
  /** `[20]`: so many elements. */
  readonly count: Node | undefined;
}

export interface Watch {
  readonly text: string;
  readonly expression: Node;
  readonly formats: readonly Format[];
}

/** More than anybody types, and little enough to walk without a second thought. */
const MAX_LENGTH = 8192;
const MAX_DEPTH = 200;

/** Names that stand where a type may: to be looked up before an expression is parsed. */
export function possibleTypes(text: string): readonly string[] {
  const names = new Set<string>();
  const pattern = /[(,]\s*(?:(?:const|volatile)\s+)*((?:::)?[A-Za-z_]\w*(?:::\w+)*)(?=[\s*)([]|$)/g;
  for (const [, name] of text.matchAll(pattern)) {
    if (name !== undefined) names.add(name);
  }
  return [...names];
}

/** Throws a sentence about the place where the text stops being an expression. */
export function parseWatch(text: string, isType: (name: string) => boolean): Watch {
  if (text.length > MAX_LENGTH) throw errors.notAnExpression(text.slice(0, 40), MAX_LENGTH, 'the end');
  const configured = parser.configure({
    specializers: [
      { from: typeIdentifier, to: (name: string) => (isType(name) ? TypeIdentifier : -1) },
      { from: typePath, to: (name: string) => (isType(name) ? TypePath : -1) },
    ],
  });
  const tree = configured.parse(text);
  const cursor = tree.cursor();
  do {
    if (cursor.type.isError) throw errors.notAnExpression(text, cursor.from, wanted(text, cursor.from));
  } while (cursor.next());
  const children = childrenOf(tree.topNode);
  const [first, ...rest] = children;
  if (!first) throw errors.notAnExpression(text, 0, 'an expression');
  const reader = new Reader(text);
  const formats = rest.filter(({ name }) => name === 'Format').map((node) => reader.format(node));
  return { text, expression: reader.node(first, 0), formats };
}

const wanted = (text: string, at: number): string =>
  text.slice(at).trim() === '' ? 'more' : 'another continuation';

/** Without punctuation. */
function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node.firstChild; child; child = child.nextSibling) {
    if (/^\w/.test(child.name)) children.push(child);
  }
  return children;
}

class Reader {
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  private of({ from, to }: Span): string {
    return this.text.slice(from, to);
  }

  private refuse(node: Span, what: string): never {
    throw errors.notAnExpression(this.text, node.from, what);
  }

  node(tree: SyntaxNode, depth: number): Node {
    if (depth > MAX_DEPTH) this.refuse(tree, 'fewer levels');
    const { from, to } = tree;
    const span = { from, to };
    const text = this.of(tree);
    const parts = childrenOf(tree);
    const [first, second, third] = parts;
    const inner = (part: SyntaxNode | undefined): Node =>
      part ? this.node(part, depth + 1) : this.refuse(tree, 'an operand');
    switch (tree.name) {
      case 'Number': {
        const number = numberOf(text);
        return number ? { kind: 'integer', ...span, ...number } : this.refuse(tree, 'a number of 64 bits');
      }
      case 'Float':
        return { kind: 'float', ...span, ...floatOf(text) };
      case 'Character': {
        const code = characterOf(text);
        return code === undefined ? this.refuse(tree, 'one character') : { kind: 'character', ...span, code };
      }
      case 'String':
        return { kind: 'string', ...span, bytes: textOf(text) };
      case 'Name':
        return { kind: 'name', ...span, name: text, within: undefined };
      case 'Path': {
        const names = text.replace(/^::/, '').split('::');
        const name = names.at(-1) ?? '';
        // 'file.c'::name is gdb's spelling of file.c'name.
        const file = /^'(.*)'$/.exec(names[0]?.trim() ?? '')?.[1];
        if (file !== undefined) return { kind: 'static', ...span, file, name };
        const within = names.slice(0, -1).join('::');
        return { kind: 'name', ...span, name, within: within === '' ? undefined : within };
      }
      case 'ForeignName': {
        const [program = '', name = ''] = text.split('!').map((part) => part.trim());
        return { kind: 'foreign', ...span, program, name };
      }
      case 'FileName': {
        const [file = '', name = ''] = text.split("'");
        return { kind: 'static', ...span, file, name };
      }
      case 'Register':
        return { kind: 'register', ...span, name: text.slice(1), domain: undefined, vcpu: undefined };
      case 'VcpuRegister': {
        const [, domain, vcpu, name = ''] = /^(?:(\w+)\.)?v(\d+)\.\$(\w+)$/.exec(text) ?? [];
        return { kind: 'register', ...span, name, domain, vcpu: Number(vcpu) };
      }
      case 'Reference':
        return { kind: 'reference', ...span, text };
      case 'Parenthesized':
        return inner(first);
      case 'Member':
        return {
          kind: 'member',
          ...span,
          of: inner(first),
          arrow: second?.name === 'Arrow',
          name: third ? this.of(third) : '',
        };
      case 'Index':
        return { kind: 'index', ...span, of: inner(first), index: inner(second) };
      case 'Slice':
        return this.slice(tree, parts, depth);
      case 'Call':
        return {
          kind: 'call',
          ...span,
          name: first ? this.of(first) : '',
          args: parts.slice(1).map((part) => (part.name === 'Type' ? this.type(part) : inner(part))),
        };
      case 'PostfixStep':
      case 'PrefixStep': {
        const before = first?.name === 'StepOp';
        const by = this.of((before ? first : second) ?? tree) === '++' ? 1 : -1;
        return { kind: 'step', ...span, by, before, of: inner(before ? second : first) };
      }
      case 'Prefix':
        return {
          kind: 'unary',
          ...span,
          operator: this.of(first ?? tree) as UnaryOperator,
          of: inner(second),
        };
      case 'InSpace':
        return { kind: 'space', ...span, space: this.of(first ?? tree).slice(1, -1), of: inner(second) };
      case 'Cast':
        return { kind: 'cast', ...span, type: this.type(first ?? tree), of: inner(second) };
      case 'SizeOf':
        return { kind: 'sizeof', ...span, of: second?.name === 'Type' ? this.type(second) : inner(second) };
      case 'Binary':
        return this.binary(span, this.of(second ?? tree), inner(first), inner(third));
      case 'Conditional':
        return { kind: 'choose', ...span, condition: inner(first), yes: inner(second), no: inner(third) };
      case 'Assignment': {
        const operator = this.of(second ?? tree).slice(0, -1);
        return {
          kind: 'assign',
          ...span,
          operator: operator === '' ? undefined : (operator as ArithmeticOperator),
          place: inner(first),
          value: inner(third),
        };
      }
      default:
        return this.refuse(tree, 'an expression');
    }
  }

  private binary(span: Span, operator: string, left: Node, right: Node): Node {
    switch (operator) {
      case '&&':
        return { kind: 'and', ...span, left, right };
      case '||':
        return { kind: 'or', ...span, left, right };
      case '.*':
      case '->*':
        return { kind: 'member-pointer', ...span, arrow: operator === '->*', of: left, member: right };
      case '@':
        return { kind: 'repeat', ...span, of: left, count: right };
      case '<':
      case '>':
      case '<=':
      case '>=':
      case '==':
      case '!=':
        return { kind: 'comparison', ...span, operator, left, right };
      default:
        return { kind: 'arithmetic', ...span, operator: operator as ArithmeticOperator, left, right };
    }
  }

  private slice(tree: SyntaxNode, parts: readonly SyntaxNode[], depth: number): Node {
    const [of, ...bounds] = parts;
    if (!of) return this.refuse(tree, 'an operand');
    // A bound may be missing on either side of the colon.
    const colon = this.text.indexOf(':', bounds[0]?.to ?? of.to);
    const start = bounds.find((bound) => bound.to <= colon);
    const end = bounds.find((bound) => bound.from > colon) ?? (bounds[0] === start ? undefined : bounds[0]);
    return {
      kind: 'slice',
      from: tree.from,
      to: tree.to,
      of: this.node(of, depth + 1),
      start: start && this.node(start, depth + 1),
      end: end && this.node(end, depth + 1),
    };
  }

  format(tree: SyntaxNode): Format {
    const [first, second] = childrenOf(tree);
    if (!first) return this.refuse(tree, 'a format');
    if (!first.name.endsWith('Identifier'))
      return { name: undefined, type: undefined, count: this.node(first, 0) };
    const type = second && (second.name === 'Type' ? this.type(second) : this.typeNamed(second));
    return { name: this.of(first), type, count: undefined };
  }

  private typeNamed(node: SyntaxNode): TypeSyntax {
    const { from, to } = node;
    return { kind: 'type', from, to, name: this.of(node), pointers: 0, toFunction: 0, dimensions: [] };
  }

  private type(tree: SyntaxNode): TypeSyntax {
    const words: string[] = [];
    const dimensions: (number | undefined)[] = [];
    let pointers = 0;
    let toFunction = 0;
    for (const part of childrenOf(tree)) {
      if (part.name === 'Star') pointers++;
      else if (part.name === 'Dimension') dimensions.push(this.dimension(part));
      else if (part.name === 'FunctionPointer')
        toFunction = childrenOf(part).filter((c) => c.name === 'Star').length;
      else if (part.name !== 'Qualifier') words.push(this.of(part).replaceAll(/\s+/g, ' '));
    }
    if (words.length === 0) this.refuse(tree, 'a type');
    const { from, to } = tree;
    return { kind: 'type', from, to, name: words.join(' '), pointers, toFunction, dimensions };
  }

  private dimension(tree: SyntaxNode): number | undefined {
    const [number] = childrenOf(tree);
    return number && Number(numberOf(this.of(number))?.value ?? 0n);
  }
}
