// What a followed source has no more is removed at a real server, in its place among what is written.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import { TransferLimits } from '../../../src/server/transfer-limits.ts';
import { GONE } from '../../../src/keys/value-end.ts';
import type { LargeValue } from '../../../src/flow/entry.ts';
import { entryOf } from '../../support/entries.ts';
import { handFeed, type HandFedTarget } from '../../support/hand-fed-target.ts';
import { callsOf } from '../../support/command-stats.ts';
import { borrow, giveBack } from '../../support/lent-servers.ts';
import type { TestServer } from '../../support/redis-server.ts';
import type { TestClient } from '../../support/client.ts';

const live = { ownNames: undefined, keeps: false };
const PAST = Date.now() - 1000;
const LOST: LargeValue = {
  type: undefined,
  pieces: () => {
    throw new RespError(GONE, 'It is gone');
  },
};

let server: TestServer;
let client: TestClient;
let payload: Buffer;

before(async () => {
  server = await borrow();
  client = await server.client();
  await client.send('SET', 'made', 'value');
  payload = (await client.send('DUMP', 'made')) as Buffer;
});
after(() => giveBack(server));

function gone(key: string, db = 0): ReturnType<typeof entryOf> {
  return entryOf(key, null, { kind: 'gone', db });
}

async function keys(): Promise<string[]> {
  return ((await client.send('KEYS', '*')) as Buffer[]).map(String).toSorted();
}

function renamed(key: Buffer): Buffer {
  return Buffer.concat([Buffer.from('new:'), key]);
}

async function settled({ channel }: HandFedTarget): Promise<void> {
  await channel.settled();
}

test('RedisTarget removes what is gone in its place among what is written, with one UNLINK each', async (t) => {
  await client.send('FLUSHALL');
  await client.send('SET', 'a', 'old');
  await client.send('CONFIG', 'RESETSTAT');
  const target = await handFeed(t, server.port, { renames: false, live });
  for (const entry of [gone('a'), entryOf('b', payload), gone('b'), gone('b'), gone('c'), entryOf('c', payload)])
    target.channel.push(entry);
  await settled(target);
  assert.deepEqual(await keys(), ['c']);
  const calls = await callsOf(client);
  assert.equal(calls.get('unlink'), 4);
  assert.equal(calls.get('restore'), 3, 'the probe of the handshake is one of them');
  assert.equal(target.told.filter((words) => words === 'removed 1').length, 2);
  assert.ok(!target.told.includes('expired'));
  await target.finish();
});

test('RedisTarget removes it from its database, and by its name at the target', async (t) => {
  await client.send('FLUSHALL');
  const other = await server.client(3);
  await other.send('SET', 'new:a', 'old');
  await client.send('MSET', 'a', 'kept', 'new:a', 'kept');
  const target = await handFeed(t, server.port, { live, targetNameOf: renamed, targetDbOf: (db) => db + 1 });
  target.channel.push(gone('a', 2));
  await settled(target);
  assert.deepEqual(target.told, ['removed 1']);
  assert.equal(await other.send('DBSIZE'), 0);
  assert.deepEqual(await keys(), ['a', 'new:a']);
});

for (const [way, options] of [
  ['by RESTORE', {}],
  ['by commands', { limits: new TransferLimits(1) }],
] as const) {
  test(`RedisTarget removes the older value of what has expired on the way, where it goes ${way}`, async (t) => {
    await client.send('FLUSHALL');
    await client.send('SET', 'a', 'old');
    const target = await handFeed(t, server.port, { renames: false, live, ...options });
    target.channel.push(entryOf('a', payload, { expireAt: PAST }));
    await settled(target);
    assert.deepEqual(target.told, ['expired', 'removed 1']);
    assert.deepEqual(await keys(), []);
  });
}

test('RedisTarget removes the older value of a large one that is gone when it is read', async (t) => {
  await client.send('FLUSHALL');
  await client.send('SET', 'a', 'old');
  const target = await handFeed(t, server.port, { live });
  await target.write({ key: Buffer.from('a'), large: LOST });
  assert.deepEqual(target.told, ['expired', 'removed 1']);
  assert.deepEqual(await keys(), []);
});

test('RedisTarget leaves a key of another type than those in scope, where a large value of its name is gone', async (t) => {
  await client.send('FLUSHALL');
  await client.pipeline([
    ['HSET', 'a', 'field', 'old'],
    ['SET', 'b', 'its own'],
  ]);
  const target = await handFeed(t, server.port, { live: { ...live, type: 'hash' } });
  for (const key of ['a', 'b']) await target.write({ key: Buffer.from(key), large: LOST });
  assert.deepEqual(await keys(), ['b']);
});

test('RedisTarget removes nothing of a source that is not followed', async (t) => {
  await client.send('FLUSHALL');
  await client.send('SET', 'a', 'old');
  const target = await handFeed(t, server.port);
  target.channel.push(entryOf('a', payload, { expireAt: PAST }));
  await settled(target);
  assert.deepEqual(target.told, ['expired']);
  assert.deepEqual(await keys(), ['a']);
});

test('RedisTarget tells a key that the user may not remove', async (t) => {
  await client.send('FLUSHALL');
  await client.send('SET', 'a', 'old');
  const target = await handFeed(t, server.port, { live });
  await client.send('ACL', 'SETUSER', 'default', '-unlink');
  target.channel.push(gone('a'));
  await settled(target);
  await client.send('ACL', 'SETUSER', 'default', '+unlink');
  assert.deepEqual(target.told, ['refused 0 a NOPERM']);
});

test('RedisTarget misses no key at the end that it has removed, or that has expired since it was written again', async (t) => {
  await client.send('FLUSHALL');
  const target = await handFeed(t, server.port, { renames: false, live });
  for (const name of ['a', 'b', 'c']) target.channel.push(entryOf(name, payload));
  await settled(target);
  target.channel.push(gone('a'));
  target.channel.push(entryOf('b', payload, { expireAt: Date.now() + 1 }));
  await settled(target);
  while (Number(await client.send('EXISTS', 'b')) > 0);
  await target.finish();
  assert.deepEqual(await keys(), ['c']);
  assert.ok(!target.told.some((words) => words.startsWith('missing')));
});

test('RedisTarget leaves names of the target’s own as they are, and says so of each key that the source has', async (t) => {
  await client.send('FLUSHALL');
  await client.send('MSET', 'own', 'theirs', 'own:gone', 'theirs');
  const own = new Set(['own', 'own:gone', 'own:large']);
  const ownNames = {
    isEmpty: false,
    has: (db: number, name: Buffer) => db === 0 && own.has(String(name)),
    forget: assert.fail,
  };
  const target = await handFeed(t, server.port, { renames: false, live: { ownNames, keeps: true } });
  const large: LargeValue = { type: 'string', pieces: () => assert.fail('Nobody reads it') };
  for (const entry of [
    entryOf('own', payload),
    gone('own:gone'),
    entryOf('own:large', null, { kind: 'large', large }),
    gone('own'),
    entryOf('other', payload),
    entryOf('own', payload, { db: 1 }),
  ]) {
    target.channel.push(entry);
  }
  await settled(target);
  assert.deepEqual(
    target.told.filter((words) => words.startsWith('refused')),
    ['refused 0 own BUSYKEY', 'refused 0 own:large BUSYKEY'],
  );
  // Of what the source has no more there is nothing to say, and what was said is over.
  assert.deepEqual(new Set(target.inPlace), new Set(['other', 'own', 'own:gone']));
  assert.deepEqual(await keys(), ['other', 'own', 'own:gone']);
  assert.equal(String(await client.send('GET', 'own')), 'theirs');
});

test('RedisTarget takes a name of the target’s own for the source’s once it has written or removed it', async (t) => {
  await client.send('FLUSHALL');
  await client.send('MSET', 'a', 'theirs', 'b', 'theirs', 'c', 'theirs', 'd', 'theirs');
  const own = new Set(['a', 'b', 'c', 'd']);
  const ownNames = {
    isEmpty: false,
    has: (_: number, name: Buffer) => own.has(String(name)),
    forget: (_: number, name: Buffer) => void own.delete(String(name)),
  };
  const target = await handFeed(t, server.port, { renames: false, live: { ownNames, keeps: false } });
  target.channel.push(entryOf('a', payload));
  target.channel.push(gone('b'));
  target.channel.push(entryOf('c', payload, { expireAt: PAST }));
  await settled(target);
  assert.deepEqual([...own], ['d']);
  assert.deepEqual(await keys(), ['a', 'd']);
});
