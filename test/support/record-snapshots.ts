// Records fixtures/snapshots anew: `node dist/test/support/record-snapshots.js NAME=PROGRAM …`, two or three files a server.
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestClient } from './client.ts';
import { followRecipe } from './follow-recipe.ts';
import { payloadRecipes } from './payload-recipes.ts';
import { startServer } from './redis-server.ts';
import { fieldExpiriesOf, knows, serverName } from './server-facts.ts';
import { snapshot } from './snapshot.ts';
import { printSnapshot, snapshotFolder, type RecordedKey } from './snapshot-fixtures.ts';

/** What one file is about: how its server is started, and what is written to it. */
interface Subject {
  readonly suffix: string;
  readonly args: readonly string[];
  readonly dbs: readonly number[];
  readonly fill: (client: TestClient) => Promise<Recorded>;
}

interface Recorded {
  readonly expired: readonly string[];
  readonly functions: readonly string[];
}

const LIBRARY = "#!lua name=mylib\nredis.register_function('one', function() return 1 end)";
/** 2100-01-01T00:00:00.123Z. */
const FAR_AWAY = 4_102_444_800_123;
/** Their values would make the files large, and have nothing here that others lack. */
const TOO_LONG = new Set(['string:32-bits', 'string:far-back', 'list:large', 'stream:lengths', 'set:lengths']);

const subjects: readonly Subject[] = [
  { suffix: '', args: ['--maxmemory-policy', 'allkeys-lru'], dbs: [0, 3, 9], fill: fillAll },
  {
    suffix: '-lfu',
    args: ['--maxmemory-policy', 'allkeys-lfu', '--rdbchecksum', 'no', '--rdbcompression', 'no'],
    dbs: [0],
    fill: fillCounted,
  },
  { suffix: '-cluster', args: ['--cluster-enabled', 'yes'], dbs: [0], fill: fillSlots },
];

mkdirSync(snapshotFolder, { recursive: true });
for (const argument of process.argv.slice(2)) {
  const [name = '', binary = name] = argument.split('=');
  for (const subject of subjects) await record(`${name}${subject.suffix}`, binary, subject);
}

async function record(name: string, binary: string, { args, dbs, fill }: Subject): Promise<void> {
  const server = await startServer({ binary, args: [...args, ...(await debugArguments(binary))] });
  try {
    const client = await server.client();
    const facts = await fill(client);
    // First, as whoever looks at a key touches it, or removes it where it has expired.
    await client.send('SAVE');
    const keys: RecordedKey[] = [];
    for (const db of dbs) keys.push(...(await readKeys(client, db)));
    copyFileSync(join(server.dir, 'dump.rdb'), join(snapshotFolder, `${name}.rdb`));
    writeFileSync(
      join(snapshotFolder, `${name}.json`),
      printSnapshot({ server: await serverName(client), ...facts, keys }),
    );
    process.stdout.write(`${name}: ${keys.length} keys\n`);
  } finally {
    await server.stop();
  }
}

/** Since 7.0 DEBUG has to be asked for, and older servers do not know the setting. */
async function debugArguments(binary: string): Promise<readonly string[]> {
  const trial = await startServer({ binary });
  try {
    return (await knows(await trial.client(), 'PEXPIRETIME')) ? ['--enable-debug-command', 'yes'] : [];
  } finally {
    await trial.stop();
  }
}

async function fillAll(client: TestClient): Promise<Recorded> {
  for (const recipe of payloadRecipes) {
    if (TOO_LONG.has(recipe.name)) continue;
    if (recipe.needs === undefined || (await knows(client, recipe.needs)))
      await followRecipe(client, recipe, { name: recipe.name });
  }
  await client.send('SELECT', 3);
  await client.send('SET', 'expiring', 'value', 'PX', 1);
  await client.send('PEXPIREAT', 'expiring', FAR_AWAY);
  await client.send('SET', '12345', 'a name that is an integer');
  await client.send('SET', 'n'.repeat(300), 'a name that is compressed');
  await client.send('SET', '\u0000\r\n', '');
  await client.send('SET', 'plain', 'value');
  await client.send('RESTORE', 'idle', 0, (await client.send('DUMP', 'plain')) as Buffer, 'IDLETIME', 100_000);
  await client.send('SELECT', 9);
  await client.send('RPUSH', 'list', 'a', 'b');
  await client.send('PEXPIREAT', 'list', FAR_AWAY + 1);
  await client.send('DEBUG', 'SET-ACTIVE-EXPIRE', 0);
  await client.send('SET', 'gone', 'value', 'PX', 1);
  await sleep(50);
  const hasFunctions = await knows(client, 'FUNCTION');
  if (hasFunctions) await client.send('FUNCTION', 'LOAD', LIBRARY);
  return { expired: ['gone'], functions: hasFunctions ? ['mylib'] : [] };
}

async function fillCounted(client: TestClient): Promise<Recorded> {
  await client.send('SET', 'fresh', 'value');
  const payload = (await client.send('DUMP', 'fresh')) as Buffer;
  await client.send('RESTORE', 'rare', 0, payload, 'FREQ', 1);
  await client.send('RESTORE', 'frequent', FAR_AWAY, payload, 'ABSTTL', 'FREQ', 255);
  await client.send('SET', 'run', 'a'.repeat(500));
  return { expired: [], functions: [] };
}

/** A cluster of one node; newer servers tell of each slot how many keys it has. */
async function fillSlots(client: TestClient): Promise<Recorded> {
  const slots = Array.from({ length: 16_384 }, (_, slot) => slot);
  await client.send('CLUSTER', 'ADDSLOTS', ...slots);
  while (!String(await client.send('CLUSTER', 'INFO')).includes('cluster_state:ok')) await sleep(50);
  for (let i = 0; i < 30; i += 1) await client.send('SET', `key:${i}`, `value ${i}`, 'PX', 1);
  for (let i = 0; i < 30; i += 1) await client.send('SET', `key:${i}`, `value ${i}`);
  await client.send('PEXPIREAT', 'key:7', FAR_AWAY);
  return { expired: [], functions: [] };
}

async function readKeys(client: TestClient, db: number): Promise<RecordedKey[]> {
  await client.send('SELECT', db);
  const about: RecordedKey[] = [];
  const keys = (await client.send('KEYS', '*')) as Buffer[];
  // Before all that touches the keys.
  const idles = await client.pipeline(keys.map((key) => ['OBJECT', 'IDLETIME', key]));
  const frequencies = await client.pipeline(keys.map((key) => ['OBJECT', 'FREQ', key]));
  const found = await snapshot(client);
  for (const [i, key] of keys.entries()) {
    const entry = found.get(key.toString('latin1'));
    // The server shows the names of keys that have expired.
    if (entry === undefined) continue;
    const fieldExpiries = entry.type === 'hash' ? await fieldExpiriesOf(client, key) : {};
    const [idle, frequency] = [idles[i], frequencies[i]].map((told) => (typeof told === 'number' ? told : -1));
    about.push({
      db,
      key: key.toString('latin1'),
      ...entry,
      fieldExpiries,
      idle: idle!,
      frequency: frequency!,
    });
  }
  return about;
}
