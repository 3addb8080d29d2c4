// The item behind the one in hand is on its way; no other is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mutex } from '../../../src/flow/room.ts';
import { readAhead } from '../../../src/flow/read-ahead.ts';

test('readAhead() has one item fetched beside the one in hand, in order, and passes a failure on in its turn', async () => {
  let fetched = 0;
  async function* items(): AsyncGenerator<number> {
    for (let i = 0; i < 5; i += 1) {
      fetched = i + 1;
      await Promise.resolve();
      yield i;
    }
    throw new Error('the end');
  }
  const seen: number[] = [];
  await assert.rejects(async () => {
    for await (const item of readAhead(items())) {
      seen.push(item);
      await new Promise(setImmediate);
      assert.equal(fetched, Math.min(5, item + 2));
    }
  }, /the end/);
  assert.deepEqual(seen, [0, 1, 2, 3, 4]);
});

test('readAhead() lets go of what it reads from when nobody wants more', async () => {
  let isOver = false;
  async function* items(): AsyncGenerator<number> {
    try {
      for (let i = 0; ; i += 1) yield i;
    } finally {
      isOver = true;
    }
  }
  for await (const item of readAhead(items())) if (item === 3) break;
  await new Promise(setImmediate);
  assert.equal(isOver, true);
});

test('Mutex lets one in at a time, in the order in which they came', async () => {
  const mutex = new Mutex();
  const order: string[] = [];
  const work = async (name: string): Promise<void> => {
    const release = await mutex.acquire();
    order.push(`${name} begins`);
    await new Promise(setImmediate);
    order.push(`${name} ends`);
    release();
  };
  await Promise.all(['a', 'b', 'c'].map(work));
  assert.deepEqual(order, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});
