// The PV console: one page with a ring for each direction, and an event channel that tells the other
// side to look. Xen public header io/console.h.

#include "console.h"
#include "events.h"
#include "mmu.h"

struct console {
  volatile struct xencons_interface *ring; // null: Xen's own console
  u32 port;
};

static struct console console;

void console_init(void) {
  u64 port = hvm_param(HVM_PARAM_CONSOLE_EVTCHN);
  u64 gfn = hvm_param(HVM_PARAM_CONSOLE_PFN);
  if (port == 0 || gfn == 0) return;
  console.ring = map_shared(gfn * PAGE_SIZE, PAGE_SIZE);
  console.port = (u32)port;
}

// Nothing to do here: who waits for input sleeps until there is an interrupt, and looks again.
static void input_arrived(void) {}

void console_listen(void) {
  if (console.ring) on_event(console.port, input_arrived);
}

static void put(volatile struct xencons_interface *ring, char byte) {
  // Full: whoever reads the other end has to run first.
  while (ring->out_prod - ring->out_cons == sizeof ring->out) {
    notify(console.port);
    hypercall(HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0);
  }
  dmb(ish);
  ring->out[ring->out_prod % sizeof ring->out] = byte;
  dmb(ish);
  ring->out_prod++;
}

void console_write(const char *text, size_t size) {
  if (size == 0) return;
  if (!console.ring) {
    hypercall(HYPERVISOR_console_io, CONSOLEIO_write, size, (u64)text);
    return;
  }
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '\n') put(console.ring, '\r');
    put(console.ring, text[i]);
  }
  notify(console.port);
}

bool console_read(char *byte) {
  if (!console.ring) return hypercall(HYPERVISOR_console_io, CONSOLEIO_read, 1, (u64)byte) == 1;
  volatile struct xencons_interface *ring = console.ring;
  if (ring->in_cons == ring->in_prod) return false;
  dmb(ish);
  *byte = ring->in[ring->in_cons % sizeof ring->in];
  dmb(ish);
  ring->in_cons++;
  notify(console.port);
  return true;
}

u32 console_port(void) { return console.port; }
