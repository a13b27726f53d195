// Keeps the most recently used results of an asynchronous computation.

export class Lru<K, V> {
  private readonly entries = new Map<K, Promise<V>>();
  private readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** The value of a key; `compute` runs if it is not kept. A failure is not kept. */
  get(key: K, compute: () => Promise<V>): Promise<V> {
    let value = this.entries.get(key);
    if (value === undefined) {
      value = compute();
      value.catch(() => this.entries.delete(key));
    }
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > this.capacity) {
      const [oldest] = this.entries.keys();
      this.entries.delete(oldest as K);
    }
    return value;
  }
}
