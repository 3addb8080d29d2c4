// What a server was asked to do, by its own count: INFO commandstats, and which of its commands write.
import type { Reply, TestClient } from './client.ts';

/** How often each command was called since CONFIG RESETSTAT, refused calls included; by name in small letters. */
export async function callsOf(client: TestClient): Promise<Map<string, number>> {
  const text = String(await client.send('INFO', 'commandstats'));
  const calls = text.matchAll(/^cmdstat_([^:]+):calls=(\d+)(?:.*?rejected_calls=(\d+))?/gm);
  return new Map(
    Array.from(calls, ([, name, count, rejected = 0]) => [name!.toLowerCase(), Number(count) + Number(rejected)]),
  );
}

/** How often a command was refused before it was run, as by a node that does not serve the slot. */
export async function refusalsOf(client: TestClient, name: string): Promise<number> {
  const text = String(await client.send('INFO', 'commandstats'));
  return Number(new RegExp(`^cmdstat_${name}:.*?rejected_calls=(\\d+)`, 'm').exec(text)?.[1] ?? 0);
}

/** How often a value was dumped: every connection begins with one DUMP of no key, and gives itself a name. */
export async function dumpsOf(client: TestClient): Promise<number> {
  const calls = await callsOf(client);
  return (calls.get('dump') ?? 0) - (calls.get('client|setname') ?? calls.get('client') ?? 0);
}

/** Those called that the server itself says may write, refused calls included. */
export async function writesOf(client: TestClient): Promise<string[]> {
  const called = [...(await callsOf(client)).keys()];
  const flags = await writeFlagsOf(client);
  return called.filter((name) => flags.has(name) || flags.has(name.split('|')[0]!));
}

async function writeFlagsOf(client: TestClient): Promise<ReadonlySet<string>> {
  const writing = new Set<string>();
  const add = (about: Reply): void => {
    if (!Array.isArray(about)) return;
    const [name, , flags, , , , , , , subcommands = []] = about;
    if ((flags as Reply[]).map(String).includes('write')) writing.add(String(name).toLowerCase());
    for (const subcommand of subcommands as Reply[]) add(subcommand);
  };
  for (const about of (await client.send('COMMAND')) as Reply[]) add(about);
  return writing;
}
