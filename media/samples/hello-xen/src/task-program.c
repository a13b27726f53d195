// The program that runs at EL0. It shares no code and no data with the kernel: all it can do is compute,
// use its stack, and make system calls. Variables of its own it has none, the linker script gives them no place.

#include <stddef.h>
#include <stdint.h>

#include "system-calls.h"

static int64_t system_call(enum system_call number, uint64_t a, uint64_t b) {
  register uint64_t x0 __asm__("x0") = a;
  register uint64_t x1 __asm__("x1") = b;
  register uint64_t x8 __asm__("x8") = number;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x1), "r"(x8) : "memory");
  return (int64_t)x0;
}

static size_t length_of(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') length++;
  return length;
}

static void say(const char *text) { system_call(CALL_WRITE, (uint64_t)text, length_of(text)); }

static void say_number(unsigned value) {
  char digits[12];
  size_t at = sizeof digits;
  digits[--at] = '\0';
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  say(&digits[at]);
}

struct primes {
  unsigned found;
  unsigned largest;
};

static int is_prime(unsigned candidate) {
  for (unsigned divisor = 2; divisor * divisor <= candidate; divisor++) {
    if (candidate % divisor == 0) return 0;
  }
  return candidate >= 2;
}

static struct primes count_primes(unsigned limit) {
  struct primes primes = {0, 0};
  for (unsigned candidate = 2; candidate < limit; candidate++) {
    if (!is_prime(candidate)) continue;
    primes.found++;
    primes.largest = candidate;
  }
  return primes;
}

__attribute__((section(".text.task_main"))) void task_main(void) {
  say("task:      hello from EL0\n");
  struct primes primes = count_primes(1000);
  say("task:      ");
  say_number(primes.found);
  say(" primes below 1000, the largest is ");
  say_number(primes.largest);
  say("\n");

  int64_t before = system_call(CALL_TICKS, 0, 0);
  system_call(CALL_SLEEP, 5, 0);
  int64_t slept = system_call(CALL_TICKS, 0, 0) - before;
  // The kernel's memory is out of reach, and the kernel does not read it for us either.
  int64_t refused = system_call(CALL_WRITE, 0xffffff8000000000u, 16);
  system_call(CALL_EXIT, slept >= 5 && refused == -1 ? 0 : 1, 0);
  for (;;) {
  }
}
