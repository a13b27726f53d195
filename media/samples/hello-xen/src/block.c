// The frontend of a virtual block device. Xen public headers io/blkif.h (requests and responses), io/ring.h
// (the ring they pass through), io/xenbus.h (how both ends meet in xenstore).

#include "block.h"
#include "events.h"
#include "grants.h"
#include "mmu.h"
#include "timer.h"
#include "xenstore.h"

#define DEVICES "device/vbd"
#define PATH_MAX 96

struct request {
  bool waiting;
  u32 reference; // of its page
  int status;
};

struct disk disk;
static struct request requests[BLKIF_RING_SIZE];
static char pages[BLKIF_RING_SIZE][PAGE_SIZE] PAGE_ALIGNED;
static struct blkif_sring ring_page PAGE_ALIGNED;
static u8 rest_of_ring_page[PAGE_SIZE - sizeof ring_page] __attribute__((used));

static void finish(const volatile struct blkif_response *response) {
  if (response->id >= BLKIF_RING_SIZE || !requests[response->id].waiting) return;
  struct request *request = &requests[response->id];
  end_grant(&grants, request->reference);
  request->status = response->status;
  request->waiting = false;
  disk.answers++;
}

// The backend rang. Once all answers are taken we ask for the next event, and look again: an answer that came
// in between would not be told otherwise.
static void take_responses(void) {
  volatile struct blkif_sring *ring = disk.ring;
  do {
    while (disk.rsp_cons != ring->rsp_prod) {
      dmb(ish);
      finish(&ring->ring[disk.rsp_cons % BLKIF_RING_SIZE].rsp);
      disk.rsp_cons++;
    }
    ring->rsp_event = disk.rsp_cons + 1;
    dmb(ish);
  } while (disk.rsp_cons != ring->rsp_prod);
}

static int free_request(void) {
  if (disk.req_prod_pvt - disk.rsp_cons == BLKIF_RING_SIZE) return BLOCK_RING_FULL;
  for (int id = 0; id < BLKIF_RING_SIZE; id++) {
    if (!requests[id].waiting) return id;
  }
  return BLOCK_RING_FULL;
}

int block_request(u8 operation, u64 sector, unsigned count) {
  int id = free_request();
  if (id == BLOCK_RING_FULL) return id;
  enum grant_access access = operation == BLKIF_OP_READ ? GRANT_WRITE : GRANT_READ;
  requests[id] = (struct request){.waiting = true, .reference = grant_page(&grants, disk.backend, pages[id], access)};
  disk.ring->ring[disk.req_prod_pvt % BLKIF_RING_SIZE].req = (struct blkif_request){
    .operation = operation,
    .nr_segments = 1,
    .id = (u64)id,
    .sector_number = sector,
    .seg[0] = {.gref = requests[id].reference, .first_sect = 0, .last_sect = (u8)(count - 1)},
  };
  disk.req_prod_pvt++;
  disk.requests++;
  return id;
}

char *block_page(int id) { return pages[id]; }

// The backend is told when req_prod passes the event that it waits for, and not before: one notification may
// do for many requests.
bool block_publish(void) {
  volatile struct blkif_sring *ring = disk.ring;
  u32 before = ring->req_prod, now = disk.req_prod_pvt;
  dmb(ish);
  ring->req_prod = now;
  dmb(ish);
  return now - ring->req_event < now - before;
}

void block_notify(void) { notify(disk.port); }

int block_wait(int id) {
  volatile struct request *request = &requests[id];
  u64 deadline = read_sysreg(cntvct_el0) + timer.frequency;
  interrupts_off();
  while (request->waiting && read_sysreg(cntvct_el0) < deadline) wait_for_interrupt();
  interrupts_on();
  return request->waiting ? BLOCK_NO_ANSWER : request->status;
}

// ---- how both ends meet

static void node_of(char *path, const char *device, const char *key) {
  char directory[PATH_MAX];
  join(directory, sizeof directory, device, "/");
  join(path, PATH_MAX, directory, key);
}

static u64 read_node(const char *device, const char *key) {
  char path[PATH_MAX], value[24];
  node_of(path, device, key);
  return xenstore_read(path, value, sizeof value) < 0 ? 0 : read_number(value);
}

static void write_node(const char *device, const char *key, u64 value) {
  char path[PATH_MAX], digits[24];
  node_of(path, device, key);
  write_number(digits, sizeof digits, value);
  if (!xenstore_write(path, digits)) panic("xenstore refuses %s", path);
}

static bool wait_for_state(const char *device, enum xenbus_state state) {
  for (int tick = 0; tick < 1000; tick++) {
    if (read_node(device, "state") == state) return true;
    wait_for_ticks(&timer, 1);
  }
  return false;
}

static void offer_ring(const char *frontend) {
  disk.ring = &ring_page;
  disk.ring->req_event = disk.ring->rsp_event = 1;
  disk.reference = grant_page(&grants, disk.backend, &ring_page, GRANT_WRITE);
  disk.port = offer_port(disk.backend);
  on_event(disk.port, take_responses);

  char protocol[PATH_MAX];
  node_of(protocol, frontend, "protocol");
  write_node(frontend, "ring-ref", disk.reference);
  write_node(frontend, "event-channel", disk.port);
  xenstore_write(protocol, "arm-abi");
  write_node(frontend, "state", XENBUS_INITIALISED);
}

bool block_init(void) {
  static char devices[XENSTORE_MAX + 1];
  if (xenstore_list(DEVICES, devices, sizeof devices) <= 0) return false;
  char frontend[PATH_MAX], backend[PATH_MAX], path[PATH_MAX];
  join(frontend, sizeof frontend, DEVICES "/", devices);
  node_of(path, frontend, "backend");
  if (xenstore_read(path, backend, sizeof backend) < 0) return false;
  disk.backend = (unsigned)read_node(frontend, "backend-id");

  if (!wait_for_state(backend, XENBUS_INIT_WAIT)) return false;
  offer_ring(frontend);
  if (!wait_for_state(backend, XENBUS_CONNECTED)) return false;
  node_of(path, backend, "dev");
  xenstore_read(path, disk.name, sizeof disk.name);
  disk.sectors = read_node(backend, "sectors");
  const u64 vdisk_readonly = 4;
  disk.read_only = (read_node(backend, "info") & vdisk_readonly) != 0;
  write_node(frontend, "state", XENBUS_CONNECTED);
  return true;
}
