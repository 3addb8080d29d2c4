// What INFO says of a server, as far as a copy needs it: who it is, and what it holds.

import type { Connection } from '../../resp/connection.ts';
import { misanswered } from './replies.ts';

/** Whose keys a server has: the cursors of a walk lead on as long as this stays the same, see `isSameKeyspace`. */
export interface KeyspaceId {
  /** Changes with every start of the server process. */
  readonly runId: string;
  readonly role: 'primary' | 'replica';
  /**
   * The history of writes that its data are the outcome of. A primary takes a new id when its first replica attaches, and once
   * it has had none for long, and a replica of it follows: see `wasReplica`.
   */
  readonly replicationId: string;
  /** The id before, where the same data went on under a new one: at a failover. Zeros where there was none. */
  readonly formerReplicationId: string;
}

type DataId = Omit<KeyspaceId, 'runId'>;

/** One database, as INFO counts it. */
export interface DatabaseFigures {
  readonly db: number;
  readonly keys: number;
  /** How many of the keys have an expiry. */
  readonly expiring: number;
  /** How many are hashes of which fields have one. */
  readonly volatile: number;
}

/** Plain, so that it can be kept as JSON. */
export interface ServerInfo extends KeyspaceId {
  readonly name: 'redis' | 'valkey' | 'redict';
  readonly version: string;
  readonly cluster: boolean;
  /** Bytes. */
  readonly usedMemory: number;
  /**
   * Bytes of keys and values, or of everything where the server does not tell them apart. What clients held is taken off as it was
   * counted last, which may be long ago: see `usedByClients`.
   */
  readonly usedByValues: number;
  /** Bytes. */
  readonly usedByClients: number;
  /** Bytes; 0 is no limit. */
  readonly maxMemory: number;
  /** Keys that have expired since its start, as it counts them. */
  readonly expiredKeys: number;
  /** Fields of hashes that have expired since its start: a hash that has lost all of them goes, and is not counted as expired. */
  readonly expiredFields: number;
  /** Keys that it has thrown away since its start, as its memory was full. */
  readonly evictedKeys: number;
  /** Values that it has taken out and not freed yet, which it does in the background. */
  readonly unfreed: number;
  /** Whether it counts how often keys are used, in place of how long ago. */
  readonly countsFrequency: boolean;
  /** Whether it says which databases hold keys: that it names none is no proof that there are none. */
  readonly hasKeyspace: boolean;
  /** Databases that hold keys. */
  readonly keyspace: readonly DatabaseFigures[];
}

function fieldsIn(text: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

export function parseInfo(text: string): ServerInfo {
  const fields = fieldsIn(text);
  const number = (field: string): number => Number(fields.get(field) ?? 0);
  const name = fields.has('valkey_version') ? 'valkey' : fields.has('redict_version') ? 'redict' : 'redis';
  return {
    name,
    version: fields.get(`${name}_version`) ?? 'unknown',
    runId: fields.get('run_id') ?? '',
    // A server in a role that rump does not know (a sentinel, say) has no keys and fails at the next command.
    role: fields.get('role') === 'slave' ? 'replica' : 'primary',
    replicationId: fields.get('master_replid') ?? '',
    formerReplicationId: fields.get('master_replid2') ?? '',
    cluster: fields.get('cluster_enabled') === '1',
    usedMemory: number('used_memory'),
    usedByValues: valuesIn(fields),
    usedByClients: number('mem_clients_normal'),
    maxMemory: number('maxmemory'),
    expiredKeys: number('expired_keys'),
    expiredFields: number('expired_subkeys') + number('expired_fields'),
    evictedKeys: number('evicted_keys'),
    unfreed: number('lazyfree_pending_objects'),
    countsFrequency: fields.get('maxmemory_policy')?.endsWith('-lfu') === true,
    hasKeyspace: /^(# Keyspace|db\d+:)/m.test(text),
    keyspace: keyspaceIn(fields),
  };
}

/** A server that takes off more than there is tells of a number below nought without its sign: then it is no more than everything. */
function valuesIn(fields: ReadonlyMap<string, string>): number {
  const told = ['used_memory', 'used_memory_dataset'].filter((field) => fields.has(field));
  return told.length === 0 ? 0 : Math.min(...told.map((field) => Number(fields.get(field))));
}

/**
 * Whether a walk that began at one may go on at the other: it is the same process, and its data were not replaced by those of
 * another server. False where that cannot be told.
 */
export function isSameKeyspace(before: KeyspaceId, now: KeyspaceId): boolean {
  return before.runId !== '' && before.runId === now.runId && hasKeptData(before, now);
}

/** The same of one process: whether it did not take the data of another server in between. */
export function hasKeptData(before: DataId, now: DataId): boolean {
  if (before.role === 'primary' && now.role === 'primary') return !wasReplica(before, now);
  return [now.replicationId, now.formerReplicationId].includes(before.replicationId);
}

/**
 * Whether a primary was a replica in between. Whoever is made a primary takes a new id, and keeps that of the history that it
 * came from as the former one. A new id alone only says that it began to keep a backlog, or keeps none any more.
 * @param demotions how often it was told to follow another server since, or to follow none
 */
export function wasReplica(
  before: Pick<KeyspaceId, 'replicationId'>,
  now: Pick<KeyspaceId, 'replicationId' | 'formerReplicationId'>,
  demotions = 0,
): boolean {
  if (now.replicationId === before.replicationId) return false;
  return demotions > 0 || /[1-9a-f]/.test(now.formerReplicationId);
}

/** `db0:keys=3,expires=1,avg_ttl=0,subexpiry=1`, or at its end `keys_with_volatile_items=1`. */
function keyspaceIn(fields: ReadonlyMap<string, string>): DatabaseFigures[] {
  return [...fields].flatMap(([field, value]) => {
    const [, db] = /^db(\d+)$/.exec(field) ?? [];
    if (db === undefined || !/(?:^|,)keys=\d/.test(value)) return [];
    const [keys, expiring, ...volatile] = ['keys', 'expires', 'subexpiry', 'keys_with_volatile_items'].map((figure) =>
      Number(new RegExp(`(?:^|,)${figure}=(\\d+)`).exec(value)?.[1] ?? 0),
    );
    return [{ db: Number(db), keys: keys!, expiring: expiring!, volatile: Math.max(...volatile) }];
  });
}

/** How many keys the server counts in a database, or in all. */
export function keysIn({ keyspace }: ServerInfo, db?: number): number {
  return keyspace.reduce((sum, one) => sum + (db === undefined || one.db === db ? one.keys : 0), 0);
}

/** How often a server is asked in a row which process it is, where it was another one before. */
const IDENTITY_PROBES = 4;

type Asked = Pick<Connection, 'request' | 'peer'>;

/**
 * @param section the only one that is asked for
 * @throws RespError
 */
export async function askInfo(server: Asked, ...section: readonly string[]): Promise<ServerInfo> {
  const reply = await server.request('INFO', ...section);
  if (!Buffer.isBuffer(reply)) throw misanswered(server.peer, 'INFO');
  return parseInfo(reply.toString());
}

/** What a server says of its replication. */
export interface Replication {
  readonly replicationId: string;
  /** How many bytes of that history of writes it has. */
  readonly offset: number;
  /** Whether it keeps the last of them, so that a replica can go on without a snapshot. */
  readonly hasBacklog: boolean;
}

/** @throws RespError */
export async function askReplication(server: Asked): Promise<Replication> {
  const reply = await server.request('INFO', 'replication');
  const fields = fieldsIn(Buffer.isBuffer(reply) ? reply.toString() : '');
  const [replicationId, offset] = [fields.get('master_replid'), fields.get('master_repl_offset')];
  if (replicationId === undefined || offset === undefined) throw misanswered(server.peer, 'INFO replication');
  return { replicationId, offset: Number(offset), hasBacklog: fields.get('repl_backlog_active') === '1' };
}

/** Whether a proxy has several servers behind it, and lets another one answer each time: it says nothing of any. */
export async function hasManyServers(server: Asked, { runId }: ServerInfo): Promise<boolean> {
  const infos = await Promise.all(Array.from({ length: IDENTITY_PROBES }, () => askInfo(server)));
  return infos.some((info) => info.runId !== runId);
}
