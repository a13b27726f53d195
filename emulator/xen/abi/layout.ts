// The layout of ABI structures, declared once: members in the order of the public header, placed
// by the C rules of AArch64 (each member at a multiple of its size). A structure is read from
// bytes into an object with the header's member names, and members that a handler changed are put
// back; all other bytes of the caller's structure stay as the caller had them.

export interface FieldType<T> {
  readonly size: number;
  readonly alignment: number;
  /** The hypervisor writes this member. */
  readonly out: boolean;
  /** A fixed place, for the members of a union. */
  readonly offset?: number;
  get(view: DataView, at: number): T;
  set(view: DataView, at: number, value: T): void;
}

function scalar<T>(
  size: number,
  get: (view: DataView, at: number) => T,
  set: (view: DataView, at: number, value: T) => void,
): FieldType<T> {
  return { size, alignment: size, out: false, get, set };
}

export const u8 = scalar<number>(
  1,
  (view, at) => view.getUint8(at),
  (view, at, value) => view.setUint8(at, value),
);
export const u16 = scalar<number>(
  2,
  (view, at) => view.getUint16(at, true),
  (view, at, value) => view.setUint16(at, value, true),
);
export const i16 = scalar<number>(
  2,
  (view, at) => view.getInt16(at, true),
  (view, at, value) => view.setInt16(at, value, true),
);
export const u32 = scalar<number>(
  4,
  (view, at) => view.getUint32(at, true),
  (view, at, value) => view.setUint32(at, value, true),
);
export const u64 = scalar<bigint>(
  8,
  (view, at) => view.getBigUint64(at, true),
  (view, at, value) => view.setBigUint64(at, value, true),
);
/** A pointer in the caller's address space (XEN_GUEST_HANDLE): 8 bytes for every guest. */
export const pointer = u64;
/** A frame number (xen_pfn_t). Beyond 2^53 it loses its low bits, and is no frame either way. */
export const frame = scalar<number>(
  8,
  (view, at) => Number(view.getBigUint64(at, true)),
  (view, at, value) => view.setBigUint64(at, BigInt(value), true),
);

export const out = <T>(type: FieldType<T>): FieldType<T> => ({ ...type, out: true });
/** A member of a union: at a fixed place, which other members may share. */
export const at = <T>(offset: number, type: FieldType<T>): FieldType<T> => ({ ...type, offset });

// oxlint-disable-next-line typescript/no-explicit-any -- the members of a structure have different types
export type Fields = Record<string, FieldType<any>>;
export type Values<F extends Fields> = { [K in keyof F]: F[K] extends FieldType<infer T> ? T : never };

export interface Struct<V> {
  readonly name: string;
  readonly size: number;
  readonly offsets: { readonly [K in keyof V]: number };
  /** Whether the hypervisor writes any member back. */
  readonly hasOutput: boolean;
  read(bytes: Uint8Array): V;
  /** Puts the members that differ from what the bytes hold into the bytes. */
  update(bytes: Uint8Array, values: V): void;
}

export function struct<F extends Fields>(name: string, fields: F): Struct<Values<F>> {
  const offsets: Record<string, number> = {};
  let end = 0;
  let alignment = 1;
  for (const [member, type] of Object.entries(fields)) {
    const offset = type.offset ?? Math.ceil(end / type.alignment) * type.alignment;
    offsets[member] = offset;
    end = Math.max(end, offset + type.size);
    alignment = Math.max(alignment, type.alignment);
  }
  const members = Object.entries(fields).map(([member, type]) => ({
    member,
    type,
    offset: offsets[member] ?? 0,
  }));

  return {
    name,
    size: Math.ceil(end / alignment) * alignment,
    offsets: offsets as { [K in keyof Values<F>]: number },
    hasOutput: members.some(({ type }) => type.out),
    read(bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const values: Record<string, unknown> = {};
      for (const { member, type, offset } of members) values[member] = type.get(view, offset);
      return values as Values<F>;
    },
    update(bytes, values) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      // Compared before anything is written: members of a union share their bytes.
      const valueIn = (member: string) => (values as Record<string, unknown>)[member];
      const changed = members.filter(
        ({ member, type, offset }) => type.get(view, offset) !== valueIn(member),
      );
      for (const { member, type, offset } of changed) type.set(view, offset, valueIn(member));
    },
  };
}
