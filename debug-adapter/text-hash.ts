/** A number of 31 bits that depends on the text alone (FNV-1a): for ids that must not change from run to run. */
export function textHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 1 || 1;
}
