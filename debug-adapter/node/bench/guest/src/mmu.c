// Page tables: devices and RAM mapped to themselves in blocks, and 64 MiB at SPACE in pages.

#include "guest.h"

#define BLOCK_DEVICE 0x405ul
#define BLOCK_NORMAL 0x701ul
#define TABLE 3ul
#define BLOCK_SIZE 0x200000ul
#define TABLES (SPACE_PAGES / 512)

u64 boot_table[512] __attribute__((aligned(4096)));
static u64 ram_table[512] __attribute__((aligned(4096)));
static u64 space_table[512] __attribute__((aligned(4096)));
static u64 space_entries[SPACE_PAGES] __attribute__((aligned(4096)));

void build_tables(void) {
  boot_table[0] = BLOCK_DEVICE;
  boot_table[1] = (u64)ram_table | TABLE;
  boot_table[SPACE >> 30] = (u64)space_table | TABLE;
  for (u64 i = 0; i < 512; i++) ram_table[i] = (0x40000000ul + i * BLOCK_SIZE) | BLOCK_NORMAL;
  for (u64 i = 0; i < TABLES; i++) space_table[i] = (u64)&space_entries[i * 512] | TABLE;
}

u64 *entry_of(u64 va) { return &space_entries[(va - SPACE) / PAGE_SIZE]; }

void map_page(u64 va, u64 pa, u64 attributes) {
  *(volatile u64 *)entry_of(va) = pa | attributes;
  dsb(ishst);
  isb();
}

void unmap_page(u64 va) {
  *(volatile u64 *)entry_of(va) = 0;
  flush_page(va);
}

void flush_page(u64 va) {
  dsb(ishst);
  __asm__ volatile("tlbi vaae1is, %0" : : "r"(va >> 12) : "memory");
  dsb(ish);
  isb();
}

void flush_everything(void) {
  dsb(ishst);
  __asm__ volatile("tlbi vmalle1is" : : : "memory");
  dsb(ish);
  isb();
}

// The same tables under another ASID: what is in the TLB of one is not for the other.
void use_space(u64 number) {
  write_sysreg(ttbr0_el1, (u64)boot_table | number << 48);
  isb();
}
