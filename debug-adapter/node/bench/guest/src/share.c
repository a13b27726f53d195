// The same work for any number of processors: lists that are sorted, each by one of them.

#include "guest.h"

i64 start_processor(u64 number);

enum { PROCESSORS = 8, LENGTH = 8192 };

static u64 processors, lists;
static struct share {
  u64 sum;
  volatile u64 is_done;
} __attribute__((aligned(64))) shares[PROCESSORS];

static void sort_share(u64 number) {
  u32 *list = (u32 *)heap + number * LENGTH;
  u64 sum = 0;
  for (u64 n = number; n < lists; n += processors) {
    u32 state = 4711 + n;
    for (u64 i = 0; i < LENGTH; i++) list[i] = next_random(&state);
    quicksort(list, 0, LENGTH - 1);
    for (u64 i = 0; i < LENGTH; i += 64) sum += list[i] * (n + 1);
  }
  shares[number].sum = sum;
}

// What another processor than the first one does.
void help(u64 number) {
  while (!*(volatile u64 *)&processors) __asm__ volatile("wfe");
  sort_share(number);
  dsb(ish);
  shares[number].is_done = 1;
  dsb(ish);
  __asm__ volatile("sev");
}

u64 run_share(u64 units) {
  lists = units;
  u64 started = 1;
  while (started < PROCESSORS && start_processor(started) == 0) started++;
  *(volatile u64 *)&processors = started;
  dsb(ish);
  __asm__ volatile("sev");
  sort_share(0);
  u64 sum = shares[0].sum;
  for (u64 n = 1; n < started; n++) {
    while (!shares[n].is_done) __asm__ volatile("wfe");
    sum += shares[n].sum;
  }
  return sum;
}
