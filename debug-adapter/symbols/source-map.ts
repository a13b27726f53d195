// The key `sourceMap`: from the directories in which a guest was built to those of the user. An entry
// `"/build/linux": "${workspaceFolder}/linux"` replaces the beginning of a path.

export class SourceMap {
  /** Longest first, so that the most particular entry decides. */
  private readonly entries: readonly (readonly [recorded: string, user: string])[];

  constructor(map: Readonly<Record<string, string>>) {
    this.entries = Object.entries(map)
      .map(([recorded, user]) => [withoutSlash(recorded), withoutSlash(user)] as const)
      .sort(([a], [b]) => b.length - a.length);
  }

  toUser(recorded: string): string {
    for (const [from, to] of this.entries) {
      const moved = replaced(recorded, from, to);
      if (moved !== undefined) return moved;
    }
    return recorded;
  }

  /** The names under which a file of the user may be recorded, the most likely first. */
  toRecorded(path: string): readonly string[] {
    const candidates: string[] = [];
    for (const [recorded, user] of this.entries) {
      const moved = replaced(path, user, recorded);
      if (moved !== undefined) candidates.push(moved);
    }
    candidates.push(path);
    return candidates;
  }
}

function replaced(path: string, from: string, to: string): string | undefined {
  if (path === from) return to;
  return path.startsWith(`${from}/`) ? to + path.slice(from.length) : undefined;
}

const withoutSlash = (path: string): string => (path.length > 1 ? path.replace(/[/\\]+$/, '') : path);
