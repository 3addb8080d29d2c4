// What becomes of the keys of a page: each is done with once, whatever happens on the way.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Deployment } from '../../../src/cluster/deployment.ts';
import { newEntry, sizeOf } from '../../../src/flow/entry.ts';
import { KeyScope } from '../../../src/scan/key-scope.ts';
import { RedisSource } from '../../../src/source/redis-source.ts';
import { newChannel } from '../../support/entries.ts';
import { lend } from '../../support/lent-servers.ts';

const KEYS = 5000;
/** All of them come on few pages, before the first entry is taken. */
const COUNT = 10_000;
const GONE = 500;

const silent = {
  onGone: () => {},
  onExpired: () => {},
  onReadRefused: () => {},
  onShrunk: () => {},
  onNotice: () => {},
};

async function openSource(port: number): Promise<RedisSource> {
  const access = { role: 'source', purpose: 'read', timeout: 5000, probes: [] } as const;
  const unset = { username: undefined, password: undefined, tls: undefined, signal: undefined };
  const link = { retry: { retries: 5, longest: 10 }, onReconnect: () => {} };
  const deployment = await Deployment.open({
    address: { kind: 'tcp', host: '127.0.0.1', port, tls: false },
    access: { ...access, ...unset },
    sentinelPassword: undefined,
    nat: [],
    db: 0,
    ...link,
  });
  const dump = {
    mode: 'relative',
    usage: undefined,
    fields: undefined,
    bigKey: 1e6,
    maxLatency: { ms: 50 },
    bySize: true,
  } as const;
  const options = { databases: [0], keys: KEYS, count: COUNT, scope: new KeyScope({}), dump, ...link };
  return new RedisSource(deployment, options, silent);
}

test('RedisSource is done with each key of a page once: settled, gone, or read again for any reason', async (t) => {
  const server = await lend(t);
  const client = await server.client();
  const names = Array.from({ length: KEYS }, (_, i) => `key:${i}`);
  await client.send('MSET', ...names.flatMap((name) => [name, 'value']));
  const source = await openSource(server.port);
  const channel = newChannel(100);
  const doneOf = new Map<number, number>();
  channel.onSettled((page, keys) => doneOf.set(page, (doneOf.get(page) ?? 0) + keys));

  const again = new Set<string>();
  let taken = 0;
  const reading = source.read(channel).finally(() => channel.close());
  while (await channel.readable()) {
    for (const entry = newEntry(); channel.take(entry); taken++) {
      const name = String(entry.key);
      const isFirst = taken % 7 === 0 && !again.has(name);
      if (isFirst) {
        again.add(name);
        source.again({ ...entry });
        channel.giveBack(sizeOf(entry));
      } else channel.settle(entry.page, sizeOf(entry));
      if (taken === 1000) {
        await client.send('DEL', ...names.slice(-GONE));
        assert.ok(Number(await client.send('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')) > 0);
      }
    }
  }
  await reading;
  assert.ok(again.size > 100);
  assert.ok(taken < KEYS + again.size, 'some keys were gone before they were read');
  assert.equal(
    [...doneOf.values()].reduce((sum, keys) => sum + keys, 0),
    KEYS,
  );
  assert.ok(!doneOf.has(-1));
});
