// What CoreMark measures, written for the purpose: a linked list that is searched and sorted, multiplication
// of small matrices, a state machine over text, and a CRC over all results.

#include "guest.h"

static u16 crc16(u16 crc, u32 value) {
  for (int i = 0; i < 32; i++) {
    u32 bit = (crc ^ value) & 1;
    crc >>= 1;
    if (bit) crc ^= 0xa001;
    value >>= 1;
  }
  return crc;
}

// ---- list

struct item {
  struct item *next;
  i64 key;
  u64 index;
};

typedef bool before(const struct item *a, const struct item *b);
static bool by_key(const struct item *a, const struct item *b) { return a->key <= b->key; }
static bool by_index(const struct item *a, const struct item *b) { return a->index <= b->index; }

// Merge sort from the bottom: runs of 1, 2, 4… are merged until there is one.
static struct item *sort_list(struct item *list, before *order) {
  for (u64 run = 1;; run *= 2) {
    struct item *rest = list, **tail = &list;
    u64 merges = 0;
    while (rest) {
      merges++;
      struct item *a = rest, *b = rest;
      u64 a_left = 0, b_left = run;
      while (a_left < run && b) a_left++, b = b->next;
      while (a_left || (b_left && b)) {
        struct item *taken;
        if (a_left && (!b_left || !b || order(a, b))) {
          taken = a, a = a->next, a_left--;
        } else {
          taken = b, b = b->next, b_left--;
        }
        *tail = taken;
        tail = &taken->next;
      }
      rest = b;
    }
    *tail = 0;
    if (merges <= 1) return list;
  }
}

static u16 list_work(struct item *items, u64 count, u32 seed, u16 crc) {
  for (u64 i = 0; i < count; i++) {
    u32 key = next_random(&seed) & 0xffff;
    items[i] = (struct item){i + 1 < count ? &items[i + 1] : 0, key, i};
  }
  struct item *list = items;
  u64 found = 0;
  for (u64 n = 0; n < 24; n++) {
    i64 wanted = items[next_random(&seed) % count].key;
    struct item *at = list;
    while (at && at->key != wanted) at = at->next;
    if (at) found += at->index;
    // What was found goes to the front, reversed with what stood before it.
    struct item *reversed = 0, *walk = list;
    while (walk && walk != at) {
      struct item *next = walk->next;
      walk->next = reversed, reversed = walk, walk = next;
    }
    if (walk) {
      struct item *end = walk;
      while (end->next) end = end->next;
      end->next = reversed;
      list = walk;
    } else {
      list = reversed;
    }
  }
  list = sort_list(list, by_key);
  for (struct item *at = list; at; at = at->next) crc = crc16(crc, at->key);
  list = sort_list(list, by_index);
  for (struct item *at = list; at; at = at->next) crc = crc16(crc, at->index);
  return crc16(crc, found);
}

// ---- matrices of 16-bit numbers

enum { SIDE = 12 };

static u16 matrix_work(int16_t *a, int16_t *b, int32_t *result, u32 seed, u16 crc) {
  for (int i = 0; i < SIDE * SIDE; i++) {
    a[i] = next_random(&seed);
    b[i] = next_random(&seed) & 0xff;
  }
  int16_t factor = seed & 0x3f;
  for (int i = 0; i < SIDE; i++) {
    for (int j = 0; j < SIDE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < SIDE; k++) sum += a[i * SIDE + k] * b[k * SIDE + j];
      result[i * SIDE + j] = sum;
    }
  }
  for (int i = 0; i < SIDE * SIDE; i++) crc = crc16(crc, result[i] * factor);
  for (int i = 0; i < SIDE; i++) {
    for (int j = 0; j < SIDE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < SIDE; k++) {
        int32_t product = a[i * SIDE + k] * b[k * SIDE + j];
        sum += (product >> 2 & 0xf) * (product >> 5 & 0x7f);
      }
      crc = crc16(crc, sum);
    }
  }
  return crc;
}

// ---- numbers in text, told apart by a state machine

enum state { START, SIGN, WHOLE, POINT, FRACTION, EXPONENT, SCALED, INVALID, STATES };

static enum state next_state(enum state state, char c) {
  bool digit = c >= '0' && c <= '9';
  switch (state) {
  case START: return digit ? WHOLE : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : INVALID;
  case SIGN: return digit ? WHOLE : c == '.' ? POINT : INVALID;
  case WHOLE: return digit ? WHOLE : c == '.' ? FRACTION : c == 'e' ? EXPONENT : INVALID;
  case POINT: return digit ? FRACTION : INVALID;
  case FRACTION: return digit ? FRACTION : c == 'e' ? EXPONENT : INVALID;
  case EXPONENT: return digit || c == '-' || c == '+' ? SCALED : INVALID;
  case SCALED: return digit ? SCALED : INVALID;
  default: return INVALID;
  }
}

static u16 text_work(char *text, u64 length, u32 seed, u16 crc) {
  static const char *const words[] = {"5012", "-874", "+122", "35.54400", ".1234500", "-110.700",
                                      "+0.64400", "5.500e3", "-.123e-2", "T0.3e-1F", "-T.T++Tq", "1T3.4e4z"};
  u64 at = 0;
  while (at + 12 < length) {
    const char *word = words[next_random(&seed) % 12];
    while (*word) text[at++] = *word++;
    text[at++] = ',';
  }
  text[at] = 0;
  u32 ends[STATES] = {0}, visits[STATES] = {0};
  enum state state = START;
  for (const char *c = text; *c; c++) {
    if (*c == ',') {
      ends[state]++;
      state = START;
    } else {
      state = next_state(state, *c);
      visits[state]++;
    }
  }
  for (int i = 0; i < STATES; i++) crc = crc16(crc16(crc, ends[i]), visits[i]);
  return crc;
}

u64 run_core(u64 units) {
  u16 crc = 0;
  for (u64 n = 0; n < units * 3; n++) {
    u32 seed = 0x3415 + n;
    crc = list_work((struct item *)heap, 160, seed, crc);
    for (int i = 0; i < 2; i++) {
      crc = matrix_work((int16_t *)(heap + 0x8000), (int16_t *)(heap + 0x9000), (int32_t *)(heap + 0xa000), seed + i, crc);
    }
    crc = text_work((char *)heap + 0x10000, 1024, seed, crc);
  }
  return crc;
}
