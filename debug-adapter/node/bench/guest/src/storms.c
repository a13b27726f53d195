// Workloads of what leaves the guest's own code, or changes its address space.

#include "guest.h"

u64 firmware_version(void);
u64 xen_version(void);
extern const u8 user_program[];

// ---- calls of what is below, device registers

u64 run_hypercall(u64 units) {
  u64 calls = units * 10000;
  for (u64 i = 0; i < calls; i++) {
    u64 answer = under_xen ? xen_version() : firmware_version();
    if ((i64)answer <= 0) fail("no version", i, answer);
  }
  return calls;
}

// The transmit FIFO is empty whenever one looks, so every read of the flag register is the same.
u64 run_mmio(u64 units) {
  enum { FLAGS = 0x18 };
  u64 sum = 0;
  for (u64 i = 0; i < units * 10000; i++) sum += (*(volatile u32 *)(uart + FLAGS) & 0x20) == 0;
  return sum;
}

// ---- the virtual timer: an interrupt that is due at once

enum { TIMER_INTERRUPT = 27 };
static volatile u64 interrupts;

static void write_device(u64 at, u32 value) { *(volatile u32 *)at = value; }

static void set_up_gic(void) {
  u64 distributor = under_xen ? 0x03001000 : 0x08000000;
  u64 redistributor = under_xen ? 0x03020000 : 0x080a0000;
  enum { CTLR = 0, WAKER = 0x14, SGI_FRAME = 0x10000, IGROUPR0 = 0x80, ISENABLER0 = 0x100 };
  write_device(distributor + CTLR, 0x12); // affinity routing, group 1
  write_device(redistributor + WAKER, 0);
  write_device(redistributor + SGI_FRAME + IGROUPR0, 1u << TIMER_INTERRUPT);
  write_device(redistributor + SGI_FRAME + ISENABLER0, 1u << TIMER_INTERRUPT);
  write_sysreg(S3_0_C12_C12_5, 7); // ICC_SRE_EL1
  isb();
  write_sysreg(S3_0_C4_C6_0, 0xff); // ICC_PMR_EL1
  write_sysreg(S3_0_C12_C12_7, 1);  // ICC_IGRPEN1_EL1
  isb();
}

void handle_interrupt(void) {
  u64 number = read_sysreg(S3_0_C12_C12_0); // ICC_IAR1_EL1
  if (number != TIMER_INTERRUPT) fail("interrupt", number, 0);
  write_sysreg(cntv_ctl_el0, 0);
  interrupts++;
  write_sysreg(S3_0_C12_C12_1, number); // ICC_EOIR1_EL1
}

u64 run_timer(u64 units) {
  set_up_gic();
  __asm__ volatile("msr daifclr, #2");
  for (u64 i = 0; i < units * 2000; i++) {
    write_sysreg(cntv_cval_el0, 0);
    write_sysreg(cntv_ctl_el0, 1);
    isb();
    while (interrupts == i) {
    }
  }
  __asm__ volatile("msr daifset, #2");
  return interrupts;
}

// ---- a program at EL0 and its system calls

#define USER_CODE SPACE
#define USER_STACK (SPACE + 4 * PAGE_SIZE)

u64 handle_system_call(u64 number, u64 a, u64 b) {
  switch (number) {
  case 1: return (a << 7 | a >> 57) + b;
  default: fail("system call", number, a);
  }
}

u64 run_syscall(u64 units) {
  map_page(USER_CODE, (u64)user_program, PAGE_KERNEL | PAGE_USER | PAGE_READ_ONLY);
  map_page(USER_STACK - PAGE_SIZE, POOL, PAGE_KERNEL | PAGE_USER);
  return enter_user(USER_CODE, USER_STACK, units * 10000);
}

// ---- address space

static u64 *page_at(u64 n) { return (u64 *)(SPACE + n * PAGE_SIZE); }

// More pages than a TLB holds, touched once each in turn.
u64 run_refill(u64 units) {
  for (u64 n = 0; n < SPACE_PAGES; n++) *entry_of(SPACE + n * PAGE_SIZE) = (POOL + n % POOL_PAGES * PAGE_SIZE) | PAGE_KERNEL;
  dsb(ishst);
  isb();
  u64 sum = 0;
  for (u64 n = 0; n < POOL_PAGES; n++) page_at(n)[n % 512] = n * 5;
  for (u64 i = 0; i < units * 2; i++) {
    for (u64 n = 0; n < SPACE_PAGES; n++) sum += page_at(n)[n % 512];
  }
  return sum;
}

static u64 next_free;
static u64 copies;

static u64 take_page(void) { return POOL + next_free++ % POOL_PAGES * PAGE_SIZE; }

static void clear_page(u64 va) {
  u64 step = 4ul << (read_sysreg(dczid_el0) & 15);
  for (u64 at = va; at < va + PAGE_SIZE; at += step) __asm__ volatile("dc zva, %0" : : "r"(at) : "memory");
}

// A page that is missing comes from the pool, cleared; one that is read-only is copied.
void handle_fault(u64 esr, u64 far, u64 elr) {
  enum { DATA_ABORT = 0x25, TRANSLATION = 1, PERMISSION = 3 };
  u64 va = far & ~(PAGE_SIZE - 1);
  u64 kind = esr >> 2 & 15;
  bool handled = esr >> 26 == DATA_ABORT && va >= SPACE && va < SPACE + SPACE_PAGES * PAGE_SIZE;
  if (!handled || (kind != TRANSLATION && kind != PERMISSION)) {
    extern _Noreturn void report_exception(u64, u64, u64);
    report_exception(esr, far, elr);
  }
  u64 page = take_page();
  if (kind == TRANSLATION) {
    // RAM is mapped to itself.
    clear_page(page);
    map_page(va, page, PAGE_KERNEL);
    return;
  }
  const u64 *from = (const u64 *)va;
  u64 *to = (u64 *)page;
  for (u64 i = 0; i < PAGE_SIZE / 8; i += 2) to[i] = from[i], to[i + 1] = from[i + 1];
  *(volatile u64 *)entry_of(va) = 0;
  flush_page(va);
  map_page(va, page, PAGE_KERNEL);
  copies++;
}

// What mmap, fork and exit do: pages come by faults, become read-only, are copied when written, and go.
u64 run_pages(u64 units) {
  enum { PAGES = 32 };
  u64 sum = 0;
  for (u64 i = 0; i < units * 20; i++) {
    for (u64 n = 0; n < PAGES; n++) page_at(n)[(n * 7 + i) % 512] += n + i;
    for (u64 n = 0; n < PAGES; n++) *entry_of((u64)page_at(n)) |= PAGE_READ_ONLY;
    flush_everything();
    for (u64 n = 0; n < PAGES; n++) sum += page_at(n)[(n * 7 + i) % 512];
    for (u64 n = 0; n < PAGES; n += 2) page_at(n)[i % 512] += sum;
    for (u64 n = 0; n < PAGES; n++) sum = sum * 3 + page_at(n)[i % 512];
    for (u64 n = 0; n < PAGES; n++) unmap_page((u64)page_at(n));
  }
  return sum * 31 + copies;
}

// Two address spaces in turn, some pages of each touched.
u64 run_spaces(u64 units) {
  enum { PAGES = 24 };
  for (u64 n = 0; n < PAGES; n++) {
    map_page((u64)page_at(n), take_page(), PAGE_KERNEL);
    page_at(n)[n] = n;
  }
  u64 sum = 0;
  for (u64 i = 0; i < units * 4000; i++) {
    use_space(1 + i % 2);
    for (u64 n = 0; n < PAGES; n++) sum += page_at(n)[n]++;
  }
  return sum;
}
