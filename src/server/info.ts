// What INFO says of a server, as far as a copy needs it.

export interface ServerInfo {
  readonly name: 'redis' | 'valkey' | 'redict';
  readonly version: string;
  /** Changes with every start of the server process. */
  readonly runId: string;
  readonly role: 'primary' | 'replica';
  /**
   * The history of writes that its data are the outcome of. Of a primary it says nothing: that one takes a new id when its
   * first replica attaches, and a replica of it follows.
   */
  readonly replicationId: string;
  /** The id before, where the same data went on under a new one: at a failover. */
  readonly formerReplicationId: string;
  readonly cluster: boolean;
  /** Bytes. */
  readonly usedMemory: number;
  /** Bytes of keys and values, or of everything where the server does not tell them apart. */
  readonly usedByValues: number;
  /** Bytes; 0 is no limit. */
  readonly maxMemory: number;
  /** Keys that have expired since its start, as it counts them. */
  readonly expiredKeys: number;
  /** Keys that it has thrown away since its start, as its memory was full. */
  readonly evictedKeys: number;
  /** Values that it has taken out and not freed yet, which it does in the background. */
  readonly unfreed: number;
  /** Whether it counts how often keys are used, in place of how long ago. */
  readonly countsFrequency: boolean;
  /** Whether it says which databases hold keys: that it names none is no proof that there are none. */
  readonly hasKeyspace: boolean;
  /** Databases that hold keys, and how many. */
  readonly databases: ReadonlyMap<number, number>;
  /** How many of those keys have an expiry. */
  readonly expiring: ReadonlyMap<number, number>;
}

export function parseInfo(text: string): ServerInfo {
  const fields = new Map<string, string>();
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
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
    usedByValues: number(fields.has('used_memory_dataset') ? 'used_memory_dataset' : 'used_memory'),
    maxMemory: number('maxmemory'),
    expiredKeys: number('expired_keys'),
    evictedKeys: number('evicted_keys'),
    unfreed: number('lazyfree_pending_objects'),
    countsFrequency: fields.get('maxmemory_policy')?.endsWith('-lfu') === true,
    hasKeyspace: /^(# Keyspace|db\d+:)/m.test(text),
    databases: countsOf(fields, 'keys'),
    expiring: countsOf(fields, 'expires'),
  };
}

/**
 * Whether a walk that began at one may go on at the other: it is the same process, and its data were not replaced by those of
 * another server. False where that cannot be told.
 */
export function isSameKeyspace(before: ServerInfo, now: ServerInfo): boolean {
  if (before.runId === '' || before.runId !== now.runId) return false;
  if (before.role === 'primary' && now.role === 'primary') return true;
  return [now.replicationId, now.formerReplicationId].includes(before.replicationId);
}

/** `db0:keys=3,expires=1,avg_ttl=0` */
function countsOf(fields: ReadonlyMap<string, string>, what: 'keys' | 'expires'): Map<number, number> {
  const counts = new Map<number, number>();
  for (const [field, value] of fields) {
    const [, db] = /^db(\d+)$/.exec(field) ?? [];
    const [, count] = new RegExp(`(?:^|,)${what}=(\\d+)`).exec(value) ?? [];
    if (db !== undefined && count !== undefined) counts.set(Number(db), Number(count));
  }
  return counts;
}
