// Decoding of the words that the generated tables know (interpreter/patterns.ts): nearly all that are executed.

import {
  DECODE_BUCKETS,
  DECODE_BUCKET_COUNT_BITS,
  DECODE_BUCKET_SHIFT,
  DECODE_BY_HOST,
  DECODE_ENTRIES,
  DECODE_ENTRY_SIZE,
  DECODE_STEPS,
  DECODE_STEP_SIZE,
  DECODE_VALUES,
  PAGE_RECORDS,
  RAM_HOST,
  RECORD_PAGE_INDEX,
  SP,
  STEP_BASE,
  STEP_BASE_UNSIGNED,
  STEP_PIECE_NEGATIVE,
  STEP_PIECE_SIGNED,
  STEP_READ,
  STEP_SP,
  STEP_STORE16,
  STEP_STORE32,
  STEP_STORE64,
  STEP_TABLE,
  STEP_VECTOR,
  STEP_WRITE,
  V,
  X,
  X_DISCARD,
  X_ZERO,
} from '../memory/layout';

/** Decodes any word; the code cache does it. */
@external('env', 'decodeByHost')
declare function decodeByHost(record: i32): void;

/** Fills in this record of the page that is executed. */
export function decodeRecord(record: i32): void {
  const records = load<i32>(PAGE_RECORDS);
  const page = RAM_HOST + (load<i32>(records + RECORD_PAGE_INDEX) << 12);
  const word = load<u32>(page + ((record - records) >> 2));
  if (load<i32>(DECODE_BY_HOST) || !decodeWord(record, word)) decodeByHost(record);
}

/** Fills in the record, or answers 0 when no pattern has the word. */
export function decodeWord(record: i32, word: u32): i32 {
  const head = load<u32>(DECODE_BUCKETS + ((word >>> DECODE_BUCKET_SHIFT) << 2));
  let entry = DECODE_ENTRIES + (head >>> DECODE_BUCKET_COUNT_BITS) * DECODE_ENTRY_SIZE;
  const end = entry + (head & ((1 << DECODE_BUCKET_COUNT_BITS) - 1)) * DECODE_ENTRY_SIZE;
  for (; entry < end; entry += DECODE_ENTRY_SIZE) {
    if ((word & load<u32>(entry)) != load<u32>(entry, 4)) continue;
    store<u16>(record, load<u16>(entry, 8));
    writeOperands(record, word, DECODE_STEPS + (load<u16>(entry, 10) as u32) * DECODE_STEP_SIZE);
    return 1;
  }
  return 0;
}

function writeOperands(record: i32, word: u32, firstStep: u32): void {
  let value: i64 = 0;
  for (let step = firstStep; ; step += DECODE_STEP_SIZE) {
    const kind = load<u8>(step) as i32;
    const to = record + (load<u8>(step, 1) as i32);
    const number = (word >>> load<u8>(step, 2)) & ((1 << load<u8>(step, 3)) - 1);
    switch (kind) {
      case 0:
        return;
      case STEP_READ:
        store<u16>(to, number == 31 ? X_ZERO : X + 8 * number);
        break;
      case STEP_WRITE:
        store<u16>(to, number == 31 ? X_DISCARD : X + 8 * number);
        break;
      case STEP_SP:
        store<u16>(to, number == 31 ? SP : X + 8 * number);
        break;
      case STEP_VECTOR:
        store<u16>(to, V + 16 * number);
        break;
      case STEP_BASE:
        value = load<i32>(step, 4) as i64;
        break;
      case STEP_BASE_UNSIGNED:
        value = load<u32>(step, 4) as i64;
        break;
      case STEP_TABLE:
        value = load<i64>(DECODE_VALUES + ((load<i32>(step, 4) + number) << 3));
        break;
      case STEP_STORE16:
        store<u16>(to, value as u16);
        value = 0;
        break;
      case STEP_STORE32:
        store<i32>(to, value as i32);
        value = 0;
        break;
      case STEP_STORE64:
        store<i64>(to, value);
        value = 0;
        break;
      default: {
        let piece = number as i64;
        if (kind & STEP_PIECE_SIGNED) {
          const unused = (64 - (load<u8>(step, 3) as i32)) as i64;
          piece = (piece << unused) >> unused;
        }
        piece <<= load<i32>(step, 4) as i64;
        value = kind & STEP_PIECE_NEGATIVE ? value - piece : value + piece;
      }
    }
  }
}
