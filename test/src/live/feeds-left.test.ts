// Feeds that go on where an earlier part of a copy was broken off, and what is missed of the time in between.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedPosition } from '../../../src/live/feed.ts';
import type { LeftFeed } from '../../../src/live/left-feeds.ts';
import { FakeCluster, following } from '../../support/fake-cluster.ts';

const AT = (offset: number): FeedPosition => ({ replicationId: 'id', offset, db: 0 });

test('Feeds goes on where each node was left, and who took over where its predecessor was', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], r: [[100, 16383]] });
  const left = [leftAt('a', AT(1), [0, 99]), leftAt('b', AT(2), [100, 16383])];
  const { feeds, missed, made } = await following(cluster, left);
  assert.deepEqual(
    made.map(({ from }) => from),
    [AT(1), AT(2)],
  );
  assert.deepEqual(missed, []);
  made[0]!.position = AT(3);
  assert.deepEqual(feeds.left, [leftAt('a', AT(3), [0, 99]), leftAt('r', null, [100, 16383])]);
});

test('Feeds misses a slot that is on its way to a node which was not there when the others were left', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]], r: [] });
  cluster.words.set('r', '[50-<-a]');
  const left = [leftAt('a', AT(1), [0, 99]), leftAt('b', AT(2), [100, 16383])];
  const { missed } = await following(cluster, left);
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [[[50, 50]]],
  );
});

test('Feeds tells what was missed of nodes that are new or were left nowhere, and of slots that came', async () => {
  const cluster = new FakeCluster({ a: [[0, 199]], b: [[200, 299]], r: [[300, 16383]] });
  const left = [leftAt('a', AT(1), [0, 99]), leftAt('b', null, [100, 299])];
  const { missed } = await following(cluster, left);
  assert.deepEqual(
    missed.map(({ slots, isFlush }) => [slots!.ranges, isFlush]),
    [
      [[[100, 199]], false],
      [[[200, 299]], false],
      [[[300, 16383]], false],
    ],
  );
});

function leftAt(id: string, position: FeedPosition | null, ...slots: (readonly [number, number])[]): LeftFeed {
  return { id, position, slots };
}
