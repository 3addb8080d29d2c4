// What is read at nodes that nobody hears: it is read once more as soon as it is known what has become of it there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOf, SlotSet } from '../../../src/cluster/slot.ts';
import { FakeCluster, following, type Followed } from '../../support/fake-cluster.ts';

const KEY = Buffer.from('key');
const SLOT = slotOf(KEY);
const SERVING = { a: [[0, SLOT + 9]], b: [[SLOT + 10, 16383]] } as const;
const PART = new SlotSet([[0, SLOT + 9]]);

async function lookAt({ feeds }: Followed): Promise<void> {
  await feeds.caughtUp({ looks: true });
}

test('Hearing has a key read once more that was read at a node which nobody follows', async () => {
  const followed = await following(new FakeCluster(SERVING, PART));
  const { feeds, told } = followed;
  assert.deepEqual([feeds.hearing.isHeard('a'), feeds.hearing.isHeard('b')], [true, false]);
  feeds.hearing.onUnheard('b', 3, KEY);
  feeds.hearing.onUnheard('b', 3, KEY);
  feeds.hearing.onUnheard('b', 0, Buffer.from('of another part'));
  assert.equal(feeds.isPlain, false);
  await lookAt(followed);
  assert.deepEqual([told, feeds.isPlain], [['moved 3'], true]);
  await lookAt(followed);
  assert.equal(told.length, 1);
});

for (const [what, words, expected] of [
  ['serves the slot', `${SLOT}-16383`, []],
  ['has given the slot away meanwhile', `${SLOT + 1}-16383`, ['moved 0']],
] as const) {
  test(`Hearing has a key read once more where no gap tells of it: a node that is followed by now ${what}`, async () => {
    const cluster = new FakeCluster(SERVING, PART);
    const followed = await following(cluster);
    const { feeds, made, missed, told } = followed;
    // Nobody else has heard of that yet.
    cluster.words.set('b', words);
    cluster.onAttaching = async () => feeds.hearing.onUnheard('b', 0, KEY);
    await lookAt(followed);
    assert.deepEqual(
      made.map(({ node }) => node.id),
      ['a', 'b'],
    );
    assert.equal(missed.length, 1);
    assert.deepEqual([told, feeds.isPlain], [expected, true]);
  });
}

test('Hearing waits for a feed that has lost its way, and has nothing read once more of what that tells after all', async () => {
  const cluster = new FakeCluster(SERVING, PART);
  const followed = await following(cluster);
  const { feeds, made, told } = followed;
  const [feed] = made;
  feed!.isLost = true;
  feeds.hearing.onUnheard('a', 0, KEY);
  const looking = lookAt(followed);
  await new Promise(setImmediate);
  assert.deepEqual([told, feeds.isPlain], [[], false]);
  feed!.isLost = false;
  await looking;
  assert.deepEqual([told, feeds.isPlain], [[], true]);
  // It has missed something, which is a gap of all that it has served, and of nothing else.
  feed!.isLost = true;
  feeds.hearing.onUnheard('a', 0, KEY);
  cluster.serve({ a: [[0, SLOT - 1]], b: [[SLOT, 16383]] });
  feed!.sink.onGap({ reason: 'lost' });
  feed!.isLost = false;
  await lookAt(followed);
  assert.deepEqual(told, []);
});

test('Hearing has a slot walked once more of which more keys were read than names are kept', async () => {
  const followed = await following(new FakeCluster(SERVING, PART));
  const { feeds, missed, told } = followed;
  for (let i = 0; i < 20_001; i++) feeds.hearing.onUnheard('b', 0, Buffer.from(`{key}${i}`));
  await lookAt(followed);
  assert.equal(told.length, 20_000);
  assert.deepEqual(
    missed.map(({ slots, isFlush }) => [slots!.ranges, isFlush]),
    [[[[SLOT, SLOT]], false]],
  );
});
