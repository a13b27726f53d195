// Workloads of ordinary compiled code, and the C halves of those in loops.S.

#include "guest.h"

static void fill_heap(void) {
  u32 state = 99;
  for (u64 i = 0; i < sizeof heap; i += 4) *(u32 *)&heap[i] = next_random(&state);
}

u64 run_copy(u64 units) {
  fill_heap();
  return copy_words(heap + 0x20000, heap, 0x10000, units * 30);
}

struct node {
  struct node *next;
  u64 value;
};

u64 run_chase(u64 units) {
  enum { NODES = 4096 };
  struct node *nodes = (struct node *)heap;
  // A full-period sequence modulo a power of two visits every node once.
  for (u64 at = 0, i = 0; i < NODES; i++) {
    u64 next = (at * 1029 + 797) % NODES;
    nodes[at].next = &nodes[next];
    nodes[at].value = at * 3;
    at = next;
  }
  return chase(nodes, units * 200000);
}

u64 run_stride(u64 units) {
  fill_heap();
  return stride(heap, units * 70000);
}

u64 run_fib(u64 units) {
  u64 sum = 0;
  for (u64 i = 0; i < units; i++) sum = sum * 3 + fib(23 + i % 2);
  return sum;
}

void quicksort(u32 *list, i64 low, i64 high) {
  while (low < high) {
    u32 pivot = list[(low + high) / 2];
    i64 i = low, j = high;
    do {
      while (list[i] < pivot) i++;
      while (list[j] > pivot) j--;
      if (i <= j) {
        u32 kept = list[i];
        list[i++] = list[j];
        list[j--] = kept;
      }
    } while (i <= j);
    // The shorter part by a call, the longer one by going on.
    if (j - low < high - i) {
      quicksort(list, low, j);
      low = i;
    } else {
      quicksort(list, i, high);
      high = j;
    }
  }
}

u64 run_sort(u64 units) {
  enum { LENGTH = 8192 };
  u32 *list = (u32 *)heap;
  u64 checksum = 0;
  for (u64 n = 0; n < units; n++) {
    u32 state = 4711 + n;
    for (u64 i = 0; i < LENGTH; i++) list[i] = next_random(&state);
    quicksort(list, 0, LENGTH - 1);
    for (u64 i = 1; i < LENGTH; i++) {
      if (list[i - 1] > list[i]) fail("not sorted at", n, i);
    }
    checksum = checksum * 31 + list[n % LENGTH];
  }
  return checksum;
}

// ---- SHA-256 (FIPS 180-4)

static u32 constants[64], start_values[8];

static u32 rotate(u32 x, u32 by) { return x >> by | x << (32 - by); }

// The fractional parts of cube and square roots of the first primes.
static u32 root_bits(u64 prime, u32 power) {
  // The largest x with x^power <= prime * 2^(32 * power), by its bits; its low 32 bits are the fraction.
  u64 x = 0;
  for (int bit = 35; bit >= 0; bit--) {
    u64 candidate = x | 1ul << bit;
    unsigned __int128 square = (unsigned __int128)candidate * candidate;
    bool fits;
    if (power == 2) {
      fits = square <= (unsigned __int128)prime << 64;
    } else {
      // x^3 <= p * 2^96, without the low halves that do not fit: x^2 <= p * 2^96 / x.
      unsigned __int128 high = (unsigned __int128)prime << 96;
      u64 hi = high >> 64;
      u64 quotient_high = hi / candidate;
      unsigned __int128 rest = (unsigned __int128)(hi % candidate) << 64;
      // Division of 128 by 64 bits, by shifting.
      u64 low = 0, remainder = rest >> 64;
      for (int i = 0; i < 64; i++) {
        u64 carry = remainder >> 63;
        remainder <<= 1;
        low <<= 1;
        if (carry || remainder >= candidate) {
          remainder -= candidate;
          low |= 1;
        }
      }
      fits = square <= ((unsigned __int128)quotient_high << 64 | low);
    }
    if (fits) x = candidate;
  }
  return (u32)x;
}

static void make_constants(void) {
  u64 count = 0;
  for (u64 n = 2; count < 64; n++) {
    bool prime = true;
    for (u64 d = 2; d * d <= n; d++) prime &= n % d != 0;
    if (!prime) continue;
    if (count < 8) start_values[count] = root_bits(n, 2);
    constants[count++] = root_bits(n, 3);
  }
}

static void sha256_block(u32 *hash, const u32 *block) {
  u32 w[64];
  for (int i = 0; i < 16; i++) w[i] = block[i];
  for (int i = 16; i < 64; i++) {
    u32 s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
    u32 s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  u32 a = hash[0], b = hash[1], c = hash[2], d = hash[3];
  u32 e = hash[4], f = hash[5], g = hash[6], h = hash[7];
  for (int i = 0; i < 64; i++) {
    u32 s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
    u32 t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + w[i];
    u32 s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
    u32 t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  hash[0] += a, hash[1] += b, hash[2] += c, hash[3] += d;
  hash[4] += e, hash[5] += f, hash[6] += g, hash[7] += h;
}

u64 run_sha256(u64 units) {
  make_constants();
  u32 hash[8], block[16];
  for (int i = 0; i < 8; i++) hash[i] = start_values[i];
  // FIPS 180-4: the message "abc" has the digest ba7816bf…f20015ad.
  for (int i = 0; i < 16; i++) block[i] = 0;
  block[0] = 0x61626380, block[15] = 24;
  sha256_block(hash, block);
  if (hash[0] != 0xba7816bf || hash[7] != 0xf20015ad) fail("not SHA-256", hash[0], hash[7]);
  for (u64 n = 0; n < units * 400; n++) {
    for (int i = 0; i < 16; i++) block[i] = (u32)(n * 16 + i) * 0x9e3779b9u;
    sha256_block(hash, block);
  }
  return (u64)hash[0] << 32 | hash[7];
}

// ---- a machine for byte code, with a switch as compilers make it

enum operation { ADD, MULTIPLY, XOR, ROTATE, LOAD, STORE, DECREMENT, BRANCH, SWAP, END };

static const u8 bytecode[] = {
  LOAD, 0, ADD, 13, MULTIPLY, 5, STORE, 1, XOR, 2, ROTATE, 9, SWAP, 3, ADD, 77, STORE, 2,
  LOAD, 1, ROTATE, 31, XOR, 3, STORE, 0, MULTIPLY, 11, STORE, 3, DECREMENT, 4, BRANCH, 0, END, 0,
};

u64 run_bytecode(u64 units) {
  u64 registers[5] = {1, 2, 3, 4, units * 6000}, value = 1;
  for (const u8 *at = bytecode;; at += 2) {
    u8 operand = at[1];
    switch ((enum operation)at[0]) {
    case ADD: value += operand; break;
    case MULTIPLY: value = value * 0x5851f42d4c957f2dul + operand; break;
    case XOR: value ^= registers[operand]; break;
    case ROTATE: value = value >> operand | value << (64 - operand); break;
    case LOAD: value = registers[operand]; break;
    case STORE: registers[operand] = value; break;
    case DECREMENT: registers[operand]--; break;
    case BRANCH:
      if (registers[4]) at = bytecode + operand - 2;
      break;
    case SWAP: {
      u64 kept = registers[operand];
      registers[operand] = value;
      value = kept;
      break;
    }
    case END: return value ^ registers[0] ^ registers[1] ^ registers[2] ^ registers[3];
    default: fail("no such byte code", at - bytecode, at[0]);
    }
  }
}

// ---- a binary tree of 8192 keys at most

struct leaf {
  struct leaf *child[2];
  u64 key, count;
};

u64 run_tree(u64 units) {
  struct leaf *pool = (struct leaf *)heap, *root = 0;
  u64 used = 0, sum = 0;
  u32 state = 31337;
  for (u64 n = 0; n < units * 8000; n++) {
    u64 key = next_random(&state) >> 19;
    struct leaf **at = &root;
    while (*at && (*at)->key != key) at = &(*at)->child[key > (*at)->key];
    if (*at) {
      sum += (*at)->count++ ^ key;
    } else {
      struct leaf *leaf = &pool[used++];
      *leaf = (struct leaf){{0, 0}, key, n};
      *at = leaf;
    }
  }
  return sum * 31 + used;
}

// ---- numbers to text and back, lengths, comparisons

static u64 write_number(char *to, u64 value) {
  char digits[20];
  u64 length = 0;
  do {
    digits[length++] = '0' + value % 10;
    value /= 10;
  } while (value);
  for (u64 i = 0; i < length; i++) to[i] = digits[length - 1 - i];
  to[length] = 0;
  return length;
}

u64 run_string(u64 units) {
  char *text = (char *)heap, *last = (char *)heap + 64;
  u64 sum = 0;
  *last = 0;
  for (u64 n = 0; n < units * 3000; n++) {
    u64 length = write_number(text, n * 2654435761ul);
    u32 hash = 5381;
    for (const char *c = text; *c; c++) hash = hash * 33 ^ (u8)*c;
    u64 same = 0, value = 0;
    while (text[same] && text[same] == last[same]) same++;
    for (const char *c = text; *c; c++) value = value * 10 + (*c - '0');
    if (value != n * 2654435761ul) fail("wrong number", n, value);
    for (u64 i = 0; i <= length; i++) last[i] = text[i];
    sum = sum * 7 + hash % 1009 + same;
  }
  return sum;
}

u64 run_multiply(u64 units) {
  u64 a = 0x123456789abcdeful, b = 0xfedcba987654321ul, sum = 0;
  for (u64 n = 0; n < units * 120000; n++) {
    unsigned __int128 product = (unsigned __int128)a * b;
    a = (u64)product | 1;
    b = (u64)(product >> 64) ^ n;
    sum += b;
  }
  return sum ^ a;
}
