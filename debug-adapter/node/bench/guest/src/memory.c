// What the compiler calls for structures.

#include "guest.h"

void *memset(void *to, int value, size_t length) {
  u8 *at = to;
  while (length--) *at++ = value;
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t length) {
  u8 *at = to;
  const u8 *source = from;
  while (length--) *at++ = *source++;
  return to;
}
