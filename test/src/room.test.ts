// Who waits for room, and in which order they get it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Room } from '../../src/room.ts';

test('Room is given as long as there is some, and in the order in which it was asked for', async () => {
  const room = new Room(10);
  const held: string[] = [];
  const releases = new Map<string, () => void>();
  for (const [name, amount] of [
    ['a', 4],
    ['b', 4],
    ['large', 100],
    ['small', 1],
  ] as const) {
    void room.acquire(amount).then((release) => {
      held.push(name);
      releases.set(name, release);
    });
  }
  await turn();
  assert.deepEqual(held, ['a', 'b']);
  releases.get('a')!();
  releases.get('a')!();
  await turn();
  assert.deepEqual(held, ['a', 'b']);
  releases.get('b')!();
  await turn();
  assert.deepEqual(held, ['a', 'b', 'large']);
  releases.get('large')!();
  await turn();
  assert.deepEqual(held, ['a', 'b', 'large', 'small']);
});
