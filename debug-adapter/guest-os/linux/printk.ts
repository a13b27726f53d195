// The kernel's log, straight out of the ring that printk() writes to (kernel/printk/printk_ringbuffer.h, since 5.10):
// a ring of descriptors, each with the state of a record and where its text begins in a second ring. Readable at any
// moment, also when no console prints: before it is up, and after a panic.

import type { GuestLogRecord } from '../guest-os.ts';
import type { KernelMemory } from './kernel-memory.ts';

/** Bounds of a ring that is not set up yet, or damaged: LOG_BUF_SHIFT goes up to 25, and 32 bytes are a descriptor. */
const MAX_COUNT_BITS = 20;
const MAX_SIZE_BITS = 25;

/** DESC_ID_MASK, and the two bits of the state above it. */
const ID_MASK = (1n << 62n) - 1n;
const STATE_COMMITTED = 1n;
const STATE_FINALIZED = 2n;
/** A block begins with the id of its descriptor: struct prb_data_block. */
const BLOCK_HEADER = 8;

/** `ring`: address of a struct printk_ringbuffer. Oldest record first. */
export async function readPrintkRing(memory: KernelMemory, ring: bigint): Promise<readonly GuestLogRecord[]> {
  const layout = await layoutOf(memory);
  const field = (path: string) => memory.member(ring, 'printk_ringbuffer', path);
  const countBits = Number((await field('desc_ring.count_bits')) ?? 0n);
  const sizeBits = Number((await field('text_data_ring.size_bits')) ?? 0n);
  const tail = await field('desc_ring.tail_id');
  const head = await field('desc_ring.head_id');
  const descriptors = await memory.pointerIn(ring, 'printk_ringbuffer', 'desc_ring.descs');
  const infos = await memory.pointerIn(ring, 'printk_ringbuffer', 'desc_ring.infos');
  const data = await memory.pointerIn(ring, 'printk_ringbuffer', 'text_data_ring.data');
  const isPlausible =
    countBits > 0 && countBits <= MAX_COUNT_BITS && sizeBits > 0 && sizeBits <= MAX_SIZE_BITS;
  if (!layout || !isPlausible || tail === undefined || head === undefined) return [];
  if (descriptors === undefined || infos === undefined || data === undefined) return [];

  const count = 1n << BigInt(countBits);
  const text = await memory.read(data, 1 << sizeBits);
  const records: GuestLogRecord[] = [];
  const used = ((head - tail) & ID_MASK) + 1n;
  for (let i = 0n; i < used && i < count; i++) {
    const id = (tail + i) & ID_MASK;
    const index = id & (count - 1n);
    const descriptor = await memory.read(descriptors + index * BigInt(layout.descriptor), layout.descriptor);
    if (descriptor.length < layout.descriptor) break;
    const state = wordAt(descriptor, layout.state);
    // Another record's, of which one cannot say more: somebody is writing it.
    if ((state & ID_MASK) !== id) continue;
    if (state >> 62n !== STATE_COMMITTED && state >> 62n !== STATE_FINALIZED) continue;
    const info = await memory.read(infos + index * BigInt(layout.info), layout.info);
    if (info.length < layout.info) break;
    const view = viewOf(info);
    const length = view.getUint16(layout.textLength, true);
    const block = blockOf(text, wordAt(descriptor, layout.begin), wordAt(descriptor, layout.next));
    records.push({
      sequence: wordAt(info, layout.sequence),
      nanoseconds: wordAt(info, layout.time),
      level: (view.getUint8(layout.level.offset) >>> layout.level.bits) & 7,
      text: decoder.decode(block.subarray(0, length)),
    });
  }
  return records;
}

const decoder = new TextDecoder();

/** The text between two logical positions: a block that would cross the end of the ring stands at its start instead. */
function blockOf(ring: Uint8Array, begin: bigint, next: bigint): Uint8Array {
  // Positions of records without text are odd (FAILED_LPOS, NO_LPOS).
  if ((begin & 1n) !== 0n) return new Uint8Array();
  const size = BigInt(ring.length);
  const isWhole = begin / size === (next - 1n) / size;
  const start = isWhole ? Number(begin % size) : 0;
  const end = isWhole ? Number((next - 1n) % size) + 1 : Number(next % size);
  return ring.subarray(start + BLOCK_HEADER, Math.max(end, start + BLOCK_HEADER));
}

interface RingLayout {
  /** Bytes of a struct prb_desc and a struct printk_info, and where their members are. */
  readonly descriptor: number;
  readonly state: number;
  readonly begin: number;
  readonly next: number;
  readonly info: number;
  readonly sequence: number;
  readonly time: number;
  readonly textLength: number;
  readonly level: { readonly offset: number; readonly bits: number };
}

async function layoutOf(memory: KernelMemory): Promise<RingLayout | undefined> {
  const descriptor = await memory.sizeOf('prb_desc');
  const info = await memory.sizeOf('printk_info');
  const at = async (structure: string, path: string): Promise<number | undefined> =>
    (await memory.layout(structure, path))?.offset;
  const state = await at('prb_desc', 'state_var');
  const begin = await at('prb_desc', 'text_blk_lpos.begin');
  const next = await at('prb_desc', 'text_blk_lpos.next');
  const sequence = await at('printk_info', 'seq');
  const time = await at('printk_info', 'ts_nsec');
  const textLength = await at('printk_info', 'text_len');
  const level = await memory.layout('printk_info', 'level');
  if (descriptor === undefined || info === undefined || state === undefined) return undefined;
  if (begin === undefined || next === undefined || sequence === undefined) return undefined;
  if (time === undefined || textLength === undefined || !level) return undefined;
  return {
    descriptor,
    info,
    state,
    begin,
    next,
    sequence,
    time,
    textLength,
    level: { offset: level.offset, bits: level.bits?.offset ?? 0 },
  };
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const wordAt = (bytes: Uint8Array, offset: number): bigint => viewOf(bytes).getBigUint64(offset, true);
