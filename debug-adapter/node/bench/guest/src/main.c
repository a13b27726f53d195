// Runs the workload that the kernel command line names, as `bench=NAME:UNITS`, prints its checksum and
// powers off.

#include "guest.h"

struct row {
  const char *name;
  workload *run;
};

static const struct row rows[] = {
  {"alu", run_alu},           {"crc", run_crc},         {"copy", run_copy},       {"chase", run_chase},
  {"stride", run_stride},     {"call", run_call},       {"fib", run_fib},         {"sort", run_sort},
  {"sha256", run_sha256},     {"bytecode", run_bytecode}, {"tree", run_tree},     {"string", run_string},
  {"multiply", run_multiply}, {"core", run_core},       {"records", run_records}, {"hypercall", run_hypercall},
  {"mmio", run_mmio},         {"timer", run_timer},     {"syscall", run_syscall}, {"refill", run_refill},
  {"pages", run_pages},       {"spaces", run_spaces}, {"share", run_share},
};

u8 heap[1 << 20] __attribute__((aligned(4096)));
bool under_xen;
u64 uart = 0x09000000;
static const u64 XEN_UART = 0x22000000;

_Noreturn void power_off(void);

// ---- console

static void print_character(char c) { *(volatile u32 *)uart = (u8)c; }

static void print(const char *text) {
  while (*text) print_character(*text++);
}

static void print_hex(u64 value) {
  for (int shift = 60; shift >= 0; shift -= 4) print_character("0123456789abcdef"[value >> shift & 15]);
}

static void print_decimal(u64 value) {
  if (value >= 10) print_decimal(value / 10);
  print_character('0' + value % 10);
}

_Noreturn void fail(const char *what, u64 a, u64 b) {
  print("trouble: ");
  print(what);
  print_character(' ');
  print_hex(a);
  print_character(' ');
  print_hex(b);
  print_character('\n');
  power_off();
}

_Noreturn void report_exception(u64 esr, u64 far, u64 elr) {
  print_hex(esr);
  print_character(' ');
  fail("exception at, for", elr, far);
}

// ---- device tree

static u32 big_endian(const u8 *at) { return (u32)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]; }

static bool equal(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}

static const char *find(const char *text, const char *part) {
  for (; *text; text++) {
    const char *a = text, *b = part;
    while (*b && *a == *b) a++, b++;
    if (!*b) return a;
  }
  return 0;
}

// The first property of this name, wherever it stands: the two that are asked for are not ambiguous.
static const char *property(const u8 *tree, const char *name) {
  enum { BEGIN_NODE = 1, END_NODE, PROPERTY, NOP, END = 9 };
  if (big_endian(tree) != 0xd00dfeed) fail("no device tree at", (u64)tree, 0);
  const u8 *at = tree + big_endian(tree + 8);
  const char *strings = (const char *)tree + big_endian(tree + 12);
  for (;;) {
    u32 token = big_endian(at);
    at += 4;
    if (token == BEGIN_NODE) {
      u64 length = 0;
      while (at[length]) length++;
      at += (length + 4) & ~3ul;
    } else if (token == PROPERTY) {
      u32 length = big_endian(at);
      if (equal(strings + big_endian(at + 4), name)) return (const char *)at + 8;
      at += 8 + ((length + 3) & ~3ul);
    } else if (token != END_NODE && token != NOP) {
      return "";
    }
  }
}

void main(const u8 *tree) {
  // The root of a bare board says so. The trees of Xen's toolstack and of Xen itself have other roots, or one
  // without the property.
  under_xen = !equal(property(tree, "compatible"), "linux,dummy-virt");
  if (under_xen) uart = XEN_UART;
  const char *wanted = find(property(tree, "bootargs"), "bench=");
  if (!wanted) fail("bench=NAME:UNITS is not on the command line", 0, 0);
  for (u64 i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    const char *a = rows[i].name, *b = wanted;
    while (*a && *a == *b) a++, b++;
    if (*a || *b != ':') continue;
    u64 units = 0;
    for (b++; *b >= '0' && *b <= '9'; b++) units = units * 10 + (*b - '0');
    if (!units) fail("no units of work", i, 0);
    u64 checksum = rows[i].run(units);
    print(rows[i].name);
    print_character(' ');
    print_decimal(units);
    print_character(' ');
    print_hex(checksum);
    print_character('\n');
    return;
  }
  fail("no such workload", 0, 0);
}

u32 next_random(u32 *state) {
  u32 x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}
