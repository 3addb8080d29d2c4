// The first copy by snapshot while others write: what they have changed meanwhile stands behind what the snapshot has of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callsOf } from '../support/command-stats.ts';
import { resharded, slotsMigrated } from '../support/live/cluster-faults.ts';
import { FEEDS, runModel, type FeedName, type ModelOptions } from '../support/live/model.ts';
import { clusterSide } from '../support/live/sides.ts';
import { Standing, type StandingOptions } from '../support/live/standing.ts';
import { AFTER_MOVES, startCluster, type ClusterOptions } from '../support/redis-cluster.ts';
import { present, serversWith, VERSIONS } from '../support/server-versions.ts';
import { assertDone } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { assertSameData, UNSETTABLE } from '../support/snapshot.ts';
import { longOnly, longTest, variants } from '../support/tier.ts';
import type { TestContext } from 'node:test';

const SNAPSHOT = ['--first-copy', 'snapshot'];
/**
 * Snapshots begin at once, and take their time, so that much is written meanwhile: so many microseconds a key. What is written
 * before the feed is there, which may be late on a busy machine, the source still has then.
 */
const SLOWLY = ['--rdb-key-save-delay', '500', '--repl-backlog-size', '64mb'];
/** So slow that whoever is to cut it off finds it. */
const VERY_SLOWLY = ['--rdb-key-save-delay', '5000', '--repl-backlog-size', '64mb'];
const BRIEFLY = { before: 2000, following: 300 };
const LOST = /^rump: warning: the snapshot of \S+ is of no more use, and what it holds is scanned instead: /gm;

async function follow(
  t: TestContext,
  feed: FeedName,
  options: Partial<ModelOptions> = {},
  { args = [], ...standing }: StandingOptions = {},
): Promise<void> {
  const start = { ...standing, args: [...SLOWLY, ...args] };
  const [source, target] = await Promise.all([Standing.start(t, start), Standing.start(t, start)]);
  const endpoints = ['--from', source.readerUrl, '--to', target.url];
  const sides = { source: source.side, target: target.side };
  const result = await runModel(t, { feed, ...sides, endpoints, ...BRIEFLY, args: SNAPSHOT, ...options });
  assert.doesNotMatch(result.stderr, LOST);
  // One fork, whatever the feed, and no gap behind it.
  const client = await source.server.client();
  const synced = String(await client.send('INFO', 'stats'));
  assert.match(synced, /^sync_full:1\r?$/m, `${synced}\n${result.stderr}`);
  assert.doesNotMatch(result.stderr, /read once more/);
}

for (const feed of variants(...FEEDS)) {
  test(`rump that copies by snapshot and follows by ${feed} has all that random writers leave`, (t) => follow(t, feed));
}

test('A feed is ready before the snapshot behind which it goes on, as a source keeps what is written for so long only', async (t) => {
  const { from, to, endpoints } = await startPair(t, { source: { args: ['--repl-diskless-sync-delay', '0'] } });
  await from.pipeline(Array.from({ length: 100 }, (_, i) => ['SET', `key:${i}`, i]));
  const trace = join(folderOf(t), 'trace');
  const ways = ['--live', '--feed', 'psync', ...SNAPSHOT, '--until-idle', '200ms', '--linger', '0s'];
  assertDone(await runRump([...endpoints, ...ways, '--trace', trace]));
  const asked = readFileSync(trace, 'utf8').match(/(?<= source feed \d > \d+ )".*"$/gm)!;
  const first = asked.indexOf('"PSYNC" "?" "-1"');
  assert.ok(first > 0, asked.join('\n'));
  // What keeps a link open may stand between.
  const next = asked.slice(first + 1).find((frame) => !/^"(?:PING"|REPLCONF" "ACK")/.test(frame));
  assert.match(String(next), /^"PSYNC" "[0-9a-f]{40}" "\d+"$/);
  await assertSameData(from, to);
});

longTest('rump that copies by snapshot reads large values of random writers by name', (t) =>
  follow(t, 'psync', { args: [...SNAPSHOT, '--buffer', '64K'] }),
);

longOnly(() => {
  // The feeds take turns: both are there in the quick tier.
  for (const [index, { name, binary }] of present(VERSIONS).entries()) {
    const [feed, other] = (index % 2 === 0 ? FEEDS : FEEDS.toReversed()) as [FeedName, FeedName];
    test(`rump that copies by snapshot follows random writers to ${name} by ${feed}`, (t) =>
      follow(t, feed, {}, { binary }));
    test(`rump that copies by snapshot from a file of ${name} follows random writers by ${other}`, (t) =>
      follow(t, other, {}, { binary, args: ['--repl-diskless-sync', 'no'] }));
  }
});

for (const feed of FEEDS) {
  longTest(
    `A snapshot that is cut off in the middle is scanned for, and following by ${feed} loses nothing`,
    async (t) => {
      const [source, target] = await Promise.all([Standing.start(t, { args: VERY_SLOWLY }), Standing.start(t)]);
      const endpoints = ['--from', source.readerUrl, '--to', target.url];
      const cut = {
        pause: [0, 0],
        times: 1,
        strike: () => Promise.resolve(),
        unfelt: (stderr: string) => (stderr.match(LOST)?.length === 1 ? undefined : 'The loss was not told once'),
      } as const;
      const running = cutSnapshot(source);
      await runModel(t, {
        feed,
        source: source.side,
        target: target.side,
        endpoints,
        ...BRIEFLY,
        args: SNAPSHOT,
        faults: [cut],
      });
      assert.ok(await running);
      assert.ok(((await callsOf(await source.server.client())).get('scan') ?? 0) > 0);
    },
  );
}

/** Ends the link while the snapshot is on its way. */
async function cutSnapshot(source: Standing): Promise<boolean> {
  const client = await source.server.client();
  for (;;) {
    const text = String(await client.send('INFO', 'replication'));
    const [address] = /(?<=^slave\d+:ip=127\.0\.0\.1,port=)\d+,state=(?:send_bulk|wait_bgsave)/m.exec(text) ?? [];
    if (address === undefined) continue;
    const list = String(await client.send('CLIENT', 'LIST', 'TYPE', 'replica'));
    // The link of a feed is opened before that of the snapshot.
    const id = list.match(/(?<=^id=)\d+/gm)?.at(-1);
    if (id !== undefined && (await client.send('CLIENT', 'KILL', 'ID', id)) === 1) return true;
  }
}

async function followCluster(
  t: TestContext,
  feed: FeedName,
  options: Partial<ModelOptions> = {},
  cluster: ClusterOptions = {},
  faultsOf: (source: Awaited<ReturnType<typeof startCluster>>) => ModelOptions['faults'] = () => [],
): Promise<void> {
  const start = { ...cluster, args: [...(cluster.args ?? []), ...SLOWLY] };
  const [source, target] = await Promise.all([startCluster(t, start), startCluster(t, cluster)]);
  await runModel(t, {
    feed,
    source: clusterSide(source),
    target: clusterSide(target),
    endpoints: ['--from', source.url, '--to', target.url],
    args: [...SNAPSHOT, '--retries', '50'],
    ...BRIEFLY,
    ...options,
    faults: faultsOf(source) ?? [],
  });
}

longTest('rump that copies by snapshot follows a cluster', (t) => followCluster(t, 'psync'));

longOnly(() => {
  for (const feed of FEEDS) {
    test(`rump that copies by snapshot follows a cluster by ${feed} while slots move`, (t) =>
      followCluster(t, feed, { same: { ...AFTER_MOVES, without: UNSETTABLE }, following: 3000 }, {}, (source) => [
        resharded(source),
      ]));
  }
  for (const { name, binary } of serversWith('valkey-9.1')) {
    test(`rump that copies by snapshot follows a cluster by tracking while slots move as one (${name})`, (t) =>
      followCluster(t, 'tracking', { following: 3000 }, { binary }, (source) => [slotsMigrated(source)]));
  }
});
