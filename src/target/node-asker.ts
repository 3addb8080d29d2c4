// Asks a node of the target beside what is written: whether it is the one that it was and has what it had, what it holds, and how
// many replicas have that.

import { ReplyError } from '../../resp/errors.ts';
import { Oversized } from '../../resp/reply.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLink } from '../cluster/node-link.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { encodePayload } from '../rdb/encode.ts';
import { askFlushes, flushesBetween, type Flushes } from '../server/flushes.ts';
import { askInfo, type ServerInfo } from '../server/info.ts';
import { refusalOf, scopeOf } from '../server/refusal.ts';
import { failMisanswered, integerIn, replyOf } from '../server/replies.ts';
import { pauseFor } from '../server/retry.ts';
import { ask, type Session } from '../server/session.ts';
import { ABOUT_TO_EXPIRE_MS, askForKeys, hasShrunk, isLoss } from './sample-look.ts';
import type { TargetProcess, WrittenKey, WrittenSample } from './target-process.ts';

/** Milliseconds: whoever waits for longer asks again, so that a server that is gone is missed. */
const MOST_WAIT_MS = 1000;
/** Milliseconds until sentinels are asked again that have not answered, and are waited for. */
const LOOK_MS = 200;
/** An empty string, as every version reads it. */
const NOTHING = encodePayload({ type: 'string', value: Buffer.alloc(0) }, 9);

/** What a node has acknowledged, and who has. */
export interface Acknowledged {
  readonly process: TargetProcess;
  readonly sample: Pick<WrittenSample, 'presentAt' | 'databases'>;
}

/** Asks a node something beside what is written, on whichever connection its writer has. It opens none. */
export class NodeAsker {
  readonly #deployment: Deployment;
  readonly #link: NodeLink;
  readonly #acknowledged: Acknowledged;
  readonly #clock: () => number;
  readonly #moved = new Wakeup();
  #session: Session | undefined;
  #isOver = false;
  #flushes: Promise<Flushes | undefined> = Promise.resolve(undefined);
  #lookedAt: Flushes | undefined;
  /** What it said of itself at the last two looks: the last one may have come behind a flush that was not counted yet. */
  #seen: readonly ServerInfo[] = [];
  /** Databases that had been given keys by then. */
  #given: ReadonlySet<number> = new Set();

  constructor(deployment: Deployment, link: NodeLink, acknowledged: Acknowledged, clock: () => number) {
    this.#deployment = deployment;
    this.#link = link;
    this.#acknowledged = acknowledged;
    this.#clock = clock;
  }

  /** How often the process was flushed before the first key was written to it; `undefined` where it does not say. */
  get flushes(): Promise<Flushes | undefined> {
    return this.#flushes;
  }

  /** The same when it was seen last that nothing was lost; `undefined` where nobody has looked. */
  get lookedAt(): Flushes | undefined {
    return this.#lookedAt;
  }

  /** Some of the keys that it has to have at the moment. */
  present(): readonly WrittenKey[] {
    return this.#acknowledged.sample.presentAt(this.#clock() + ABOUT_TO_EXPIRE_MS);
  }

  /** Whether a flush may have taken all of a database that was written. @param info of behind that flush */
  hasShrunk(info: ServerInfo): boolean {
    return hasShrunk(this.#acknowledged.sample.databases, { infos: this.#seen, databases: this.#given }, info);
  }

  /** There is a connection, on which nothing was written yet. @param isSame whether to the process of the one before */
  begin(session: Session, isSame: boolean): void {
    this.#session = session;
    const { connection, server } = session;
    // A proxy that names none may hang up on what it does not know.
    const isTold = server.info.runId !== '';
    // Where the connection is lost there will be another one.
    if (!isSame) {
      this.#flushes = isTold ? askFlushes(connection).catch(() => undefined) : Promise.resolve(undefined);
      this.#lookedAt = undefined;
      this.#seen = [];
      this.#given = new Set();
    }
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

  /** Resolves when the node has answered, as the process that it was, with what it had: on another connection where it is not. */
  async reach(): Promise<void> {
    // As long as no sentinel answers, nobody knows whether the primary is elsewhere by now.
    while (!(await this.#refresh())) await pauseFor(LOOK_MS, this.#deployment.signal);
    await this.ask((session) => this.#demandKept(session));
  }

  /** Resolves when the node has said something, whatever it is, to what every proxy knows. */
  async hear(): Promise<void> {
    await this.ask(({ connection }) =>
      askInfo(connection).catch((error: unknown) => {
        if (connection.error !== undefined) throw error;
      }),
    );
  }

  /** The same as `reach` of the connection that is there, if there is one. */
  async look(): Promise<void> {
    const session = this.#session;
    if (session !== undefined && session.connection.error === undefined)
      await this.#refresh()
        .then(() => this.#demandKept(session))
        .catch(() => {});
  }

  /**
   * In a cluster each node says itself what it is; an old primary does not know that sentinels name another one.
   * @returns false where no sentinel would say it now
   */
  async #refresh(): Promise<boolean> {
    return this.#deployment.kind !== 'sentinel' || this.#deployment.tryRefresh();
  }

  /** @throws the error of a connection that is lost, also for what its server says of itself */
  async #demandKept(session: Session): Promise<void> {
    const { connection, server } = session;
    this.#deployment.demandPlace(connection);
    const given = new Set(this.#acknowledged.sample.databases);
    const counting = server.info.runId === '' ? undefined : askFlushes(connection);
    const [flushes, info] = await Promise.all([counting, askInfo(connection).catch(replyOf)]);
    const said = info instanceof ReplyError ? undefined : info;
    if (said !== undefined) this.#acknowledged.process.demandKept(connection, said);
    if (connection.error === undefined && (await this.#isEmptied(session, flushes, said)))
      this.#acknowledged.process.empty(connection);
    if (connection.error !== undefined) throw connection.error;
    if (said === undefined) return;
    this.#seen = [...this.#seen.slice(-1), said];
    this.#given = given;
  }

  /** Whether it has counted a flush or a swap since keys were looked for last, and some that it had are missing. */
  async #isEmptied(session: Session, now: Flushes | undefined, info: ServerInfo | undefined): Promise<boolean> {
    const before = this.#lookedAt ?? (await this.#flushes);
    if (before === undefined || now === undefined) return false;
    const between = flushesBetween(before, now);
    const isFlushed = between && between.ofOne + between.ofMore > 0;
    const keys = isFlushed === false ? [] : this.present();
    const expiries = keys.map(({ expireAt }) => expireAt);
    const replies = await askForKeys(session, keys);
    const looked = keys.filter((_, i) => !(replies[i] instanceof ReplyError));
    // It may have been removed, or have got another expiry, since it was asked for.
    const missing = keys.filter(({ expireAt }, i) => replies[i] === 0 && expireAt === expiries[i]);
    this.#lookedAt = now;
    // Keys of the same names may have taken their place.
    if (between !== undefined && between.swaps > 0) return true;
    if (isFlushed === true && info !== undefined && this.hasShrunk(info)) return true;
    // Who says nothing of its keys may have none of them.
    return (isFlushed === true && looked.length === 0) || isLoss(looked, missing, isFlushed);
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

  /**
   * What TYPE says of a key; `undefined` as `ask`.
   * @param asking whether the node is only just taking over the slot of the key
   * @throws ReplyError where the node refuses to say
   */
  type(db: number, name: Buffer, asking: boolean): Promise<string | undefined> {
    return this.ask(async ({ connection, selection }) => {
      selection.use(db);
      if (asking) ask(connection);
      const reply = await connection.request('TYPE', name);
      if (Buffer.isBuffer(reply)) return reply.toString();
      failMisanswered(connection, 'TYPE');
      throw connection.error!;
    });
  }
}

/**
 * How many replicas have what was written to the node, once they are enough or so many milliseconds have passed. WAIT vouches
 * for what was written on its own connection, and for nothing where that was nothing: so there is a write in front of it.
 * @param name one that nobody uses, which is gone at once
 * @throws RespError
 */
export async function waitForReplicas(
  asker: NodeAsker,
  name: Buffer,
  replicas: number,
  timeoutMs: number,
): Promise<number> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    // No time at all would be all the time there is.
    const left = Math.max(1, Math.min(MOST_WAIT_MS, Math.ceil(end - performance.now())));
    const confirmed = await asker.ask(async ({ connection }) => {
      const write = connection.request('RESTORE', name, '1', NOTHING, 'REPLACE');
      const [, count] = await Promise.all([write, connection.request('WAIT', String(replicas), String(left))]);
      return integerIn(count, 'WAIT');
    });
    if (confirmed === undefined) return 0;
    if (confirmed >= replicas || performance.now() >= end) return Number(confirmed);
  }
}
