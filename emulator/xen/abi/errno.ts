// Error numbers of the Xen ABI. Xen public header errno.h; those of Linux, whatever the guest is.

const errnoValues = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  EXDEV: 18,
  ENODEV: 19,
  EISDIR: 21,
  EINVAL: 22,
  ENOSPC: 28,
  EROFS: 30,
  EDOM: 33,
  ERANGE: 34,
  ENOSYS: 38,
  ENOTEMPTY: 39,
  ENODATA: 61,
  EOVERFLOW: 75,
  EILSEQ: 84,
  EMSGSIZE: 90,
  EOPNOTSUPP: 95,
  EADDRINUSE: 98,
  ENOBUFS: 105,
  EISCONN: 106,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
} as const;

/** An error as its name; it becomes the negative number only in the guest's x0. */
export type Errno = keyof typeof errnoValues;

export const errnoResult = (name: Errno): number => -errnoValues[name];

export function errnoName(result: number): Errno | undefined {
  for (const [name, value] of Object.entries(errnoValues)) if (value === -result) return name as Errno;
  return undefined;
}
