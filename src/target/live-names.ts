// Names of the target of which somebody has to be asked while the source is followed: the source, where several of its keys may
// get one name, and the target, where only keys of one type are in scope. Entries of one name wait for each other.
//
//     an entry ──▶ which of the keys that may have its name are there? ── another one is first ──▶ that one is read in its place
//                                   └── it is the first ──▶ written     └── there is none ──▶ removed

import { RespError, type ReplyError } from '../../resp/errors.ts';
import type { Entry } from '../flow/entry.ts';
import { EntryView } from '../flow/entry-view.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import { scopeOf } from '../server/refusal.ts';
import type { NodeWriter } from './node-writer.ts';
import type { LiveOptions } from './target.ts';

export interface LiveNamesOptions {
  readonly live?: LiveOptions | undefined;
  readonly targetDbOf: (db: number) => number;
}

export interface LiveNamesSink {
  /** Who serves the name, and whether it is only just taking the name's slot over. */
  writerFor(db: number, name: Buffer): { readonly writer: NodeWriter | undefined; readonly asking: boolean };
  /** Whether an older value of the name is still being written. */
  hasToWait(name: Buffer): boolean;
  /** It comes again when that is done. */
  onWaiting(entry: Entry, name: Buffer): void;
  /** Settles when entries have gone their way. */
  departed(): Promise<void>;
  /** Nothing is to be done about it at the target. */
  onNeedless(entry: Entry): void;
  /** Another key of the source has the name, and is to be read in its place. */
  onInstead(entry: Entry, key: KeyId): void;
  /** The source has this key, and another one has its name: told whenever that is seen. */
  onCollided(key: KeyId): void;
  /** It cannot be told now. */
  onUndecided(entry: Entry): void;
  onRefused(entry: Entry, error: RespError): void;
  onElsewhere(entry: Entry, error: ReplyError, writer: NodeWriter): void;
  onFailed(error: unknown): void;
}

interface Turn {
  readonly entry: Entry;
  /** What is done with it once it is known to be the word of the source about the name. */
  readonly pass: () => void;
}

export class LiveNames {
  readonly #options: LiveNamesOptions;
  readonly #sink: LiveNamesSink;
  /** Entries of each name, the one first of which is asked about. */
  readonly #turns = new Map<string, Turn[]>();

  constructor(options: LiveNamesOptions, sink: LiveNamesSink) {
    this.#options = options;
    this.#sink = sink;
  }

  /** Whether entries may have to be looked at, removals or all of them. */
  get asksAboutRemovals(): boolean {
    return this.#options.live?.type !== undefined;
  }

  get asksAboutAll(): boolean {
    return this.#options.live?.origins !== undefined || this.#turns.size > 0;
  }

  concerns(entry: Entry, name: Buffer): boolean {
    const { live, targetDbOf } = this.#options;
    if (live === undefined) return false;
    if (live.type !== undefined && entry.kind === 'gone') return true;
    if (this.#turns.size > 0 && this.#turns.has(name.toString('latin1'))) return true;
    return live.origins !== undefined && live.origins.of(targetDbOf(entry.db), name).length > 1;
  }

  /** Whether a newer reading of the key waits here. */
  holds({ db, key }: Entry, name: Buffer): boolean {
    const turns = this.#turns.get(name.toString('latin1')) ?? [];
    return turns.some(({ entry }) => entry.db === db && entry.key.equals(key));
  }

  /** The entry is kept until it is its turn and the answers are there. */
  take(entry: Entry, name: Buffer, pass: () => void): void {
    const id = name.toString('latin1');
    const turns = this.#turns.get(id);
    if (turns !== undefined) turns.push({ entry, pass });
    else {
      this.#turns.set(id, [{ entry, pass }]);
      this.#run(id, name).catch((error: unknown) => this.#sink.onFailed(error));
    }
  }

  async #run(id: string, name: Buffer): Promise<void> {
    const turns = this.#turns.get(id)!;
    for (let turn = turns[0]; turn !== undefined; turn = turns[0]) {
      const isDue = await this.#decide(turn.entry, name);
      turns.shift();
      if (turns.length === 0) this.#turns.delete(id);
      if (isDue) turn.pass();
    }
  }

  /** Whether it goes on its way; otherwise it is seen to. */
  async #decide(entry: Entry, name: Buffer): Promise<boolean> {
    if (this.#sink.hasToWait(name)) {
      this.#sink.onWaiting(entry, name);
      return false;
    }
    const { live, targetDbOf } = this.#options;
    const db = targetDbOf(entry.db);
    const isGone = entry.kind === 'gone';
    const origins = live?.origins?.of(db, name) ?? [];
    if (origins.length > 1) {
      const [first, ...others] = await live!.origins!.existing(origins);
      for (const other of others) this.#sink.onCollided(other);
      if (first !== undefined && idOf(first) !== idOf(entry)) {
        this.#sink.onInstead(entry, first);
        return false;
      }
      // It has gone or come back since it was read, which will be told.
      if (isGone !== (first === undefined)) return this.#leave(entry);
    }
    return !isGone || live?.type === undefined || this.#mayRemove(entry, db, name, live.type);
  }

  /** A key of another type is not in scope: it is somebody else's, as is what the target had when the run began. */
  async #mayRemove(entry: Entry, db: number, name: Buffer, type: string): Promise<boolean> {
    if (this.#options.live?.ownNames?.has(db, name) === true) return this.#leave(entry);
    const { writer, asking } = await this.#caughtUpWriter(entry, name);
    // Nobody serves the name now: it waits as the others do.
    if (writer === undefined) return true;
    try {
      const found = await writer.asker.type(db, name, asking);
      if (found === type) return true;
      if (found !== undefined) return this.#leave(entry);
      this.#sink.onUndecided(entry);
    } catch (error) {
      if (!(error instanceof RespError)) throw error;
      if (scopeOf(error as ReplyError) === 'key') this.#sink.onRefused(entry, error);
      else this.#sink.onElsewhere(entry, error as ReplyError, writer);
    }
    return false;
  }

  /** What was read before has to be sent before anything is asked. */
  async #caughtUpWriter(entry: Entry, name: Buffer): Promise<ReturnType<LiveNamesSink['writerFor']>> {
    for (;;) {
      const found = this.#sink.writerFor(this.#options.targetDbOf(entry.db), name);
      if (found.writer?.hasUnsent(EntryView.of(entry)) !== true) return found;
      await this.#sink.departed();
    }
  }

  #leave(entry: Entry): false {
    this.#sink.onNeedless(entry);
    return false;
  }
}
