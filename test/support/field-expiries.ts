// When fields of hashes expire, asked by native commands.
import type { TestClient } from './client.ts';
import { knows } from './recipe-keyspace.ts';

/** By key, then by field: milliseconds since 1970, -1 for never. Nothing of a server that has no such fields. */
export async function fieldExpiriesOf(client: TestClient, keys: readonly string[]): Promise<Map<string, object>> {
  const found = new Map<string, object>();
  if (!(await knows(client, 'HPEXPIRETIME'))) return found;
  for (const key of keys) {
    if (String(await client.send('TYPE', key)) !== 'hash') continue;
    const fields = (await client.send('HKEYS', key)) as Buffer[];
    const expiries = (await client.send('HPEXPIRETIME', key, 'FIELDS', fields.length, ...fields)) as number[];
    const pairs = fields.map((field, i) => [field.toString('latin1'), expiries[i]!] as const);
    found.set(key, Object.fromEntries(pairs.toSorted(([left], [right]) => (left < right ? -1 : 1))));
  }
  return found;
}
