// Reads keys by name from whoever serves them, and all of them at once.

import type { Channel } from '../flow/channel.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import { newEntry, type Entry } from '../flow/entry.ts';
import { EntryView } from '../flow/entry-view.ts';
import { Failure } from '../flow/failure.ts';
import { NO_PAGE, type KeyId } from '../flow/key-id.ts';
import { Wakeup } from '../flow/wakeup.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import type { Session } from '../server/session.ts';
import type { LargeValues, ValueOptions } from './large-values.ts';
import { Lookup, type AnswerSink } from './lookup.ts';
import type { Source, SourceSink } from './source.ts';

export interface NamedKeysOptions extends NodeLinkOptions {
  readonly dump: ValueOptions;
}

/** An entry without a payload stands for a key that is not there. */
export class NamedKeys implements Source {
  readonly fraction = 1;
  readonly #keys: Iterable<readonly KeyId[]>;
  readonly #options: NamedKeysOptions;
  readonly #lookup: Lookup;
  readonly #moved = new Wakeup();
  readonly #failure = new Failure();
  readonly #entry = newEntry();
  /** Where else a key may be, and what it is known by, by the Buffer that was asked with. */
  readonly #asked = new Map<Buffer, { readonly known: KeyId; readonly others: readonly KeyId[] }>();
  #channel!: Channel;

  /** @param keys each with all places where it may be, the likeliest first; asked for when it is read */
  constructor(
    deployment: Deployment,
    keys: Iterable<readonly KeyId[]>,
    options: NamedKeysOptions,
    sink: Pick<SourceSink, 'onReadRefused' | 'onNotice'>,
  ) {
    this.#keys = keys;
    this.#options = options;
    this.#lookup = new Lookup(
      deployment,
      { ...options, newKeyReader: this.#newKeyReader.bind(this) },
      {
        onGone: ({ key }) => this.#onGone(key),
        onRefused: ({ db, key }, error) => sink.onReadRefused(db, key, error),
        onMoved: () => this.#moved.wake(),
        onNotice: (notice) => sink.onNotice(notice),
        onFailed: (error) => this.#failure.fail(error),
      },
    );
  }

  read(channel: Channel): Promise<void> {
    this.#channel = channel;
    return this.#lookup.during(channel, () => Promise.race([this.#readAll(channel), this.#failure.promise]));
  }

  again({ db, key, page }: Entry): void {
    this.#lookup.read({ db, key, page, asking: false });
  }

  againInPieces(): boolean {
    return false;
  }

  rescan(): void {
    // Nothing is written that could be lost.
  }

  stop(reason: Error): void {
    this.#failure.fail(reason);
    this.#lookup.stop(reason);
  }

  async #readAll(channel: Channel): Promise<void> {
    for (const places of this.#keys) this.#ask(places[0]!, places);
    while (channel.unsettled > 0 || this.#lookup.isPending) await this.#moved.sleep();
  }

  #ask(known: KeyId, [next, ...others]: readonly KeyId[]): void {
    this.#asked.set(next!.key, { known, others });
    this.#lookup.read({ ...next!, page: NO_PAGE, asking: false });
  }

  #newKeyReader(session: Session, answers: AnswerSink, large: LargeValues): KeyReader {
    const onDump = (found: EntryView): void => {
      const entry = found.copy();
      // Whichever of them it is: at the other side it has the same name.
      const { known } = this.#asked.get(entry.key)!;
      answers.onFound(EntryView.of({ ...entry, ...known }));
    };
    return large.newKeyReader(session, this.#options.dump, { ...answers, onDump });
  }

  #onGone(key: Buffer): void {
    const { known, others } = this.#asked.get(key)!;
    if (others.length > 0) this.#ask(known, others);
    else this.#push({ ...this.#entry, ...known });
  }

  #push(entry: Entry): void {
    if (this.#channel.isOpen) this.#channel.push(entry);
  }
}
