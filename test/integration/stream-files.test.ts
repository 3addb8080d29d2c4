// Real DUMPs go into a stream of frames; the server's own client replays it, and rump reads it back: the same data each time.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { NEVER } from '../../src/rdb/milliseconds.ts';
import type { Entry } from '../../src/flow/entry.ts';
import { RespTarget } from '../../src/target/resp-target.ts';
import type { Reply, TestClient } from '../support/client.ts';
import { collect, entryOf, feed } from '../support/entries.ts';
import { assertSameData, fillAllTypes } from '../support/keyspace.ts';
import type { TestServer } from '../support/redis-server.ts';
import { folderOf, sourceOf } from '../support/resp-file.ts';
import { startPair } from '../support/server-pair.ts';

const DATABASES = [0, 9];

async function fill(client: TestClient): Promise<number> {
  let keys = 0;
  for (const db of DATABASES) {
    await client.send('SELECT', db);
    keys += await fillAllTypes(client, { prefix: `db${db}:` });
  }
  return keys;
}

async function dump(client: TestClient): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const db of DATABASES) {
    await client.send('SELECT', db);
    const keys = (await client.send('KEYS', '*')) as Buffer[];
    const read = (name: string): Promise<Reply[]> => client.pipeline(keys.map((key) => [name, key]));
    const [payloads, left, expiries] = [await read('DUMP'), await read('PTTL'), await read('PEXPIRETIME')];
    const now = Date.now();
    for (const [i, key] of keys.entries()) {
      const ttl = left[i] as number;
      // Before 7.0 there is no PEXPIRETIME.
      const expireAt = ttl === -1 ? NEVER : expiries[i] instanceof Error ? now + ttl : (expiries[i] as number);
      entries.push(entryOf(key, payloads[i] as Buffer, { db, expireAt }));
    }
  }
  return entries;
}

async function write(path: string, entries: readonly Entry[]): Promise<void> {
  let written = 0;
  const sink = {
    onWritten: (keys: number) => (written += keys),
    onConverted: () => assert.fail('Nothing is converted'),
    onExpired: () => assert.fail('Nothing expires'),
    onWriteRefused: () => assert.fail('Nothing is refused'),
  };
  const names = { targetDbOf: (db: number) => db, targetNameOf: (key: Buffer) => key, renames: false };
  await feed(new RespTarget(path, { mode: 'exact', clock: Date.now, ...names }, sink), entries);
  assert.equal(written, entries.length);
}

function replay(server: TestServer, bytes: Buffer): void {
  const client = spawnSync('which', ['redis-cli', 'valkey-cli'], { encoding: 'utf8' }).stdout.split('\n')[0]!;
  const { stdout, status } = spawnSync(client, ['-p', String(server.port), '--pipe'], {
    input: bytes,
    encoding: 'utf8',
  });
  assert.match(stdout, /errors: 0,/);
  assert.equal(status, 0);
}

async function assertSameDatabases(from: TestClient, to: TestClient): Promise<void> {
  for (const db of DATABASES) {
    await Promise.all([from.send('SELECT', db), to.send('SELECT', db)]);
    await assertSameData(from, to);
  }
}

async function startFilled(t: TestContext) {
  const pair = await startPair(t);
  const keys = await fill(pair.from);
  return { ...pair, keys, entries: await dump(pair.from) };
}

test('A stream that RespTarget wrote can be replayed by the client of the server', async (t) => {
  const { target, from, to, keys, entries } = await startFilled(t);
  for (const name of ['f.resp', 'f.resp.gz']) {
    const path = join(folderOf(t), name);
    await write(path, entries);
    const bytes = readFileSync(path);
    await to.send('FLUSHALL');
    replay(target, name.endsWith('.gz') ? gunzipSync(bytes) : bytes);
    await assertSameDatabases(from, to);
  }
  assert.equal(entries.length, keys);
});

test('A stream that RespTarget wrote comes back through RespSource as it was', async (t) => {
  const { from, to, entries } = await startFilled(t);
  for (const name of ['f.resp', 'f.resp.gz']) {
    const path = join(folderOf(t), name);
    await write(path, entries);
    const read = await collect(sourceOf(path));
    assert.equal(read.error, undefined);
    assert.deepEqual(read.entries, entries);
    await to.send('FLUSHALL');
    const replies = await to.pipeline(
      read.entries.flatMap(({ db, key, payload, expireAt }) => [
        ['SELECT', db],
        ['RESTORE', key, expireAt < 0 ? 0 : String(expireAt), payload!, 'REPLACE', 'ABSTTL'],
      ]),
    );
    assert.ok(replies.every((reply) => String(reply) === 'OK'));
    await assertSameDatabases(from, to);
  }
});
