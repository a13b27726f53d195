// Who erred decides how it appears: a guest's mistake is a value, a user's mistake is a
// UserError that is shown once at the edge, our own mistake is an InvariantError.

/** Where in the user's input something is wrong. */
export interface Place {
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  /** From 1. */
  readonly column?: number;
  /** Byte offset inside a binary file. */
  readonly offset?: number;
}

/** Bad input from the user: says what is wrong, where, and how to mend it. Never a stack trace. */
export class UserError extends Error {
  readonly hint: string;
  readonly place: Place;

  constructor(message: string, hint: string, place: Place = {}) {
    super(message);
    this.name = 'UserError';
    this.hint = hint;
    this.place = place;
  }

  /** One line: `file:line:column: message. hint` */
  override toString(): string {
    const { file, line, column, offset } = this.place;
    let where = file ?? '';
    if (line !== undefined) where += `:${line}`;
    if (line !== undefined && column !== undefined) where += `:${column}`;
    if (offset !== undefined) where += ` at offset ${offset}`;
    const sentence = where === '' ? this.message : `${where}: ${this.message}`;
    return `${sentence}. ${this.hint}`;
  }
}

/** Something that should have held did not: a bug of ours. Stops the machine, keeps its state. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'InvariantError';
  }
}

export function invariant(condition: unknown, whatShouldHold: string): asserts condition {
  if (!condition) throw new InvariantError(whatShouldHold);
}

/** What a person reads of an error that is no UserError, in one line: that it is our mistake, and where. */
export function describeBug(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const spot = /[\w./-]+\.(?:ts|c?js|wasm)[^\s()]*:\d+(?=\)?$)/m.exec(stack)?.[0];
  const where =
    spot === undefined ? '' : ` (at ${spot.replace(/^.*\/(?=(?:emulator|debug-adapter|dist)\/)/, '')})`;
  return `a mistake of Xenscope itself: ${message}${where}. Please report it with what led to it`;
}
