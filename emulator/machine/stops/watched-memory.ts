// Watched ranges of memory: in the address space that was asked for, by CPUs and by whoever else writes RAM. The kernels
// note which ranges an instruction touches and what they held before (WATCH_HITS); writes from TypeScript are seen by
// PhysicalMemory. Pages without a watched byte stay as fast as ever.

import { UserError } from '../../base/errors.ts';
import type { WatchedRange } from '../../engine/engine.ts';
import * as layout from '../../memory/layout.ts';
import type { LoadedMachine } from '../guest.ts';
import type { Watchpoint, WatchReport } from '../messages.ts';
import type { Judged } from './judged.ts';

export interface Watch {
  readonly watchpoint: Watchpoint;
  readonly judged: Judged;
}

interface WatchSockets {
  cpusOf(domain: number): readonly number[];
  /** Whether this hit stops the machine. PROGRAM_OLD and PROGRAM_NEW are set. */
  judge(judged: Judged, report: WatchReport): boolean;
}

interface PaRange {
  readonly first: number;
  readonly last: number;
  readonly watch: Watch;
}

/** An access from TypeScript that was not judged yet. */
interface OutsideAccess {
  readonly watch: Watch;
  readonly access: 'read' | 'write';
  /** Where `before` begins. */
  readonly from: number;
  readonly pa: number;
  readonly size: number;
  readonly before: Uint8Array;
}

const PAGE = 4096;
const WRITE = 2;
/** Accesses within one trap that are remembered. */
const OUTSIDE_MAX = 1000;

export class WatchedMemory {
  private readonly loaded: LoadedMachine;
  private readonly sockets: WatchSockets;
  private readonly view: DataView;
  /** By index in WATCHPOINTS. */
  private watchOfRange: readonly Watch[] = [];
  /** Where accesses from TypeScript are to be seen; VAs are translated when something is accessed. */
  private paRanges: readonly PaRange[] = [];
  private vaWatches: readonly Watch[] = [];
  private outside: OutsideAccess[] = [];

  constructor(loaded: LoadedMachine, sockets: WatchSockets) {
    this.loaded = loaded;
    this.sockets = sockets;
    this.view = new DataView(loaded.machine.engine.memory.buffer);
  }

  /** The whole new list. */
  set(watches: readonly Watch[]): void {
    const { machine } = this.loaded;
    const ranges: { range: WatchedRange; watch: Watch }[] = watches.flatMap((watch) =>
      this.rangesOf(watch.watchpoint).map(({ kind, first, last }) => ({
        watch,
        range: {
          kind,
          first,
          last,
          read: /^(read|access)$/.test(watch.watchpoint.access),
          write: watch.watchpoint.access !== 'read',
          cpus: watch.judged.cpus,
        },
      })),
    );
    if (ranges.length > layout.WATCHPOINTS_MAX) {
      throw new UserError(
        `more than ${layout.WATCHPOINTS_MAX} ranges of memory to watch`,
        'Remove some, or watch ranges that lie in one piece.',
      );
    }
    this.watchOfRange = ranges.map(({ watch }) => watch);
    this.paRanges = ranges.flatMap(({ range, watch }) =>
      range.kind === 'pa' ? [{ first: Number(range.first), last: Number(range.last), watch }] : [],
    );
    this.vaWatches = ranges.flatMap(({ range, watch }) => (range.kind === 'va' ? [watch] : []));
    const isRead = ranges.some(({ range }) => range.read);
    this.loaded.observeReads?.(isRead ? (pa, size) => this.outsideAccess(pa, size, 'read') : undefined);
    this.outside = [];
    machine.engine.setWatchpoints(ranges.map(({ range }) => range));
    machine.judgeWatchpoints = ranges.length > 0 ? () => this.judgeInstruction() : undefined;
    const isWritten = ranges.some(({ range }) => range.write);
    machine.memory.observer = isWritten ? (pa, size) => this.outsideAccess(pa, size, 'write') : undefined;
  }

  /** An IPA is watched where it leads now: by whatever VA, and whoever writes there. */
  private rangesOf({ space, address, size }: Watchpoint): Pick<WatchedRange, 'kind' | 'first' | 'last'>[] {
    if (!Number.isInteger(size) || size < 1) {
      throw new UserError(`${size} bytes cannot be watched`, 'Give at least one byte.');
    }
    const last = address + BigInt(size - 1);
    if (space.kind !== 'ipa') return [{ kind: space.kind, first: address, last }];
    const ranges: { kind: 'pa'; first: bigint; last: bigint }[] = [];
    for (let ipa = Number(address); ipa <= Number(last); ipa = (Math.floor(ipa / PAGE) + 1) * PAGE) {
      const pa = this.loaded.paOfIpa(space.domain, ipa);
      if (pa === undefined) continue;
      const end = Math.min(Number(last), (Math.floor(ipa / PAGE) + 1) * PAGE - 1);
      const [first, behind] = [BigInt(pa), BigInt(pa + end - ipa)];
      const before = ranges.at(-1);
      if (before && before.last + 1n === first) before.last = behind;
      else ranges.push({ kind: 'pa', first, last: behind });
    }
    return ranges;
  }

  // ---- by a CPU

  /** What the last instruction touched: whether it stops the machine. */
  private judgeInstruction(): boolean {
    const { view } = this;
    const count = view.getInt32(layout.WATCH_HIT_COUNT, true);
    view.setInt32(layout.WATCH_HIT_COUNT, 0, true);
    let stops = false;
    for (let i = 0; i < count; i++) {
      if (this.judgeHit(layout.WATCH_HITS + i * layout.WATCH_HIT_SIZE)) stops = true;
    }
    return stops;
  }

  private judgeHit(hit: number): boolean {
    const { view } = this;
    const watch = this.watchOfRange[view.getInt32(hit, true)];
    if (!watch) return false;
    const wrote = (view.getInt32(hit + 4, true) & WRITE) !== 0;
    const before = this.bytesAt(hit + layout.WATCH_HIT_BEFORE, view.getInt32(hit + 28, true));
    const after = wrote ? this.now(hit) : before;
    if (watch.watchpoint.access === 'change' && isEqual(before, after)) return false;
    return this.judge(watch, {
      id: watch.watchpoint.id,
      access: wrote ? 'write' : 'read',
      va: view.getBigUint64(hit + 8, true),
      pa: view.getBigUint64(hit + 16, true),
      size: view.getInt32(hit + 24, true),
      before,
      after,
    });
  }

  private now(hit: number): Uint8Array {
    const length = this.loaded.machine.engine.kernels.copyWatchedNow(hit, layout.STAGING);
    return this.bytesAt(layout.STAGING, length);
  }

  private bytesAt(address: number, length: number): Uint8Array {
    return new Uint8Array(this.view.buffer, address, length).slice();
  }

  private judge(watch: Watch, report: WatchReport): boolean {
    this.view.setBigUint64(layout.PROGRAM_OLD, numberOf(report.before), true);
    this.view.setBigUint64(layout.PROGRAM_NEW, numberOf(report.after), true);
    return this.sockets.judge(watch.judged, report);
  }

  // ---- by a backend, the hypervisor or a device

  /** It is about to happen. */
  private outsideAccess(pa: number, size: number, access: 'read' | 'write'): void {
    const last = pa + size - 1;
    const matters = ({ watchpoint }: Watch): boolean =>
      watchpoint.access === 'access' || (access === 'read') === (watchpoint.access === 'read');
    for (const range of this.paRanges) if (matters(range.watch)) this.noteOutside(range, pa, last, access);
    for (const watch of this.vaWatches) {
      if (!matters(watch)) continue;
      for (const range of this.placesOf(watch)) this.noteOutside(range, pa, last, access);
    }
  }

  private noteOutside(
    { first, last, watch }: PaRange,
    pa: number,
    end: number,
    access: 'read' | 'write',
  ): void {
    if (first > end || last < pa) return;
    const { machine } = this.loaded;
    machine.requestStop();
    const isLong = last - first >= layout.WATCH_BYTES_MAX;
    // What a short range held before is from the first time.
    if (!isLong && this.outside.some((known) => known.watch === watch && known.access === access)) return;
    if (this.outside.length === OUTSIDE_MAX) return;
    const from = isLong ? Math.max(first, pa) : first;
    const length = Math.min(last - from + 1, layout.WATCH_BYTES_MAX);
    const before = this.contentOf(from, length);
    this.outside.push({ watch, access, from, pa, size: end - pa + 1, before });
  }

  private contentOf(first: number, length: number): Uint8Array {
    const { memory } = this.loaded.machine;
    return memory.contains(first, length) ? memory.bytes(first, length).slice() : new Uint8Array(0);
  }

  /** A VA is in RAM where one of the domain's vCPUs has it now. */
  private placesOf(watch: Watch): PaRange[] {
    const { space, address, size } = watch.watchpoint;
    if (space.kind !== 'va') return [];
    const { machine } = this.loaded;
    const places: PaRange[] = [];
    for (const cpu of this.sockets.cpusOf(space.domain)) {
      if (((watch.judged.cpus >>> cpu) & 1) === 0) continue;
      for (let done = 0; done < size; ) {
        const va = address + BigInt(done);
        const length = Math.min(size - done, PAGE - Number(va & BigInt(PAGE - 1)));
        const pa = machine.withCpu(cpu, () => machine.engine.kernels.probe(va, 1, 0));
        if (pa >= 0n) places.push({ first: Number(pa), last: Number(pa) + length - 1, watch });
        done += length;
      }
      if (places.length > 0) break;
    }
    return places;
  }

  /** What was read and written from TypeScript since this was asked last. */
  judgeOutside(): void {
    const { outside } = this;
    if (outside.length === 0) return;
    this.outside = [];
    for (const { watch, access, from, pa, size, before } of outside) {
      const after = access === 'read' ? before : this.contentOf(from, before.length);
      if (watch.watchpoint.access === 'change' && isEqual(before, after)) continue;
      this.judge(watch, { id: watch.watchpoint.id, access, pa: BigInt(pa), size, before, after });
    }
  }
}

const isEqual = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && a.every((byte, i) => byte === b[i]);

/** Little endian; of a longer value the low half. */
function numberOf(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = Math.min(bytes.length, 8) - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}
