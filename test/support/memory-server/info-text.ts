// What INFO says: a few sections, a line a field, as clients that look for a server's kind and state expect it.
import type { ServerState } from './server-state.ts';

const ALL = new Set(['all', 'default', 'everything']);

type Fields = Readonly<Record<string, string | number>>;

/** @param wanted sections in small letters; none means all */
export function infoText(server: ServerState, wanted: readonly string[]): string {
  for (const database of server.databases) database.settle(Date.now());
  const isWanted = (name: string): boolean =>
    (name !== 'Keyspace' || !server.oneDatabase) &&
    (wanted.length === 0 || wanted.some((word) => ALL.has(word) || word === name.toLowerCase()));
  return Object.entries(sectionsOf(server))
    .filter(([name]) => isWanted(name))
    .map(([name, fields]) => [`# ${name}`, ...Object.entries(fields).map(([field, value]) => `${field}:${value}`), ''])
    .map((lines) => lines.join('\r\n'))
    .join('\r\n');
}

function sectionsOf(server: ServerState): Readonly<Record<string, Fields>> {
  const { heapUsed, external } = process.memoryUsage();
  return {
    Server: {
      redis_version: server.version,
      redis_mode: 'standalone',
      process_id: process.pid,
      run_id: server.runId,
      tcp_port: server.port,
      uptime_in_seconds: Math.floor((Date.now() - server.startedAt) / 1000),
    },
    // The process is all there is to measure, whatever else runs in it.
    Memory: { used_memory: heapUsed + external, maxmemory: 0, maxmemory_policy: 'noeviction' },
    Stats: { expired_keys: server.databases.reduce((sum, { expired }) => sum + expired, 0), evicted_keys: 0 },
    Replication: { role: 'master', connected_slaves: 0 },
    Cluster: { cluster_enabled: 0 },
    Keyspace: Object.fromEntries(
      server.databases
        .map(({ size, expiring }, index) => [`db${index}`, size, expiring] as const)
        .filter(([, size]) => size > 0)
        .map(([name, size, expiring]) => [name, `keys=${size},expires=${expiring},avg_ttl=0`]),
    ),
  };
}
