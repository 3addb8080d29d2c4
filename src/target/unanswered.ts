// What was sent to a node on connections that were lost before it was answered. Through a tunnel or a load balancer it may still
// come, behind what is written on the next connection: so the server ends the old one first, or the keys are kept in mind.

import type { Connection } from '../../resp/connection.ts';
import { newEntry } from '../flow/entry.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import type { Server } from '../server/server.ts';
import type { Session } from '../server/session.ts';
import type { WayBack } from './target.ts';

/**
 * Nothing of what was sent before is waited for any more.
 * @param doubtful keys of the source that may yet be overwritten with what was read before; `undefined`: so may any key that
 *   the node has
 */
type OnSettled = (doubtful: readonly KeyId[] | undefined) => void;

/** A connection, as the server knows it. */
type Lost = Pick<Server, 'clientId' | 'info'>;

/** What is written once more may be lost once more. */
const MOST_TIMES = 5;
/** Keys that are kept in mind, at most. */
const MOST_UNANSWERED = 65_536;

export class Unanswered {
  readonly #onSettled: OnSettled;
  #connections: readonly Lost[] = [];
  #keys = new Map<string, KeyId>();
  #session: Session | undefined;
  /** Whether that is true of the connections that were lost last. */
  #isEnded = true;

  constructor(onSettled: OnSettled) {
    this.#onSettled = onSettled;
  }

  /** Whether what was sent before may yet come. */
  get isOpen(): boolean {
    return this.#connections.length > 0;
  }

  /** A connection was lost, on which something was not answered: these keys of the source, if they are known. */
  add(server: Lost, keys: readonly KeyId[] = []): void {
    const isKnown = ({ info, clientId }: Lost): boolean =>
      info.runId === server.info.runId && clientId === server.clientId;
    if (!this.#connections.some(isKnown)) this.#connections = [...this.#connections, server];
    this.addKeys(keys);
    void this.#end();
  }

  /** Keys of the source were under way on the connection that was lost last. */
  addKeys(keys: readonly KeyId[]): void {
    if (this.isOpen) for (const key of this.#keys.size <= MOST_UNANSWERED ? keys : []) this.#keys.set(idOf(key), key);
    else if (!this.#isEnded) this.#onSettled(keys);
  }

  /** There is a connection, on which nothing was written yet. */
  begin(session: Session): void {
    this.#session = session;
    void this.#end();
  }

  /** The commands go out before any other that comes later. */
  async #end(): Promise<void> {
    const session = this.#session;
    if (session === undefined || session.connection.error !== undefined || !this.isOpen) return;
    const { connection, server } = session;
    const lost = this.#connections;
    // What another process was sent, this one never gets.
    const here = lost.filter(({ info }) => info.runId === '' || info.runId === server.info.runId);
    const ids = here.map(({ clientId, info }) => (info.runId === '' ? undefined : clientId));
    const ended = await Promise.all(ids.map((id) => endConnection(connection, id)));
    // Where this one is lost too, the next one goes on.
    if (connection.error === undefined) this.#settle(lost, !ended.includes(false));
  }

  #settle(lost: readonly Lost[], isEnded: boolean): void {
    this.#connections = this.#connections.filter((each) => !lost.includes(each));
    this.#isEnded = isEnded;
    const keys = this.#keys;
    // Some may be of a connection that was lost meanwhile.
    if (!this.isOpen) this.#keys = new Map();
    if (isEnded) this.#onSettled([]);
    else this.#onSettled(keys.size > MOST_UNANSWERED ? undefined : [...keys.values()]);
  }
}

/** Keys that should be written once more, in a bounded number. */
export class DoubtfulKeys {
  #keys = new Map<string, KeyId>();
  #times = 0;

  /** False where they are too many: then none is kept. */
  add(keys: readonly KeyId[] | undefined): boolean {
    for (const key of keys ?? []) this.#keys.set(idOf(key), { db: key.db, key: key.key });
    if (keys !== undefined && this.#keys.size <= MOST_UNANSWERED) return true;
    this.#keys.clear();
    return false;
  }

  /** All of them, each once. */
  take(): readonly KeyId[] {
    const keys = [...this.#keys.values()];
    this.#keys.clear();
    return keys;
  }

  /** Has them read once more. Returns whether there are any. */
  giveBack(source: Pick<WayBack, 'again'>): boolean {
    const keys = this.#times++ < MOST_TIMES ? this.take() : [];
    for (const key of keys) source.again({ ...newEntry(), ...key });
    return keys.length > 0;
  }
}

/** Whether the server has no such connection any more. Where the asking one is lost, nobody looks. */
export async function endConnection(connection: Connection, id: number | undefined): Promise<boolean> {
  if (id === undefined) return false;
  return connection.request('CLIENT KILL ID', String(id)).then(
    (reply) => typeof reply === 'number',
    () => false,
  );
}
