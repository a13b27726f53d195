// The part of Xen's interface that this guest uses. Numbers and layouts are those of Xen's public
// headers (xen/include/public); a pointer in a structure is a virtual address of the guest.

#pragma once

#include "base.h"

// hypercall.S: `hvc #0xea1` with the number in x16. The result is negative for an error.
i64 hypercall(unsigned number, u64 a, u64 b, u64 c);
// SMC calling convention: PSCI.
i64 firmware_call(u64 function);

#define HYPERVISOR_memory_op 12
#define HYPERVISOR_xen_version 17
#define HYPERVISOR_console_io 18
#define HYPERVISOR_grant_table_op 20
#define HYPERVISOR_sched_op 29
#define HYPERVISOR_event_channel_op 32
#define HYPERVISOR_hvm_op 34

#define DOMID_SELF 0x7ff0

// xen_version
#define XENVER_version 0
#define XENVER_extraversion 1
#define XENVER_get_features 6

struct xen_feature_info {
  u32 submap_idx;
  u32 submap;
};

// console_io
#define CONSOLEIO_write 0
#define CONSOLEIO_read 1

// sched_op
#define SCHEDOP_yield 0
#define SCHEDOP_shutdown 2
#define SHUTDOWN_poweroff 0
#define SHUTDOWN_crash 3

// memory_op
#define XENMEM_add_to_physmap 7
#define XENMAPSPACE_shared_info 0
#define XENMAPSPACE_grant_table 1

struct xen_add_to_physmap {
  u16 domid;
  u16 size;
  u32 space;
  u64 idx;
  u64 gpfn;
};

// hvm_op
#define HVMOP_get_param 1
#define HVM_PARAM_STORE_PFN 1
#define HVM_PARAM_STORE_EVTCHN 2
#define HVM_PARAM_CONSOLE_PFN 17
#define HVM_PARAM_CONSOLE_EVTCHN 18

struct xen_hvm_param {
  u16 domid;
  u16 pad;
  u32 index;
  u64 value;
};

// event_channel_op
#define EVTCHNOP_close 3
#define EVTCHNOP_send 4
#define EVTCHNOP_status 5
#define EVTCHNOP_alloc_unbound 6
#define EVTCHNOP_unmask 9

struct evtchn_alloc_unbound {
  u16 dom;
  u16 remote_dom;
  u32 port;
};

struct evtchn_status {
  u16 dom;
  u32 port;
  u32 status;
  u32 vcpu;
  u16 unbound_dom;
  u32 rest;
};

// The page that the domain shares with Xen.
struct vcpu_info {
  u8 evtchn_upcall_pending;
  u8 pad[7];
  u64 evtchn_pending_sel;
  u64 unused[4];
};

struct shared_info {
  struct vcpu_info vcpu_info;
  u64 evtchn_pending[64];
  u64 evtchn_mask[64];
};

// grant_table_op
#define GNTTABOP_copy 5
#define GNTTABOP_query_size 6
#define GNTTABOP_set_version 8
#define GNTCOPY_source_gref 1
#define GTF_invalid 0
#define GTF_permit_access 1
#define GTF_readonly 4
#define GTF_reading 8
#define GTF_writing 16

struct grant_entry {
  u16 flags;
  u16 domid;
  u32 frame;
};

struct gnttab_query_size {
  u16 dom;
  u32 nr_frames;
  u32 max_nr_frames;
  i16 status;
};

struct gnttab_copy_end {
  u64 ref_or_gmfn;
  u16 domid;
  u16 offset;
  u32 pad;
};

struct gnttab_copy {
  struct gnttab_copy_end source;
  struct gnttab_copy_end dest;
  u16 len;
  u16 flags;
  i16 status;
  u16 pad;
};

// The page of the PV console.
struct xencons_interface {
  char in[1024];
  char out[2048];
  u32 in_cons, in_prod;
  u32 out_cons, out_prod;
};

// The page of xenstore, and what passes through it.
#define XS_DIRECTORY 1
#define XS_READ 2
#define XS_WRITE 11
#define XS_ERROR 16

struct xenstore_domain_interface {
  char req[1024];
  char rsp[1024];
  u32 req_cons, req_prod;
  u32 rsp_cons, rsp_prod;
};

struct xsd_sockmsg {
  u32 type;
  u32 req_id;
  u32 tx_id;
  u32 len;
};

// The states of a device's two ends.
enum xenbus_state {
  XENBUS_INITIALISING = 1,
  XENBUS_INIT_WAIT,
  XENBUS_INITIALISED,
  XENBUS_CONNECTED,
  XENBUS_CLOSING,
  XENBUS_CLOSED,
};

// The ring of a block device.
#define BLKIF_OP_READ 0
#define BLKIF_OP_WRITE 1
#define BLKIF_MAX_SEGMENTS 11
#define BLKIF_RING_SIZE 32
#define SECTOR_SIZE 512

struct blkif_request_segment {
  u32 gref;
  u8 first_sect, last_sect;
  u16 pad;
};

struct blkif_request {
  u8 operation;
  u8 nr_segments;
  u16 handle;
  u64 id;
  u64 sector_number;
  struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS];
};

struct blkif_response {
  u64 id;
  u8 operation;
  i16 status;
};

union blkif_slot {
  struct blkif_request req;
  struct blkif_response rsp;
};

struct blkif_sring {
  u32 req_prod, req_event;
  u32 rsp_prod, rsp_event;
  u32 pad[12];
  union blkif_slot ring[BLKIF_RING_SIZE];
};

// One parameter of this domain; 0 if Xen gives none.
u64 hvm_param(unsigned index);
// Puts one of Xen's own pages at a guest frame number.
i64 add_to_physmap(unsigned space, u64 index, u64 gfn);
