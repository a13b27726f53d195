// What can be done to the disk from the prompt.

#include "disk-commands.h"
#include "block.h"

#define REQUESTS 8
#define SECTORS (PAGE_SIZE / SECTOR_SIZE) // of one request

static void show_status(u64 sector, int status) {
  if (status == BLOCK_NO_ANSWER) print("sector %lu: no answer within a second\n", sector);
  else print("sector %lu: error %d\n", sector, status);
}

// The bytes that belong at a place of the disk.
static void fill(char *page, u64 sector) {
  for (unsigned i = 0; i < PAGE_SIZE; i++) page[i] = (char)('a' + (sector * 7 + i / 8 + i) % 26);
}

static bool is_filled(const char *page, u64 sector) {
  static char expected[PAGE_SIZE];
  fill(expected, sector);
  return memcmp(page, expected, PAGE_SIZE) == 0;
}

// Sends as many requests as there are ids, all at once, and waits for them; false when one failed.
static bool transfer(u8 operation, u64 start, unsigned count, int ids[]) {
  for (unsigned i = 0; i < count; i++) {
    u64 sector = start + i * SECTORS;
    ids[i] = block_request(operation, sector, SECTORS);
    if (ids[i] == BLOCK_RING_FULL) {
      print("the ring is full\n");
      return false;
    }
    if (operation == BLKIF_OP_WRITE) fill(block_page(ids[i]), sector);
    else memset(block_page(ids[i]), 0, PAGE_SIZE);
  }
  if (block_publish()) block_notify();
  for (unsigned i = 0; i < count; i++) {
    int status = block_wait(ids[i]);
    if (status == 0) continue;
    show_status(start + i * SECTORS, status);
    return false;
  }
  return true;
}

// The end of the disk is overwritten: a beginning may hold something that was put there by name.
static void test_disk(void) {
  unsigned count = disk.sectors / SECTORS < REQUESTS ? (unsigned)(disk.sectors / SECTORS) : REQUESTS;
  u64 start = disk.sectors - count * SECTORS;
  int ids[REQUESTS];
  if (!transfer(BLKIF_OP_WRITE, start, count, ids)) return;
  print("%lu sectors written from %lu, in %u requests\n", count * SECTORS, start, count);
  if (!transfer(BLKIF_OP_READ, start, count, ids)) return;
  unsigned equal = 0;
  for (unsigned i = 0; i < count; i++) equal += is_filled(block_page(ids[i]), start + i * SECTORS);
  print("%lu sectors read back: %s\n", count * SECTORS, equal == count ? "equal" : "different");
}

static int one_sector(u8 operation, u64 sector, const char *text, char *result, size_t size) {
  int id = block_request(operation, sector, 1);
  if (id == BLOCK_RING_FULL) return BLOCK_NO_ANSWER;
  char *page = block_page(id);
  memset(page, 0, SECTOR_SIZE);
  if (operation == BLKIF_OP_WRITE) join(page, SECTOR_SIZE, text, "");
  if (block_publish()) block_notify();
  int status = block_wait(id);
  if (status == 0 && operation == BLKIF_OP_READ) join(result, size, page, "");
  return status;
}

static void read_sector(u64 sector) {
  char text[64];
  int status = one_sector(BLKIF_OP_READ, sector, "", text, sizeof text);
  for (char *at = text; status == 0 && *at != '\0'; at++) {
    if (*at < ' ' || *at > '~') *at = '.';
  }
  if (status == 0) print("sector %lu: \"%s\"\n", sector, text);
  else show_status(sector, status);
}

static void write_sector(const char *argument) {
  u64 sector = read_number(argument);
  while (*argument >= '0' && *argument <= '9') argument++;
  while (*argument == ' ') argument++;
  int status = one_sector(BLKIF_OP_WRITE, sector, argument, NULL, 0);
  if (status == 0) print("sector %lu: written\n", sector);
  else show_status(sector, status);
}

void disk_command(const char *argument) {
  if (!disk.ring) print("this domain has no disk\n");
  else if (starts_with(argument, "read ")) read_sector(read_number(argument + 5));
  else if (starts_with(argument, "write ")) write_sector(argument + 6);
  else if (argument[0] == '\0') test_disk();
  else print("disk, disk read SECTOR, disk write SECTOR TEXT\n");
}
