// The 2-level event channel ABI: a bit for each port, and a word with a bit for each word of those.

#include "events.h"
#include "exceptions.h"
#include "mmu.h"

#define MAX_PORTS 64

// Xen replaces this page of the image by the one it shares.
static struct shared_info shared PAGE_ALIGNED;
static u8 rest_of_page[PAGE_SIZE - sizeof(struct shared_info)] __attribute__((used));
static event_handler *handlers[MAX_PORTS];

static i64 event_channel_op(unsigned operation, void *argument) {
  return hypercall(HYPERVISOR_event_channel_op, operation, (u64)argument, 0);
}

static void handle_port(unsigned port) {
  __atomic_fetch_and(&shared.evtchn_pending[port / 64], ~(1ul << port % 64), __ATOMIC_ACQ_REL);
  if (port < MAX_PORTS && handlers[port]) handlers[port]();
}

// The flag is cleared before the bits are looked at: an event that arrives in between costs a needless
// interrupt, the other order would lose it.
static void handle_events(void *context) {
  struct vcpu_info *vcpu = context;
  __atomic_store_n(&vcpu->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
  u64 words = __atomic_exchange_n(&vcpu->evtchn_pending_sel, 0, __ATOMIC_ACQ_REL);
  for (; words != 0; words &= words - 1) {
    unsigned word = (unsigned)__builtin_ctzl(words);
    u64 bits = shared.evtchn_pending[word] & ~shared.evtchn_mask[word];
    for (; bits != 0; bits &= bits - 1) handle_port(64 * word + (unsigned)__builtin_ctzl(bits));
  }
}

void events_init(unsigned intid) {
  i64 error = add_to_physmap(XENMAPSPACE_shared_info, 0, phys_of(&shared) / PAGE_SIZE);
  if (error != 0) panic("Xen does not share its page with us: %ld", error);
  for (unsigned word = 0; word < 64; word++) shared.evtchn_mask[word] = ~0ul;
  on_interrupt(intid, handle_events, &shared.vcpu_info);
}

void on_event(u32 port, event_handler *handler) {
  if (port >= MAX_PORTS) panic("event channel port %u is too large", port);
  handlers[port] = handler;
  unmask_event(port);
}

void mask_event(u32 port) {
  __atomic_fetch_or(&shared.evtchn_mask[port / 64], 1ul << port % 64, __ATOMIC_ACQ_REL);
}

// Xen clears the mask bit, and calls us if the port is already pending.
void unmask_event(u32 port) { event_channel_op(EVTCHNOP_unmask, &port); }

void notify(u32 port) { event_channel_op(EVTCHNOP_send, &port); }

u32 offer_port(unsigned domid) {
  struct evtchn_alloc_unbound offer = {.dom = DOMID_SELF, .remote_dom = (u16)domid};
  if (event_channel_op(EVTCHNOP_alloc_unbound, &offer) != 0) panic("no event channel is left");
  return offer.port;
}

// A port that is offered to "ourselves" has our number in its status.
unsigned own_domid(void) {
  u32 port = offer_port(DOMID_SELF);
  struct evtchn_status status = {.dom = DOMID_SELF, .port = port};
  event_channel_op(EVTCHNOP_status, &status);
  event_channel_op(EVTCHNOP_close, &port);
  return status.unbound_dom;
}
