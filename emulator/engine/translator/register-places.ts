// What an instruction has read of registers and computed from them, as long as that is a register and an offset: by it,
// accesses through the same register are known to be near each other.

import { INTEGER_BINARY } from '../../base/wasm/opcodes.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import type { Place } from './found-pages.ts';

const I64_ADD = INTEGER_BINARY.add[1];
const I64_SUB = INTEGER_BINARY.sub[1];

export class RegisterPlaces {
  /** Registers as the instruction has read them, by their number. */
  private readonly readNumbers: number[] = [];
  private readonly readValues: Expression[] = [];
  /** What it has computed from registers, and of which. */
  private readonly placed: Expression[] = [];
  private readonly places: (Place | undefined)[] = [];

  /** Another instruction begins. */
  clear(): void {
    if (this.readNumbers.length > 0) {
      this.readNumbers.length = 0;
      this.readValues.length = 0;
    }
    if (this.placed.length > 0) {
      this.placed.length = 0;
      this.places.length = 0;
    }
  }

  /** The register was read as this. */
  read(register: number, value: Expression): void {
    this.readNumbers.push(register);
    this.readValues.push(value);
  }

  /** The value, which is kept in a local from now on, is this. */
  pinned(value: Expression, place: Place): void {
    this.placed.push(value);
    this.places.push(place);
  }

  /** The register has another value: what was read of it must not be used, and what was computed is a place no longer. */
  written(register: number): void {
    for (let i = 0; i < this.readNumbers.length; i++) {
      if (this.readNumbers[i] === register) code.forget(this.readValues[i] as Expression);
    }
    for (let i = 0; i < this.places.length; i++) {
      if (this.places[i]?.register === register) this.places[i] = undefined;
    }
  }

  /** What the value is in terms of one register, if it is that. */
  placeOf(value: Expression): Place | undefined {
    const { kind, a, b } = value;
    if (kind === 'operation' && a && b && b.kind === 'constant' && typeof b.value === 'number') {
      if (value.opcode !== I64_ADD && value.opcode !== I64_SUB) return undefined;
      const base = this.placeOf(a);
      if (!base) return undefined;
      const by = value.opcode === I64_ADD ? b.value : -b.value;
      return { register: base.register, offset: base.offset + by };
    }
    if (kind === 'local') {
      const index = this.readValues.lastIndexOf(value);
      return index < 0 || value.value === -1
        ? undefined
        : { register: this.readNumbers[index] as number, offset: 0 };
    }
    return kind === 'pinned' ? this.places[this.placed.lastIndexOf(value)] : undefined;
  }
}
