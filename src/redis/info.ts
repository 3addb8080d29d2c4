// What INFO says of a server, as far as a copy needs it.

export interface ServerInfo {
  readonly name: 'redis' | 'valkey' | 'redict';
  readonly version: string;
  /** Changes with every start of the server process. */
  readonly runId: string;
  readonly role: 'primary' | 'replica';
  /** Changes when a server comes to hold the data of another one. */
  readonly replicationId: string;
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
    cluster: fields.get('cluster_enabled') === '1',
    usedMemory: number('used_memory'),
    usedByValues: number(fields.has('used_memory_dataset') ? 'used_memory_dataset' : 'used_memory'),
    maxMemory: number('maxmemory'),
    evictedKeys: number('evicted_keys'),
    countsFrequency: fields.get('maxmemory_policy')?.endsWith('-lfu') === true,
    databases: new Map([...fields].flatMap(([field, value]) => parseDatabase(field, value))),
  };
}

/** `db0:keys=3,expires=1,avg_ttl=0` */
function parseDatabase(field: string, value: string): [number, number][] {
  const [, db] = /^db(\d+)$/.exec(field) ?? [];
  const [, keys] = /^keys=(\d+)/.exec(value) ?? [];
  return db === undefined || keys === undefined ? [] : [[Number(db), Number(keys)]];
}
