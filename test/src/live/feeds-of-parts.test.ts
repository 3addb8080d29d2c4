// One feed for each node that has slots of a part: who is followed, and what of it is missed, while these slots move.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOf, SlotSet } from '../../../src/cluster/slot.ts';
import { FakeCluster, following } from '../../support/fake-cluster.ts';

const KEY = Buffer.from('key');
const SLOT = slotOf(KEY);

test('Feeds of a part follows the nodes alone that serve its slots, and drops what they tell of others', async () => {
  const cluster = new FakeCluster({ a: [[0, SLOT]], b: [[SLOT + 1, 16383]] }, new SlotSet([[0, SLOT - 1]]));
  const { feeds, made, missed, told } = await following(cluster);
  made[0]!.sink.onChange(0, KEY);
  made[0]!.sink.onGap({ reason: 'lost' });
  await feeds.caughtUp({ looks: true });
  assert.deepEqual([made.map(({ node }) => node.id), told], [['a'], []]);
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [[[0, SLOT - 1]]],
  );
  // What concerns none of its slots is nothing.
  made[0]!.sink.onGap({ reason: 'flushed', slots: [SLOT] });
  assert.equal(missed.length, 1);
});

test('Feeds of a part follows a slot to the node that it goes to, before that serves it, and lets go of one with none', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] }, new SlotSet([[10, 20]]));
  cluster.words.set('a', '0-99 [10->-b]').set('b', '100-16383 [10-<-a]');
  const { feeds, made, missed } = await following(cluster);
  // What is walked yet cannot be missed.
  assert.deepEqual([made.map(({ node }) => node.id), missed], [['a', 'b'], []]);
  cluster.words.set('a', '0-9 21-99').set('b', '10-20 100-16383');
  cluster.serve({
    a: [
      [0, 9],
      [21, 99],
    ],
    b: [
      [10, 20],
      [100, 16383],
    ],
  });
  await feeds.caughtUp({ looks: true });
  assert.equal(made[0]!.isDetached, false);
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(
    made.map(({ isDetached }) => isDetached),
    [true, false],
  );
  assert.deepEqual(missed, []);
});

test('Feeds of a part that have not followed the way of a slot miss it, also where nobody but its node knows that', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] }, new SlotSet([[10, 20]]));
  const { feeds, made, missed } = await following(cluster);
  cluster.words.set('b', '100-16383 [10-<-a]');
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(
    made.map(({ node }) => node.id),
    ['a', 'b'],
  );
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [[[10, 10]]],
  );
});

for (const [what, words] of [
  ['by its own word', '10-20 100-16383'],
  ['as far as it says at all', undefined],
] as const) {
  test(`Feeds of a part misses what a node serves ${what}, where the others have not heard of it yet`, async () => {
    const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] }, new SlotSet([[10, 20]]));
    const { feeds, made, missed } = await following(cluster);
    cluster.words.set('b', '10-20 100-16383');
    // The node may be lost once it is followed.
    cluster.onAttaching = async () => void (words === undefined && cluster.mute.add('b'));
    await feeds.caughtUp({ looks: true });
    assert.deepEqual(
      made.map(({ node }) => node.id),
      ['a', 'b'],
    );
    assert.deepEqual(
      missed.map(({ slots }) => slots!.ranges),
      [[[10, 20]]],
    );
  });
}
