// What a source that is followed finds and tells under a type: of keys that are of another one by now, and where a node fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GONE } from '../../../src/keys/value-end.ts';
import { KeyScope } from '../../../src/scan/key-scope.ts';
import { PageLedger } from '../../../src/scan/page-ledger.ts';
import type { Follower } from '../../../src/source/follower.ts';
import { RedisSource } from '../../../src/source/redis-source.ts';
import { openSource } from '../../support/deployment.ts';
import { collect } from '../../support/entries.ts';
import { bulk } from '../../support/frames.ts';
import { lend } from '../../support/lent-servers.ts';
import { startCluster } from '../../support/redis-cluster.ts';
import { replyProxy } from '../../support/reply-proxy.ts';
import { longTest } from '../../support/tier.ts';

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
  const follower = followerThat(
    (end) => {
      const changed = ['kept', 'told', 'told at length'];
      page = ledger.begin(follower, 1, end);
      ledger.found(page, changed.length);
      for (const name of changed) source.readChanged(0, Buffer.from(name), page);
      ledger.settle(page);
    },
    (one) => one === page,
  );
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

const KEYS = 900;

longTest(
  'RedisSource that is followed finds each key of a type where a node fails that has not told of which type they are',
  async (t) => {
    const cluster = await startCluster(t, { replicas: 1 });
    const names = Array.from({ length: KEYS }, (_, i) => `${i % 2 === 0 ? 'hash' : 'list'}:${i}`);
    await cluster.pipeline(
      names.map((name) => (name.startsWith('hash') ? ['HSET', name, 'field', 'value'] : ['RPUSH', name, 'item'])),
    );
    await Promise.all(cluster.clients.slice(0, 3).map((client) => client.send('WAIT', 1, 5000)));
    let onAsked!: () => void;
    const asked = new Promise<void>((resolve) => (onAsked = resolve));
    const proxies = await Promise.all(
      cluster.nodes.map(({ port }, i) =>
        replyProxy(t, port, ([name], reply) => {
          // SCAN knows TYPE since Redis 6.0.
          if (name === 'INFO') return bulk(String(reply).replace(/redis_version:\S+/, 'redis_version:5.0.14'));
          if (name !== 'TYPE' || i !== 0) return undefined;
          onAsked();
          return new Promise(() => {});
        }),
      ),
    );
    const nat = cluster.nodes.map(({ port }, i) => ({
      announced: { host: '127.0.0.1', port },
      reachable: { host: '127.0.0.1', port: Number(new URL(proxies[i]!.url).port) },
    }));
    const { deployment, link } = await openSource(cluster.nodes[1]!.port, { nat, retries: 1000 });
    const ledger = new PageLedger();
    const follower = followerThat((end) => end());
    const options = { databases: [0], keys: KEYS, count: 100, dump: { ...VALUES, bigKey: 1e6 }, ...link };
    const scope = new KeyScope({ type: 'hash' });
    const source = new RedisSource(deployment, { ...options, scope, ledger, follower }, silent);
    const collected = collect(source);
    await asked;
    const before = source.place;
    await cluster.failOver(0);
    const { entries, error } = await collected;
    assert.equal(error, undefined);
    assert.deepEqual(
      [...new Set(entries.map(({ key }) => String(key)))].toSorted(),
      names.filter((name) => name.startsWith('hash')).toSorted(),
    );
    assert.ok(!source.hasPassed(before), 'names that nobody has read count as read');
    deployment.close();
  },
);

/** @param onWalked is given what ends it */
function followerThat(onWalked: (end: () => void) => void, isChange: Follower['isChange'] = () => false): Follower {
  let end!: () => void;
  return {
    isChange,
    onRead() {},
    onReadAll() {},
    begin() {},
    onNowhere() {},
    onWalked: () => onWalked(end),
    ended: new Promise((resolve) => (end = resolve)),
  };
}
