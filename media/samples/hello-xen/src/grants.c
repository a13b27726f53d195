// Version 1 of the grant table, which is what Xen on Arm offers.

#include "grants.h"
#include "mmu.h"

#define RESERVED 8 // the first references belong to the toolstack: console, xenstore

struct grants grants;

void grants_init(struct grants *g, struct range window) {
  u32 version = 1;
  hypercall(HYPERVISOR_grant_table_op, GNTTABOP_set_version, (u64)&version, 1);
  struct gnttab_query_size size = {.dom = DOMID_SELF};
  hypercall(HYPERVISOR_grant_table_op, GNTTABOP_query_size, (u64)&size, 1);
  i64 error = add_to_physmap(XENMAPSPACE_grant_table, 0, window.base / PAGE_SIZE);
  if (error != 0) panic("the grant table cannot be mapped: %ld", error);
  *g = (struct grants){
    .table = map_shared(window.base, PAGE_SIZE),
    .frames = size.nr_frames,
    .max_frames = size.max_nr_frames,
  };
}

static u32 free_reference(struct grants *g) {
  for (u32 reference = RESERVED; reference < sizeof g->used; reference++) {
    if (!g->used[reference]) return reference;
  }
  panic("no grant reference is left");
}

u32 grant_page(struct grants *g, unsigned domid, const void *page, enum grant_access access) {
  u32 reference = free_reference(g);
  g->used[reference] = true;
  struct grant_entry *entry = &g->table[reference];
  entry->frame = (u32)(phys_of(page) / PAGE_SIZE);
  entry->domid = (u16)domid;
  // The flags make the entry valid, so they come last.
  u16 flags = access == GRANT_READ ? GTF_permit_access | GTF_readonly : GTF_permit_access;
  __atomic_store_n(&entry->flags, flags, __ATOMIC_RELEASE);
  return reference;
}

bool end_grant(struct grants *g, u32 reference) {
  u16 *flags = &g->table[reference].flags;
  // Xen sets bits of its own in the flags while the page is in use.
  u16 unused = __atomic_load_n(flags, __ATOMIC_ACQUIRE) & ~(GTF_reading | GTF_writing);
  bool ended = __atomic_compare_exchange_n(flags, &unused, GTF_invalid, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  if (ended) g->used[reference] = false;
  return ended;
}

i64 copy_granted(unsigned domid, u32 reference, void *to, u16 size) {
  u64 pa = phys_of(to);
  struct gnttab_copy copy = {
    .source = {.ref_or_gmfn = reference, .domid = (u16)domid},
    .dest = {.ref_or_gmfn = pa / PAGE_SIZE, .domid = DOMID_SELF, .offset = pa % PAGE_SIZE},
    .len = size,
    .flags = GNTCOPY_source_gref,
  };
  i64 error = hypercall(HYPERVISOR_grant_table_op, GNTTABOP_copy, (u64)&copy, 1);
  return error != 0 ? error : copy.status;
}
