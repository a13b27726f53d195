// The xenstore wire protocol and the page it travels in. Xen public header io/xs_wire.h,
// docs/misc/xenstore.txt.

import { struct, u32 } from './layout.ts';

export const XS = {
  CONTROL: 0,
  DIRECTORY: 1,
  READ: 2,
  GET_PERMS: 3,
  WATCH: 4,
  UNWATCH: 5,
  TRANSACTION_START: 6,
  TRANSACTION_END: 7,
  INTRODUCE: 8,
  RELEASE: 9,
  GET_DOMAIN_PATH: 10,
  WRITE: 11,
  MKDIR: 12,
  RM: 13,
  SET_PERMS: 14,
  WATCH_EVENT: 15,
  ERROR: 16,
  IS_DOMAIN_INTRODUCED: 17,
  RESUME: 18,
  SET_TARGET: 19,
  RESET_WATCHES: 21,
  DIRECTORY_PART: 22,
} as const;

/** The errors that have a name on the wire. */
const xsErrors = [
  'EINVAL',
  'EACCES',
  'EEXIST',
  'EISDIR',
  'ENOENT',
  'ENOMEM',
  'ENOSPC',
  'EIO',
  'ENOTEMPTY',
  'ENOSYS',
  'EROFS',
  'EBUSY',
  'EAGAIN',
  'EISCONN',
  'E2BIG',
  'EPERM',
] as const;
export type XsError = (typeof xsErrors)[number];

export const xsdSockmsg = struct('xsd_sockmsg', { type: u32, req_id: u32, tx_id: u32, len: u32 });

export const XENSTORE_PAYLOAD_MAX = 4096;
export const XENSTORE_REL_PATH_MAX = 2048;

// struct xenstore_domain_interface.
export const XENSTORE_RING_SIZE = 1024;
export const XS_REQ_OFFSET = 0;
export const XS_RSP_OFFSET = 1024;
export const XS_REQ_CONS_OFFSET = 2048;
export const XS_REQ_PROD_OFFSET = 2052;
export const XS_RSP_CONS_OFFSET = 2056;
export const XS_RSP_PROD_OFFSET = 2060;
export const XS_CONNECTION_OFFSET = 2068;
export const XS_ERROR_OFFSET = 2072;

export const XENSTORE_CONNECTED = 0;
export const XENSTORE_RECONNECT = 1;
export const XENSTORE_ERROR_RINGIDX = 2;
export const XENSTORE_ERROR_PROTO = 3;
