// The process behind a node of the target: whether it still is the one that has acknowledged what was written so far, some of
// the keys that it has acknowledged, and how it is asked about them beside what is written.

import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import { Oversized } from '../../resp/reply.ts';
import type { NodeLink } from '../cluster/node-link.ts';
import type { EntryView } from '../flow/entry-view.ts';
import { idOf } from '../flow/key-id.ts';
import { ownCopy } from '../flow/own-copy.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { NEVER, type Milliseconds } from '../rdb/milliseconds.ts';
import { askFlushes, type Flushes, type ServerInfo } from '../server/info.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import { failMisanswered } from '../server/replies.ts';
import type { Session } from '../server/session.ts';

export interface WrittenKey {
  /** Database and name at the target. */
  readonly db: number;
  readonly name: Buffer;
  /** As `Entry.expireAt`. */
  readonly expireAt: Milliseconds;
}

/** How often another process may answer: with each one the copy begins anew, and a balancer has another one each time. */
const MOST_REPLACED = 5;
/** Of a sample. */
const FIRST = 64;
const LAST = 64;
const BY_CHANCE = 512;
/** Bytes: a longer name is not kept. */
const LONGEST_NAME = 4096;
/** Fields of a hash may expire from this type byte on, and take the key with them. */
const FIRST_TYPE_WITH_EXPIRING_FIELDS = 22;

export class TargetProcess {
  #info: ServerInfo | undefined;
  #replaced = 0;

  /** What it said when it was met first; `undefined` where none was reached yet. */
  get info(): ServerInfo | undefined {
    return this.#info;
  }

  /**
   * Whether it is the one that was met before.
   * @param wasIdle whether the last connection was closed while nothing was asked on it: who names no process is taken for
   *   the same then, as the last look will tell what it lost
   * @throws RespError `TARGET_REPLACED`, where it was another one too often
   */
  meets(info: ServerInfo, peer: Peer, wasIdle: boolean): boolean {
    const before = this.#info;
    if (before !== undefined && info.runId === before.runId && (info.runId !== '' || wasIdle)) return true;
    this.#info = info;
    if (before !== undefined && ++this.#replaced > MOST_REPLACED) throw tooOften(peer);
    return false;
  }
}

/**
 * Some of the keys that one server process has acknowledged: the first ones, the last ones, and by chance some in between.
 * Whoever flushes a server takes the first ones away, whenever it happens; a replica that takes over lacks the last ones.
 */
export class WrittenSample {
  readonly #first: WrittenKey[] = [];
  readonly #byChance: WrittenKey[] = [];
  readonly #last: WrittenKey[] = [];
  #offered = 0;

  /** One more key is on the target. @param expireAt of the key at the target */
  offer(entry: EntryView, db: number, name: Buffer): void {
    const { expireAt, large, payloadIn, payloadAt } = entry;
    const mayEmpty =
      entry.kind === 'value'
        ? payloadIn.buffer[payloadAt]! >= FIRST_TYPE_WITH_EXPIRING_FIELDS
        : large?.fieldsExpire === true;
    if (mayEmpty || name.length > LONGEST_NAME) return;
    const key = { db, name, expireAt };
    if (this.#first.length < FIRST) {
      this.#first.push(key);
      return;
    }
    this.#last[this.#offered % LAST] = key;
    this.#offered++;
    // Each of those offered stays with the same chance, and long.
    const place = this.#byChance.length < BY_CHANCE ? this.#byChance.length : Math.floor(Math.random() * this.#offered);
    if (place < BY_CHANCE) this.#byChance[place] = { ...key, name: ownCopy(name) };
  }

  /** Those that must be there still, each once, the first one first. @param now by the clock of `expireAt` */
  presentAt(now: number): readonly WrittenKey[] {
    const all = new Map<string, WrittenKey>();
    for (const key of [...this.#first, ...this.#byChance, ...this.#last])
      all.set(idOf({ db: key.db, key: key.name }), key);
    return [...all.values()].filter(({ expireAt }) => expireAt === NEVER || expireAt > now);
  }

  /** What was acknowledged so far may be lost, and is written again. */
  clear(): void {
    for (const keys of [this.#first, this.#byChance, this.#last]) keys.length = 0;
    this.#offered = 0;
  }
}

/** Asks a node something beside what is written, on whichever connection its writer has. It opens none. */
export class NodeAsker {
  readonly #link: NodeLink;
  readonly #moved = new Wakeup();
  #session: Session | undefined;
  #isOver = false;
  #flushes: Promise<Flushes | undefined> = Promise.resolve(undefined);

  constructor(link: NodeLink) {
    this.#link = link;
  }

  /** How often the process was flushed before the first key was written to it; `undefined` where it does not say. */
  get flushes(): Promise<Flushes | undefined> {
    return this.#flushes;
  }

  /** There is a connection, on which nothing was written yet. @param isSame whether to the process of the one before */
  begin(session: Session, isSame: boolean): void {
    this.#session = session;
    const { connection, server } = session;
    // A proxy that names none may hang up on what it does not know.
    const isTold = server.info.runId !== '';
    // Where the connection is lost there will be another one.
    if (!isSame) this.#flushes = isTold ? askFlushes(connection).catch(() => undefined) : Promise.resolve(undefined);
    this.#moved.wake();
  }

  /** There will be no more of them. */
  end(): void {
    this.#isOver = true;
    this.#moved.wake();
  }

  /**
   * On the connection that is there; once more on the next one where that is lost. What would be refused to everybody now
   * loses it.
   * @returns `undefined` where there are no more connections
   */
  async ask<T>(question: (session: Session) => Promise<T>): Promise<T | undefined> {
    while (!this.#isOver) {
      const session = this.#session;
      if (session === undefined || session.connection.error !== undefined) {
        await this.#moved.sleep();
        continue;
      }
      const { connection } = session;
      try {
        const answer = await question(session);
        this.#link.progress();
        return answer;
      } catch (error) {
        if (error instanceof ReplyError && scopeOf(error) === 'server')
          connection.fail(refusalOf(connection.peer, 'write to', error));
        if (connection.error === undefined) throw error;
      }
    }
    return undefined;
  }

  /**
   * The payload of a key, however large, `null` where there is none; `undefined` as `ask`.
   * @throws ReplyError where the node refuses to say
   */
  dump(db: number, name: Buffer): Promise<Buffer | Oversized | null | undefined> {
    return this.ask(async ({ connection, selection }) => {
      selection.use(db);
      const reply = await connection.requestLong('DUMP', name);
      if (Buffer.isBuffer(reply) || reply instanceof Oversized || reply === null) return reply;
      failMisanswered(connection, 'DUMP');
      throw connection.error!;
    });
  }
}

function tooOften(peer: Peer): RespError {
  const message = `Cannot write to ${nameOf(peer)}: another server, or one without a name, answers there each time that the connection is lost`;
  return new RespError('TARGET_REPLACED', message, {
    peer,
    hint: 'give the address of the server itself',
    retryable: true,
  });
}
