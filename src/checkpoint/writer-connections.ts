// The connections on which a copy writes, as the processes of the target know them. What is sent there may come late, as through
// a tunnel, also when the run is no more: so the next one has the target end them, before it writes itself.

import { nameOf } from '../../resp/errors.ts';
import type { Server } from '../server/server.ts';
import { endConnection } from '../target/unanswered.ts';

/** Client ids, by the run id of the process that has given them. No process gives one twice. */
export type ConnectionsState = Readonly<Record<string, readonly number[]>>;

/** Of one process, the last ones; far more than are open at once. */
const MOST_CONNECTIONS = 1000;

export class WriterConnections {
  readonly #ids = new Map<string, Set<number>>();

  get state(): ConnectionsState {
    return Object.fromEntries(Array.from(this.#ids, ([runId, ids]) => [runId, [...ids]]));
  }

  /** Returns whether it was not known yet, and can be. */
  add({ clientId, info: { runId } }: Pick<Server, 'clientId' | 'info'>): boolean {
    if (clientId === undefined || runId === '') return false;
    const ids = this.#ids.get(runId) ?? new Set();
    if (ids.has(clientId)) return false;
    this.#ids.set(runId, ids.add(clientId));
    const [oldest] = ids;
    if (ids.size > MOST_CONNECTIONS) ids.delete(oldest!);
    return true;
  }

  /**
   * Has the servers end those of an earlier run. What they will not end, is kept.
   * @returns the addresses of these servers
   */
  async endAll(before: ConnectionsState, servers: readonly Server[]): Promise<readonly string[]> {
    const refusing: string[] = [];
    await Promise.all(
      servers.map(async ({ connection, info }) => {
        // What another process was sent, this one never gets.
        const ids = before[info.runId] ?? [];
        const ended = await Promise.all(ids.map((id) => endConnection(connection, id)));
        const left = ids.filter((_, i) => !ended[i]);
        for (const clientId of left) this.add({ clientId, info });
        if (left.length > 0) refusing.push(nameOf(connection.peer));
      }),
    );
    return refusing;
  }
}
