// Which feed a source is followed by: the first that works and leaves no trace there. Everything is tried on connections of its
// own, where it does nothing; what the feed will not see, or does to the source, is said before it begins.

import { ConnectionError, nameOf, ReplyError, RespError } from '../../resp/errors.ts';
import type { Connection } from '../../resp/connection.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { Node } from '../cluster/topology.ts';
import { whileListening } from '../flow/failure.ts';
import { askFlushes } from '../server/flushes.ts';
import { isForbidden, isUnknownCommand, kindOf } from '../server/refusal.ts';
import { PROBE_KEY } from '../server/probes.ts';
import { replyOf } from '../server/replies.ts';
import type { FeedKind } from './feed.ts';
import { INVALIDATIONS } from './tracking-feed.ts';

export interface FeedWarning {
  readonly code:
    | 'FEED_COUNTED_AS_REPLICA'
    | 'FEED_DELAYS_SHUTDOWN'
    | 'FEED_NEEDS_SNAPSHOT'
    | 'FEED_SEEN_BY_SENTINEL'
    | 'FEED_DATABASES_UNTOLD'
    | 'FEED_SWAPS_UNTOLD'
    | 'FEED_GROUPS_UNTOLD';
  readonly message: string;
}

export interface FeedChoice {
  readonly kind: FeedKind;
  /** In words, for the operator. */
  readonly why: string;
  /** What it cannot see, or does to the source. */
  readonly warnings: readonly FeedWarning[];
}

/** What a node lets us do. */
interface Look {
  readonly node: string;
  /** Why PSYNC will not be served, and why keys will not be tracked. */
  readonly noPsync: string | undefined;
  readonly noTracking: string | undefined;
  /** Whether PSYNC may go on from where the node is, and whether it can begin with a snapshot that holds nothing. */
  readonly hasBacklog: boolean;
  readonly hasEmptySnapshots: boolean;
  /** Whether sentinels watch it; `undefined` where that cannot be told. */
  readonly isWatched: boolean | undefined;
  /** Whether it counts how often databases are swapped. */
  readonly countsSwaps: boolean;
  /** `min-replicas-to-write`, and `shutdown-timeout` in seconds. */
  readonly minReplicas: number;
  readonly shutdownTimeout: number;
}

const PSYNC_RIGHTS = '+psync +replconf +ping +command';
const TRACKING_RIGHTS = `+client|tracking +client|id +subscribe +ping &${INVALIDATIONS}`;
/** Every sentinel subscribes to it on each server that it watches. */
const SENTINELS = '__sentinel__:hello';
const BEHIND_SNAPSHOT = 'PSYNC goes on behind the snapshot of the first copy';
const SNAPSHOT_FILTER = 'rdb-filter-only';
/** Seconds, where the server does not say otherwise. */
const USUAL_SHUTDOWN_TIMEOUT = 10;

/**
 * @param isBehindSnapshot whether the source makes one for us anyway: PSYNC goes on behind that
 * @throws RespError: none is possible, or not the one that is asked for
 */
export async function chooseFeed(
  deployment: Deployment,
  asked: FeedKind | 'auto',
  isBehindSnapshot = false,
): Promise<FeedChoice> {
  // One that takes over slots of the part later may refuse it still; it is not bothered before.
  const nodes = deployment.part.isWhole ? deployment.topology.primaries : deployment.ownNodes;
  const found = await Promise.all(nodes.map((node) => lookAt(deployment, node)));
  const looks = isBehindSnapshot ? found.map((look) => ({ ...look, hasBacklog: true })) : found;
  const noPsync = firstOf(looks, ({ noPsync }) => noPsync);
  const noTracking = firstOf(looks, ({ noTracking }) => noTracking);
  const trace = traceOf(deployment, looks);
  const byName = `--feed ${asked}`;
  if (asked !== 'tracking' && noPsync === undefined && (asked === 'psync' || trace === undefined)) {
    const why = asked === 'psync' ? byName : isBehindSnapshot ? BEHIND_SNAPSHOT : beginningOf(looks);
    return { kind: 'psync', why, warnings: warningsOfPsync(deployment, looks) };
  }
  if (asked !== 'psync' && noTracking === undefined) {
    const why = asked === 'tracking' ? byName : (noPsync ?? trace!);
    return { kind: 'tracking', why, warnings: warningsOfTracking(deployment, looks) };
  }
  const isTraceable = asked === 'auto' && noPsync === undefined;
  throw new RespError('FEED', `Cannot follow the source: ${reasonsOf(asked, noPsync ?? trace, noTracking)}`, {
    hint: `grant ${rightsFor(asked)}${isTraceable ? ', or take --feed psync all the same' : ''}`,
  });
}

function reasonsOf(asked: FeedKind | 'auto', noPsync: string | undefined, noTracking: string | undefined): string {
  const reasons = [asked !== 'tracking' && `psync: ${noPsync}`, asked !== 'psync' && `tracking: ${noTracking}`];
  return reasons.filter((reason) => reason !== false).join('; ');
}

function rightsFor(asked: FeedKind | 'auto'): string {
  if (asked === 'auto') return `the user ${PSYNC_RIGHTS}, or ${TRACKING_RIGHTS}`;
  return `the user ${asked === 'psync' ? PSYNC_RIGHTS : TRACKING_RIGHTS}`;
}

/** The first reason, with the node that it is about. */
function firstOf(looks: readonly Look[], reasonOf: (look: Look) => string | undefined): string | undefined {
  const found = looks.find((look) => reasonOf(look) !== undefined);
  return found && `at ${found.node} ${reasonOf(found)}`;
}

/** What PSYNC would leave behind, or cost. */
function traceOf({ kind }: Deployment, looks: readonly Look[]): string | undefined {
  if (kind === 'sentinel' || looks.some(({ isWatched }) => isWatched === true))
    return 'Sentinel watches the source, and keeps every replica that it has seen in its list';
  const forking = looks.find(takesSnapshot);
  return forking && `PSYNC would make ${forking.node} save a snapshot`;
}

function takesSnapshot({ hasBacklog, hasEmptySnapshots }: Look): boolean {
  return !hasBacklog && !hasEmptySnapshots;
}

function beginningOf(looks: readonly Look[]): string {
  return looks.every(({ hasBacklog }) => hasBacklog)
    ? 'PSYNC goes on from the backlog of the source, without a snapshot'
    : 'PSYNC begins with an empty snapshot';
}

function warningsOfPsync({ kind }: Deployment, looks: readonly Look[]): FeedWarning[] {
  const warnings: FeedWarning[] = [];
  const warn = (code: FeedWarning['code'], concerned: readonly Look[], message: string): void => {
    const nodes = concerned.map(({ node }) => node).join(', ');
    if (concerned.length > 0) warnings.push({ code, message: message.replace('NODES', nodes) });
  };
  const counting = looks.filter(({ minReplicas }) => minReplicas > 0);
  warn('FEED_COUNTED_AS_REPLICA', counting, 'NODES counts rump as one of its min-replicas-to-write');
  const delayed = looks.filter(({ shutdownTimeout }) => shutdownTimeout > 0);
  const longest = Math.max(...looks.map(({ shutdownTimeout }) => shutdownTimeout));
  warn('FEED_DELAYS_SHUTDOWN', delayed, `a SHUTDOWN of NODES waits for rump, up to ${longest} s (shutdown-timeout)`);
  warn('FEED_NEEDS_SNAPSHOT', looks.filter(takesSnapshot), 'NODES forks and saves a snapshot, which is not used');
  const watched = looks.filter(({ isWatched }) => isWatched === true || kind === 'sentinel');
  warn('FEED_SEEN_BY_SENTINEL', watched, 'Sentinel lists rump as a replica of NODES until SENTINEL RESET');
  const untold = kind === 'server' ? looks.filter(({ isWatched }) => isWatched === undefined) : [];
  const why = 'whether it does cannot be told without the right to PUBSUB CHANNELS';
  warn('FEED_SEEN_BY_SENTINEL', untold, `if Sentinel watches NODES, it lists rump as a replica: ${why}`);
  return warnings;
}

function warningsOfTracking({ isCluster, servers }: Deployment, looks: readonly Look[]): FeedWarning[] {
  const warnings: FeedWarning[] = [
    {
      code: 'FEED_GROUPS_UNTOLD',
      message: 'what consumer groups do is not told: streams that have groups are read again at the cutover',
    },
  ];
  if (servers.some(({ databases }) => databases.size > 1)) {
    const message = 'in which database a key changed is not told: it is read in each that is followed';
    warnings.push({ code: 'FEED_DATABASES_UNTOLD', message });
  }
  const blind = isCluster ? [] : looks.filter(({ countsSwaps }) => !countsSwaps);
  if (blind.length > 0) {
    const message = `a SWAPDB at ${blind[0]!.node} cannot be seen: it does not say what INFO commandstats counts`;
    warnings.push({ code: 'FEED_SWAPS_UNTOLD', message });
  }
  return warnings;
}

type Ask = (name: string, ...args: string[]) => Promise<Reply>;

/** A proxy may hang up on what it does not know, and is followed by none then. @throws RespError */
async function lookAt(deployment: Deployment, node: Node): Promise<Look> {
  const { connection } = await deployment.connectBeside(node);
  try {
    const stop = (reason: Error): void => connection.fail(reason);
    return await whileListening(deployment.signal, stop, () => lookThrough(connection));
  } catch (error) {
    deployment.signal?.throwIfAborted();
    if (!(error instanceof ConnectionError)) throw error;
    const reason = 'the connection ends where it is asked for';
    return { ...BLIND, node: nameOf(node.peer), noPsync: reason, noTracking: reason };
  } finally {
    connection.close();
  }
}

const BLIND = {
  hasBacklog: false,
  hasEmptySnapshots: false,
  isWatched: undefined,
  countsSwaps: false,
  minReplicas: 0,
  shutdownTimeout: 0,
} as const;

/** @throws RespError, where the connection is lost */
async function lookThrough(connection: Connection): Promise<Look> {
  const ask: Ask = (name, ...args) => connection.request(name, ...args).catch(replyOf);
  const [replication, filter, sentinels, flushes, replicas, timeout, tracking, id, ping, keys] = await Promise.all([
    ask('INFO', 'replication'),
    ask('REPLCONF', SNAPSHOT_FILTER, ''),
    ask('PUBSUB CHANNELS', SENTINELS),
    askFlushes(connection),
    ask('CONFIG GET', 'min-replicas-to-write'),
    ask('CONFIG GET', 'shutdown-timeout'),
    ask('CLIENT TRACKING', 'OFF'),
    ask('CLIENT ID'),
    ask('PING'),
    ask('COMMAND GETKEYS', 'GET', PROBE_KEY),
  ]);
  const subscription = await ask('SUBSCRIBE', INVALIDATIONS);
  // Whoever subscribes is refused everything else, but only once the rights were looked at: nothing else tells of this one.
  const psync = Array.isArray(subscription) ? await ask('PSYNC', '?', '-1') : null;
  const state = replication instanceof ReplyError ? '' : String(replication);
  const hasEmptySnapshots = !(filter instanceof ReplyError);
  return {
    node: nameOf(connection.peer),
    noPsync: refusalOfPsync(state, { REPLCONF: filter, PSYNC: psync, PING: ping, COMMAND: keys }),
    noTracking: refusalIn([
      ['CLIENT TRACKING', tracking],
      ['CLIENT ID', id],
      ['SUBSCRIBE', subscription],
      ['PING', ping],
    ]),
    hasBacklog: /^repl_backlog_active:1\r?$/m.test(state),
    hasEmptySnapshots,
    isWatched: Array.isArray(sentinels) ? sentinels.length > 0 : undefined,
    countsSwaps: flushes !== undefined,
    minReplicas: Number(settingIn(replicas) ?? 0),
    shutdownTimeout: Number(settingIn(timeout) ?? (hasEmptySnapshots ? USUAL_SHUTDOWN_TIMEOUT : 0)),
  };
}

/** @param replies by command; that of PSYNC is `null` where it could not be tried */
function refusalOfPsync(state: string, replies: Readonly<Record<string, Reply>>): string | undefined {
  if (!/^repl_backlog_active:/m.test(state)) return 'INFO says nothing of a replication backlog';
  if (/^master_link_status:down/m.test(state)) return 'the link to its own primary is down';
  // An unknown option, and what a subscriber may not do, say that it would be served.
  return refusalIn(Object.entries(replies).filter(([, reply]) => isRefused(reply)));
}

function isRefused(reply: Reply): boolean {
  return reply instanceof ReplyError && (isUnknownCommand(reply) || kindOf(reply) === 'forbidden');
}

/** Why the first of the commands that were refused was. */
function refusalIn(replies: readonly (readonly [name: string, reply: Reply])[]): string | undefined {
  for (const [name, reply] of replies) {
    if (!(reply instanceof ReplyError)) continue;
    if (kindOf(reply) !== 'forbidden') return `the server does not take ${name}: ${reply.message}`;
    const isChannel = name === 'SUBSCRIBE' && !isForbidden(reply, name);
    return isChannel ? `the user may not use the channel ${INVALIDATIONS}` : `the user may not run ${name}`;
  }
  return undefined;
}

/** `undefined` where the server will not say, or has no such setting. */
function settingIn(reply: Reply): string | undefined {
  const [, value] = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
  return Buffer.isBuffer(value) ? value.toString() : undefined;
}
