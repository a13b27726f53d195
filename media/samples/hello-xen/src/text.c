// The few functions of the C library that the compiler and the kernel call.

#include "base.h"

void *memcpy(void *to, const void *from, size_t size) {
  u8 *t = to;
  const u8 *f = from;
  while (size-- > 0) *t++ = *f++;
  return to;
}

void *memset(void *to, int byte, size_t size) {
  u8 *t = to;
  while (size-- > 0) *t++ = (u8)byte;
  return to;
}

int memcmp(const void *a, const void *b, size_t size) {
  const u8 *x = a;
  const u8 *y = b;
  for (; size > 0; size--, x++, y++) {
    if (*x != *y) return *x - *y;
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') length++;
  return length;
}

bool same_text(const char *a, const char *b) {
  size_t length = strlen(a);
  return length == strlen(b) && memcmp(a, b, length) == 0;
}
