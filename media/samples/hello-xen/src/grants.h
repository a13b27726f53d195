// The grant table: pages that other domains may use.

#pragma once

#include "device-tree.h"
#include "xen.h"

struct grants {
  struct grant_entry *table; // 512 entries in its first frame
  unsigned frames;
  unsigned max_frames;
  bool used[PAGE_SIZE / sizeof(struct grant_entry)];
};

enum grant_access { GRANT_READ, GRANT_WRITE };

extern struct grants grants;

void grants_init(struct grants *g, struct range window);

// Lets a domain use the page; returns the reference that it needs for that.
u32 grant_page(struct grants *g, unsigned domid, const void *page, enum grant_access access);
// False while the other domain still uses the page.
bool end_grant(struct grants *g, u32 reference);

// Has Xen copy the beginning of a granted page to `to`, which must not cross a page.
i64 copy_granted(unsigned domid, u32 reference, void *to, u16 size);
