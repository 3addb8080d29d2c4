// Who waits for room, and in which order they get it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Room } from '../../../src/flow/room.ts';

test('Room is given as long as there is some, and in the order in which it was asked for', async () => {
  const room = new Room(10);
  const held: string[] = [];
  const releases = new Map<string, () => void>();
  const enter = async (name: string, amount: number): Promise<void> => {
    const release = await room.acquire(amount);
    held.push(name);
    releases.set(name, release);
  };
  void enter('a', 4);
  void enter('b', 4);
  void enter('large', 100);
  void enter('small', 1);
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
