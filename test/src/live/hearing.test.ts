// What is asked for at nodes that nobody follows, and what is missed of those that are followed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOf, SlotSet } from '../../../src/cluster/slot.ts';
import { FakeCluster, following, type Followed } from '../../support/fake-cluster.ts';

const KEY = Buffer.from('key');
const SLOT = slotOf(KEY);
const ASKED = { db: 3, key: KEY };
/** All of the part is served by one of both. */
const SERVING = { a: [[0, SLOT + 9]], b: [[SLOT + 10, 16383]] } as const;
const PART = new SlotSet([[0, SLOT + 9]]);
const OTHER_PART = { db: 0, key: Buffer.from('of another part') };

async function lookAt({ feeds }: Followed): Promise<void> {
  await feeds.caughtUp({ looks: true });
}

function rangesOf({ missed }: Followed): unknown[] {
  return missed.map(({ slots }) => slots!.ranges);
}

test('Hearing has a key read once more that was asked for at a node which nobody follows', async () => {
  const cluster = new FakeCluster(SERVING, PART);
  const followed = await following(cluster);
  const { feeds, told } = followed;
  const [a, b] = ['a', 'b'].map((id) => feeds.hearing.askedOf(id)!);
  a!.add(ASKED);
  b!.add(OTHER_PART);
  assert.deepEqual([feeds.isPlain, feeds.hearing.times], [true, 0]);
  b!.add(ASKED);
  b!.add(ASKED);
  assert.deepEqual([feeds.isPlain, feeds.hearing.times], [false, 2]);
  cluster.asked = [];
  await lookAt(followed);
  assert.deepEqual([told, feeds.isPlain], [['moved 3'], true]);
  // What there was to be read once more may have been at a node that nobody had met.
  assert.equal(cluster.asked.length, 2);
  await lookAt(followed);
  assert.equal(told.length, 1);
});

test('Hearing has nobody say what he asks for where there is no cluster', async () => {
  const cluster = Object.assign(new FakeCluster(SERVING), { isCluster: false });
  const { feeds } = await following(cluster);
  assert.equal(feeds.hearing.askedOf('a'), undefined);
});

for (const [what, joining, expected] of [
  ['while it is on its way to be followed', true, []],
  ['before anybody has met it', false, ['moved 3']],
] as const) {
  test(`Hearing has a gap be about a slot that passed through a node, or its key is read once more: asked for ${what}`, async () => {
    const cluster = new FakeCluster(SERVING, PART);
    const followed = await following(cluster);
    const { feeds, told } = followed;
    // Nobody else has heard of that yet.
    cluster.words.set('b', `${SLOT + 1}-16383`);
    const ask = (): void => feeds.hearing.askedOf('b')!.add(ASKED);
    if (joining) cluster.onAttaching = async () => ask();
    else ask();
    await lookAt(followed);
    const all = new SlotSet(followed.missed.flatMap(({ slots }) => slots!.ranges));
    assert.deepEqual([all.has(SLOT), all.has(SLOT + 1)], [joining, true]);
    assert.deepEqual([told, feeds.isPlain], [expected, true]);
  });
}

test('Hearing has nothing read once more of a node that goes on from where the one before it was', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  const followed = await following(cluster);
  const { feeds, made, told } = followed;
  made[0]!.position = { replicationId: 'x', offset: 1, db: 0 };
  feeds.hearing.askedOf('r')!.add(ASKED);
  cluster.serve({ r: [[0, 99]], b: [[100, 16383]] });
  await lookAt(followed);
  assert.deepEqual([told, followed.missed, feeds.isPlain], [[], [], true]);
});

test('What is missed of a node is so of slots of which it was asked for keys, though it served them between two looks alone', async () => {
  const followed = await following(new FakeCluster({ a: [[0, 9]], b: [[10, 16383]] }));
  followed.feeds.hearing.askedOf('a')!.add(ASKED);
  followed.made[0]!.sink.onGap({ reason: 'lost' });
  assert.deepEqual(rangesOf(followed), [
    [
      [0, 9],
      [SLOT, SLOT],
    ],
  ]);
});

test('Hearing listens no more to a node that is no primary, and waits for one that serves slots', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
  const followed = await following(cluster);
  const { feeds, made, told } = followed;
  made[0]!.isGone = true;
  cluster.refusals.set('a', 1);
  feeds.hearing.askedOf('a')!.add(ASKED);
  let untilFollowed: unknown;
  cluster.onRefreshing = () => void (untilFollowed ??= cluster.refusals.get('a') === 0 ? [...told] : undefined);
  await lookAt(followed);
  assert.deepEqual([untilFollowed, told], [[], ['moved 3']]);
});

test('Hearing does not wait for a node that serves nothing and cannot be followed', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]], b: [] });
  const followed = await following(cluster);
  cluster.refusals.set('b', Infinity);
  followed.made[1]!.isGone = true;
  followed.feeds.hearing.askedOf('b')!.add(ASKED);
  await lookAt(followed);
  assert.deepEqual(followed.told, ['moved 3']);
});

test('Hearing has a slot walked once more of which more keys were asked for than names are kept', async () => {
  const followed = await following(new FakeCluster(SERVING, PART));
  const asked = followed.feeds.hearing.askedOf('b')!;
  for (let i = 0; i < 20_001; i++) asked.add({ db: 0, key: Buffer.from(`{key}${i}`) });
  await lookAt(followed);
  assert.equal(followed.told.length, 20_000);
  assert.deepEqual(
    followed.missed.map(({ slots, isFlush }) => [slots!.ranges, isFlush]),
    [[[[SLOT, SLOT]], false]],
  );
});
