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

bool starts_with(const char *text, const char *start) {
  size_t length = strlen(start);
  return strlen(text) >= length && memcmp(text, start, length) == 0;
}

u64 read_number(const char *text) {
  u64 value = 0;
  for (; *text >= '0' && *text <= '9'; text++) value = value * 10 + (u64)(*text - '0');
  return value;
}

void join(char *to, size_t size, const char *a, const char *b) {
  size_t length = 0;
  for (; *a != '\0' && length + 1 < size; a++) to[length++] = *a;
  for (; *b != '\0' && length + 1 < size; b++) to[length++] = *b;
  to[length] = '\0';
}

void write_number(char *to, size_t size, u64 value) {
  char digits[21];
  size_t at = sizeof digits - 1;
  digits[at] = '\0';
  do {
    digits[--at] = (char)('0' + value % 10);
    value /= 10;
  } while (value != 0);
  join(to, size, &digits[at], "");
}
