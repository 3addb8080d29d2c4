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
  /** Keys that it has thrown away since its start, as its memory was full. */
  readonly evictedKeys: number;
  /** Whether it counts how often keys are used, in place of how long ago. */
  readonly countsFrequency: boolean;
  /** Keys of all databases that expire. */
  readonly expiringKeys: number;
  /** Databases that hold keys, and how many. */
  readonly databases: ReadonlyMap<number, number>;
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
    evictedKeys: number('evicted_keys'),
    countsFrequency: fields.get('maxmemory_policy')?.endsWith('-lfu') === true,
    expiringKeys: [...fields].reduce((sum, [field, value]) => sum + expiringIn(field, value), 0),
    databases: new Map([...fields].flatMap(([field, value]) => parseDatabase(field, value))),
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

function expiringIn(field: string, value: string): number {
  return /^db\d+$/.test(field) ? Number(/,expires=(\d+)/.exec(value)?.[1] ?? 0) : 0;
}

/** `db0:keys=3,expires=1,avg_ttl=0` */
function parseDatabase(field: string, value: string): [number, number][] {
  const [, db] = /^db(\d+)$/.exec(field) ?? [];
  const [, keys] = /^keys=(\d+)/.exec(value) ?? [];
  return db === undefined || keys === undefined ? [] : [[Number(db), Number(keys)]];
}
