// Formatted output on the console.

#include <stdarg.h>

#include "base.h"
#include "console.h"

struct format {
  bool left;
  bool zeros;
  bool is_long;
  int width;
};

static void put_padded(const char *text, size_t length, struct format format) {
  const char *pad = format.zeros ? "0" : " ";
  int missing = format.width - (int)length;
  if (!format.left) for (; missing > 0; missing--) console_write(pad, 1);
  console_write(text, length);
  for (; missing > 0; missing--) console_write(" ", 1);
}

static void put_number(u64 value, unsigned base, bool negative, struct format format) {
  char digits[24];
  size_t at = sizeof digits;
  do {
    digits[--at] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value != 0);
  if (negative) digits[--at] = '-';
  put_padded(&digits[at], sizeof digits - at, format);
}

// Reads flags, width and size; returns the place of the conversion's letter.
static const char *read_format(const char *at, struct format *format) {
  *format = (struct format){0};
  for (;; at++) {
    if (*at == '-') format->left = true;
    else if (*at == '0') format->zeros = true;
    else break;
  }
  for (; *at >= '0' && *at <= '9'; at++) format->width = format->width * 10 + (*at - '0');
  for (; *at == 'l'; at++) format->is_long = true;
  return at;
}

void print_list(const char *at, va_list arguments) {
  while (*at != '\0') {
    size_t plain = 0;
    while (at[plain] != '\0' && at[plain] != '%') plain++;
    console_write(at, plain);
    at += plain;
    if (*at == '\0') return;

    struct format format;
    at = read_format(at + 1, &format);
    switch (*at++) {
      case 's': {
        const char *text = va_arg(arguments, const char *);
        put_padded(text, strlen(text), format);
        break;
      }
      case 'c': {
        char letter = (char)va_arg(arguments, int);
        put_padded(&letter, 1, format);
        break;
      }
      case 'd': {
        i64 value = format.is_long ? va_arg(arguments, i64) : va_arg(arguments, int);
        put_number(value < 0 ? -(u64)value : (u64)value, 10, value < 0, format);
        break;
      }
      case 'u':
        put_number(format.is_long ? va_arg(arguments, u64) : va_arg(arguments, unsigned), 10, false, format);
        break;
      case 'p':
        format.is_long = true;
        __attribute__((fallthrough));
      case 'x':
        put_number(format.is_long ? va_arg(arguments, u64) : va_arg(arguments, unsigned), 16, false, format);
        break;
      default:
        console_write("%", 1);
    }
  }
}

void print(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  print_list(format, arguments);
  va_end(arguments);
}
