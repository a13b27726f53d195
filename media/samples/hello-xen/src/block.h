// A virtual disk of this domain: the frontend of a block device, with one page of ring.

#pragma once

#include "xen.h"

#define BLOCK_NO_ANSWER (-100) // block_wait: none came in a second
#define BLOCK_RING_FULL (-1)   // block_request

struct disk {
  volatile struct blkif_sring *ring; // null: no disk
  u32 req_prod_pvt;                  // requests filled in; those up to the ring's req_prod are published
  u32 rsp_cons;                      // answers taken
  u32 reference;                     // of the ring's page
  u32 port;
  u32 requests, answers;
  unsigned backend; // its domain
  u64 sectors;
  bool read_only;
  char name[16]; // xvda
};

extern struct disk disk;

// Connects the first disk that the toolstack gave us. False in a domain without one.
bool block_init(void);

// A request goes in three steps. Filling in a slot returns the number of the request, which names the page of
// its data too. `count` is of sectors, at most a page of them.
int block_request(u8 operation, u64 sector, unsigned count);
char *block_page(int id);
// Publishes what is filled in; true when the backend asked to be told now.
bool block_publish(void);
void block_notify(void);

// Waits for the answer of a request: 0, or an error of the backend.
int block_wait(int id);
