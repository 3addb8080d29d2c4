// Counts of a source that cannot be taken back: where what was counted is read once more, as the source was replaced or parts of
// its keyspace proved to be none, all of it is counted anew.

import { RespError } from '../../resp/errors.ts';

/** A source that was replaced so often while it was counted will be replaced again. */
const MOST_COUNTS = 5;

/**
 * @param count told whether it counts anew, then in a way that has to repeat nothing of the same server; `undefined`: nothing of
 * what it has counted holds
 * @param progress forgets what was counted before each further time
 * @param verb what its user wants done with the source
 * @throws RespError where the source is replaced again and again
 */
export async function countedAnew<T>(
  count: (isAnew: boolean) => Promise<T | undefined>,
  progress: { beginAnew(): void },
  verb: string,
): Promise<T> {
  for (let counts = 0; counts < MOST_COUNTS; counts++) {
    const counted = await count(counts > 0);
    if (counted !== undefined) return counted;
    progress.beginAnew();
  }
  const message = `Gave up on the source: it was replaced, or came to hold other data, ${MOST_COUNTS} times while it was counted`;
  throw new RespError('SOURCE_REPLACED', message, { hint: `${verb} it once it is at rest`, retryable: true });
}
