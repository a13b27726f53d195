// The key `sourceMap`: from the directories in which a guest was built to those of the user. An entry
// `"/build/linux": "${workspaceFolder}/linux"` replaces the beginning of a path. The key `sourceTree` names one folder
// with all sources: what a recorded path ends with is looked for there, so nobody has to know where a distribution
// builds its kernels.

/** The folder, and whether a file is there. */
export interface SourceTree {
  readonly folder: string;
  exists(path: string): Promise<boolean>;
}

/** A file is known by its name and its folder: `main.c` alone is in many. */
const MIN_PARTS = 2;

export class SourceMap {
  private readonly tree: SourceTree | undefined;
  /** Of recorded paths: what is there of them. */
  private readonly found = new Map<string, Promise<string | undefined>>();
  /** What recorded paths begin with where the tree begins, as far as it was seen. */
  private readonly roots = new Set<string>();

  /** Longest first, so that the most particular entry decides. */
  private readonly entries: readonly (readonly [recorded: string, user: string])[];

  constructor(map: Readonly<Record<string, string>>, tree?: SourceTree) {
    this.tree = tree && { ...tree, folder: withoutSlash(tree.folder) };
    this.entries = Object.entries(map)
      .map(([recorded, user]) => [withoutSlash(recorded), withoutSlash(user)] as const)
      .sort(([a], [b]) => b.length - a.length);
  }

  async toUser(recorded: string): Promise<string> {
    for (const [from, to] of this.entries) {
      const moved = replaced(recorded, from, to);
      if (moved !== undefined) return moved;
    }
    return (await this.inTree(recorded)) ?? recorded;
  }

  /** The names under which a file of the user may be recorded, the most likely first. */
  toRecorded(path: string): readonly string[] {
    const candidates: string[] = [];
    for (const [recorded, user] of this.entries) {
      const moved = replaced(path, user, recorded);
      if (moved !== undefined) candidates.push(moved);
    }
    for (const root of this.tree ? this.roots : []) {
      const moved = replaced(path, this.tree?.folder ?? '', root);
      if (moved !== undefined) candidates.push(moved);
    }
    candidates.push(path);
    return candidates;
  }

  private inTree(recorded: string): Promise<string | undefined> {
    if (!this.tree) return Promise.resolve(undefined);
    let found = this.found.get(recorded);
    if (!found) {
      found = this.findIn(this.tree, recorded);
      this.found.set(recorded, found);
    }
    return found;
  }

  /** The longest end of the path that is there; first where others were found. */
  private async findIn({ folder, exists }: SourceTree, recorded: string): Promise<string | undefined> {
    for (const root of this.roots) {
      const moved = replaced(recorded, root, folder);
      if (moved !== undefined && (await exists(moved))) return moved;
    }
    const parts = recorded.split('/');
    for (let at = recorded.startsWith('/') ? 1 : 0; at <= parts.length - MIN_PARTS; at++) {
      const path = `${folder}/${parts.slice(at).join('/')}`;
      if (!(await exists(path))) continue;
      const root = parts.slice(0, at).join('/');
      if (root !== '') this.roots.add(root);
      return path;
    }
    return undefined;
  }
}

function replaced(path: string, from: string, to: string): string | undefined {
  if (path === from) return to;
  return path.startsWith(`${from}/`) ? to + path.slice(from.length) : undefined;
}

const withoutSlash = (path: string): string => (path.length > 1 ? path.replace(/[/\\]+$/, '') : path);
