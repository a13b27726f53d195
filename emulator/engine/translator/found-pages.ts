// What accesses of a region have found in the TLB, so that a later one by the same register, at another offset, need
// not look there again: it only has to be in the same page. The TLB does not change while a region is executed.
//
// Reading and writing are told apart, since a page may be open to one of them only.

/** A register and an offset in bytes. */
export interface Place {
  readonly register: number;
  readonly offset: number;
}

/** An access that hit the TLB. */
export interface FoundPage extends Place {
  /** TLB_READ_TAG or TLB_WRITE_TAG. */
  readonly tag: number;
  /** What is known to be in the page: from this offset of the register up to that. */
  readonly from: number;
  readonly to: number;
  /** Which locals have the place's offset in its page, and the host address of `hostOffset`. */
  readonly slot: number;
  /** Of the register, like the place's own. */
  readonly hostOffset: number;
}

const SLOTS = 6;
/** Offsets beyond it are not worth an entry. */
const FAR = 1 << 20;

export class FoundPages {
  /** Never changed, only replaced: it is kept for where control comes from here. */
  list: readonly FoundPage[] = [];
  private lastSlot = 0;

  find({ register }: Place, tag: number): FoundPage | undefined {
    for (const found of this.list) if (found.register === register && found.tag === tag) return found;
    return undefined;
  }

  /** A new entry, which takes the place of the oldest. */
  add(place: Place, tag: number, size: number): FoundPage {
    const slot = (this.lastSlot + 1) % SLOTS;
    this.lastSlot = slot;
    const { register, offset } = place;
    const others = this.list.filter(
      (found) => found.slot !== slot && (found.register !== register || found.tag !== tag),
    );
    // WebAssembly adds what is not negative at no cost.
    const hostOffset = Math.min(offset, 0);
    const found = { register, offset, tag, from: offset, to: offset + size, slot, hostOffset };
    this.list = [...others, found];
    return found;
  }

  /** These bytes are in the same page. */
  extend(found: FoundPage, from: number, to: number): void {
    const wider = { ...found, from: Math.min(found.from, from), to: Math.max(found.to, to) };
    this.list = this.list.map((other) => (other === found ? wider : other));
  }

  /** The register now is what is said of another one or of itself before, or something unknown. */
  written(register: number, value: Place | undefined): void {
    if (this.list.length === 0) return;
    const list: FoundPage[] = [];
    for (const found of this.list) {
      if (found.register !== register) list.push(found);
      if (value === undefined || found.register !== value.register) continue;
      const offset = found.offset - value.offset;
      if (Math.abs(offset) > FAR) continue;
      list.push({
        ...found,
        register,
        offset,
        hostOffset: found.hostOffset - value.offset,
        from: found.from - value.offset,
        to: found.to - value.offset,
      });
    }
    this.list = list;
  }
}
