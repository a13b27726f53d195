// The PV console's ring: struct xencons_interface. Xen public header io/console.h. Indices run
// free; they are taken modulo the size.

export const XENCONS_IN_OFFSET = 0;
export const XENCONS_IN_SIZE = 1024;
export const XENCONS_OUT_OFFSET = 1024;
export const XENCONS_OUT_SIZE = 2048;
export const XENCONS_IN_CONS_OFFSET = 3072;
export const XENCONS_IN_PROD_OFFSET = 3076;
export const XENCONS_OUT_CONS_OFFSET = 3080;
export const XENCONS_OUT_PROD_OFFSET = 3084;
