// Domain numbers. Xen public header xen.h.

/** The first number that is not a domain's. */
export const DOMID_FIRST_RESERVED = 0x7ff0;
export const DOMID_SELF = 0x7ff0;
export const DOMID_XEN = 0x7ff2;
