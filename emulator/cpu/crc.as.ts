// CRC32 and CRC32C instructions: the reflected polynomials 0x04C11DB7 and 0x1EDC6F41.

/** Accumulates `size` bytes of the value, lowest first. No inversion before or after. */
export function crc32(accumulator: u32, value: u64, size: i32, castagnoli: i32): u32 {
  const polynomial: u32 = castagnoli ? 0x82f63b78 : 0xedb88320;
  let crc = accumulator;
  for (let i = 0; i < size; i++) {
    crc ^= ((value >> ((i * 8) as u64)) & 0xff) as u32;
    for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (polynomial & (0 - (crc & 1)));
  }
  return crc;
}
