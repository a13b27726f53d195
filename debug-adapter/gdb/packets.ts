// The outermost layer of the GDB remote protocol (GDB manual, "Remote Protocol", Overview): packets between
// `$` and `#` with a checksum, acknowledgements, and the interrupt byte. Bodies are strings of which each
// character is one byte.

/** Longest body that is taken or sent; told to the client as PacketSize. */
export const PACKET_SIZE = 0x4000;

export type Incoming =
  | { readonly kind: 'packet'; readonly body: string }
  /** The checksum does not fit. */
  | { readonly kind: 'damaged' }
  | { readonly kind: 'too long' }
  | { readonly kind: 'ack' | 'nack' }
  /** Byte 3, outside of packets: the user pressed Ctrl-C. */
  | { readonly kind: 'interrupt' };

const DOLLAR = 0x24;
const HASH = 0x23;
const PLUS = 0x2b;
const MINUS = 0x2d;
const ESCAPE = 0x7d;
const STAR = 0x2a;
const INTERRUPT = 0x03;

/** Takes packets out of a stream that arrives in pieces. */
export class PacketReader {
  private state: 'outside' | 'body' | 'first digit' | 'second digit' = 'outside';
  private bytes: number[] = [];
  private sum = 0;
  private isTooLong = false;
  private firstDigit = 0;

  read(chunk: Uint8Array): Incoming[] {
    const found: Incoming[] = [];
    for (const byte of chunk) {
      const incoming = this.next(byte);
      if (incoming) found.push(incoming);
    }
    return found;
  }

  private next(byte: number): Incoming | undefined {
    // An unescaped dollar sign begins a packet wherever it stands: the end of the one before was lost.
    if (byte === DOLLAR) return this.begin();
    switch (this.state) {
      case 'outside':
        if (byte === PLUS) return { kind: 'ack' };
        if (byte === MINUS) return { kind: 'nack' };
        return byte === INTERRUPT ? { kind: 'interrupt' } : undefined;
      case 'body':
        if (byte === HASH) this.state = 'first digit';
        else this.take(byte);
        return undefined;
      case 'first digit':
        this.firstDigit = byte;
        this.state = 'second digit';
        return undefined;
      case 'second digit':
        return this.end(byte);
    }
  }

  private begin(): undefined {
    this.state = 'body';
    this.bytes = [];
    this.sum = 0;
    this.isTooLong = false;
  }

  private take(byte: number): void {
    this.sum = (this.sum + byte) & 0xff;
    // Escapes shrink to one byte each, so the limit is on what came over the wire.
    if (this.bytes.length >= 2 * PACKET_SIZE) this.isTooLong = true;
    else this.bytes.push(byte);
  }

  private end(secondDigit: number): Incoming {
    this.state = 'outside';
    const stated = parseHex(String.fromCharCode(this.firstDigit, secondDigit));
    const { bytes } = this;
    this.bytes = [];
    if (stated !== this.sum) return { kind: 'damaged' };
    return this.isTooLong ? { kind: 'too long' } : { kind: 'packet', body: unescape(bytes) };
  }
}

function unescape(bytes: readonly number[]): string {
  let body = '';
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    body += String.fromCharCode(byte === ESCAPE ? (bytes[++i] ?? 0) ^ 0x20 : byte);
  }
  return body;
}

const SPECIAL: ReadonlySet<number> = new Set([DOLLAR, HASH, ESCAPE, STAR]);

/** A body as it goes over the wire. */
export function framed(body: string): Uint8Array {
  const bytes: number[] = [DOLLAR];
  let sum = 0;
  const put = (byte: number): void => {
    bytes.push(byte);
    sum = (sum + byte) & 0xff;
  };
  for (let i = 0; i < body.length; i++) {
    const byte = body.charCodeAt(i) & 0xff;
    if (SPECIAL.has(byte)) {
      put(ESCAPE);
      put(byte ^ 0x20);
    } else put(byte);
  }
  bytes.push(HASH, ...sum.toString(16).padStart(2, '0').split('').map(codeOf));
  return Uint8Array.from(bytes);
}

const codeOf = (character: string): number => character.charCodeAt(0);

// ---------------------------------------------------------------- parts of bodies

/** Undefined for what is no hexadecimal number of up to 16 digits. */
export function parseHex(text: string): number | undefined {
  return /^[0-9a-f]{1,13}$/i.test(text) ? Number.parseInt(text, 16) : undefined;
}

export function parseAddress(text: string): bigint | undefined {
  return /^[0-9a-f]{1,16}$/i.test(text) ? BigInt(`0x${text}`) : undefined;
}

export const hexOf = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
};

/** Undefined for an odd number of digits, or other characters. */
export function bytesOfHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) return undefined;
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

export const binaryOf = (bytes: Uint8Array): string => {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
};

export const bytesOfBinary = (text: string): Uint8Array => Uint8Array.from(text, codeOf);

export const hexOfText = (text: string): string => hexOf(new TextEncoder().encode(text));

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export const escapedXml = (text: string): string =>
  text.replace(/[^ -~]/g, '?').replace(/[&<>"]/g, (character) => ENTITIES[character] ?? '');
