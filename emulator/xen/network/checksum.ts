// The checksum of the Internet protocols: RFC 1071.

/** Sum of 16-bit words, not folded; a last odd byte counts as if a zero followed. */
export function sumOf(bytes: Uint8Array, sum = 0): number {
  const even = bytes.length & ~1;
  let total = sum;
  for (let i = 0; i < even; i += 2) {
    total += ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
    // Before it could lose bits of a double; never for a packet of 64 KiB.
    if (total > 0xffff_ffff_ffff) total = fold(total);
  }
  if (even < bytes.length) total += (bytes[even] as number) << 8;
  return total;
}

/** What goes into a checksum field. Bytes that hold a right checksum give 0. */
export const checksumOf = (sum: number): number => fold(sum) ^ 0xffff;

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return folded;
}

/** The pseudo header of TCP and UDP over IPv4 (RFC 9293, 3.1). */
export function pseudoHeaderSum(
  source: number,
  destination: number,
  protocol: number,
  length: number,
): number {
  return (
    (source >>> 16) + (source & 0xffff) + (destination >>> 16) + (destination & 0xffff) + protocol + length
  );
}
