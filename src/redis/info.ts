// What INFO says of a server, as far as a copy needs it.

export interface ServerInfo {
  readonly name: 'redis' | 'valkey' | 'redict';
  readonly version: string;
  /** Changes with every start of the server process. */
  readonly runId: string;
  readonly role: 'primary' | 'replica';
  readonly cluster: boolean;
  /** Bytes. */
  readonly usedMemory: number;
  /** Bytes; 0 is no limit. */
  readonly maxMemory: number;
  /** Keys that the server itself removed since its start. */
  readonly removed: number;
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
    cluster: fields.get('cluster_enabled') === '1',
    usedMemory: number('used_memory'),
    maxMemory: number('maxmemory'),
    removed: number('expired_keys') + number('evicted_keys'),
  };
}
