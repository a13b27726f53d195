// What Dhrystone measures, written for the purpose: records that are copied and compared, strings, arrays, small
// procedures with pointers and enumerations.

#include "guest.h"

enum mood { CALM, EAGER, TIRED, CURIOUS };

struct record {
  struct record *next;
  enum mood mood;
  int number;
  char name[32];
  int list[8];
};

static struct record first, second;
static int counts[50], table[50][50];
static char letter;
static bool flag;

#define PROCEDURE __attribute__((noinline)) static

PROCEDURE void copy_text(char *to, const char *from) {
  while ((*to++ = *from++)) {
  }
}

PROCEDURE int compare_text(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return (u8)*a - (u8)*b;
}

PROCEDURE enum mood mood_after(enum mood mood, int number) {
  switch (mood) {
  case CALM: return number > 100 ? EAGER : CURIOUS;
  case EAGER: return TIRED;
  case TIRED: return CALM;
  default: return flag ? CALM : EAGER;
  }
}

PROCEDURE void fill_arrays(int *list, int (*rows)[50], int at, int value) {
  int place = at + 5;
  list[place] = value;
  list[place + 1] = list[place];
  list[place + 30] = place;
  for (int i = place; i <= place + 1; i++) rows[place][i] = place;
  rows[place][place - 1]++;
  rows[place + 20][place] = list[place];
}

PROCEDURE void change_record(struct record *record) {
  struct record *next = record->next;
  *next = first;
  record->number = 5;
  next->number = record->number;
  next->next = record->next;
  if (next->mood == CALM) {
    next->number = 6;
    next->mood = mood_after(record->mood, next->number);
    next->next = first.next;
    next->list[next->number & 7] += 10;
  } else {
    *record = *record->next;
  }
}

PROCEDURE bool texts_agree(const char *a, const char *b) {
  int at = 2;
  char found = 'A';
  while (at <= 2) {
    if (a[at] == b[at + 1]) {
      found = 'A';
      at++;
    } else {
      found = 'B';
      at += 3;
    }
  }
  if (found >= 'W' && found < 'Z') at = 7;
  if (found == 'R') return true;
  return compare_text(a, b) > 0 && at > 3;
}

u64 run_records(u64 units) {
  char one[32], two[32];
  u64 sum = 0;
  first = (struct record){&second, CALM, 40, "RECORDS PROGRAM, SOME TEXT", {0}};
  second = (struct record){&first, EAGER, 17, "ANOTHER TEXT", {0}};
  copy_text(one, "RECORDS PROGRAM, 1ST TEXT");
  for (u64 n = 1; n <= units * 3000; n++) {
    letter = 'A' + n % 3;
    flag = letter == 'A';
    copy_text(two, "RECORDS PROGRAM, 2ND TEXT");
    two[17] = '0' + n % 10;
    flag = !texts_agree(one, two);
    int a = 2, b = 3, c = 0;
    while (a < b) {
      c = 5 * a - b;
      a++;
    }
    fill_arrays(counts, table, a, c);
    change_record(&first);
    for (char l = 'A'; l <= letter; l++) {
      if (mood_after(first.mood, l) == CALM) sum += l;
    }
    b = (b * a) / (c + (int)(n & 3));
    sum = sum * 3 + (u64)(b + first.number + second.list[5] + counts[8] + table[8][7]);
    first.mood = (enum mood)(n & 3);
  }
  return sum;
}
