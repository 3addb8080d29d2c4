// Which keys somebody has written, of those that the nodes of a cluster tell of while slots move.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slotOf } from '../../../src/cluster/slot.ts';
import { ANSWERS, WrittenKeys } from '../../../src/live/written-keys.ts';

const MOVED = Buffer.from('{a}moved');
const OTHER = Buffer.from('{b}other');
const [SLOT, OTHER_SLOT] = [slotOf(MOVED), slotOf(OTHER)];

/** Two nodes, of which `a` serves both slots at first, and all that they had told by then. */
async function begin() {
  /** What happens while it is waited until all is told. */
  const meanwhile: (() => void)[] = [];
  const said: Record<string, string | undefined> = { a: `${SLOT} ${OTHER_SLOT}`, b: '' };
  const asked: string[] = [];
  const epochs: Record<string, number> = { a: 1, b: 1 };
  /** The primaries, and those that are followed. */
  const [there, followed] = [new Set(['a', 'b']), new Set(['a', 'b'])];
  const written = new WrittenKeys();
  const caughtUp = async (): Promise<void> => meanwhile.shift()?.();
  const ask = (id: string): Promise<string | undefined> => {
    asked.push(id);
    const slots = said[id];
    const line = `${id} host:1@2 myself,master - 0 0 ${epochs[id]} connected ${slots}`;
    return Promise.resolve(slots === undefined ? undefined : line);
  };
  const take = async (): Promise<string[]> => {
    const { keys, slots } = await written.take({ nodeIds: followed, caughtUp, ask, primaries: () => [...there] });
    return [...keys.map(({ key, times }) => `${String(key)} x ${times}`), ...slots.map(String)];
  };
  for (let i = 0; i < ANSWERS; i++) assert.deepEqual(await take(), []);
  return { written, said, epochs, asked, there, followed, meanwhile, take };
}

test('WrittenKeys takes what a node tells of a slot that it goes on serving for written, and asks nobody who told nothing', async () => {
  const { written, asked, take } = await begin();
  written.add('a', 0, MOVED);
  written.add('a', 0, MOVED);
  written.add('a', undefined, OTHER);
  asked.length = 0;
  assert.deepEqual(await take(), ['{a}moved x 2', '{b}other x 1']);
  assert.deepEqual(asked, ['a']);
  assert.deepEqual(await take(), []);
});

test('WrittenKeys takes nothing for written that a node tells of a slot which it gives away or takes over', async () => {
  const { written, said, take } = await begin();
  written.addElsewhere('b', MOVED);
  written.add('a', 0, OTHER);
  said['a'] = `${OTHER_SLOT}`;
  said['b'] = `${SLOT}`;
  written.add('a', 0, MOVED);
  written.add('b', 0, MOVED);
  assert.deepEqual(await take(), ['{b}other x 1']);
  // It may have come between two takes, before the node was asked in between: then it is told behind that.
  for (let i = 1; i < ANSWERS; i++) {
    written.add('b', 0, MOVED);
    assert.deepEqual(await take(), []);
  }
  written.add('b', 0, MOVED);
  assert.deepEqual(await take(), ['{a}moved x 1']);
});

test('WrittenKeys tells keys that go one by one from others of their slot', async () => {
  const { written, said, meanwhile, take } = await begin();
  const kept = Buffer.from('{a}kept');
  const late = Buffer.from('{a}late');
  said['a'] = `${SLOT} [${SLOT}->-b] ${OTHER_SLOT}`;
  written.addElsewhere('b', MOVED);
  assert.deepEqual(await take(), []);
  for (const key of [MOVED, kept, late]) written.add('a', 0, key);
  // One node may tell sooner than the other one.
  meanwhile.push(() => written.addElsewhere('b', late));
  assert.deepEqual(await take(), ['{a}kept x 1']);
});

test('WrittenKeys takes no key for written that comes on its own to a node', async () => {
  const { written, said, take } = await begin();
  said['b'] = `[${SLOT}-<-a]`;
  written.addElsewhere('b', OTHER);
  for (let i = 0; i < ANSWERS; i++) assert.deepEqual(await take(), []);
  // Others know by now that it serves the slot.
  said['b'] = `${SLOT}`;
  written.add('b', 0, MOVED);
  assert.deepEqual(await take(), []);
});

test('WrittenKeys takes nothing for written of a slot that went and came back at once, and later what is', async () => {
  const { written, meanwhile, take } = await begin();
  written.add('a', 0, MOVED);
  meanwhile.push(() => written.addElsewhere('b', MOVED));
  assert.deepEqual(await take(), []);
  for (let i = 1; i < ANSWERS; i++) {
    written.add('a', 0, MOVED);
    assert.deepEqual(await take(), []);
  }
  for (let i = 0; i < 2; i++) await take();
  written.add('a', 0, MOVED);
  assert.deepEqual(await take(), ['{a}moved x 1']);
});

test('WrittenKeys waits for a node that does not answer', async () => {
  const { written, said, take } = await begin();
  const { a } = said;
  said['a'] = undefined;
  written.add('a', 0, OTHER);
  assert.deepEqual(await take(), []);
  said['a'] = a;
  assert.deepEqual(await take(), ['{b}other x 1']);
});

test('WrittenKeys counts what a node has told that is no primary any more, as whoever has failed over does not answer', async () => {
  const { written, said, there, take } = await begin();
  written.add('a', 0, OTHER);
  written.add('b', 0, MOVED);
  for (const id of ['a', 'b']) said[id] = undefined;
  there.delete('a');
  assert.deepEqual(await take(), ['{b}other x 1']);
  assert.deepEqual(await take(), []);
});

test('WrittenKeys tells the slots of keys whose names it has no room for', async () => {
  const { written, said, take } = await begin();
  const long = 'x'.repeat(5 * 1024 * 1024);
  written.add('a', 0, Buffer.from(`{a}${long}`));
  written.add('a', 0, Buffer.from(`{b}${long}`));
  said['a'] = `${OTHER_SLOT}`;
  assert.deepEqual(await take(), [String(OTHER_SLOT)]);
});

test('WrittenKeys takes nothing for written of a slot that goes to a node which is not heard, unless that is not there', async () => {
  const { written, said, there, take } = await begin();
  there.add('c');
  said['a'] = `${SLOT} [${SLOT}->-c] ${OTHER_SLOT} [${OTHER_SLOT}->-nobody]`;
  written.add('a', 0, MOVED);
  written.add('a', 0, OTHER);
  assert.deepEqual(await take(), ['{b}other x 1']);
});

test('WrittenKeys takes nothing for written of a node that took slots over, as long as not all are heard: one may have come back', async () => {
  const { written, epochs, there, followed, take } = await begin();
  const writtenAt = (epoch: number): Promise<string[]> => {
    epochs['a'] = epoch;
    written.add('a', 0, MOVED);
    return take();
  };
  assert.deepEqual(await writtenAt(2), ['{a}moved x 1']);
  there.add('c');
  assert.deepEqual(await writtenAt(3), []);
  for (let i = 1; i < ANSWERS; i++) assert.deepEqual(await writtenAt(3), []);
  assert.deepEqual(await writtenAt(3), ['{a}moved x 1']);
  // One that was let go of is not heard either.
  there.delete('c');
  assert.deepEqual(await writtenAt(4), ['{a}moved x 1']);
  followed.delete('b');
  assert.deepEqual(await writtenAt(5), []);
});

test('WrittenKeys takes nothing for written of a node that was let go of, nor when it is followed anew before it has answered again', async () => {
  const { written, said, followed, take } = await begin();
  const served = said['a'];
  written.add('a', 0, MOVED);
  followed.delete('a');
  said['a'] = undefined;
  for (let i = 0; i <= ANSWERS; i++) assert.deepEqual(await take(), []);
  followed.add('a');
  said['a'] = served;
  for (let i = 0; i < ANSWERS; i++) {
    written.add('a', 0, MOVED);
    assert.deepEqual(await take(), []);
  }
  written.add('a', 0, MOVED);
  assert.deepEqual(await take(), ['{a}moved x 1']);
});
