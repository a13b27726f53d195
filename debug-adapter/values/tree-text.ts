// Plain data of an inspection as one line.

export function treeText(data: unknown, depth: number, limit: number): string {
  if (typeof data === 'string') {
    const isPlain = depth === 0 || /^(?:0x)?[0-9a-f]+$/.test(data);
    return isPlain ? data : `"${data.slice(0, limit)}"`;
  }
  if (typeof data !== 'object' || data === null) return String(data);
  if (depth >= 3) return Array.isArray(data) ? `[${data.length}]` : '{…}';
  const parts: string[] = [];
  let used = 0;
  for (const [key, value] of Object.entries(data)) {
    if (used > limit) {
      parts.push('…');
      break;
    }
    const text = treeText(value, depth + 1, limit);
    parts.push(Array.isArray(data) ? text : `${key} = ${text}`);
    used += text.length + key.length;
  }
  return Array.isArray(data) ? `[${parts.join(', ')}]` : `{${parts.join(', ')}}`;
}
