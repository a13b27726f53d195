// How a region accesses memory: it looks in the TLB itself, and leaves where that does not help. What one access has
// found serves others by the same register, at other offsets (found-pages.ts).

import type { AccessOptions } from '../../cpu/isa/ops.ts';
import * as layout from '../../memory/layout.ts';
import * as code from '../code/expression.ts';
import type { Expression } from '../code/expression.ts';
import type { FunctionBuilder } from '../code/function-builder.ts';
import type { FoundPage, FoundPages } from './found-pages.ts';
import type { RegionFrame } from './region-frame.ts';
import type { RegisterPlaces } from './register-places.ts';

/** Why a region is left at an access that another one's page was to be good for. */
export const ANOTHER_PAGE = 'another page';

/** Of a page that was found. */
interface SlotLocals {
  readonly distance: number;
  readonly host: number;
  /** Where memory is watched: the bytes around in which nothing is; the distance is that from their beginning. */
  readonly room: number;
}

export class MemoryProbes {
  /** The code that comes is executed on a condition: what it finds cannot be used behind it. */
  isConditional = false;
  private areAlone = false;
  private readonly frame: RegionFrame;
  private readonly b: FunctionBuilder;
  private readonly pages: FoundPages;
  private readonly places: RegisterPlaces;
  private readonly leave: (why: string, condition?: Expression) => void;
  /** Locals by slot of `pages`. */
  private readonly slots: SlotLocals[] = [];

  constructor(
    frame: RegionFrame,
    pages: FoundPages,
    places: RegisterPlaces,
    leave: (why: string, condition?: Expression) => void,
  ) {
    this.frame = frame;
    this.b = frame.builder;
    this.pages = pages;
    this.places = places;
    this.leave = leave;
  }

  /** Another instruction begins. `areAlone`: it looks for itself, whatever others have found. */
  begin(areAlone: boolean): void {
    this.areAlone = areAlone;
    this.isConditional = false;
  }

  /** Host address of an access that hits the TLB; whatever does not leaves the region. */
  probe(
    address: Expression,
    tag: number,
    size: number,
    { aligned, unprivileged }: AccessOptions,
  ): { host: Expression; offset: number } {
    const place = (aligned && size > 1) || unprivileged ? undefined : this.places.placeOf(address);
    const found = place && this.pages.find(place, tag);
    // Alone, an instruction still has what itself has found: of two accesses the second may not leave.
    const isUsed = found && (!this.areAlone || covers(found, place.offset, size));
    if (isUsed) return this.probeAgain(found, place.offset, size);
    const va = this.b.pin(address);
    const low = this.b.pin(code.wrap(va));
    if (aligned && size > 1) {
      this.leave('misaligned', code.binary('and', low, code.constant('i32', size - 1)));
    }
    const base = unprivileged ? this.b.loadAt('i32', layout.TLB_BASE_UNPRIVILEGED) : this.frame.tlbBase;
    // ((va >> 12) % TLB_ENTRIES) * TLB_ENTRY_SIZE, in one shift.
    const shifted = code.binary('shrU', low, code.constant('i32', 7));
    const mask = (layout.TLB_ENTRIES - 1) * layout.TLB_ENTRY_SIZE;
    const slot = code.binary('and', shifted, code.constant('i32', mask));
    const entry = this.b.pin(code.binary('add', slot, base));
    const distance = code.binary('sub', va, this.b.load('i64', entry, tag));
    const addend = this.b.load('i32', entry, layout.TLB_ADDEND);
    const miss = (offset: Expression): Expression =>
      code.compare('gtU', offset, code.constant('i64', 4096 - size));
    const isWrite = code.constant('i32', tag === layout.TLB_WRITE_TAG ? 1 : 0);
    const watched = (): Expression => {
      const index = this.frame.kernelIndex('watchedHost');
      return this.b.callValue(index, [base, va, code.constant('i32', size), isWrite], 'i32');
    };
    if (!place || this.isConditional) {
      const host = code.binary('add', low, addend);
      if (!this.frame.isWatched) {
        this.leave('tlb', miss(distance));
        return { host: this.b.pin(host), offset: 0 };
      }
      const resolved = this.b.temporary('i32');
      this.b.set(resolved, host);
      this.resolve(miss(distance), watched, (there) => this.b.set(resolved, there));
      return { host: code.local('i32', resolved), offset: 0 };
    }
    const { slot: number, hostOffset } = this.pages.add(place, tag, size);
    const locals = this.localsOf(number);
    const register = code.local('i64', this.frame.registerLocal(place.register, false));
    const host = code.binary('add', hostOffset === 0 ? code.wrap(register) : low, addend);
    const isMiss = miss(code.local('i64', locals.distance));
    this.b.set(locals.distance, distance);
    if (this.frame.isWatched) {
      this.b.set(locals.host, host);
      this.b.set(locals.room, code.constant('i64', 4096));
      this.resolve(isMiss, watched, (there) => {
        const offset = code.constant('i32', place.offset - hostOffset);
        this.b.set(locals.host, code.binary('sub', there, offset));
        const from = code.extendU(this.b.loadAt('i32', layout.UNWATCHED_FROM));
        const inPage = code.binary('and', va, code.constant('i64', 4095));
        this.b.set(locals.distance, code.binary('sub', inPage, from));
        this.b.set(locals.room, code.extendU(this.b.loadAt('i32', layout.UNWATCHED_SIZE)));
      });
    } else {
      this.leave('tlb', isMiss);
      this.b.set(locals.host, host);
    }
    return { host: code.local('i32', locals.host), offset: place.offset - hostOffset };
  }

  /** A page that is watched is never in the tags: a kernel says whether this access is one to be told of. */
  private resolve(isMiss: Expression, watched: () => Expression, found: (host: Expression) => void): void {
    const { b } = this;
    b.if(isMiss);
    const host = watched();
    this.leave('tlb', code.eqz(host));
    found(host);
    b.end();
  }

  /** The same by way of what another access has found. */
  private probeAgain(found: FoundPage, offset: number, size: number): { host: Expression; offset: number } {
    const { distance, host, room } = this.localsOf(found.slot);
    if (!covers(found, offset, size)) {
      const further = code.constant('i64', offset - found.offset);
      const there = code.binary('add', code.local('i64', distance), further);
      const last = this.frame.isWatched
        ? code.binary('sub', code.local('i64', room), code.constant('i64', size))
        : code.constant('i64', 4096 - size);
      this.leave(ANOTHER_PAGE, code.compare('gtU', there, last));
      if (!this.isConditional) this.pages.extend(found, offset, offset + size);
    }
    const start = code.local('i32', host);
    const further = offset - found.hostOffset;
    if (further >= 0) return { host: start, offset: further };
    return { host: this.b.pin(code.binary('add', start, code.constant('i32', further))), offset: 0 };
  }

  private localsOf(slot: number): SlotLocals {
    let locals = this.slots[slot];
    if (!locals) {
      const { b } = this;
      const room = this.frame.isWatched ? b.newLocal('i64') : 0;
      locals = { distance: b.newLocal('i64'), host: b.newLocal('i32'), room };
      this.slots[slot] = locals;
    }
    return locals;
  }
}

const covers = ({ from, to }: FoundPage, offset: number, size: number): boolean =>
  offset >= from && offset + size <= to;
