// Permissions of xenstore nodes: "n0,r5". The first entry names the owner, who may do anything, and
// what everybody without an entry may do. Xen tools/xenstore/xenstored_core.c (perm_for_conn).

export interface Permission {
  readonly domid: number;
  readonly read: boolean;
  readonly write: boolean;
  /** Names a domain that did not exist then, or is gone: a later one of that number gets nothing. */
  readonly ignored?: boolean;
}

/** At least one: the owner's. */
export type Permissions = readonly [Permission, ...Permission[]];

/** Who asks. */
export interface Subject {
  readonly domid: number;
  readonly privileged: boolean;
}

export interface Access {
  readonly read: boolean;
  readonly write: boolean;
  readonly owner: boolean;
}

export function accessOf({ domid, privileged }: Subject, permissions: Permissions): Access {
  const [owner, ...others] = permissions;
  if (privileged || owner.domid === domid) return { read: true, write: true, owner: true };
  const entry = others.find((candidate) => candidate.domid === domid && !candidate.ignored) ?? owner;
  return { read: entry.read, write: entry.write, owner: false };
}

const LETTERS: Readonly<Record<string, { read: boolean; write: boolean }>> = {
  n: { read: false, write: false },
  r: { read: true, write: false },
  w: { read: false, write: true },
  b: { read: true, write: true },
};

/** One entry as on the wire: a letter and a domid. */
function parsePermission(text: string): Permission | undefined {
  const letter = LETTERS[text.charAt(0)];
  if (!letter || !/^[0-9]{1,10}$/.test(text.slice(1))) return undefined;
  return { domid: Number(text.slice(1)), ...letter };
}

export function parsePermissions(texts: readonly string[]): Permissions | undefined {
  const [first, ...rest] = texts.map(parsePermission);
  if (!first || rest.includes(undefined)) return undefined;
  return [first, ...rest.filter((entry) => entry !== undefined)];
}

export function formatPermission({ domid, read, write }: Permission): string {
  const letter = read ? (write ? 'b' : 'r') : write ? 'w' : 'n';
  return `${letter}${domid}`;
}

/** `n0,r5`: the toolstack's way to write permissions, and xenstore-ls's way to show them. */
export const formatPermissions = (permissions: Permissions): string =>
  permissions.map(formatPermission).join(',');

export function permissions(text: string): Permissions {
  const parsed = parsePermissions(text.split(','));
  if (!parsed) throw new RangeError(`'${text}' is not a list of xenstore permissions`);
  return parsed;
}
