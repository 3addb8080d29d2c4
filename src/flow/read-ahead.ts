// Has the next item fetched while the last one is dealt with.

/** One item is asked for ahead of its time, no more: whoever is slow is not buried. */
export async function* readAhead<T>(items: AsyncIterable<T> | Iterable<T>): AsyncGenerator<T, void, void> {
  if (!(Symbol.asyncIterator in items)) {
    yield* items;
    return;
  }
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (let result = await next; result.done !== true; result = await next) {
      next = iterator.next();
      // It is looked at when it is its turn, or never.
      next.catch(() => {});
      yield result.value;
    }
  } finally {
    // Not waited for: what it asked for last may take its time.
    void iterator.return?.()?.catch(() => {});
  }
}
