// What a server is and can do, by its own words.
import type { TestClient } from './client.ts';

export async function knows(client: TestClient, command: string): Promise<boolean> {
  const [found] = (await client.send('COMMAND', 'INFO', command)) as unknown[];
  return Array.isArray(found);
}

/** `redis 7.0.15`. */
export async function serverName(client: TestClient): Promise<string> {
  const info = String(await client.send('INFO', 'server'));
  const product = /server_name:(\w+)/.exec(info)?.[1] ?? (/redict_version:/.test(info) ? 'redict' : 'redis');
  const version = new RegExp(`${product}_version:(\\S+)`).exec(info)?.[1] ?? 'of an unknown version';
  return `${product} ${version}`;
}

/** Of the hash at that key, by field in latin1, milliseconds since 1970: those that expire. */
export async function fieldExpiriesOf(client: TestClient, key: string | Buffer): Promise<Record<string, number>> {
  if (!(await knows(client, 'HPEXPIRETIME'))) return {};
  const fields = (await client.send('HKEYS', key)) as Buffer[];
  const expiries = (await client.send('HPEXPIRETIME', key, 'FIELDS', fields.length, ...fields)) as number[];
  const found = fields.map((field, index) => [field.toString('latin1'), expiries[index]!] as const);
  return Object.fromEntries(found.filter(([, expiry]) => expiry >= 0));
}
