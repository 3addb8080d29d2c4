// One look at every node of the target before a copy is called done: whether it still has what it acknowledged.

import { formatCount } from '../../resp/figures.ts';
import type { Connection } from '../../resp/connection.ts';
import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import { Dialogue } from '../cluster/dialogue.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { Line, type LineOptions } from '../cluster/line.ts';
import type { Node } from '../cluster/topology.ts';
import { replyOf } from '../redis/ask-about.ts';
import { hasManyServers } from '../redis/identity.ts';
import type { ServerInfo } from '../redis/info.ts';
import { scopeOf } from '../redis/refusal.ts';
import type { Server } from '../redis/server.ts';
import { Session } from '../redis/session.ts';
import type { WrittenKey, WrittenSample } from './written-sample.ts';

/** Who has written to a node. */
export interface Writer {
  readonly node: Node;
  /** The process that has acknowledged what was written, as it was before. */
  readonly process: ServerInfo | undefined;
  readonly sample: WrittenSample;
}

export interface LastLookOptions extends LineOptions {
  readonly clock: () => number;
}

/** Servers tell of a key that expires within so many milliseconds as they like. */
const ABOUT_TO_EXPIRE_MS = 2000;

/**
 * @throws RespError: `TARGET_REPLACED`, `REPLICA`, `EVICTED` or `TARGET_LOST`, and that of a node that cannot be reached
 */
export async function demandKept(
  deployment: Deployment,
  writers: readonly Writer[],
  options: LastLookOptions,
): Promise<void> {
  await deployment.refreshIfPossible();
  const keys = await Promise.all(writers.map((writer) => lookAt(deployment, writer, options)));
  const looked = keys.flat();
  const missing = looked.filter(({ isThere }) => !isThere);
  if (missing.length > 0) throw hasLost(writers, missing.length, looked.length);
}

interface LookedAt extends WrittenKey {
  readonly isThere: boolean;
}

async function lookAt(deployment: Deployment, writer: Writer, options: LastLookOptions): Promise<readonly LookedAt[]> {
  const { process, node } = writer;
  if (process === undefined) return [];
  const line = new Line(deployment, deployment.topology.find(node.id) ?? node, options);
  for (let lost: Connection | undefined; ;) {
    const server = await line.open(lost);
    if (server === undefined) throw replaced(node.peer);
    try {
      return await lookThrough(server, deployment, process, writer.sample, options);
    } catch (error) {
      if (server.connection.error === undefined) throw error;
      lost = server.connection;
    } finally {
      server.connection.close();
    }
  }
}

async function lookThrough(
  server: Server,
  deployment: Deployment,
  before: ServerInfo,
  sample: WrittenSample,
  options: LastLookOptions,
): Promise<readonly LookedAt[]> {
  const { connection, info } = server;
  const onAbort = (): void => connection.fail(deployment.signal?.reason as Error);
  deployment.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await demandSameProcess(connection, info, before);
    const keys = sample.presentAt(options.clock() + ABOUT_TO_EXPIRE_MS);
    return await lookForKeys(deployment, new Session(server), keys, options);
  } finally {
    deployment.signal?.removeEventListener('abort', onAbort);
  }
}

async function demandSameProcess(connection: Connection, info: ServerInfo, before: ServerInfo): Promise<void> {
  const { peer } = connection;
  if (info.role === 'replica') throw isReplica(peer);
  if (info.runId !== before.runId) {
    if (!(await hasManyServers(connection, info))) throw replaced(peer);
    return;
  }
  const evicted = info.evictedKeys - before.evictedKeys;
  if (evicted > 0) throw hasEvicted(peer, evicted);
}

async function lookForKeys(
  deployment: Deployment,
  { connection, selection }: Session,
  keys: readonly WrittenKey[],
  options: LastLookOptions,
): Promise<LookedAt[]> {
  const dialogue = new Dialogue(deployment, options);
  try {
    const replies = await Promise.all(
      keys.map(({ db, name }) => {
        selection.use(db);
        return connection.request('EXISTS', name).catch(replyOf);
      }),
    );
    const looked: LookedAt[] = [];
    for (const [i, key] of keys.entries()) {
      const reply = replies[i]!;
      const isMoved = reply instanceof ReplyError && scopeOf(reply) === 'place';
      // Its slot has moved meanwhile, and so has the key.
      const [answer] = isMoved ? await dialogue.ask(key.db, key.name, [['EXISTS', key.name]]) : [reply];
      // Who may not be asked has acknowledged it, and nothing speaks against it.
      looked.push({ ...key, isThere: answer instanceof ReplyError || answer === 1 });
    }
    return looked;
  } finally {
    dialogue.close();
  }
}

function replaced(peer: Peer): RespError {
  const message = `Cannot vouch for the copy: the target ${nameOf(peer)} was replaced or restarted since it acknowledged keys`;
  return new RespError('TARGET_REPLACED', message, { peer, hint: 'copy again', retryable: true });
}

function isReplica(peer: Peer): RespError {
  const message = `Cannot vouch for the copy: the target ${nameOf(peer)} has become a replica since it acknowledged keys`;
  return new RespError('REPLICA', message, { peer, hint: 'copy to its primary', retryable: true });
}

function hasEvicted(peer: Peer, keys: number): RespError {
  const message = `Cannot vouch for the copy: the target ${nameOf(peer)} has evicted keys since the copy began (${formatCount(keys)}), as its memory is full`;
  const hint = 'raise its maxmemory, or set maxmemory-policy to noeviction, and copy again';
  return new RespError('EVICTED', message, { peer, hint });
}

function hasLost(writers: readonly Writer[], missing: number, looked: number): RespError {
  const peers = writers.map(({ node }) => nameOf(node.peer)).join(', ');
  const message = `Cannot vouch for the copy: of ${formatCount(looked)} acknowledged keys that were looked at, the target ${peers} lacks ${formatCount(missing)}: it was flushed, or swapped, or somebody has deleted them`;
  return new RespError('TARGET_LOST', message, { hint: 'rump check names what is missing' });
}
