// Where static objects of a kernel are that has no symbols of data: kallsyms names functions only, unless the kernel
// was built with CONFIG_KALLSYMS_ALL. Those that are needed begin with values that nothing else has.

import { viewOf } from '../../../emulator/formats/elf.ts';
import type { StructLayouts } from './layouts.ts';

export interface Statics {
  /** Offsets in the Image. */
  readonly initTask: number | undefined;
  readonly printkRing: number | undefined;
}

/** INIT_TASK_COMM of include/linux/init_task.h. */
const INIT_COMM = 'swapper';
/** MAX_PRIO - 20 of include/linux/sched/prio.h. */
const INIT_PRIORITY = 120;

export async function findStatics(image: Uint8Array, layouts: StructLayouts): Promise<Statics> {
  return {
    initTask: await findInitTask(image, layouts),
    printkRing: await findPrintkRing(image, layouts),
  };
}

/** `init_task` of init/init_task.c: its name, and three priorities. */
async function findInitTask(image: Uint8Array, layouts: StructLayouts): Promise<number | undefined> {
  const comm = await layouts.field('task_struct', 'comm');
  const priorities = await Promise.all(
    ['prio', 'static_prio', 'normal_prio'].map((name) => layouts.field('task_struct', name)),
  );
  const size = await layouts.sizeOf('task_struct');
  if (!comm || size === undefined) return undefined;
  const view = viewOf(image);
  const name = new TextEncoder().encode(INIT_COMM);
  const first = viewOf(name).getUint32(0, true);
  const words = wordsOf(image);
  const end = words.length - size / 4;
  for (let word = 0; word <= end; word += 2) {
    if (words[word + comm.offset / 4] !== first) continue;
    const start = 4 * word;
    const at = start + comm.offset;
    if (!name.every((byte, i) => image[at + i] === byte)) continue;
    if (!image.subarray(at + name.length, at + comm.size).every((byte) => byte === 0)) continue;
    if (priorities.every((field) => field && view.getInt32(start + field.offset, true) === INIT_PRIORITY)) {
      return start;
    }
  }
  return undefined;
}

/** All 32-bit words of it: millions, which a DataView takes several times as long for. */
function wordsOf(image: Uint8Array): Uint32Array {
  const bytes = image.byteOffset % 4 === 0 ? image : image.slice();
  return new Uint32Array(bytes.buffer, bytes.byteOffset, Math.floor(bytes.length / 4));
}

/** LOG_BUF_SHIFT of init/Kconfig: 12 to 25. A descriptor stands for 32 bytes of text (PRB_AVGBITS). */
const MIN_TEXT_BITS = 12;
const MAX_TEXT_BITS = 25;
const AVERAGE_TEXT_BITS = 5;
/** `printk_rb_static` of kernel/printk/printk.c, as _DEFINE_PRINTKRB has it: both rings at their ends before the first turn. */
async function findPrintkRing(image: Uint8Array, layouts: StructLayouts): Promise<number | undefined> {
  const field = (path: string) => layouts.field('printk_ringbuffer', path);
  const countBits = await field('desc_ring.count_bits');
  const headId = await field('desc_ring.head_id');
  const tailId = await field('desc_ring.tail_id');
  const sizeBits = await field('text_data_ring.size_bits');
  const headPosition = await field('text_data_ring.head_lpos');
  const tailPosition = await field('text_data_ring.tail_lpos');
  const size = await layouts.sizeOf('printk_ringbuffer');
  if (!countBits || !headId || !tailId || !sizeBits || !headPosition || !tailPosition || size === undefined) {
    return undefined;
  }
  const view = viewOf(image);
  const words = wordsOf(image);
  const end = words.length - size / 4;
  for (let word = 0; word <= end; word += 2) {
    const bits = words[word + sizeBits.offset / 4] ?? 0;
    if (bits < MIN_TEXT_BITS || bits > MAX_TEXT_BITS) continue;
    const count = words[word + countBits.offset / 4] ?? 0;
    if (count !== bits - AVERAGE_TEXT_BITS) continue;
    const at = 4 * word;
    // Counted in 32 bits (DESC0_ID of printk_ringbuffer.h).
    const id = -(1 + 2 ** count) >>> 0;
    const position = BigInt.asUintN(64, -(1n << BigInt(bits)));
    const isThere =
      view.getBigUint64(at + headPosition.offset, true) === position &&
      view.getBigUint64(at + tailPosition.offset, true) === position &&
      view.getUint32(at + headId.offset, true) === id &&
      view.getUint32(at + tailId.offset, true) === id;
    if (isThere) return at;
  }
  return undefined;
}

/**
 * Where the Image has a pointer to an address: a relocatable kernel keeps it as the addend of an R_AARCH64_RELATIVE
 * entry (place, 0x403, value), and the place itself is zero.
 */
export function pointersTo(image: Uint8Array, address: bigint): readonly bigint[] {
  const view = viewOf(image);
  const places: bigint[] = [];
  const words = wordsOf(image);
  for (let word = 2; word + 4 <= words.length; word += 2) {
    if (words[word] !== 0x403 || words[word + 1] !== 0) continue;
    const at = 4 * word;
    if (view.getBigUint64(at + 8, true) === address) places.push(view.getBigUint64(at - 8, true));
  }
  return places;
}

/** Where the Image has lists that are empty at first: two pointers to the place where they stand (LIST_HEAD). */
export function emptyLists(image: Uint8Array): readonly bigint[] {
  const words = wordsOf(image);
  const places: bigint[] = [];
  for (let word = 2; word + 8 < words.length; word += 2) {
    if (words[word] !== 0x403 || words[word + 1] !== 0) continue;
    const low = words[word - 2] ?? 0;
    const high = words[word - 1] ?? 0;
    if (words[word + 2] !== low || words[word + 3] !== high) continue;
    // Entries stand in the order of their places.
    const isPair = words[word + 4] === low + 8 && words[word + 6] === 0x403 && words[word + 8] === low;
    if (isPair) places.push((BigInt(high) << 32n) | BigInt(low));
  }
  return places;
}
