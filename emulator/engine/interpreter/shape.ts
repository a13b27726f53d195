// How the operands of an instruction lie in its 16-byte record: {u16 handler, 14 bytes}.
//
// What a handler reads decides its shape: registers as the 16-bit address of their slot (so that
// "register 31" is settled when the word is decoded), small values in 16 bits, offsets in 32,
// immediates in 64. Many handlers share one shape.

/** How a field is used: register read, written, as SP, as vector; or a value of some size. */
export type OperandUse = 'read' | 'write' | 'sp' | 'vector' | 'small' | 'offset' | 'immediate';

export interface Operand {
  readonly field: string;
  readonly use: OperandUse;
  /** Byte offset inside the record. */
  readonly at: number;
}

export type Shape = readonly Operand[];

const SIXTEEN_BIT_PLACES = [2, 4, 6, 8, 10, 12, 14];

/** Finds a place for every operand. Throws when a row wants more than a record holds. */
export function layOut(wanted: readonly { field: string; use: OperandUse }[]): Shape {
  const taken = new Set<number>();
  const shape: Operand[] = [];
  const place = (field: string, use: OperandUse, at: number, bytes: number): void => {
    for (let i = 0; i < bytes; i += 2) {
      if (taken.has(at + i)) throw new Error(`no room for ${field} (${use}) in a record`);
      taken.add(at + i);
    }
    shape.push({ field, use, at });
  };
  for (const { field, use } of wanted) if (use === 'immediate') place(field, use, 8, 8);
  for (const { field, use } of wanted) if (use === 'offset') place(field, use, taken.has(12) ? 4 : 12, 4);
  for (const { field, use } of wanted) {
    if (use === 'immediate' || use === 'offset') continue;
    const at = SIXTEEN_BIT_PLACES.find((candidate) => !taken.has(candidate));
    if (at === undefined) throw new Error(`no room for ${field} (${use}) in a record`);
    place(field, use, at, 2);
  }
  return shape;
}

/** Byte offset of a field's operand inside the record. */
export function placeIn(shape: Shape, field: string, use: OperandUse): number {
  const operand = shape.find((candidate) => candidate.field === field && candidate.use === use);
  if (!operand) throw new Error(`${field} (${use}) is not in the record's shape`);
  return operand.at;
}
