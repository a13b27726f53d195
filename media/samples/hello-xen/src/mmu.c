// Translation tables of EL1 and EL0. Arm ARM (DDI 0487), "The AArch64 Virtual Memory System Architecture".

#include "mmu.h"

#define KERNEL_VA 0xffffff8000000000ul
#define WINDOWS_VA 0xffffffc000000000ul

#define DESCRIPTOR_VALID (1ul << 0)
#define DESCRIPTOR_TABLE (1ul << 1)  // at level 3: a page
#define DESCRIPTOR_DEVICE (1ul << 2) // MAIR entry 1
#define DESCRIPTOR_EL0 (1ul << 6)
#define DESCRIPTOR_READ_ONLY (1ul << 7)
#define DESCRIPTOR_INNER_SHAREABLE (3ul << 8)
#define DESCRIPTOR_ACCESSED (1ul << 10)
#define DESCRIPTOR_NOT_GLOBAL (1ul << 11)
#define DESCRIPTOR_PXN (1ul << 53)
#define DESCRIPTOR_UXN (1ul << 54)
#define DESCRIPTOR_ADDRESS 0x0000fffffffff000ul

#define MAIR_NORMAL_THEN_DEVICE 0x04fful // entry 0: write-back; entry 1: nGnRE
#define TCR_39_BITS (25ul | 25ul << 16)
#define TCR_WRITE_BACK (1ul << 8 | 1ul << 10 | 1ul << 24 | 1ul << 26)
#define TCR_INNER_SHAREABLE (3ul << 12 | 3ul << 28)
#define TCR_4K_PAGES (2ul << 30)

#define ENTRIES 512
#define TABLE_COUNT 32

// What start.S writes into the registers, in this order.
struct boot_registers {
  u64 ttbr0;
  u64 ttbr1;
  u64 tcr;
  u64 mair;
};

// Addresses of the linker script. Their values are addresses, not contents.
extern char _start[], rodata_start[], rodata_end[], data_start[], image_end[];

static u64 tables[TABLE_COUNT][ENTRIES] PAGE_ALIGNED;
static unsigned tables_used;
static u64 *kernel_tables;
static u64 next_window = WINDOWS_VA;
static struct boot_registers boot_registers;

// The distance from a physical address to a pointer that reaches it: 0 while the MMU is off, which is
// what the cleared .bss holds.
static u64 phys_offset;

u64 phys_of(const void *pointer) { return (u64)pointer - phys_offset; }

void *pointer_to(u64 pa) { return (void *)(pa + phys_offset); }

static u64 *new_table(void) {
  if (tables_used == TABLE_COUNT) panic("no translation table is left");
  return tables[tables_used++];
}

static u64 attributes_of(enum access access) {
  const u64 common = DESCRIPTOR_VALID | DESCRIPTOR_ACCESSED | DESCRIPTOR_INNER_SHAREABLE;
  switch (access) {
    case KERNEL_CODE:
      return common | DESCRIPTOR_READ_ONLY | DESCRIPTOR_UXN;
    case KERNEL_CONSTANTS:
      return common | DESCRIPTOR_READ_ONLY | DESCRIPTOR_UXN | DESCRIPTOR_PXN;
    case KERNEL_DATA:
      return common | DESCRIPTOR_UXN | DESCRIPTOR_PXN;
    case DEVICE:
      return common | DESCRIPTOR_DEVICE | DESCRIPTOR_UXN | DESCRIPTOR_PXN;
    case TASK_CODE:
      return common | DESCRIPTOR_EL0 | DESCRIPTOR_READ_ONLY | DESCRIPTOR_NOT_GLOBAL | DESCRIPTOR_PXN;
    case TASK_DATA:
      return common | DESCRIPTOR_EL0 | DESCRIPTOR_NOT_GLOBAL | DESCRIPTOR_UXN | DESCRIPTOR_PXN;
  }
  return 0;
}

// Maps one block of 2 MiB where both addresses allow it, else one page. Returns its size. What is
// mapped already stays as it is: the kernel's own pages keep their permissions when all RAM is mapped.
static u64 map_one(u64 *root, u64 va, u64 pa, u64 size, u64 attributes) {
  u64 *table = root;
  for (int level = 1;; level++) {
    unsigned shift = 39 - 9 * level;
    u64 unit = 1ul << shift;
    u64 *entry = &table[(va >> shift) % ENTRIES];
    if (level == 3) {
      if ((*entry & DESCRIPTOR_VALID) == 0) *entry = pa | attributes | DESCRIPTOR_TABLE;
      return unit;
    }
    if (level == 2 && (va | pa) % unit == 0 && size >= unit && *entry == 0) {
      *entry = pa | attributes;
      return unit;
    }
    if ((*entry & DESCRIPTOR_VALID) == 0) {
      *entry = phys_of(new_table()) | DESCRIPTOR_TABLE | DESCRIPTOR_VALID;
    } else if ((*entry & DESCRIPTOR_TABLE) == 0) {
      return unit - va % unit;
    }
    table = pointer_to(*entry & DESCRIPTOR_ADDRESS);
  }
}

static void map(u64 *root, u64 va, u64 pa, u64 size, enum access access) {
  u64 attributes = attributes_of(access);
  for (u64 done = 0; done < size;) {
    done += map_one(root, va + done, pa + done, size - done, attributes);
  }
  dsb(ishst);
  isb();
}

static void map_image(u64 *root, u64 image_pa, const char *from, const char *to, enum access access) {
  u64 offset = (u64)from - (u64)_start;
  map(root, KERNEL_VA + offset, image_pa + offset, (u64)(to - from), access);
}

// Called with the MMU off, so `_start` and all other addresses are physical ones. The device tree is
// mapped because nobody knows yet where RAM is; the image's code also at its physical address, which is
// where start.S is running when it turns the MMU on.
struct boot_registers *build_boot_tables(u64 image_pa, u64 device_tree_pa) {
  u64 *lower = new_table();
  kernel_tables = new_table();
  map(lower, image_pa, image_pa, (u64)(rodata_start - _start), KERNEL_CODE);
  map_image(kernel_tables, image_pa, _start, rodata_start, KERNEL_CODE);
  map_image(kernel_tables, image_pa, rodata_start, data_start, KERNEL_CONSTANTS);
  map_image(kernel_tables, image_pa, data_start, image_end, KERNEL_DATA);

  u32 device_tree_size = __builtin_bswap32(((const u32 *)device_tree_pa)[1]);
  u64 first = round_down(device_tree_pa, PAGE_SIZE);
  u64 size = round_up(device_tree_pa + device_tree_size, PAGE_SIZE) - first;
  map(kernel_tables, KERNEL_VA + (first - image_pa), first, size, KERNEL_DATA);

  u64 physical_range = read_sysreg(id_aa64mmfr0_el1) & 0xf;
  boot_registers = (struct boot_registers){
    .ttbr0 = (u64)lower,
    .ttbr1 = (u64)kernel_tables,
    .tcr = TCR_39_BITS | TCR_WRITE_BACK | TCR_INNER_SHAREABLE | TCR_4K_PAGES | physical_range << 32,
    .mair = MAIR_NORMAL_THEN_DEVICE,
  };
  return &boot_registers;
}

// Before it is called, `pointer_to` works for the image and the device tree only.
void mmu_set_offset(u64 image_pa) {
  phys_offset = KERNEL_VA - image_pa;
  kernel_tables = pointer_to((u64)kernel_tables);
}

void mmu_init(u64 image_pa, u64 ram_base, u64 ram_size) {
  // Memory below the image is not used; an Image may have been loaded above the start of RAM.
  u64 size = ram_base + ram_size - image_pa;
  // Half of the upper half belongs to the windows.
  if (size > WINDOWS_VA - KERNEL_VA) size = WINDOWS_VA - KERNEL_VA;
  map(kernel_tables, KERNEL_VA, image_pa, size, KERNEL_DATA);

  // Nothing runs in the lower half until a task does.
  use_task_tables(new_table(), 0);
}

static void *map_window(u64 pa, u64 size, enum access access) {
  u64 first = round_down(pa, PAGE_SIZE);
  u64 length = round_up(pa + size, PAGE_SIZE) - first;
  u64 va = next_window;
  map(kernel_tables, va, first, length, access);
  // A page that is never mapped lies between two windows.
  next_window += length + PAGE_SIZE;
  return (void *)(va + (pa - first));
}

void *map_device(u64 pa, u64 size) { return map_window(pa, size, DEVICE); }

void *map_shared(u64 pa, u64 size) { return map_window(pa, size, KERNEL_DATA); }

u64 *new_task_tables(void) { return new_table(); }

void map_for_task(u64 *root, u64 va, u64 pa, u64 size, enum access access) { map(root, va, pa, size, access); }

void use_task_tables(u64 *root, unsigned asid) {
  write_sysreg(ttbr0_el1, phys_of(root) | (u64)asid << 48);
  isb();
  __asm__ volatile("tlbi aside1, %0" : : "r"((u64)asid << 48));
  dsb(nsh);
  isb();
}

bool task_can_read(u64 va) {
  __asm__ volatile("at s1e0r, %0" : : "r"(va));
  isb();
  const u64 fault = 1;
  return (read_sysreg(par_el1) & fault) == 0;
}
