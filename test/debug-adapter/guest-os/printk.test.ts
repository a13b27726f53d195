import { expect, test } from 'vitest';
import { logLines } from '../../../debug-adapter/guest-os/commands.ts';
import { readPrintkRing } from '../../../debug-adapter/guest-os/linux/printk.ts';
import { HEAP, type Layouts, LINK, LinuxMemory } from '../support/linux-memory.ts';

const LAYOUTS: Layouts = {
  printk_ringbuffer: {
    size: 96,
    fields: {
      'desc_ring.count_bits': [0, 4],
      'desc_ring.descs': [8, 8],
      'desc_ring.infos': [16, 8],
      'desc_ring.head_id': [24, 8],
      'desc_ring.tail_id': [32, 8],
      'text_data_ring.size_bits': [48, 4],
      'text_data_ring.data': [56, 8],
    },
  },
  prb_desc: {
    size: 24,
    fields: { state_var: [0, 8], 'text_blk_lpos.begin': [8, 8], 'text_blk_lpos.next': [16, 8] },
  },
  printk_info: {
    size: 88,
    fields: { seq: [0, 8], ts_nsec: [8, 8], text_len: [16, 2], level: [19, 1, 5, 3] },
  },
};

const RING = LINK + 0x1000n;
const DESCRIPTORS = HEAP;
const INFOS = HEAP + 0x1000n;
const DATA = HEAP + 0x3000n;
const COUNT_BITS = 3n;
const SIZE_BITS = 8n;
const SIZE = 1n << SIZE_BITS;
const [RESERVED, COMMITTED, FINALIZED, REUSABLE] = [0n, 1n, 2n, 3n];

/** Ids and positions begin shortly before they overflow, as the kernel's do. */
const FIRST_ID = (1n << 32n) - 9n;
const FIRST_POSITION = BigInt.asUintN(64, -SIZE);

interface Message {
  readonly text: string;
  readonly level?: number;
  readonly state?: bigint;
  /** Nothing of the text was kept. */
  readonly isLost?: boolean;
}

/** A ring to which these were printed, one after the other; the last eight are there. */
function ringWith(messages: readonly Message[]): LinuxMemory {
  const memory = new LinuxMemory(LAYOUTS);
  const count = 1n << COUNT_BITS;
  memory.set(RING, 'printk_ringbuffer', {
    'desc_ring.count_bits': COUNT_BITS,
    'desc_ring.descs': DESCRIPTORS,
    'desc_ring.infos': INFOS,
    'desc_ring.head_id': FIRST_ID + BigInt(messages.length - 1),
    'desc_ring.tail_id': FIRST_ID + BigInt(Math.max(0, messages.length - Number(count))),
    'text_data_ring.size_bits': SIZE_BITS,
    'text_data_ring.data': DATA,
  });
  let position = FIRST_POSITION;
  for (const [i, { text, level = 6, state = FINALIZED, isLost }] of messages.entries()) {
    const id = FIRST_ID + BigInt(i);
    const size = (BigInt(8 + text.length) + 7n) & ~7n;
    let begin = position;
    let next = BigInt.asUintN(64, begin + size);
    let at = begin % SIZE;
    if (next / SIZE !== begin / SIZE) {
      // It would cross the end: it begins anew at the start.
      next = (next / SIZE) * SIZE + size;
      at = 0n;
    }
    position = next;
    memory.word(DATA + at, id);
    memory.text(DATA + at + 8n, text);
    if (isLost) [begin, next] = [1n, 1n];
    const index = id % count;
    const descriptor = DESCRIPTORS + 24n * index;
    memory.set(descriptor, 'prb_desc', { state_var: (state << 62n) | id });
    memory.set(descriptor, 'prb_desc', { 'text_blk_lpos.begin': begin, 'text_blk_lpos.next': next });
    const info = INFOS + 88n * index;
    memory.set(info, 'printk_info', { seq: i, ts_nsec: 1_500_000 * i, text_len: text.length });
    memory.word(info + 19n, BigInt(level << 5), 1);
  }
  return memory;
}

const textsOf = async (memory: LinuxMemory): Promise<readonly string[]> =>
  (await readPrintkRing(memory.kernel, RING)).map(({ text }) => text);

test('records have a number, a time, a level and a text', async () => {
  const memory = ringWith([
    { text: 'Booting', level: 5 },
    { text: 'Oops', level: 0 },
  ]);
  expect(await readPrintkRing(memory.kernel, RING)).toEqual([
    { sequence: 0n, nanoseconds: 0n, level: 5, text: 'Booting' },
    { sequence: 1n, nanoseconds: 1_500_000n, level: 0, text: 'Oops' },
  ]);
});

test('when the ring went round, the oldest records are gone and the others are whole', async () => {
  const messages = Array.from({ length: 30 }, (_, i) => ({ text: `message ${i}`.padEnd(3 + (i % 4), '.') }));
  const found = await textsOf(ringWith(messages));
  expect(found).toEqual(messages.slice(-8).map(({ text }) => text));
});

test('what is being written is left out, what is complete is not', async () => {
  const memory = ringWith([
    { text: 'done' },
    { text: 'half', state: RESERVED },
    { text: 'may grow', state: COMMITTED },
    { text: 'old', state: REUSABLE },
  ]);
  expect(await textsOf(memory)).toEqual(['done', 'may grow']);
});

test('a record whose text found no room is empty', async () => {
  expect(await textsOf(ringWith([{ text: 'lost', isLost: true }, { text: 'kept' }]))).toEqual(['', 'kept']);
});

test('before there is a ring, and when it is damaged, there are no records', async () => {
  expect(await textsOf(new LinuxMemory(LAYOUTS))).toEqual([]);
  for (const damage of [
    { 'desc_ring.count_bits': 60 },
    { 'text_data_ring.size_bits': 63 },
    { 'desc_ring.descs': 0x1234 },
    { 'text_data_ring.data': 0 },
  ]) {
    const memory = ringWith([{ text: 'x' }]);
    memory.set(RING, 'printk_ringbuffer', damage);
    expect(await textsOf(memory)).toEqual([]);
  }
  const wild = ringWith([{ text: 'x' }]);
  wild.set(RING, 'printk_ringbuffer', { 'desc_ring.tail_id': 0n });
  expect(await textsOf(wild)).toEqual([]);
});

test('each line of a record gets its time, as on a console', () => {
  const record = { sequence: 0n, nanoseconds: 12_034_567_890n, level: 6, text: 'one\ntwo\u001b[2J' };
  expect(logLines(record)).toBe('[   12.034567] one\n[   12.034567] two?[2J\n');
});
