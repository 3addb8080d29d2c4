// What a server is asked about itself, and what its answers say: what it is, what it bears, what it understands, which
// commands a copy needs and may not run or does not find. Each of those is tried once where it can do nothing.

import type { Connection } from '../../resp/connection.ts';
import { nameOf, ProtocolError, ReplyError, type Peer } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Ability } from '../rdb/commands.ts';
import { versionOf } from '../rdb/payload.ts';
import { parseInfo, type ServerInfo } from './info.ts';
import { isForbidden, isUnknownCommand, kindOf, type RefusalKind } from './refusal.ts';
import { demand, misanswered, sizeIn, type AskAbout } from './replies.ts';

/** What its connections are for. Whoever only reads cannot write: the connection itself refuses. */
export type Purpose = 'read' | 'write';

export type Probe = readonly [name: string, ...args: string[]];

/** No key of this name needs to be there: the probes look for it, or fail before they would write it. */
export const PROBE_KEY = 'rump:probe';

/** What a server says of itself. */
export interface Known {
  readonly info: ServerInfo;
  /** When INFO was asked, by `performance.now()`. */
  readonly learntAt: number;
  /** DBSIZE; 0 where the server will not say. */
  readonly keys: number;
  /** Milliseconds that its clock shows above `Date.now()`; not a number where the server will not say. */
  readonly skew: number;
  /** Whether it knows absolute expiries: PEXPIRETIME where it is read, ABSTTL where it is written. */
  readonly absoluteExpiry: boolean;
  /** Whether SCAN takes a TYPE. */
  readonly scanKnowsType: boolean;
  /** Commands that the user needs and may not run. */
  readonly missing: readonly string[];
  /** Commands that are needed and that it does not have. */
  readonly unknown: readonly string[];
  /** Why it would serve no copy now: `READONLY`, `OOM`, `MISCONF`. */
  readonly refusal: ReplyError | undefined;
  /** The replies of CLUSTER SLOTS and CLUSTER NODES, where it is a node of a cluster. */
  readonly topology: readonly Reply[];
}

/** What it takes and holds at once. */
export interface Limits {
  /** Bytes of the longest argument that it takes: `proto-max-bulk-len`, or what `client-query-buffer-limit` leaves for it. */
  readonly mostBytes: number;
  /** Bytes that it holds for a client before it hangs up: `client-output-buffer-limit`; Infinity where there is no end of it. */
  readonly mostReplyBytes: number;
}

const COMMON_PROBES: readonly Probe[] = [['INFO'], ['TIME'], ['DBSIZE']];
const PROBES: Record<Purpose, readonly Probe[]> = {
  read: [
    ['SCAN', '0', 'COUNT', '1'],
    ['DUMP', PROBE_KEY],
    ['PTTL', PROBE_KEY],
    ['PEXPIRETIME', PROBE_KEY],
  ],
  // A negative TTL is refused before anything is written, but after rights, role and memory were looked at.
  write: [['RESTORE', PROBE_KEY, '-1', '']],
};
/** What a target is asked beyond that, where the source is followed: whether what is gone may be removed. */
export const REMOVING: Probe = ['UNLINK', PROBE_KEY];
/** The same where replicas are waited for: with none to wait for it is answered at once. */
export const WAITING: Probe = ['WAIT', '0', '1'];
/** What may be refused without harm: each setting is asked for by itself, as servers before 7.0 take one at a time. */
const CONFIG_GET = 'CONFIG GET';
/** What tells the topology of a cluster. */
const TOPOLOGY_PROBES: readonly Probe[] = [['CLUSTER SLOTS'], ['CLUSTER NODES']];
const CLUSTER_PROBES: readonly Probe[] = [...TOPOLOGY_PROBES, ['ASKING']];
/** Where the server does not say otherwise: `proto-max-bulk-len`, and no end of what it holds for a client. */
export const USUAL_LIMITS: Limits = { mostBytes: 512 * 1024 * 1024, mostReplyBytes: Infinity };
/** What the rest of a command may take of the buffer that it has to go into. */
const COMMAND_SHARE = 1 / 16;
/** What a copy can do without. */
const DISPENSABLE: ReadonlySet<string> = new Set(['TIME', 'DBSIZE']);
/** Whether slots move while they are read is seen there alone; whoever writes is told by redirections. */
const FOR_READING = 'CLUSTER NODES';
/** What says nothing against a copy: RESTORE does not take the probe, and the probe's key may be another node's. */
const OF_PROBE: ReadonlySet<RefusalKind> = new Set(['not-understood', 'forbidden', 'moved', 'ask', 'moving']);
/** RESTORE knows ABSTTL, and SCAN knows TYPE, from these major versions on. */
const ABSTTL_SINCE = 5;
const SCAN_TYPE_SINCE = 6;

/** Milliseconds by which the clock of a server may be read wrong, unless it cannot be read any better. */
const MOST_CLOCK_ERROR_MS = 50;
const MORE_READINGS = 3;

/** @param probes what will be asked beyond what every copy asks */
export async function learn(connection: Connection, purpose: Purpose, probes: readonly Probe[]): Promise<Known> {
  const learntAt = performance.now();
  const replies = await probe(connection, [...COMMON_PROBES, ...PROBES[purpose], ...probes]);
  const skew = await skewOf(connection, readingOf(replies, learntAt));
  const hasInfo = ![...missingRights(replies), ...unknownCommands(replies)].includes('INFO');
  const info = hasInfo ? demandInfo(connection, replies.get('INFO')) : parseInfo('');
  if (info.cluster) for (const [name, reply] of await probe(connection, CLUSTER_PROBES)) replies.set(name, reply);
  const [missing, unknown] = [missingRights(replies), unknownCommands(replies)];
  return {
    info,
    learntAt,
    keys: sizeIn(replies.get('DBSIZE'), connection.peer),
    skew,
    absoluteExpiry: purpose === 'read' ? isGranted(replies.get('PEXPIRETIME')) : isSince(info, ABSTTL_SINCE),
    scanKnowsType: isSince(info, SCAN_TYPE_SINCE),
    missing,
    unknown,
    refusal: [...replies.values()].find(isRefusal),
    topology: info.cluster && missing.length + unknown.length === 0 ? topologyOf(connection.peer, replies) : [],
  };
}

/** `Known.topology` as it is now. @throws RespError */
export async function learnTopology(connection: Connection): Promise<readonly Reply[]> {
  return topologyOf(connection.peer, await probe(connection, TOPOLOGY_PROBES));
}

/**
 * CLUSTER SLOTS is what the topology is made of; CLUSTER NODES adds who serves no slot.
 * @throws ReplyError where the server will not say; ProtocolError
 */
function topologyOf(peer: Peer, replies: ReadonlyMap<string, Reply>): readonly Reply[] {
  return TOPOLOGY_PROBES.map(([name]) => {
    const reply = replies.get(name) ?? null;
    const isSlots = name === 'CLUSTER SLOTS';
    if (reply instanceof ReplyError && (kindOf(reply) !== 'not-understood' || isSlots)) throw reply;
    if (reply instanceof ReplyError) return null;
    if (isSlots ? !Array.isArray(reply) : !Buffer.isBuffer(reply)) throw misanswered(peer, name);
    return reply;
  });
}

/**
 * A server that keeps its settings to itself has the usual ones, as far as one can know. What it holds for a client is told as
 * classes, each with a hard limit, a soft one, and the seconds for which that may be passed: `normal 0 0 0 slave …`.
 */
export async function learnLimits(connection: Connection): Promise<Limits> {
  const [argument, query, output = ''] = await Promise.all([
    setting(connection, 'proto-max-bulk-len'),
    setting(connection, 'client-query-buffer-limit'),
    setting(connection, 'client-output-buffer-limit'),
  ]);
  const command = Math.floor((Number(query) || Infinity) * (1 - COMMAND_SHARE));
  const [, hard, soft] = /(?:^| )normal (\d+) (\d+)/.exec(output) ?? [];
  return {
    mostBytes: Math.min(Number(argument) || USUAL_LIMITS.mostBytes, command),
    mostReplyBytes: Math.min(Number(hard) || Infinity, Number(soft) || Infinity),
  };
}

async function setting(connection: Connection, name: string): Promise<string | undefined> {
  const reply = (await probe(connection, [[CONFIG_GET, name]])).get(CONFIG_GET);
  const [, value] = Array.isArray(reply) ? (reply as readonly Reply[]) : [];
  return Buffer.isBuffer(value) ? value.toString() : undefined;
}

/** One round trip; an error reply is a value like any other. */
async function probe(connection: Connection, probes: readonly Probe[]): Promise<Map<string, Reply>> {
  const replies = await Promise.all(
    probes.map(async ([name, ...args]): Promise<[string, Reply]> => {
      try {
        return [name, await connection.request(name, ...args)];
      } catch (error) {
        if (error instanceof ReplyError) return [name, error];
        throw error;
      }
    }),
  );
  return new Map(replies);
}

/** @throws ProtocolError where something else than a Redis server speaks RESP */
function demandInfo({ peer }: Connection, reply: Reply | undefined): ServerInfo {
  if (reply instanceof ReplyError) throw reply;
  const text = Buffer.isBuffer(reply) ? reply.toString() : '';
  if (/^(redis|valkey|redict)_version:/m.test(text)) return parseInfo(text);
  throw new ProtocolError(`Cannot talk to ${nameOf(peer)}: it is not a Redis server`, { peer });
}

/** What its clock shows above ours, in milliseconds, and how far that may be wrong. */
interface ClockReading {
  readonly skew: number;
  readonly error: number;
}

/** @param before when TIME was asked, by `performance.now()` */
function readingOf(replies: ReadonlyMap<string, Reply>, before: number): ClockReading {
  const error = (performance.now() - before) / 2;
  return { skew: clockOf(replies.get('TIME')) - (Date.now() - error), error };
}

/** The clock is read once more where that took long: keys would expire too early, or too late, by as much. */
async function skewOf(connection: Connection, first: ClockReading): Promise<number> {
  let best = first;
  for (let i = 0; i < MORE_READINGS && best.error > MOST_CLOCK_ERROR_MS && !Number.isNaN(first.skew); i++) {
    const before = performance.now();
    const reading = readingOf(await probe(connection, [['TIME']]), before);
    if (reading.error < best.error && !Number.isNaN(reading.skew)) best = reading;
  }
  return best.skew;
}

/** Milliseconds since 1970 in a reply of TIME; not a number where the server will not say. */
function clockOf(reply: Reply | undefined): number {
  const [seconds, micros] = Array.isArray(reply) ? reply : [];
  return Number(seconds ?? NaN) * 1000 + Number(micros ?? NaN) / 1000;
}

function isRefusal(reply: Reply): reply is ReplyError {
  return reply instanceof ReplyError && !OF_PROBE.has(kindOf(reply));
}

/** Valkey and Redict began as Redis 7. */
function isSince({ name, version }: ServerInfo, major: number): boolean {
  return name !== 'redis' || Number.parseInt(version, 10) >= major;
}

/** By name, as ACL knows them; PTTL is not missed where PEXPIRETIME is granted, nor the other way round. */
function missingRights(replies: ReadonlyMap<string, Reply>): readonly string[] {
  const missing = [...replies].filter(([name, reply]) => isDenied(name, reply)).map(([name]) => name);
  const isExpiryKnown = !missing.includes('PTTL') || isGranted(replies.get('PEXPIRETIME'));
  return missing.filter((name) => !isExpiryKnown || (name !== 'PTTL' && name !== 'PEXPIRETIME'));
}

/** Any error but these two comes after the look at the rights. */
function isGranted(reply: Reply | undefined): boolean {
  return !(reply instanceof ReplyError) || !['not-understood', 'forbidden'].includes(kindOf(reply));
}

/** Commands that the server itself does not have: renamed there, or unknown to a proxy or to a server of another kind. */
function unknownCommands(replies: ReadonlyMap<string, Reply>): readonly string[] {
  const unknown = [...replies]
    .filter(([, reply]) => reply instanceof ReplyError && isUnknownCommand(reply))
    .map(([name]) => name);
  const isExpiryKnown = ['PTTL', 'PEXPIRETIME'].some((name) => isGranted(replies.get(name)));
  const needed = unknown.filter((name) => name !== FOR_READING || !replies.has('RESTORE'));
  return needed.filter((name) => !DISPENSABLE.has(name) && (!isExpiryKnown || !/^P(TTL|EXPIRETIME)$/.test(name)));
}

/** A user may lack a command, which the reply then names, or the probe's key, which matters nothing. */
function isDenied(name: string, reply: Reply): boolean {
  return reply instanceof ReplyError && isForbidden(reply, name.split(' ')[0]!);
}

/** `+cluster|slots` for `CLUSTER SLOTS`. */
export function aclOf(name: string): string {
  return `+${name.toLowerCase().replace(' ', '|')}`;
}

/** What a server understands, payloads and commands, as it tells itself: names and versions of products say less. */
export interface Dialect {
  /** The highest RDB version that its RESTORE takes. */
  readonly rdbVersion: number;
  readonly abilities: ReadonlySet<Ability>;
}

/** Of Redis 5: every server that has streams reads it. */
const LEAST_RDB_VERSION = 9;
/** The commands that came with each ability. */
const ABILITY_COMMANDS: readonly (readonly [Ability, string])[] = [
  ['streams', 'XADD'],
  ['streamFigures', 'PEXPIRETIME'],
  ['fieldExpiry', 'HPEXPIREAT'],
];
const PROBE_MS = '60000';

/** @param key one that nobody uses; it is written, and is gone afterwards */
export async function learnDialect(key: Buffer, ask: AskAbout): Promise<Dialect> {
  const probes = [
    ['SET', key, '', 'PX', PROBE_MS],
    ['DUMP', key],
    ['DEL', key],
    ['COMMAND', 'INFO', ...ABILITY_COMMANDS.map(([, name]) => name)],
  ];
  // Who may not be asked is taken for old: what is written then can be read by all. A probe that stays expires.
  const [, dump, , known] = await demand(ask, probes, ['SET', 'DUMP', 'DEL', 'COMMAND']);
  const rdbVersion = Buffer.isBuffer(dump) ? versionOf(dump) : LEAST_RDB_VERSION;
  const infos = Array.isArray(known) && !(known instanceof ReplyError) ? (known as readonly Reply[]) : [];
  return {
    rdbVersion,
    abilities: new Set(ABILITY_COMMANDS.flatMap(([ability], i) => (Array.isArray(infos[i]) ? [ability] : []))),
  };
}
