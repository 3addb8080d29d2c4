// The snapshots that real servers send to a replica, taken in as they come, through a channel that is often full.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplicationLink } from '../../../resp/replication-link.ts';
import { newEntry, sizeOf, type Entry } from '../../../src/flow/entry.ts';
import type { SnapshotIntakeOptions } from '../../../src/source/snapshot-intake.ts';
import type { TestClient } from '../../support/client.ts';
import { MIB, newChannel } from '../../support/entries.ts';
import { assertSameData, fillAllTypes } from '../../support/keyspace.ts';
import { intakeOf } from '../../support/rdb-file.ts';
import type { TestServer } from '../../support/redis-server.ts';
import { startPair } from '../../support/server-pair.ts';
import { servers } from '../../support/server-versions.ts';

const FEW = 3;

interface TakenIn {
  readonly entries: readonly Entry[];
  readonly passedOver: readonly [db: number, key: string][];
  /** How often the server had to wait. */
  readonly pauses: number;
}

async function takeFrom(server: TestServer, options: Partial<SnapshotIntakeOptions> = {}): Promise<TakenIn> {
  const channel = newChannel(FEW, 64 * MIB);
  let link: ReplicationLink | undefined;
  let pauses = 0;
  const { intake, passedOver } = intakeOf(channel, options, () => link?.resume());
  const sink = {
    onStart: () => {},
    onSnapshot: (bytes: Buffer) => {
      if (intake.push(bytes)) return;
      pauses += 1;
      link!.pause();
    },
    onSnapshotEnd: () => intake.end(),
    onStream: () => {},
    onLost: (error: Error) => intake.stop(error),
  };
  const peer = { host: '127.0.0.1', port: server.port };
  const limits = { connectTimeout: 5000, timeout: 10_000, preparation: 30_000 };
  link = await ReplicationLink.open({ peer, username: undefined, password: undefined, ...limits }, sink);
  const entries: Entry[] = [];
  const reading = link
    .start(undefined)
    .then(() => intake.done)
    .then(
      () => channel.close(),
      (error: unknown) => channel.close(error),
    );
  while (await channel.readable()) {
    for (const entry = newEntry(); channel.take(entry); channel.settle(entry.page, sizeOf(entry)))
      entries.push({ ...entry });
  }
  await reading;
  link.close();
  return { entries, passedOver, pauses };
}

async function restore(to: TestClient, entries: readonly Entry[], db: number): Promise<void> {
  await to.send('SELECT', db);
  const commands = entries
    .filter((entry) => entry.db === db)
    .map(({ key, payload, expireAt }) => ['RESTORE', key, Math.max(0, Number(expireAt)), payload!, 'ABSTTL'] as const);
  for (const reply of await to.pipeline(commands)) assert.equal(String(reply), 'OK');
}

for (const { name, binary } of servers(
  'redis-6.0',
  'redis-7.0',
  'redis-8.0',
  'redict-7.3',
  'valkey-8.1',
  'valkey-9.1',
)) {
  for (const isDiskless of ['yes', 'no']) {
    test(`SnapshotIntake takes in all that ${name} sends (diskless: ${isDiskless})`, async (t) => {
      const { source, from, to } = await startPair(t, { source: { binary }, target: { binary } });
      await from.send('CONFIG', 'SET', 'repl-diskless-sync', isDiskless);
      await fillAllTypes(from);
      await from.send('SET', 'blob', Buffer.alloc(3 * MIB, 'blob'));
      await from.send('SELECT', 3);
      await fillAllTypes(from, { prefix: 'three:' });
      const { entries, passedOver, pauses } = await takeFrom(source);
      assert.deepEqual(passedOver, []);
      assert.ok(pauses > 0);
      for (const db of [3, 0]) {
        await from.send('SELECT', db);
        await restore(to, entries, db);
        await assertSameData(from, to);
      }
      const { entries: small, passedOver: large } = await takeFrom(source, { bigKey: 2000 });
      const expected = entries
        .filter(({ payload }) => payload!.length - 11 > 2000)
        .map(({ db, key }) => [db, String(key)]);
      assert.ok(expected.length > 1);
      assert.deepEqual(new Set(large.map(String)), new Set(expected.map(String)));
      assert.equal(small.length + large.length, entries.length);
    });
  }
}
