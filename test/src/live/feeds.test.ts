// One feed for each node of a cluster that changes: who is followed, what is missed, and when all is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { slotOf, SlotSet } from '../../../src/cluster/slot.ts';
import type { FeedPosition } from '../../../src/live/feed.ts';
import { FakeCluster, following } from '../../support/fake-cluster.ts';

const KEY = Buffer.from('key');
const SLOT = slotOf(KEY);
const AT = (offset: number): FeedPosition => ({ replicationId: 'id', offset, db: 0 });

test('Feeds follows a node anew that was no primary in between, whether that was looked at or not', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]] });
  const { feeds, missed, made } = await following(cluster);
  made[0]!.isGone = true;
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(
    made.map(({ node, isDetached }) => [node.id, isDetached]),
    [
      ['a', true],
      ['a', false],
    ],
  );
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [[[0, 16383]]],
  );
  await feeds.caughtUp({ looks: true });
  assert.equal(made.length, 2);
});

test('Feeds.caughtUp() looks who has taken over since, and waits for what he tells', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  const { feeds, missed, made } = await following(cluster);
  cluster.serve({ r: [[0, 99]], b: [[100, 16383]] });
  await feeds.caughtUp();
  assert.equal(made.length, 2);
  await feeds.caughtUp({ looks: true });
  assert.deepEqual([made[2]!.node.id, made[2]!.caughtUps], ['r', 1]);
  assert.deepEqual([made[0]!.isDetached, made[1]!.isDetached], [true, false]);
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [[[0, 99]]],
  );
});

test('Feeds.caughtUp() lets go of a node that has lost its place meanwhile, and waits for whoever has taken it', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]] });
  const { feeds, made } = await following(cluster);
  made[0]!.waits = true;
  const caughtUp = feeds.caughtUp({ looks: true });
  made[0]!.waits = false;
  cluster.serve({ r: [[0, 16383]] });
  // Another look finds it.
  await Promise.all([feeds.caughtUp({ looks: true }), caughtUp]);
  assert.deepEqual([made[0]!.isDetached, made[1]!.caughtUps], [true, 2]);
});

test('Feeds.caughtUp() does not fail for a node that cannot be followed yet', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]] });
  const { feeds, made } = await following(cluster);
  cluster.refusals.set('r', 1);
  cluster.serve({ a: [[0, 99]], r: [[100, 16383]] });
  cluster.onAttaching = () => feeds.caughtUp();
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(
    made.map(({ node, isAttached }) => [node.id, isAttached]),
    [
      ['a', true],
      ['r', false],
      ['r', true],
    ],
  );
});

test('Feeds.caughtUp() waits for a node that serves slots and cannot be followed yet, and for no other', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]] });
  const { feeds, made } = await following(cluster);
  cluster.refusals.set('r', 2);
  cluster.refusals.set('b', Infinity);
  cluster.serve({ r: [[0, 16383]], b: [] });
  await feeds.caughtUp({ looks: true });
  const followed = made.filter(({ node, isAttached }) => node.id === 'r' && isAttached);
  assert.deepEqual(
    followed.map(({ caughtUps }) => caughtUps),
    [1],
  );
  assert.equal(made.filter(({ node }) => node.id === 'r').length, 3);
});

test('Feeds.caughtUp() asks again where nobody says who serves what', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]] });
  const { feeds, made } = await following(cluster);
  cluster.serve({ r: [[0, 16383]] });
  cluster.silences = 2;
  await feeds.caughtUp({ looks: true });
  assert.equal(made[1]!.caughtUps, 1);
});

test('Feeds hands on the position of whoever served the slots last', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  const { feeds, missed, made } = await following(cluster);
  made[0]!.position = AT(1);
  cluster.serve({ r: [[0, 99]], b: [[100, 16383]] });
  await feeds.caughtUp({ looks: true });
  assert.equal(made[2]!.from, made[0]!.position);
  made[2]!.position = AT(2);
  cluster.serve({ a: [[0, 99]], b: [[100, 16383]] });
  await feeds.caughtUp({ looks: true });
  assert.equal(made[3]!.from, made[2]!.position);
  assert.deepEqual(missed, []);
});

test('Feeds misses what a node serves that joins, where nobody else has heard of it yet', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]] });
  const { feeds, missed, made } = await following(cluster);
  cluster.words.set('r', '0-9 [99-<-a]');
  cluster.serve({ a: [[0, 16383]], r: [] });
  await feeds.caughtUp({ looks: true });
  assert.equal(made[1]!.node.id, 'r');
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [
      [
        [0, 9],
        [99, 99],
      ],
    ],
  );
});

test('Feeds has a key read again once the node was asked that tells of it, and does not serve its slot yet', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]], b: [] });
  const { feeds, told, made } = await following(cluster);
  made[0]!.sink.onChange(0, KEY);
  assert.equal(cluster.moves.hasMoved(SLOT, 0), false);
  made[1]!.sink.onChange(0, KEY);
  assert.equal(cluster.moves.hasMoved(SLOT, 0), true);
  made[1]!.sink.onChange(1, KEY);
  assert.deepEqual(told.splice(0), ['changed 0', 'moved 0', 'moved 1']);
  cluster.asked = [];
  cluster.serve({ b: [[0, 16383]] });
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(told.splice(0), ['moved 0', 'moved 1']);
  assert.equal(cluster.asked[0], 7002);
  made[1]!.sink.onChange(0, KEY);
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(told, ['changed 0']);
});

test('Feeds tells the slots of such keys where they are too many to be kept', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]], b: [] });
  const { feeds, missed, made } = await following(cluster);
  for (let i = 0; i < 30_000; i++) made[1]!.sink.onChange(0, Buffer.from(`{key}${i}`));
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(
    missed.map(({ slots }) => [...slots!]),
    [[SLOT]],
  );
});

test('Feeds misses what a node has not told that is no primary any more, unless whoever takes over tells it', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  const { feeds, missed, made, told } = await following(cluster);
  // All that it had goes to one that is followed already.
  cluster.serve({ b: [[0, 16383]] });
  // It tells of a slot of another one while it is let go.
  cluster.onRefreshing = () => {
    cluster.onRefreshing = () => {};
    made[0]!.sink.onChange(0, KEY);
  };
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [[[0, 99]]],
  );
  assert.deepEqual(told, ['moved 0', 'moved 0']);
  made[1]!.position = AT(1);
  cluster.serve({ r: [[0, 16383]] });
  await feeds.caughtUp({ looks: true });
  assert.deepEqual([missed.length, made.at(-1)!.from], [1, AT(1)]);
});

test('Feeds counts slots as missed that had come to a node unseen when it was not heard', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  cluster.words.set('a', '0-199');
  const { feeds, missed, made } = await following(cluster);
  cluster.serve({ a: [[0, 199]], b: [[200, 16383]] });
  made[0]!.sink.onGap({ reason: 'lost' });
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [[[0, 99]], [[100, 199]]],
  );
  cluster.serve({ a: [[0, 299]], b: [[300, 16383]] });
  await feeds.caughtUp({ looks: true });
  assert.equal(missed.length, 2);
});

test('Feeds counts slots as missed that came to a node which lost its way while it was asked who is there', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  const { feeds, missed, made } = await following(cluster);
  cluster.onRefreshing = () => {
    cluster.onRefreshing = () => {};
    cluster.serve({ a: [[0, 199]], b: [[200, 16383]] });
    made[0]!.sink.onGap({ reason: 'lost' });
  };
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [[[0, 99]], [[100, 199]]],
  );
});

test('Feeds asks a node itself what came to it unseen, until it answers; till then no progress is kept', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  const { feeds, missed, made } = await following(cluster);
  const wasPlain: boolean[] = [];
  cluster.onRefreshing = () => wasPlain.push(feeds.isPlain);
  cluster.mute.add('a');
  made[0]!.sink.onGap({ reason: 'lost' });
  assert.equal(feeds.isPlain, false);
  let isCaughtUp = false;
  const caughtUp = feeds.caughtUp({ looks: true }).then(() => (isCaughtUp = true));
  await Promise.race([caughtUp, untilLooked(() => wasPlain.length)]);
  assert.deepEqual([missed.length, isCaughtUp], [1, false]);
  // Nobody else has heard of that yet.
  cluster.words.set('a', '0-150 [160-<-b]');
  cluster.mute.delete('a');
  await caughtUp;
  assert.deepEqual(missed.at(-1)!.slots!.ranges, [
    [100, 150],
    [160, 160],
  ]);
  assert.equal(feeds.isPlain, true);
  // A gap is walked where it is known to be.
  assert.deepEqual(cluster.asked.slice(-3), [undefined, 7001, undefined]);
  assert.deepEqual([...new Set(wasPlain.slice(0, -1)), wasPlain.at(-1)], [false, true]);
});

test('Feeds asks a node once more what came to it unseen, where it is lost while it is asked', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  cluster.words.set('a', '0-150');
  const { feeds, missed, made } = await following(cluster);
  made[0]!.sink.onGap({ reason: 'lost' });
  cluster.breaks = 1;
  await feeds.caughtUp({ looks: true });
  assert.ok(cluster.breaks <= 0);
  assert.deepEqual(missed.at(-1)!.slots!.ranges, [[100, 150]]);
  assert.equal(feeds.isPlain, true);
});

test('Feeds of a part misses nothing but what a node served that is no primary any more', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] }, new SlotSet([[0, 999]]));
  const { feeds, missed, made } = await following(cluster);
  made[0]!.position = AT(1);
  made[0]!.isGone = true;
  made[0]!.sink.onGap({ reason: 'gone' });
  cluster.serve({ r: [[0, 99]], b: [[100, 16383]] });
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(
    missed.map(({ slots }) => slots!.ranges),
    [[[0, 99]]],
  );
  assert.deepEqual(made.at(-1)!.from, AT(1));
});

test('Feeds keeps nothing in mind for a look where nobody looks, as there is one server', async () => {
  const cluster = Object.assign(new FakeCluster({ a: [[0, 16383]] }), { isCluster: false, kind: 'server' });
  const { feeds, missed, made } = await following(cluster);
  made[0]!.sink.onGap({ reason: 'lost' });
  assert.deepEqual([missed.length, feeds.isPlain], [1, true]);
});

test('Feeds counts all slots of a node as missed that takes over, and cannot go on from where its predecessor was', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  const { feeds, missed, made } = await following(cluster);
  made[0]!.position = { replicationId: 'x', offset: 1, db: 0 };
  cluster.serve({ r: [[0, 99]], b: [[100, 16383]] });
  cluster.onAttaching = async () => {
    made.at(-1)!.sink.onGap({ reason: 'too late' });
    cluster.serve({ r: [[0, 199]], b: [[200, 16383]] });
  };
  await feeds.caughtUp({ looks: true });
  assert.deepEqual(made.at(-1)!.from, made[0]!.position);
  const all = new SlotSet(missed.flatMap(({ slots }) => slots!.ranges));
  assert.deepEqual(all.ranges, [[0, 199]]);
});

async function untilLooked(looks: () => number): Promise<void> {
  while (looks() < 2) await sleep(10);
}
