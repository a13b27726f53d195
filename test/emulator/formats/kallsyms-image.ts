// Builds a flat Image that holds kallsyms tables the way Linux scripts/kallsyms.c writes them,
// with the addresses left to R_AARCH64_RELATIVE entries as a relocatable kernel has them.

export interface KallsymsName {
  /** From the first symbol's address, which is 64 KiB above the start of the Image. */
  readonly offset: number;
  /** The letter of nm and the name. */
  readonly text: string;
}

const TEXT_AT = 0x1_0000;

/** `base` is the address of the Image's first byte; names are given by offset from there. */
export function imageWithKallsyms(
  layout: '6.1' | '6.4',
  base: bigint,
  names: readonly KallsymsName[],
): Uint8Array {
  const sorted = [...names].sort((a, b) => a.offset - b.offset);
  const out = new Layout(0x4_0000);
  const offsets = (): void => {
    out.align(8);
    for (const { offset } of sorted) out.u32(offset - TEXT_AT);
    out.align(8);
    out.baseAt = out.length;
    out.u64(0n);
  };
  const nameTables = (): void => {
    out.align(8);
    out.u32(sorted.length);
    out.align(8);
    const start = out.length;
    const markers: number[] = [];
    sorted.forEach(({ text }, i) => {
      if (i % 256 === 0) markers.push(out.length - start);
      const tokens = tokensOf(text);
      if (tokens.length < 0x80) out.bytes(tokens.length);
      else out.bytes((tokens.length & 0x7f) | 0x80, tokens.length >> 7);
      out.bytes(...tokens);
    });
    out.align(8);
    for (const marker of markers) out.u32(marker);
    out.align(8);
  };
  const tokenTables = (): void => {
    const starts: number[] = [];
    const start = out.length;
    for (let token = 0; token < 256; token++) {
      starts.push(out.length - start);
      out.bytes(...new TextEncoder().encode(tokenText(token)), 0);
    }
    out.align(8);
    for (const at of starts) out.bytes(at & 0xff, at >> 8);
    out.align(8);
  };

  if (layout === '6.1') offsets();
  nameTables();
  tokenTables();
  if (layout === '6.4') offsets();

  // The relocation of relative_base, among others that must not be mistaken for it.
  for (const place of [0x100, out.baseAt, 0x200]) {
    out.u64(base + BigInt(place));
    out.u64(0x403n);
    out.u64(place === out.baseAt ? base + BigInt(TEXT_AT) : base + 0x300n);
  }
  out.bytes(...new Uint8Array(64));
  const entry = sorted.find(({ text }) => text.endsWith('primary_entry'))?.offset ?? 0;
  return out.image(0x14000000 | ((entry - 4) >> 2));
}

/** Two-letter tokens where the kernel's would be; all other bytes stand for themselves. */
const PAIRS: ReadonlyMap<string, number> = new Map([
  ['fu', 0x80],
  ['nc', 0x81],
  ['ti', 0x82],
  ['on', 0x83],
]);

function tokenText(token: number): string {
  const pair = [...PAIRS].find(([, code]) => code === token);
  if (pair !== undefined) return pair[0];
  return token > 0x20 && token < 0x7f ? String.fromCharCode(token) : '';
}

function tokensOf(text: string): number[] {
  const tokens: number[] = [];
  for (let i = 0; i < text.length; ) {
    const pair = PAIRS.get(text.slice(i, i + 2));
    tokens.push(pair ?? text.charCodeAt(i));
    i += pair === undefined ? 1 : 2;
  }
  return tokens;
}

class Layout {
  baseAt = 0;
  length: number;
  private readonly buffer = new Uint8Array(1 << 20);
  private readonly view = new DataView(this.buffer.buffer);

  constructor(start: number) {
    this.length = start;
  }

  bytes(...values: number[]): void {
    this.buffer.set(values, this.length);
    this.length += values.length;
  }

  u32(value: number): void {
    this.view.setUint32(this.length, value, true);
    this.length += 4;
  }

  u64(value: bigint): void {
    this.view.setBigUint64(this.length, value, true);
    this.length += 8;
  }

  align(to: number): void {
    this.length = Math.ceil(this.length / to) * to;
  }

  image(branch: number): Uint8Array {
    this.view.setUint32(0, 0xfa405a4d, true);
    this.view.setUint32(4, branch, true);
    this.view.setUint32(56, 0x644d5241, true);
    return this.buffer.slice(0, Math.ceil(this.length / 8) * 8);
  }
}
