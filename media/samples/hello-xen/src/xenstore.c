// A client of xenstore: requests and replies pass through the two rings of one page, in pieces where
// they are long. Xen public header io/xs_wire.h.

#include "xenstore.h"
#include "events.h"
#include "mmu.h"

#define RING_SIZE sizeof(((struct xenstore_domain_interface *)0)->req)

struct xenstore {
  volatile struct xenstore_domain_interface *page;
  u32 port;
  u32 requests;
};

static struct xenstore store;

// As with the console, who waits looks again after every interrupt.
static void ring_moved(void) {}

bool xenstore_init(void) {
  u64 port = hvm_param(HVM_PARAM_STORE_EVTCHN);
  u64 gfn = hvm_param(HVM_PARAM_STORE_PFN);
  const u64 not_yet = ~0ul; // a domain that Xen built itself, and that no dom0 has completed
  if (port == 0 || gfn == 0 || gfn == not_yet) return false;
  store = (struct xenstore){.page = map_shared(gfn * PAGE_SIZE, PAGE_SIZE), .port = (u32)port};
  on_event(store.port, ring_moved);
  return true;
}

u32 xenstore_port(void) { return store.port; }

static void send(const void *data, size_t size) {
  volatile struct xenstore_domain_interface *page = store.page;
  const char *bytes = data;
  interrupts_off();
  for (size_t i = 0; i < size; i++) {
    while (page->req_prod - page->req_cons == RING_SIZE) {
      notify(store.port);
      wait_for_interrupt();
    }
    page->req[page->req_prod % RING_SIZE] = bytes[i];
    dmb(ish);
    page->req_prod++;
  }
  interrupts_on();
  notify(store.port);
}

static void receive(void *data, size_t size) {
  volatile struct xenstore_domain_interface *page = store.page;
  char *bytes = data;
  interrupts_off();
  for (size_t i = 0; i < size; i++) {
    while (page->rsp_cons == page->rsp_prod) wait_for_interrupt();
    dmb(ish);
    bytes[i] = page->rsp[page->rsp_cons % RING_SIZE];
    dmb(ish);
    bool was_full = page->rsp_prod - page->rsp_cons == RING_SIZE;
    page->rsp_cons++;
    // The server waits for room only when there was none.
    if (was_full) notify(store.port);
  }
  interrupts_on();
}

// Sends a path, with a value behind it if there is one, and takes the reply. What does not fit into `reply`
// is dropped.
static int request(u32 type, const char *path, const char *value, char *reply, size_t size) {
  if (!store.page) return -1;
  size_t path_size = strlen(path) + 1, value_size = value ? strlen(value) : 0;
  struct xsd_sockmsg header = {.type = type, .req_id = ++store.requests, .len = (u32)(path_size + value_size)};
  send(&header, sizeof header);
  send(path, path_size);
  if (value_size != 0) send(value, value_size);

  receive(&header, sizeof header);
  size_t kept = header.len < size - 1 ? header.len : size - 1;
  receive(reply, kept);
  for (size_t i = kept; i < header.len; i++) {
    char dropped;
    receive(&dropped, 1);
  }
  reply[kept] = '\0';
  return header.type == XS_ERROR ? -1 : (int)kept;
}

int xenstore_read(const char *path, char *value, size_t size) {
  return request(XS_READ, path, NULL, value, size);
}

bool xenstore_write(const char *path, const char *value) {
  char reply[16];
  return request(XS_WRITE, path, value, reply, sizeof reply) >= 0;
}

int xenstore_list(const char *path, char *names, size_t size) {
  return request(XS_DIRECTORY, path, NULL, names, size);
}
