// Packet captures as Wireshark reads them: pcapng, one section, an interface for each port. IETF
// draft-ietf-opsawg-pcapng.

const SECTION_HEADER = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION = 1;
const ENHANCED_PACKET = 6;
const BYTE_ORDER_MAGIC = 0x1a2b_3c4d;

const LINKTYPE_ETHERNET = 1;

const OPTION_COMMENT = 1;
const SECTION_APPLICATION = 4;
const INTERFACE_NAME = 2;
const INTERFACE_RESOLUTION = 9;
/** 10^-9 seconds. */
const NANOSECONDS = 9;

export interface CapturedPacket {
  /** Index of the interface, in the order of addInterface(). */
  readonly interface: number;
  /** Nanoseconds since 1970. */
  readonly time: bigint;
  readonly bytes: Uint8Array;
  /** On the wire, if not all of it is in `bytes`. */
  readonly length?: number;
  readonly comment?: string;
}

/** Makes the blocks of a capture; whoever has them puts them one behind the other into a file. */
export class PcapngWriter {
  private readonly names: string[] = [];

  section(application: string): Uint8Array {
    const body = new Uint8Array(16);
    const view = new DataView(body.buffer);
    view.setUint32(0, BYTE_ORDER_MAGIC, true);
    view.setUint16(4, 1, true);
    // The section's length is not known.
    view.setBigInt64(8, -1n, true);
    return block(SECTION_HEADER, [body, ...options([[SECTION_APPLICATION, utf8(application)]])]);
  }

  /** The block, and the number by which packets name the interface. */
  addInterface(name: string): { readonly index: number; readonly block: Uint8Array } {
    const body = new Uint8Array(8);
    new DataView(body.buffer).setUint16(0, LINKTYPE_ETHERNET, true);
    const index = this.names.push(name) - 1;
    const described = options([
      [INTERFACE_NAME, utf8(name)],
      [INTERFACE_RESOLUTION, Uint8Array.of(NANOSECONDS)],
    ]);
    return { index, block: block(INTERFACE_DESCRIPTION, [body, ...described]) };
  }

  packet({ interface: index, time, bytes, length, comment }: CapturedPacket): Uint8Array {
    const head = new Uint8Array(20);
    const view = new DataView(head.buffer);
    view.setUint32(0, index, true);
    view.setUint32(4, Number(time >> 32n), true);
    view.setUint32(8, Number(time & 0xffff_ffffn), true);
    view.setUint32(12, bytes.length, true);
    view.setUint32(16, length ?? bytes.length, true);
    const said = comment === undefined ? [] : options([[OPTION_COMMENT, utf8(comment)]]);
    return block(ENHANCED_PACKET, [head, padded(bytes), ...said]);
  }
}

/** Type and length in front, the length again behind, so that a file can be read from either end. */
function block(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 12);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, length, true);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, length, true);
  return bytes;
}

function options(list: readonly (readonly [code: number, value: Uint8Array])[]): Uint8Array[] {
  const parts = list.map(([code, value]) => {
    const head = new Uint8Array(4);
    const view = new DataView(head.buffer);
    view.setUint16(0, code, true);
    view.setUint16(2, value.length, true);
    return [head, padded(value)];
  });
  return [...parts.flat(), new Uint8Array(4)];
}

function padded(bytes: Uint8Array): Uint8Array {
  if (bytes.length % 4 === 0) return bytes;
  const result = new Uint8Array((bytes.length + 3) & ~3);
  result.set(bytes);
  return result;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
