// Reads the keys in doubt once more, as a source of their own: by name where a server has them, or a whole file again.

import { idOf } from '../flow/key-id.ts';
import type { Channel } from '../flow/channel.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import type { Entry } from '../flow/entry.ts';
import { newEntry } from '../flow/entry-ring.ts';
import { Failure } from '../flow/failure.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import type { Session } from '../server/session.ts';
import type { LargeValues, ValueOptions } from '../source/large-values.ts';
import { Lookup, type AnswerSink, type LookupOptions } from '../source/lookup.ts';
import type { Source, SourceSink } from '../source/source.ts';
import { Wakeup } from '../flow/wakeup.ts';
import type { RecheckQueue } from './recheck-queue.ts';
import type { Place } from './asked-keys.ts';

export interface RecheckOptions extends NodeLinkOptions {
  readonly dump: ValueOptions;
}

/** An entry without a payload stands for a key that is not there. */
export class KeyRecheck implements Source {
  readonly fraction = 1;
  readonly #recheckQueue: RecheckQueue;
  readonly #options: RecheckOptions;
  readonly #lookup: Lookup;
  readonly #moved = new Wakeup();
  readonly #failure = new Failure();
  readonly #entry = newEntry();
  /** Where else a key may be, and what it is known by, by the Buffer that was asked with. */
  readonly #asked = new Map<Buffer, { readonly known: Place; readonly others: readonly Place[] }>();
  #channel!: Channel;

  constructor(
    walked: Deployment,
    doubts: RecheckQueue,
    options: RecheckOptions,
    sink: Pick<SourceSink, 'onReadRefused'>,
  ) {
    this.#recheckQueue = doubts;
    this.#options = options;
    const newKeyReader: LookupOptions['newKeyReader'] = (session, answers, large) =>
      this.#newKeyReader(session, answers, large);
    this.#lookup = new Lookup(
      walked,
      { ...options, newKeyReader },
      {
        onGone: (_, key) => this.#onGone(key),
        onRefused: (db, key, error) => sink.onReadRefused(db, key, error),
        onMoved: () => this.#moved.wake(),
        onFailed: (error) => this.#failure.fail(error),
      },
    );
  }

  async read(channel: Channel): Promise<void> {
    this.#channel = channel;
    this.#lookup.begin(channel);
    try {
      await Promise.race([this.#readAll(channel), this.#failure.promise]);
    } finally {
      this.#lookup.finish();
    }
  }

  again({ db, key }: Entry): void {
    this.#lookup.read({ db, key, asking: false });
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
    for (const { walked } of this.#recheckQueue) this.#ask(walked[0]!, walked);
    while (channel.unsettled > 0 || this.#lookup.isPending) await this.#moved.sleep();
  }

  #ask(known: Place, [next, ...others]: readonly Place[]): void {
    this.#asked.set(next!.key, { known, others });
    this.#lookup.read({ ...next!, asking: false });
  }

  #newKeyReader(session: Session, answers: AnswerSink, large: LargeValues): KeyReader {
    const onDump = (entry: Entry): void => {
      // Whichever of its origins it is: at the other side it has the same name.
      const { known } = this.#asked.get(entry.key)!;
      answers.onFound({ ...entry, ...known });
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

/** A file is read as a whole; whoever takes the entries leaves out those that are not in doubt. */
export class FileRecheck implements Source {
  readonly #file: Source;
  readonly #recheckQueue: RecheckQueue;
  readonly #met = new Set<string>();

  constructor(file: Source, doubts: RecheckQueue) {
    this.#file = file;
    this.#recheckQueue = doubts;
  }

  get fraction(): number {
    return this.#file.fraction;
  }

  /** Whether the entry is in doubt. */
  meets(entry: Entry): boolean {
    if (this.#recheckQueue.get(entry) === undefined) return false;
    this.#met.add(idOf(entry));
    return true;
  }

  async read(channel: Channel): Promise<void> {
    await this.#file.read(channel);
    const entry = newEntry();
    for (const { walked } of this.#recheckQueue) {
      if (this.#met.has(idOf(walked[0]!))) continue;
      await channel.writable();
      channel.push({ ...entry, ...walked[0]! });
    }
    await channel.settled();
  }

  again(entry: Entry): void {
    this.#file.again(entry);
  }

  againInPieces(): boolean {
    return false;
  }

  rescan(): void {
    // Nothing is written that could be lost.
  }

  stop(reason: Error): void {
    this.#file.stop(reason);
  }
}
