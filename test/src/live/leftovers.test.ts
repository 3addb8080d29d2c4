// What is told of the names that a target has: those that no key of the source accounts for, each of them, and no others.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test, type TestContext } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import type { KeyId } from '../../../src/flow/key-id.ts';
import { SlotSet, tagOf } from '../../../src/cluster/slot.ts';
import { findLeftovers, type LeftoverOptions, type LeftoverSink } from '../../../src/live/leftovers.ts';
import { Wakeup } from '../../../src/flow/wakeup.ts';
import { OwnNames } from '../../../src/live/own-names.ts';
import { temporaryNameFor } from '../../../src/target/internal-names.ts';
import type { TestClient } from '../../support/client.ts';
import { slotOfKey } from '../../support/cluster-slot.ts';
import { callsOf, writesOf } from '../../support/command-stats.ts';
import { LINK, openDeployment, untilAlone, type Reach } from '../../support/deployments.ts';
import { lend } from '../../support/lent-servers.ts';
import { mappingOf } from '../../support/mappings.ts';
import { startCluster } from '../../support/redis-cluster.ts';
import { startServer, type TestServer } from '../../support/redis-server.ts';

let servers: readonly TestServer[];
let from: TestClient;
let to: TestClient;

before(async () => {
  servers = await Promise.all([startServer(), startServer()]);
  [from, to] = (await Promise.all(servers.map((server) => server.client()))) as [TestClient, TestClient];
});
after(() => Promise.all(servers.map((server) => server.stop())));
beforeEach(() => Promise.all([from, to].map((client) => client.send('FLUSHALL'))));

interface Told {
  /** `db name`, in order. */
  readonly leftovers: string[];
  readonly doubts: string[];
}

interface Search extends Partial<LeftoverOptions> {
  readonly source?: Reach & { readonly port?: number };
  readonly target?: Reach & { readonly port?: number };
  readonly onTold?: () => void;
  readonly roomy?: LeftoverSink['roomy'];
  readonly onAnswered?: () => void;
}

async function search(
  t: TestContext,
  { source = {}, target = {}, onTold, roomy, onAnswered, ...options }: Search = {},
): Promise<Told> {
  const [one, other] = [
    await openDeployment(t, 'source', source.port ?? servers[0]!.port, source),
    await openDeployment(t, 'target', target.port ?? servers[1]!.port, target),
  ];
  await from.send('CONFIG', 'RESETSTAT');
  const told = { leftovers: [] as string[], doubts: [] as string[] };
  const common = { mapping: mappingOf({ 0: 0 }), ownNames: new OwnNames(), removesInDoubt: false, ...LINK };
  await findLeftovers(
    one,
    other,
    { ...common, ...options },
    {
      onLeftover: (db, key) => {
        told.leftovers.push(`${db} ${key.toString()}`);
        onTold?.();
      },
      onDoubt: (db, name, why) =>
        told.doubts.push(`${db} ${name.toString()}${why === undefined ? '' : ` ${why.code}`}`),
      roomy: roomy ?? (() => undefined),
      onAnswered: onAnswered ?? (() => {}),
    },
  );
  return { leftovers: told.leftovers.toSorted(), doubts: told.doubts.toSorted() };
}

function set(names: readonly (string | Buffer)[]): readonly (readonly (string | Buffer)[])[] {
  return names.map((name) => ['SET', name, 'value']);
}

async function give(client: TestClient, db: number, ...names: readonly (string | Buffer)[]): Promise<void> {
  await client.pipeline([['SELECT', db], ...set(names), ['SELECT', 0]]);
}

function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix}${i}`);
}

test('findLeftovers() tells each name that the source does not have, but for those of the target and of rump, and writes nothing', async (t) => {
  const [both, gone] = [numbered('both:', 3000), ['', ...numbered('gone:', 700)]];
  await give(from, 0, ...both, 'only the source');
  await give(to, 0, ...both, ...gone, 'own', 'own:other', temporaryNameFor(Buffer.from('x')), 'rump:checkpoint:{1}');
  const ownNames = new OwnNames();
  for (const name of ['own', 'own:other', 'both:7']) ownNames.add(0, Buffer.from(name));
  const told = await search(t, { ownNames, count: 100 });
  assert.deepEqual(told, { leftovers: gone.map((name) => `0 ${name}`).toSorted(), doubts: [] });
  assert.deepEqual(await writesOf(from), []);
  await Promise.all([from, to].map(untilAlone));
});

test("findLeftovers() says of the keys alone that are there that it has asked for them: a name in doubt is nobody's", async (t) => {
  await give(from, 0, 'both');
  await give(to, 0, 'both', 'gone');
  const asked: string[] = [];
  const hearing = {
    processOf: async () => undefined,
    askedOf: () => ({ add: ({ db, key }: KeyId) => void asked.push(`${db} ${String(key)}`) }),
  };
  const told = await search(t, { ownNames: OwnNames.unknown(), hearing });
  assert.deepEqual([told, asked], [{ leftovers: [], doubts: ['0 gone'] }, ['0 both']]);
});

test('findLeftovers() asks a server that has all of them about many names at once', async (t) => {
  const names = numbered('key:', 12_800);
  await Promise.all([from, to].map((client) => give(client, 0, ...names)));
  assert.deepEqual(await search(t), { leftovers: [], doubts: [] });
  const asked = (await callsOf(from)).get('exists')!;
  assert.ok(asked < 200, `EXISTS was asked ${asked} times`);
});

test('findLeftovers() goes by each key that may have the name, through prefixes and databases', async (t) => {
  const mapping = mappingOf(
    { 0: 2, 1: 2, 3: 3 },
    { stripPrefix: 'old:', addPrefix: 'new:', exclude: ['skip:*', 'old:skip:*'] },
  );
  await give(from, 0, 'old:stripped', 'kept', 'there');
  await give(from, 1, 'old:other db');
  await give(from, 3, 'here');
  const names = ['stripped', 'kept', 'there', 'other db', 'here', 'gone', 'skip:x', 'old:x'].map(
    (name) => `new:${name}`,
  );
  await give(to, 2, ...names, 'gone');
  await give(to, 3, 'new:here', 'new:there');
  await give(to, 0, 'new:gone');
  const { leftovers, doubts } = await search(t, { mapping });
  assert.deepEqual(doubts, []);
  const ofTwo = ['old:gone', 'gone', 'old:here', 'here', 'old:old:x'].flatMap((key) => [`0 ${key}`, `1 ${key}`]);
  assert.deepEqual(leftovers, [...ofTwo, '3 old:there', '3 there'].toSorted());
});

function isNotB(key: Buffer): boolean {
  return key.toString() !== 'b';
}

test('findLeftovers() tells only what the gap is about, by key and by database of the source', async (t) => {
  const mapping = mappingOf({ 0: 1, 2: 1, 3: 3 }, { addPrefix: 'new:' });
  await give(from, 2, 'in the other one');
  for (const db of [1, 3]) await give(to, db, 'new:a', 'new:b', 'new:in the other one');
  const some = await search(t, { mapping, wanted: isNotB, databases: [0] });
  assert.deepEqual(some, { leftovers: ['0 a', '2 a'], doubts: [] });
  assert.deepEqual((await search(t, { mapping, wanted: isNotB })).leftovers, [
    '0 a',
    '2 a',
    '3 a',
    '3 in the other one',
  ]);
});

test('findLeftovers() of one type tells what is of another type at the source, and leaves alone what is of another one at the target', async (t) => {
  await give(from, 0, 'string now');
  await from.pipeline(['there', 'a string at the target'].map((name) => ['RPUSH', name, 'value']));
  await to.pipeline(['there', 'gone', 'string now'].map((name) => ['RPUSH', name, 'value']));
  await give(to, 0, 'a string at the target', 'of the target');
  const told = await search(t, { mapping: mappingOf({ 0: 0 }, { type: 'list' }) });
  assert.deepEqual(told, { leftovers: ['0 gone', '0 string now'], doubts: [] });
});

test('findLeftovers() is in doubt where nobody knows what the target held, unless that is to go as well', async (t) => {
  const mapping = mappingOf({ 0: 4 }, { addPrefix: 'new:' });
  await give(from, 0, 'there');
  await give(to, 4, 'new:there', 'new:gone');
  const ownNames = OwnNames.unknown();
  assert.deepEqual(await search(t, { mapping, ownNames }), { leftovers: [], doubts: ['4 new:gone'] });
  assert.deepEqual(await search(t, { mapping, ownNames, removesInDoubt: true }), { leftovers: ['0 gone'], doubts: [] });
});

test('findLeftovers() is in doubt about what the source will not say', async (t) => {
  await from.send('ACL', 'SETUSER', 'some', 'on', '>secret', '+@all', '~seen:*', '~rump:probe');
  t.after(() => from.send('ACL', 'DELUSER', 'some'));
  await give(from, 0, 'seen:there', 'hidden:there');
  await give(to, 0, 'seen:there', 'hidden:there', 'seen:gone', 'hidden:gone');
  const source = { username: 'some', password: 'secret' };
  const doubts = ['0 hidden:gone NOPERM', '0 hidden:there NOPERM'];
  assert.deepEqual(await search(t, { source, removesInDoubt: true }), { leftovers: ['0 seen:gone'], doubts });
});

test('findLeftovers() asks for no more names than there is room for', async (t) => {
  const names = numbered('key:', 300);
  await give(from, 0, ...names.slice(0, 100));
  await give(to, 0, ...names);
  const moved = new Wakeup();
  let most = 0;
  const roomy: Search['roomy'] = (asked) => {
    most = Math.max(most, asked.held);
    return asked.held < 10 ? undefined : untilFewer(asked);
  };
  const untilFewer = async (asked: { readonly held: number }): Promise<void> => {
    while (asked.held >= 10) await moved.sleep();
  };
  const told = await search(t, { roomy, onAnswered: () => moved.wake() });
  assert.deepEqual(told.leftovers.length, 200);
  assert.equal(most, 10);
});

test('findLeftovers() tells all of them, also where both sides lose their connections meanwhile', async (t) => {
  const [both, gone] = [numbered('both:', 20_000), numbered('gone:', 20_000)];
  await give(from, 0, ...both);
  await give(to, 0, ...both, ...gone);
  const cuts: Promise<unknown>[] = [];
  let told = 0;
  const cut = (): void => {
    if (++told % 5000 !== 1) return;
    cuts.push(...[from, to].map((client) => client.send('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')));
  };
  const { leftovers } = await search(t, { onTold: cut });
  assert.equal(new Set(leftovers).size, gone.length);
  assert.ok(leftovers.every((name) => name.startsWith('0 gone:')));
  const cutOff = (await Promise.all(cuts)).reduce<number>((sum, count) => sum + Number(count), 0);
  assert.ok(cutOff >= 4, `${cutOff} connections were cut`);
});

test('findLeftovers() rejects where the source is lost for good, and with the reason of a signal', async (t) => {
  await give(to, 0, ...numbered('gone:', 20_000));
  const other = await lend(t);
  const end = new AbortController();
  const reason = new Error('Stop');
  const stopped = search(t, {
    source: { port: other.port },
    target: { signal: end.signal },
    onTold: () => end.abort(reason),
  });
  await assert.rejects(stopped, reason);
  await Promise.all([await other.client(), to].map(untilAlone));
  let killed: Promise<void> | undefined;
  const lost = search(t, { source: { port: other.port }, onTold: () => void (killed ??= other.kill()) });
  await assert.rejects(lost, RespError);
  assert.ok(killed !== undefined);
});

test('findLeftovers() ends with the signal also while the source does not answer', async (t) => {
  await give(to, 0, 'gone');
  const other = await lend(t);
  const client = await other.client();
  const end = new AbortController();
  const reason = new Error('Stop');
  await give(client, 0, 'there');
  const [source, target] = [
    await openDeployment(t, 'source', other.port),
    await openDeployment(t, 'target', servers[1]!.port, { signal: end.signal }),
  ];
  await client.send('CLIENT', 'PAUSE', 60_000, 'ALL');
  const options = { mapping: mappingOf({ 0: 0 }), ownNames: new OwnNames(), removesInDoubt: false, ...LINK };
  const searching = findLeftovers(source, target, options, {
    onLeftover() {},
    onDoubt() {},
    roomy: () => undefined,
    onAnswered() {},
  });
  end.abort(reason);
  await assert.rejects(searching, reason);
});

test('findLeftovers() asks each node of a cluster for its keys, also while a slot moves', async (t) => {
  const cluster = await startCluster(t);
  const slot = 12_000;
  const both = [...numbered('both:', 2000), ...numbered(`{${tagOf(slot)}}:both:`, 20)];
  const gone = [...numbered('gone:', 1000), ...numbered(`{${tagOf(slot)}}:gone:`, 20)];
  await cluster.pipeline(set([...both, ...[...both, ...gone].map((name) => `copy:${name}`)]));
  // The source and the target are one cluster: what is copied has another name.
  const mapping = mappingOf({ 0: 0 }, { addPrefix: 'copy:', exclude: ['copy:*'] });
  const { port } = cluster.nodes[0]!;
  const searching = search(t, { mapping, source: { port }, target: { port }, count: 10 });
  await cluster.moveSlot(slot, 2, 0);
  const { leftovers, doubts } = await searching;
  assert.deepEqual([...new Set(leftovers)], gone.map((name) => `0 ${name}`).toSorted());
  assert.deepEqual(doubts, []);
});

test('findLeftovers() of some slots walks a cluster where these are', async (t) => {
  const cluster = await startCluster(t);
  const names = numbered('gone:', 600);
  await cluster.pipeline(set(names));
  const home = 1;
  const slot = slotOfKey(names.find((name) => cluster.homeOfKey(name) === home)!);
  const slots = new SlotSet([[slot, slot]]);
  const share = { slots, wanted: (key: Buffer) => slots.has(slotOfKey(key.toString())), count: 10 };
  const scanned = async (options: Search): Promise<boolean[]> => {
    for (const node of cluster.clients) await node.send('CONFIG', 'RESETSTAT');
    const { leftovers } = await search(t, { ...share, target: { port: cluster.nodes[0]!.port }, ...options });
    assert.deepEqual(
      [...new Set(leftovers)],
      names.filter((name) => slotOfKey(name) === slot).map((name) => `0 ${name}`),
    );
    const calls = await Promise.all(cluster.clients.map((node) => callsOf(node)));
    // A look at a server has one of its own.
    return calls.map((of) => (of.get('scan') ?? 0) > 10);
  };
  assert.deepEqual(await scanned({}), [false, true, false]);
  assert.deepEqual(await scanned({ slots: undefined }), [true, true, true]);
});
