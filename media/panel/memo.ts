/** Keeps a result while what it was made from is the same: tables notice new arrays. */
export class Memo<Result> {
  private key: readonly unknown[] | undefined;
  private result: Result | undefined;

  of(key: readonly unknown[], make: () => Result): Result {
    const { key: last } = this;
    if (!last || key.some((part, i) => part !== last[i])) {
      this.key = key;
      this.result = make();
    }
    return this.result as Result;
  }
}
