// One look at every node of the target before a copy is called done: whether it still has what it acknowledged.

import { formatCount } from '../../resp/figures.ts';
import type { Connection } from '../../resp/connection.ts';
import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import { RoutedClient } from '../cluster/routed-client.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import { Failure, whileListening } from '../flow/failure.ts';
import { askFlushes, flushesBetween, type Flushes } from '../server/flushes.ts';
import { askInfo, hasManyServers, wasReplica, type ServerInfo } from '../server/info.ts';
import { scopeOf } from '../server/refusal.ts';
import type { Session } from '../server/session.ts';
import type { NodeWriter } from './node-writer.ts';
import { askForKeys, isLoss } from './sample-look.ts';
import type { TargetSink } from './target.ts';
import type { TargetProcess, WrittenKey } from './target-process.ts';

export type FinalCheckSink = Pick<TargetSink, 'onMissing' | 'onUnsaid' | 'onUnwatched'>;

/** Nothing that was kept of the copy counts then. */
export const COPY_AGAIN = 'run the same command again, which copies everything once more';

/** What was seen at one node. */
interface Look {
  readonly peer: Peer;
  readonly looked: number;
  readonly missing: readonly WrittenKey[];
  readonly isLoss: boolean;
}

/**
 * Asks on the connections that have written. What is missing and no loss is told, and so is what a node does not say any more.
 * @param failure rejects where a connection is lost for good
 * @throws RespError: `TARGET_REPLACED`, `REPLICA`, `EVICTED`, `TARGET_LOST`, or why a key is not reached any more
 */
export async function demandKept(
  deployment: Deployment,
  writers: Iterable<NodeWriter>,
  options: NodeLinkOptions,
  sink: FinalCheckSink,
  failure: Promise<never>,
): Promise<void> {
  const { signal } = deployment;
  const client = new RoutedClient(deployment, options);
  const stopped = new Failure();
  const look = async (): Promise<void> => {
    const isKnown = await deployment.tryRefresh();
    if (!isKnown && deployment.kind === 'sentinel') sink.onUnwatched(deployment.topology.nodes[0]!.peer);
    const looking = Promise.all(Array.from(writers, (writer) => lookAt(deployment, writer, client, sink)));
    const looks = await Promise.race([looking, failure, stopped.promise]);
    const lost = looks.filter(({ isLoss }) => isLoss);
    if (lost.length > 0) throw hasLost(lost);
    for (const { peer, missing, looked } of looks) if (missing.length > 0) sink.onMissing(peer, missing, looked);
  };
  await whileListening(signal, (reason) => stopped.fail(reason), look).finally(() => client.close());
}

async function lookAt(
  deployment: Deployment,
  writer: NodeWriter,
  client: RoutedClient,
  sink: FinalCheckSink,
): Promise<Look> {
  const { node, asker } = writer;
  const { process } = writer;
  const { peer } = node;
  const before = process.info;
  if (before === undefined) return { peer, looked: 0, missing: [], isLoss: false };
  // Where another process is met, the sample is cleared.
  const keys = asker.present();
  const flushesBefore = await asker.flushes;
  const said = await asker.ask((session) => askWhoItIs(deployment, session, { process, before, flushesBefore }));
  if (said === undefined) throw replaced(peer);
  if (said instanceof ReplyError) sink.onUnsaid(peer, 'who it is, and whether it has evicted keys', said);
  const looked: WrittenKey[] = [];
  const missing: WrittenKey[] = [];
  let refusal: ReplyError | undefined;
  const replies = await asker.ask((session) => askForKeys(session, keys));
  if (replies === undefined) throw replaced(peer);
  for (const [i, key] of keys.entries()) {
    const reply = await settled(replies[i]!, key, client);
    if (reply instanceof ReplyError) refusal ??= reply;
    else looked.push(key);
    if (reply === 0) missing.push(key);
  }
  if (refusal !== undefined) sink.onUnsaid(peer, 'whether it has every key that was looked for', refusal);
  const flushes = flushesBetween(
    asker.lookedAt ?? flushesBefore,
    said instanceof ReplyError ? undefined : said.flushes,
  );
  const isFlushed = flushes && flushes.ofOne + flushes.ofMore > 0;
  // Who says nothing of its keys, and was flushed, may have none of them.
  if (keys.length > 0 && looked.length === 0 && isFlushed === true) throw wasFlushed(peer, UNSAID);
  if (isFlushed === true && !(said instanceof ReplyError) && asker.hasShrunk(said.info)) throw wasFlushed(peer, SHRUNK);
  return { peer, looked: looked.length, missing, isLoss: isLoss(looked, missing, isFlushed) };
}

/** Who has acknowledged what is looked for: another one may be met while it is asked. */
interface Acknowledger {
  readonly process: TargetProcess;
  readonly before: ServerInfo;
  readonly flushesBefore: Flushes | undefined;
}

/**
 * How often it was flushed, as far as it says so, or why it says nothing.
 * @throws RespError where it is not what it was
 */
async function askWhoItIs(
  deployment: Deployment,
  { connection }: Session,
  { process, before, flushesBefore }: Acknowledger,
): Promise<{ readonly flushes: Flushes | undefined; readonly info: ServerInfo } | ReplyError> {
  const { peer } = connection;
  if (deployment.placeBeside(peer) !== undefined) throw replaced(peer);
  try {
    const [flushes, info] = await Promise.all([askFlushes(connection), askInfo(connection)]);
    const evicted = (): number => process.evictedBy(info);
    await demandSameProcess(connection, info, before, {
      demotions: flushesBetween(flushesBefore, flushes)?.demotions,
      evicted,
    });
    return { flushes, info };
  } catch (error) {
    if (error instanceof ReplyError && scopeOf(error) === 'key') return error;
    throw error;
  }
}

async function demandSameProcess(
  connection: Connection,
  info: ServerInfo,
  before: ServerInfo,
  { demotions, evicted }: { readonly demotions: number | undefined; readonly evicted: () => number },
): Promise<void> {
  const { peer } = connection;
  if (info.role === 'replica') throw isReplica(peer, info.cluster ? 'copy again' : 'copy to its primary');
  if (info.runId !== before.runId) {
    if (!(await hasManyServers(connection, info))) throw replaced(peer);
    return;
  }
  if (wasReplica(before, info, demotions)) throw replaced(peer, 'was a replica for a while');
  const more = evicted();
  if (more > 0) throw hasEvicted(peer, more);
}

/** Where its slot has moved meanwhile, and so has the key. */
async function settled(reply: Reply, { db, name }: WrittenKey, client: RoutedClient): Promise<Reply> {
  if (!(reply instanceof ReplyError) || scopeOf(reply) !== 'place') return reply;
  const [answer] = await client.ask(db, name, [['EXISTS', name]]).catch(notReached);
  return answer!;
}

function notReached(error: unknown): never {
  if (!(error instanceof ReplyError)) throw error;
  const { code, peer, message } = error;
  const why = `Cannot vouch for the copy: a key that the target has acknowledged is not reached any more: ${message}`;
  throw new RespError(code, why, { peer, hint: 'copy again', retryable: true, cause: error });
}

function replaced(peer: Peer, what = 'was replaced or restarted'): RespError {
  const message = `Cannot vouch for the copy: the target ${nameOf(peer)} ${what} since it acknowledged keys`;
  return new RespError('TARGET_REPLACED', message, { peer, hint: COPY_AGAIN, retryable: true });
}

function isReplica(peer: Peer, hint: string): RespError {
  const message = `Cannot vouch for the copy: the target ${nameOf(peer)} has become a replica since it acknowledged keys`;
  return new RespError('REPLICA', message, { peer, hint, retryable: true });
}

function hasEvicted(peer: Peer, keys: number): RespError {
  const message = `Cannot vouch for the copy: the target ${nameOf(peer)} has evicted keys since the copy began (${formatCount(keys)}), as its memory is full`;
  const hint = 'raise its maxmemory, or set maxmemory-policy to noeviction, and copy again';
  return new RespError('EVICTED', message, { peer, hint });
}

const UNSAID = {
  what: 'does not say whether they are there',
  hint: 'let the user run EXISTS, or compare with rump check',
};
const SHRUNK = { what: 'has lost most of a database that was written', hint: COPY_AGAIN };

function wasFlushed(peer: Peer, { what, hint }: typeof UNSAID): RespError {
  const message = `Cannot vouch for the copy: the target ${nameOf(peer)} was flushed or swapped since it acknowledged the first keys, and ${what}`;
  return new RespError('TARGET_LOST', message, { peer, hint });
}

function hasLost(looks: readonly Look[]): RespError {
  const peers = looks.map(({ peer }) => nameOf(peer)).join(', ');
  const looked = looks.reduce((sum, look) => sum + look.looked, 0);
  const missing = looks.reduce((sum, look) => sum + look.missing.length, 0);
  const message = `Cannot vouch for the copy: of ${formatCount(looked)} acknowledged keys that were looked at, the target ${peers} lacks ${formatCount(missing)}: it was flushed, or swapped, or somebody has deleted them`;
  return new RespError('TARGET_LOST', message, { hint: 'rump check names what is missing' });
}
