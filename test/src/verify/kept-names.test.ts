// What is kept of keys: those that differ, those that were asked about, and the names of a file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bytes } from '../../../resp/bytes.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { NameHash } from '../../../src/flow/name-table.ts';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { AskedKeys } from '../../../src/verify/asked-keys.ts';
import { HASH_RANGE, NameSet } from '../../../src/verify/name-set.ts';
import { RecheckQueue, type RecheckKey } from '../../../src/verify/recheck.ts';
import { entryOf } from '../../support/entries.ts';

const NAMES = Array.from({ length: 5000 }, (_, i) => Buffer.from(`key:${i}`));

function differing(name: string, what = 'value'): RecheckKey {
  const id = { db: 0, key: Buffer.from(name) };
  return { walked: [id], asked: id, verdict: 'differ', what, expireAt: NEVER };
}

test('RecheckQueue.add() keeps of a key what was found last, in a Buffer of its own', () => {
  const queue = new RecheckQueue();
  const key = differing('key');
  assert.ok(queue.add(key) && queue.add(differing('key', 'length')));
  assert.equal(queue.size, 1);
  const [kept] = [...queue];
  assert.equal(kept!.what, 'length');
  key.walked[0]!.key.fill('x');
  assert.equal(kept!.walked[0]!.key.toString(), 'key');
});

test('RecheckQueue.add() refuses what is beyond the budget, and takes it again once there is room', () => {
  const queue = new RecheckQueue(2000);
  let kept = 0;
  while (queue.add(differing(`key:${kept}`))) kept += 1;
  assert.ok(kept > 0 && kept < 10, `${kept} keys`);
  assert.ok(queue.add(differing('key:0', 'other')), 'one that is known takes no more room');
  queue.delete({ db: 0, key: Buffer.from('key:0') });
  assert.ok(queue.add(differing(`key:${kept}`)));
  assert.equal(queue.size, kept);
});

test('AskedKeys.take() finds each key by the Buffer that it was asked with, in order and out of it', () => {
  const asked = new AskedKeys((db) => db);
  const keys = Array.from({ length: 10 }, () => Buffer.from('the same name'));
  for (const [db, key] of keys.entries()) {
    const one = asked.newKey();
    one.entry.db = db;
    asked.add(one, key);
  }
  const takenWith = (key: Buffer): number => asked.take({ db: 0, key }).entry.db;
  assert.equal(takenWith(keys[0]!), 0);
  assert.equal(takenWith(keys[1]!), 1);
  for (const db of [7, 3, 9, 2, 4, 5, 6, 8]) assert.equal(takenWith(keys[db]!), db);
  assert.equal(asked.size, 0);
});

test('AskedKeys.headFor() finds what was added where it lies, as each node answers in turn', () => {
  const asked = new AskedKeys((db) => db + 1);
  const names = ['a', 'b', 'aa', 'c'];
  for (const [i, name] of names.entries()) asked.addView(EntryView.of(entryOf(name, `of ${name}`)), `node ${i % 2}`);
  const headFor = (name: string, db = 1): string | undefined => {
    const head = asked.headFor(db, new Bytes(Buffer.from(`<${name}>`)), 1, 1 + name.length);
    return head && String(head.payload);
  };
  assert.equal(headFor('a', 0), undefined, 'the other side has it in another database');
  assert.equal(headFor('aa'), undefined, 'it is not its turn');
  for (const name of ['b', 'c', 'a', 'aa']) {
    assert.equal(headFor(name), `of ${name}`);
    asked.drop();
  }
  assert.equal(asked.size, 0);
});

test('AskedKeys.take() finds what was added where it lies by its name, in order and out of it, also where it came twice', () => {
  const asked = new AskedKeys((db) => db);
  const names = Array.from({ length: 100 }, (_, i) => `key:${i % 90}`);
  for (const [i, name] of names.entries()) asked.addView(EntryView.of(entryOf(name, String(i))), 'node');
  const taken = (name: string): string => String(asked.take({ db: 0, key: Buffer.from(name) }).entry.payload);
  assert.equal(taken('key:0'), '0');
  assert.equal(taken('key:5'), '5', 'out of turn');
  assert.equal(taken('key:0'), '90');
  assert.equal(asked.size, 97);
  asked.addView(EntryView.of(entryOf('late', 'late')), 'node');
  assert.notEqual(
    asked.headFor(0, new Bytes(Buffer.from('late')), 0, 4),
    undefined,
    'what is added later is in turn again',
  );
  asked.drop();
  for (const name of names.toReversed().filter((name) => name !== 'key:0' && name !== 'key:5')) taken(name);
  assert.equal(taken('key:5'), '95');
  assert.equal(asked.size, 0);
});

test('NameSet has every name that it covers, and no other', () => {
  const names = new NameSet(new NameHash(), 0, 128 * 1024);
  for (const name of NAMES) names.add(0, name);
  assert.equal(names.upTo, HASH_RANGE);
  for (const name of NAMES) assert.ok(names.covers(0, name) && names.has(0, name), name.toString());
  for (const name of NAMES) assert.ok(!names.has(1, name), 'another database is another name');
  assert.ok(!names.has(0, Buffer.from('key:5000')) && !names.has(0, Buffer.alloc(0)));
});

test('NameSet covers less where the budget is small, and further passes cover the rest, each name once', () => {
  const hash = new NameHash();
  const covered = new Map<string, number>();
  let passes = 0;
  for (let names = new NameSet(hash, 0, 8192), isLast = false; !isLast; names = names.next()) {
    for (const name of NAMES) names.add(0, name);
    for (const name of NAMES) {
      if (!names.covers(0, name)) continue;
      assert.ok(names.has(0, name));
      covered.set(name.toString(), (covered.get(name.toString()) ?? 0) + 1);
    }
    isLast = names.upTo === HASH_RANGE;
    passes++;
  }
  assert.ok(passes >= 5, `${passes} passes`);
  assert.equal(covered.size, NAMES.length);
  assert.ok([...covered.values()].every((times) => times === 1));
});

test('NameHash gives other hashes in every run', () => {
  const [one, other] = [new NameHash(), new NameHash()];
  for (const hash of [one, other]) hash.of(0, NAMES[0]!);
  assert.notDeepEqual([one.high, one.low], [other.high, other.low]);
});
