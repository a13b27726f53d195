// Counters of what the kernels do, for --stats. They are no part of a machine's state.

/** One more, at a counter of `layout.ts`. */
@inline
export function count(counter: usize): void {
  store<i64>(counter, load<i64>(counter) + 1);
}
