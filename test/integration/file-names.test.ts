// Files by whatever name they have: packed or not, in capitals, as URLs, and with no ending that would say what they are.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { TestClient } from '../support/client.ts';
import { fillAllTypes } from '../support/keyspace.ts';
import { borrow, giveBack } from '../support/lent-servers.ts';
import { assertDone, assertFailed, assertRefused } from '../support/outcome.ts';
import { snapshotOf } from '../support/rdb-file.ts';
import type { TestServer } from '../support/redis-server.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { assertSameData } from '../support/snapshot.ts';
import * as build from '../src/rdb/payload-builder.ts';

let source: TestServer;
let target: TestServer;
let from: TestClient;
let to: TestClient;
let snapshot: string;
let stream: string;

before(async () => {
  [source, target] = await Promise.all([borrow(), borrow()]);
  [from, to] = await Promise.all([source.client(), target.client()]);
  await fillAllTypes(from);
  await from.send('SAVE');
  snapshot = join(source.dir, 'dump.rdb');
  stream = join(source.dir, 'dump.resp');
  assertDone(await runRump(['--from', source.url, '--to', stream]));
});
after(() => Promise.all([source, target].map(giveBack)));
beforeEach(() => to.send('FLUSHALL'));

for (const [what, ofSnapshot, name, packed] of [
  ['a packed snapshot', true, 'dump.rdb.gz', true],
  ['a snapshot in capitals', true, 'DUMP.RDB', false],
  ['a packed snapshot whose name does not say so', true, 'dump.rdb', true],
  ['a snapshot without an ending', true, 'dump', false],
  ['a packed snapshot with an ending that says nothing', true, 'dump.bak', true],
  ['a stream without an ending', false, 'backup.2026-01-01', false],
  ['a packed stream whose name does not say so', false, 'backup.resp', true],
] as const) {
  test(`rump reads ${what}, ${name}, and leaves no file behind`, async (t) => {
    const folder = folderOf(t);
    const [path, temporary] = [join(folder, name), join(folder, 'tmp')];
    mkdirSync(temporary);
    const bytes = readFileSync(ofSnapshot ? snapshot : stream);
    writeFileSync(path, packed ? gzipSync(bytes) : bytes);
    const env = { TMPDIR: temporary };
    assertDone(await runRump(['--from', path, '--to', target.url], { env }));
    await assertSameData(from, to);
    const check = await runRump(['check', '--from', path, '--to', target.url, '--recheck', '0'], { env });
    assert.equal(check.code, 0, check.stderr);
    assert.deepEqual(readdirSync(temporary), []);
  });
}

test('rump takes a file as a URL, with what is encoded in it', async (t) => {
  const folder = join(folderOf(t), 'a b#c');
  mkdirSync(folder);
  copyFileSync(snapshot, join(folder, '100%.rdb'));
  assertDone(
    await runRump(['--from', `file://${encodeURI(folder).replace('#', '%23')}/100%25.rdb`, '--to', target.url]),
  );
  await assertSameData(from, to);
});

test('rump copies what is whole of a packed snapshot that is cut off or damaged, and says what is wrong with it', async (t) => {
  const folder = folderOf(t);
  const records = Array.from({ length: 20_000 }, (_, i) =>
    Buffer.concat([Buffer.of(0), build.strings(`key:${i}`, `value ${i * 7919}`)]),
  );
  const packed = gzipSync(snapshotOf('REDIS0011', ...records));
  for (const [name, bytes, why] of [
    ['cut.rdb.gz', packed.subarray(0, packed.length / 2), /: the compressed data ends too early$/],
    ['longer.rdb.gz', Buffer.concat([packed, Buffer.from('more')]), /: .*the compressed data( is damaged)?$/],
  ] as const) {
    writeFileSync(join(folder, name), bytes);
    const result = await runRump(['--from', join(folder, name), '--to', target.url]);
    assertFailed(result, { error: new RegExp(`^rump: Cannot read .*${name}.*${why.source}`) });
    assert.ok(((await to.send('DBSIZE')) as number) > 1000);
  }
});

test('rump says where it has no room for a packed snapshot', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'dump.rdb.gz');
  writeFileSync(path, gzipSync(readFileSync(snapshot)));
  const result = await runRump(['--from', path, '--to', target.url], { env: { TMPDIR: join(folder, 'none') } });
  const error = /^rump: Cannot write into .*none: there is no such folder \(ENOENT\) \(name a folder .* by TMPDIR\)$/;
  assertFailed(result, { error });
});

test('rump says so where a file without an ending is nothing that it reads, is not there, or is to be written', async (t) => {
  const folder = folderOf(t);
  const path = join(folder, 'notes');
  writeFileSync(path, 'text');
  for (const [endpoints, code, error] of [
    [['--from', path, '--to', target.url], 1, /notes: it is neither a snapshot nor a stream of commands \(/],
    [['--from', './none', '--to', target.url], 1, /Cannot read \.\/none: there is no such file \(ENOENT\)/],
    [['--from', source.url, '--to', path], 2, /Cannot write .*notes: its name does not say what it is to be \(/],
  ] as const) {
    assertRefused(await runRump(endpoints), { error, code });
  }
});
