// What a source that is followed tells of keys that are of another type by now than those in scope.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GONE } from '../../../src/keys/value-end.ts';
import { KeyScope } from '../../../src/scan/key-scope.ts';
import { PageLedger } from '../../../src/scan/page-ledger.ts';
import type { Follower } from '../../../src/source/follower.ts';
import { RedisSource } from '../../../src/source/redis-source.ts';
import { openSource } from '../../support/deployment.ts';
import { collect } from '../../support/entries.ts';
import { lend } from '../../support/lent-servers.ts';
import { replyProxy } from '../../support/reply-proxy.ts';

const silent = { onGone() {}, onExpired() {}, onReadRefused() {}, onShrunk() {}, onNotice() {} };
const VALUES = { mode: 'exact', usage: undefined, fields: undefined, maxLatency: { ms: 50 }, bySize: true } as const;

test('RedisSource that is followed reads no key of another type, and tells one that has changed as gone', async (t) => {
  const server = await lend(t);
  const client = await server.client();
  await client.pipeline([
    ['HSET', 'kept', 'field', 'value'],
    ['HSET', 'walked', 'field', 'value'],
    ['RPUSH', 'told', 'item'],
    ['RPUSH', 'told at length', 'x'.repeat(5000)],
  ]);
  const proxy = await replyProxy(t, server.port, async ([name]) => {
    if (name === 'SCAN') await client.send('SET', 'walked', 'value');
    return undefined;
  });
  const { deployment, link } = await openSource(Number(new URL(proxy.url).port));
  const ledger = new PageLedger();
  let page = 0;
  let end!: () => void;
  const follower: Follower = {
    isChange: (one) => one === page,
    onRead() {},
    onReadAll() {},
    begin() {},
    onNowhere() {},
    onWalked() {
      const changed = ['kept', 'told', 'told at length'];
      page = ledger.begin(follower, 1, () => end());
      ledger.found(page, changed.length);
      for (const name of changed) source.readChanged(0, Buffer.from(name), page);
      ledger.settle(page);
    },
    ended: new Promise((resolve) => (end = resolve)),
  };
  const options = { databases: [0], keys: 4, count: undefined, dump: { ...VALUES, bigKey: 1000 }, ...link };
  const source = new RedisSource(
    deployment,
    { ...options, scope: new KeyScope({ type: 'hash' }), ledger, follower },
    silent,
  );
  const { entries, error } = await collect(source);
  assert.equal(error, undefined);
  assert.deepEqual(
    entries.map(({ kind, key }) => `${kind} ${String(key)}`),
    ['value kept', 'value kept', 'gone told', 'large told at length'],
  );
  const readPieces = async (): Promise<void> => {
    for await (const piece of entries.at(-1)!.large!.pieces()) assert.fail(`It is a ${piece.type}`);
  };
  await assert.rejects(readPieces, { code: GONE });
});
