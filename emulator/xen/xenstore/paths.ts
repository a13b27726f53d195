// Which node names are valid. Xen tools/xenstore/xenstored_core.c (is_valid_nodename).

import { XENSTORE_REL_PATH_MAX } from '../abi/xs-wire.ts';

export function isValidPath(path: string): boolean {
  if (!path.startsWith('/') || (path.endsWith('/') && path !== '/') || path.includes('//')) return false;
  // Below a domain's directory the limit counts from there.
  const home = /^\/local\/domain\/\d{1,5}\//.exec(path)?.[0].length ?? 0;
  return path.length <= home + XENSTORE_REL_PATH_MAX && /^[A-Za-z0-9\-/_@]*$/.test(path);
}

/** `@introduceDomain`, `@releaseDomain`. */
export const isSpecialPath = (path: string): boolean => path.startsWith('@');

/** Where a client's relative paths begin. */
export const homeOf = (domid: number): string => `/local/domain/${domid}`;

/** An absolute path; special names stay as they are. */
export const absolute = (path: string, domid: number): string =>
  path.startsWith('/') || isSpecialPath(path) ? path : `${homeOf(domid)}/${path}`;

/** Whether a watch at `watched` sees a change of `path`: it is the path or an ancestor of it. */
export const isAtOrBelow = (path: string, watched: string): boolean =>
  watched === '/' || path === watched || path.startsWith(`${watched}/`);
