// What every file of the measured guest uses.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t i64;

#define PAGE_SIZE 4096ul

#define read_sysreg(name) \
  ({ u64 value_; __asm__ volatile("mrs %0, " #name : "=r"(value_)); value_; })
#define write_sysreg(name, value) __asm__ volatile("msr " #name ", %0" : : "r"((u64)(value)))
#define isb() __asm__ volatile("isb" : : : "memory")
#define dsb(domain) __asm__ volatile("dsb " #domain : : : "memory")

// A workload does its unit of work so many times and returns a checksum. A unit is a million instructions or so.
typedef u64 workload(u64 units);

// loops.S
workload run_alu, run_crc, run_call;
u64 copy_words(void *to, const void *from, u64 bytes, u64 times);
u64 chase(void *first, u64 steps);
u64 stride(void *buffer, u64 steps);
u64 fib(u64 n);
u64 enter_user(u64 entry, u64 stack, u64 argument);

// compute.c, core.c, records.c, storms.c, share.c
workload run_copy, run_chase, run_stride, run_fib, run_sort, run_sha256, run_bytecode, run_tree, run_string,
    run_multiply, run_core, run_records;
workload run_hypercall, run_mmio, run_timer, run_syscall, run_refill, run_pages, run_spaces;
workload run_share;

// One MiB that belongs to whichever workload runs.
extern u8 heap[1 << 20];

u32 next_random(u32 *state);
void quicksort(u32 *list, i64 low, i64 high);

// mmu.c
void build_tables(void);
extern u64 boot_table[512];
// The tables of a small address space of programs: boot_table with 64 MiB at SPACE besides.
#define SPACE 0x100000000ul
#define SPACE_PAGES 16384ul
u64 *entry_of(u64 va);
void map_page(u64 va, u64 pa, u64 attributes);
void unmap_page(u64 va);
void flush_page(u64 va);
void flush_everything(void);
void use_space(u64 number);
// Access flag, inner shareable, Normal memory, not global.
#define PAGE_KERNEL 0xf03ul
#define PAGE_READ_ONLY 0x80ul
#define PAGE_USER 0x40ul
// Pages of physical memory for the taking: 16 MiB.
#define POOL 0x41000000ul
#define POOL_PAGES 4096ul

// main.c
extern bool under_xen;
extern u64 uart;
_Noreturn void fail(const char *what, u64 a, u64 b);

// storms.c, called by vectors.S
struct user_frame;
void handle_fault(u64 esr, u64 far, u64 elr);
void handle_interrupt(void);
u64 handle_system_call(u64 number, u64 a, u64 b);
