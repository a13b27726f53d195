// Random bytes that are the same on every run: what real tools take from the host's entropy comes
// from the `seed` of the configuration. Each purpose has its own stream, so that a new consumer
// does not change what the others get.

/** `count` bytes of the stream `purpose` of a seed. Not for secrets. */
export function randomBytes(seed: number, purpose: string, count: number): Uint8Array {
  const state = new Uint32Array(4);
  state[0] = seed >>> 0;
  state[1] = Math.floor(seed / 2 ** 32) >>> 0;
  state[2] = fnv1a(purpose);
  state[3] = 1;
  for (let round = 0; round < 16; round++) sfc32(state);

  const bytes = new Uint8Array(count);
  for (let at = 0; at < count; at += 4) {
    const word = sfc32(state);
    for (let byte = 0; byte < 4 && at + byte < count; byte++) bytes[at + byte] = word >>> (8 * byte);
  }
  return bytes;
}

/** A random UUID (version 4, RFC 4122). */
export function randomUuid(seed: number, purpose: string): Uint8Array {
  const bytes = randomBytes(seed, purpose, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes;
}

export function uuidText(uuid: Uint8Array): string {
  const digits = [...uuid].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [0, 8, 12, 16, 20].map((start, index, all) => digits.slice(start, all[index + 1])).join('-');
}

/** Small Fast Counter, 32 bits (Chris Doty-Humphrey, PractRand). */
function sfc32(state: Uint32Array): number {
  const [a = 0, b = 0, c = 0, counter = 0] = state;
  const result = (a + b + counter) >>> 0;
  state[3] = counter + 1;
  state[0] = b ^ (b >>> 9);
  state[1] = c + (c << 3);
  state[2] = ((c << 21) | (c >>> 11)) + result;
  return result;
}

function fnv1a(text: string): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x0100_0193);
  }
  return hash >>> 0;
}
