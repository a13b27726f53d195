// A small kernel that runs as a Xen guest on Arm. It brings up what a kernel needs, one after the other,
// says a line about each, runs a program at EL0 and ends in a prompt.

#include "block.h"
#include "console.h"
#include "device-tree.h"
#include "events.h"
#include "gic.h"
#include "grants.h"
#include "mmu.h"
#include "shell.h"
#include "task.h"
#include "timer.h"
#include "xen.h"
#include "xenstore.h"

#define TICKS_PER_SECOND 100

void mmu_set_offset(u64 image_pa); // mmu.c; nobody else needs it

u64 hvm_param(unsigned index) {
  struct xen_hvm_param param = {.domid = DOMID_SELF, .index = index};
  i64 error = hypercall(HYPERVISOR_hvm_op, HVMOP_get_param, (u64)&param, 0);
  return error == 0 ? param.value : 0;
}

i64 add_to_physmap(unsigned space, u64 index, u64 gfn) {
  struct xen_add_to_physmap add = {.domid = DOMID_SELF, .space = space, .idx = index, .gpfn = gfn};
  return hypercall(HYPERVISOR_memory_op, XENMEM_add_to_physmap, (u64)&add, 0);
}

static void show_machine(const struct platform *platform, u64 image_pa) {
  print("\nA small kernel in C, as a Xen guest on Arm.\n\n");
  print("image:     at 0x%lx, entered at EL%lu\n", image_pa, read_sysreg(CurrentEL) >> 2);
  print("memory:    %lu MiB at 0x%lx, MMU on\n", platform->memory.size >> 20, platform->memory.base);
}

static void show_xen(void) {
  char extra[16] = "";
  struct xen_feature_info features = {.submap_idx = 0};
  i64 version = hypercall(HYPERVISOR_xen_version, XENVER_version, 0, 0);
  hypercall(HYPERVISOR_xen_version, XENVER_extraversion, (u64)extra, 0);
  hypercall(HYPERVISOR_xen_version, XENVER_get_features, (u64)&features, 0);
  print("xen:       %ld.%ld%s, features 0x%08x\n", version >> 16, version & 0xffff, extra, features.submap);
}

static void start_interrupts(const struct platform *platform) {
  gic_init(platform);
  print("gic:       version %u, distributor at 0x%lx\n", platform->gic_version, platform->gic[0].base);
  timer_init(&timer, platform->timer_intid, TICKS_PER_SECOND);
  interrupts_on();
  wait_for_ticks(&timer, 3);
  print("timer:     %lu kHz, interrupt %u, %lu ticks seen\n", timer.frequency / 1000, platform->timer_intid,
        timer.ticks);
}

static void start_events(const struct platform *platform, unsigned domid) {
  print("events:    interrupt %u, domain %u", platform->event_intid, domid);
  console_listen();
  if (console_port() != 0) print(", console at port %u", console_port());
  if (xenstore_init()) print(", xenstore at port %u", xenstore_port());
  print("\n");
}

// Offers a page to ourselves and has Xen copy from it, as a backend would.
static void try_grants(const struct platform *platform, unsigned domid) {
  static char offered[PAGE_SIZE] PAGE_ALIGNED = "a page that was granted";
  static char copied[32] __attribute__((aligned(32)));
  grants_init(&grants, platform->grant_window);
  u32 reference = grant_page(&grants, domid, offered, GRANT_READ);
  i64 status = copy_granted(domid, reference, copied, sizeof copied);
  bool ended = end_grant(&grants, reference);
  print("grants:    %u of %u frames, reference %u", grants.frames, grants.max_frames, reference);
  if (status == 0 && ended && same_text(copied, offered)) print(": \"%s\"\n", copied);
  else print(" failed: status %ld\n", status);
}

static void start_disk(void) {
  if (!block_init()) return;
  print("disk:      %s, %lu sectors%s, reference %u, port %u\n", disk.name, disk.sectors,
        disk.read_only ? " to be read only" : "", disk.reference, disk.port);
}

struct greeting {
  const char *name;
  unsigned domid;
  unsigned times;
};

// A good place for the first breakpoint.
void say_hello(const struct greeting *greeting) {
  for (unsigned i = 1; i <= greeting->times; i++) {
    print("hello %u:   I am domain %u, '%s'\n", i, greeting->domid, greeting->name);
  }
}

static void greet(unsigned domid) {
  char name[64];
  int length = xenstore_read("name", name, sizeof name);
  struct greeting greeting = {.name = length < 0 ? "nameless" : name, .domid = domid, .times = 3};
  say_hello(&greeting);
}

static void run_hello_task(void) {
  static struct task hello;
  task_init(&hello, "hello");
  int code = run_task(&hello);
  print("task:      '%s' ended with %d after %u system calls\n", hello.name, code, hello.system_calls);
}

// start.S comes here with the MMU on, interrupts masked, and the addresses that Xen chose.
void kernel_main(u64 image_pa, u64 device_tree_pa) {
  mmu_set_offset(image_pa);
  static struct platform platform;
  read_device_tree(pointer_to(device_tree_pa), &platform);
  // Without Xen there is no console to say so on.
  if (!platform.has_xen) power_off();
  mmu_init(image_pa, platform.memory.base, platform.memory.size);

  console_init();
  show_machine(&platform, image_pa);
  show_xen();
  start_interrupts(&platform);
  events_init(platform.event_intid);
  unsigned domid = own_domid();
  start_events(&platform, domid);
  try_grants(&platform, domid);
  start_disk();
  greet(domid);
  run_hello_task();

  print("\nThe guest is up: 'help' lists what can be typed here.\n");
  run_shell();
}
