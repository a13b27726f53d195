// Mistakes that a kernel can make with rings, event channels, grants and interrupts, to be looked at. Most leave
// the prompt in use, and 'trouble mend' takes them back.

#include "trouble.h"
#include "block.h"
#include "console.h"
#include "events.h"
#include "gic.h"
#include "grants.h"
#include "timer.h"

#define MOST_LEAKS 16
#define BUSY_ROUNDS 1000000
#define GIC_NO_PRIORITY 0x80 // above that of our interrupts

static u32 leaks[MOST_LEAKS];
static unsigned leak_count;

static bool has_disk(void) {
  if (!disk.ring) print("this domain has no disk\n");
  return disk.ring != NULL;
}

static int read_request(void) {
  int id = block_request(BLKIF_OP_READ, 0, 1);
  if (id == BLOCK_RING_FULL) print("the ring is full\n");
  return id;
}

// A frontend that stops in the middle of a request: the slot is filled in, and never published.
static void stop_in_request(void) {
  u32 slot = disk.req_prod_pvt % BLKIF_RING_SIZE;
  int id = has_disk() ? read_request() : BLOCK_RING_FULL;
  if (id < 0) return;
  print("request %d is in slot %u, and req_prod stays %u\n", id, slot, disk.ring->req_prod);
}

// A lost notification: the request is published, and the backend that asked to be told is not.
static void lose_notification(void) {
  int id = has_disk() ? read_request() : BLOCK_RING_FULL;
  if (id < 0) return;
  bool owed = block_publish();
  print("request %d is published, req_prod is %u", id, disk.ring->req_prod);
  print(owed ? ", and the notification that is owed is not sent\n" : "; no notification is owed\n");
}

static void leak_grant(void) {
  static char page[PAGE_SIZE] PAGE_ALIGNED = "a page that nobody asked for";
  if (leak_count == MOST_LEAKS) {
    print("that is enough\n");
    return;
  }
  leaks[leak_count] = grant_page(&grants, 0, page, GRANT_READ);
  print("reference %u grants a page to domain 0, which never asked for it\n", leaks[leak_count++]);
}

// The entry is cleared without a look at whether the page is in use.
static void revoke_ring(void) {
  if (!has_disk()) return;
  __atomic_store_n(&grants.table[disk.reference].flags, GTF_invalid, __ATOMIC_RELEASE);
  print("reference %u is invalid, and domain %u has its page mapped\n", disk.reference, disk.backend);
}

// An answer arrives and stays: the event waits at a masked port, so nobody takes it.
static void mask_disk(void) {
  if (!has_disk()) return;
  mask_event(disk.port);
  int id = read_request();
  if (id < 0) return;
  if (block_publish()) block_notify();
  print("port %u is masked, and request %d was sent\n", disk.port, id);
}

// The prompt goes on, because the timer wakes it up too.
static void mask_console(void) {
  mask_event(console_port());
  print("port %u is masked\n", console_port());
}

static void disable_timer(void) {
  gic_disable(timer.intid);
  print("interrupt %u is disabled, after %lu ticks\n", timer.intid, timer.ticks);
}

static void mask_priorities(void) {
  print("interrupts of priority 0x%x do not get through; waits for the timer, for ever\n", GIC_PRIORITY);
  gic_set_priority_mask(GIC_NO_PRIORITY);
  wait_for_ticks(&timer, 1);
}

static void spin(void) {
  print("PSTATE.I is set; runs in a loop, for ever\n");
  interrupts_off();
  for (;;) __asm__ volatile("");
}

struct hash {
  u64 a, b, c, d;
};

static inline u64 rotated(u64 value, unsigned left) { return value << left | value >> (64 - left); }

// As SipHash takes in a number, but for its keys.
static __attribute__((noinline)) void mix(struct hash *hash, u64 number) {
  u64 a = hash->a, b = hash->b, c = hash->c, d = hash->d ^ number;
  for (unsigned round = 0; round < 2; round++) {
    a += b;
    c += d;
    b = rotated(b, 13) ^ a;
    d = rotated(d, 16) ^ c;
    a = rotated(a, 32) + d;
    c += b;
    d = rotated(d, 21) ^ a;
    b = rotated(b, 17) ^ c;
    c = rotated(c, 32);
  }
  *hash = (struct hash){a ^ number, b, c, d};
}

// A good place for a condition: the line in the loop is reached a million times, and a prompt waits for it.
static void keep_busy(void) {
  struct hash hash = {1, 2, 3, 4};
  for (long n = 0; n < BUSY_ROUNDS; n++) {
    mix(&hash, (u64)n);
  }
  print("%u numbers were taken in: 0x%lx\n", BUSY_ROUNDS, hash.a ^ hash.b ^ hash.c ^ hash.d);
}

static void mend(void) {
  unmask_event(console_port());
  gic_enable(timer.intid);
  for (unsigned i = 0; i < leak_count; i++) end_grant(&grants, leaks[i]);
  leak_count = 0;
  if (disk.ring) {
    u16 *flags = &grants.table[disk.reference].flags;
    if (*flags == GTF_invalid) __atomic_store_n(flags, GTF_permit_access | GTF_reading | GTF_writing, __ATOMIC_RELEASE);
    block_publish();
    block_notify();
    unmask_event(disk.port);
    print("%u requests, %u answers\n", disk.requests, disk.answers);
  }
  print("mended\n");
}

static const struct trouble {
  const char *name;
  const char *description;
  void (*make)(void);
} troubles[] = {
  {"request", "a request is filled in and never published", stop_in_request},
  {"notify", "a request is published, and the backend is not told", lose_notification},
  {"grant", "a page is granted to domain 0 and never used", leak_grant},
  {"revoke", "the grant of the ring's page is cleared while it is mapped", revoke_ring},
  {"mask disk", "the disk's event channel is masked, and a request sent", mask_disk},
  {"mask console", "the console's event channel is masked", mask_console},
  {"timer", "the timer's interrupt is disabled in the GIC", disable_timer},
  {"priority", "the GIC's priority mask keeps every interrupt out", mask_priorities},
  {"spin", "a loop with PSTATE.I set", spin},
  {"busy", "a loop of a million rounds", keep_busy},
  {"mend", "takes back what can be taken back", mend},
};

void trouble_command(const char *argument) {
  for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
    if (argument[0] == '\0') print("  trouble %-13s %s\n", troubles[i].name, troubles[i].description);
    else if (same_text(argument, troubles[i].name)) {
      troubles[i].make();
      return;
    }
  }
  if (argument[0] != '\0') print("there is no trouble '%s'; try trouble\n", argument);
}
