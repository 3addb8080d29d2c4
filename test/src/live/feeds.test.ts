// One feed for each node of a cluster that changes: who is followed, what is missed, and when all is told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import type { Deployment } from '../../../src/cluster/deployment.ts';
import { Part } from '../../../src/cluster/part.ts';
import { slotOf, SlotSet } from '../../../src/cluster/slot.ts';
import { Topology, type Node } from '../../../src/cluster/topology.ts';
import type { Feed, FeedPosition, FeedSink } from '../../../src/live/feed.ts';
import type { Server } from '../../../src/server/server.ts';
import { Feeds } from '../../../src/live/feeds.ts';
import type { MissedShare } from '../../../src/live/gaps.ts';
import type { LeftFeed } from '../../../src/live/left-feeds.ts';

const PORTS: Readonly<Record<string, number>> = { a: 7001, b: 7002, r: 7003 };
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

test('Feeds has a key read again once the node was asked that tells of it, and does not serve its slot yet', async () => {
  const cluster = new FakeCluster({ a: [[0, 16383]], b: [] });
  const { feeds, told, made } = await following(cluster);
  made[0]!.sink.onChange(0, KEY);
  made[1]!.sink.onChange(0, KEY);
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

test('Feeds counts slots as missed that had come to a node unseen when it was not heard', async () => {
  const cluster = new FakeCluster({ a: [[0, 99]], b: [[100, 16383]] });
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

interface Followed {
  readonly feeds: Feeds;
  readonly made: readonly FakeFeed[];
  readonly missed: readonly MissedShare[];
  /** What was told of keys, and in which database. */
  readonly told: string[];
}

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

function leftAt(id: string, position: FeedPosition | null, ...slots: (readonly [number, number])[]): LeftFeed {
  return { id, position, slots };
}

async function following(cluster: FakeCluster, left?: readonly LeftFeed[]): Promise<Followed> {
  const [made, missed, told]: [FakeFeed[], MissedShare[], string[]] = [[], [], []];
  const newFeed = (node: Node, sink: FeedSink, from: FeedPosition | undefined): Feed => {
    const feed = new FakeFeed(cluster, node, sink, from);
    made.push(feed);
    return feed;
  };
  const feeds = new Feeds(cluster as unknown as Deployment, newFeed, {
    onChange: (db) => told.push(`changed ${db}`),
    onMoved: (db) => told.push(`moved ${db}`),
    onMissed: (share) => missed.push(share),
    onFailed: assert.ifError,
  });
  await feeds.attach(left);
  return { feeds, made, missed, told };
}

type Serving = Readonly<Record<string, readonly (readonly [first: number, last: number])[]>>;

class FakeCluster {
  readonly kind = 'cluster';
  readonly isCluster = true;
  /** How often each node lets nobody follow it. */
  readonly refusals = new Map<string, number>();
  /** Happens before a node that joins is followed, or refuses. */
  onAttaching: () => Promise<void> = async () => {};
  /** How often nobody says who serves what. */
  silences = 0;
  /** Ports of those that were asked first. */
  asked: (number | undefined)[] = [];
  topology: Topology;
  readonly part: Part;
  /** What nodes say of themselves that nobody else knows: the end of their line in CLUSTER NODES. */
  readonly words = new Map<string, string>();
  #serving: Serving;

  constructor(serving: Serving, part?: SlotSet) {
    this.#serving = serving;
    this.part = new Part(part);
    this.topology = topologyOf(serving);
  }

  /** It is known once somebody asks. */
  serve(serving: Serving): void {
    this.#serving = serving;
  }

  nodeOf(key: Buffer): Node | undefined {
    return this.topology.ownerOf(slotOf(key));
  }

  refresh(first?: { readonly port: number }): Promise<void> {
    this.asked.push(first?.port);
    if (this.silences-- > 0) return Promise.reject(new RespError('SILENT', 'Nobody is there', { retryable: true }));
    this.topology = topologyOf(this.#serving);
    return Promise.resolve();
  }

  tryRefresh(first?: { readonly port: number }): Promise<boolean> {
    return this.refresh(first).then(
      () => true,
      () => false,
    );
  }

  async refreshIfPossible(): Promise<void> {
    await this.tryRefresh();
  }

  async nodesAsSeenBy({ id }: Pick<Node, 'id'>): Promise<string> {
    return `${id} 127.0.0.1:1@1 myself,master - 0 0 1 connected ${this.words.get(id) ?? ''}`;
  }
}

function topologyOf(serving: Serving): Topology {
  const slots = Object.entries(serving).flatMap(([id, ranges]) =>
    ranges.map(([first, last]) => [first, last, [Buffer.from('127.0.0.1'), PORTS[id]!, Buffer.from(id)]]),
  );
  const nodes = Object.keys(serving).map((id) => `${id} 127.0.0.1:${PORTS[id]}@1${PORTS[id]} master - 0 0 1 connected`);
  return Topology.parse(slots, Buffer.from(nodes.join('\n')), (peer) => peer);
}

class FakeFeed implements Feed {
  readonly kind = 'psync';
  readonly process = undefined;
  /** Answers whatever it is asked by what it serves. */
  get server(): Server | undefined {
    const { words } = this.#cluster;
    const request = (): Promise<string> => this.#cluster.nodesAsSeenBy(this.node);
    return words.has(this.node.id) ? ({ connection: { request } } as unknown as Server) : undefined;
  }

  position: FeedPosition | undefined;
  isGone = false;
  isAttached = false;
  isDetached = false;
  caughtUps = 0;
  /** Whether it is behind, for whoever asks now. */
  waits = false;
  #isRefused = false;
  #onDetached: (error: RespError) => void = () => {};
  readonly node: Node;
  readonly sink: FeedSink;
  readonly from: FeedPosition | undefined;
  readonly #cluster: FakeCluster;

  constructor(cluster: FakeCluster, node: Node, sink: FeedSink, from: FeedPosition | undefined) {
    this.#cluster = cluster;
    this.node = node;
    this.sink = sink;
    this.from = from;
  }

  async attach(): Promise<void> {
    const { refusals } = this.#cluster;
    const left = refusals.get(this.node.id) ?? 0;
    refusals.set(this.node.id, left - 1);
    this.#isRefused = left > 0;
    await this.#cluster.onAttaching();
    if (this.#isRefused) throw new RespError('LOADING', 'It is loading', { retryable: true });
    this.isAttached = true;
  }

  caughtUp(): Promise<void> {
    this.caughtUps += 1;
    if (this.#isRefused) return Promise.reject(new RespError('LOADING', 'It is loading'));
    return this.waits ? new Promise((_, reject) => (this.#onDetached = reject)) : Promise.resolve();
  }

  reopen(): void {
    assert.fail('there is no sentinel');
  }

  detach(): void {
    this.isDetached = true;
    this.#onDetached(new RespError('CLOSED', 'Nobody follows it any more'));
  }
}
