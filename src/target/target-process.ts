// The process behind a node of the target: whether it still is the one that has acknowledged what was written so far.

import { nameOf, RespError, type Peer } from '../../resp/errors.ts';
import type { ServerInfo } from '../server/info.ts';

/** How often another process may answer: with each one the copy begins anew, and a balancer has another one each time. */
const MOST_REPLACED = 5;

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

function tooOften(peer: Peer): RespError {
  const message = `Cannot write to ${nameOf(peer)}: another server, or one without a name, answers there each time that the connection is lost`;
  return new RespError('TARGET_REPLACED', message, {
    peer,
    hint: 'give the address of the server itself',
    retryable: true,
  });
}
