// Translation tables: 4 KiB pages, 39-bit addresses, three levels.
//
//   0x0000000000400000  the EL0 program, and its stack above (TTBR0)
//   0xffffff8000000000  the kernel, followed by the rest of the RAM it was loaded into (TTBR1)
//   0xffffffc000000000  windows to devices and to pages that Xen shares

#pragma once

#include "base.h"

enum access {
  KERNEL_CODE,
  KERNEL_CONSTANTS,
  KERNEL_DATA,
  DEVICE,
  TASK_CODE,
  TASK_DATA,
};

// Once the tables of boot are in use: makes all of the RAM accessible.
void mmu_init(u64 image_pa, u64 ram_base, u64 ram_size);

// A window to physical memory that is no RAM of ours.
void *map_device(u64 pa, u64 size);
void *map_shared(u64 pa, u64 size);

// The lower half, one task's.
u64 *new_task_tables(void);
void map_for_task(u64 *tables, u64 va, u64 pa, u64 size, enum access access);
void use_task_tables(u64 *tables, unsigned asid);

// Whether a program at EL0 may read the byte.
bool task_can_read(u64 va);

u64 phys_of(const void *pointer);
void *pointer_to(u64 pa);
