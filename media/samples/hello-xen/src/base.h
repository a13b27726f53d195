// What every file of the kernel uses.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;

#define PAGE_SIZE 4096ul

#define PAGE_ALIGNED __attribute__((aligned(PAGE_SIZE)))

#define read_sysreg(name) \
  ({ u64 value_; __asm__ volatile("mrs %0, " #name : "=r"(value_)); value_; })
#define write_sysreg(name, value) __asm__ volatile("msr " #name ", %0" : : "r"((u64)(value)))

#define isb() __asm__ volatile("isb" : : : "memory")
#define dsb(domain) __asm__ volatile("dsb " #domain : : : "memory")
#define dmb(domain) __asm__ volatile("dmb " #domain : : : "memory")

static inline u64 round_up(u64 value, u64 unit) { return (value + unit - 1) / unit * unit; }
static inline u64 round_down(u64 value, u64 unit) { return value / unit * unit; }

static inline void interrupts_on(void) { __asm__ volatile("msr daifclr, #2" : : : "memory"); }
static inline void interrupts_off(void) { __asm__ volatile("msr daifset, #2" : : : "memory"); }

// Called with interrupts masked, after the caller saw that there is nothing to do. WFI wakes up for a
// masked interrupt too, so one that arrives in between is not slept over.
static inline void wait_for_interrupt(void) {
  __asm__ volatile("wfi" : : : "memory");
  interrupts_on();
  isb();
  interrupts_off();
}

// text.c
void *memcpy(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);
bool same_text(const char *a, const char *b);
bool starts_with(const char *text, const char *start);
// A decimal number at the start of the text; 0 if there is none.
u64 read_number(const char *text);
// Puts both texts, or the digits of the number, and a 0 into `to`, as far as they fit.
void join(char *to, size_t size, const char *a, const char *b);
void write_number(char *to, size_t size, u64 value);

// print.c: %s %c %d %u %x %p, with a width, 0, - and l.
void print(const char *format, ...) __attribute__((format(printf, 1, 2)));
void print_list(const char *format, __builtin_va_list arguments);

// power.c
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void power_off(void);
_Noreturn void reboot(void);
