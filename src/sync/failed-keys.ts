// Keys that the target does not have as the source has them, and why. One that fares better later is none of them any more; how
// many of these there were is told in the end.

import { countOf, formatCount } from '../../resp/figures.ts';
import type { FailedKeysState } from '../checkpoint/checkpoint.ts';
import { NO_PAGE, type KeyId } from '../flow/key-id.ts';
import { KeyList } from '../flow/key-list.ts';

/** Of those that have failed in the end, by name. */
const NAMED = 20;

interface Failure {
  readonly why: string;
  /** That it was found on; `NO_PAGE` where it was on several, or on none. */
  readonly page: number;
}

export class FailedKeys {
  readonly #failed: KeyList<Failure>;
  /** Keys that were among them. */
  readonly #recovered = new KeyList<undefined>();

  /** @param more keys that have failed in an earlier part, whose names are not known */
  constructor(more = 0) {
    this.#failed = new KeyList(more);
  }

  get length(): number {
    return this.#failed.length;
  }

  /** As far as names are kept, and each time as many as those before. */
  get growing(): Iterable<readonly KeyId[]> {
    return this.#failed.growing();
  }

  /** Those whose names are not kept. */
  get more(): number {
    return this.#failed.more;
  }

  /** Those that are known by name, and were found up to this page. */
  namesUpTo(page: number): FailedKeysState['names'] {
    const found = Array.from(this.#failed.named).filter(({ what }) => what.page <= page);
    return found.map(({ db, key }) => [db, key.toString('base64')]);
  }

  /** False where it is one of them already. */
  add(key: KeyId, why: string, page: number): boolean {
    if (!this.#failed.add(key, { why, page })) {
      // Whichever of its pages is kept, it is one of them.
      this.#failed.add(key, { why, page: NO_PAGE });
      return false;
    }
    if (this.#recovered.length > 0) this.#recovered.delete(key);
    return true;
  }

  /** It is in place. Returns whether it was one of them. */
  delete(key: KeyId): boolean {
    const wasFailed = this.#failed.length > 0 && this.#failed.delete(key);
    if (wasFailed) this.#recovered.add(key, undefined);
    return wasFailed;
  }

  /** What was told of a key on the way may not be true any more. */
  get warnings(): readonly (readonly [code: string, message: string])[] {
    const { length } = this.#recovered;
    const recovered = `${countOf(length, 'key')} that had failed ${length === 1 ? 'is' : 'are'} in place by now`;
    const failed = `the target does not have as the source has them: ${this.#told}`;
    return [
      ...(length > 0 ? [['KEYS_RECOVERED', `${recovered}: copied, or gone from the source`] as const] : []),
      ...(this.length > 0 ? [['KEYS_FAILED', failed] as const] : []),
    ];
  }

  get #told(): string {
    const { named, length } = this.#failed;
    const told = [...named]
      .slice(0, NAMED)
      .map(({ db, key, what: { why } }) => `"${key.toString()}" in db ${db} (${why})`);
    const untold = length - told.length;
    return [...told, ...(untold > 0 ? [`${formatCount(untold)} more`] : [])].join(', ');
  }
}
