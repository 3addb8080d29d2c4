// What every way of counting cursors owes to SCAN: each key that is there throughout, however pages and tables change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestClient } from '../../client.ts';
import { startMemoryServer } from '../memory-server.ts';
import { createKeyTable, type CursorStyle, type KeyTable } from './key-table.ts';

const MOST_KEYS = 3000;
const STYLES: readonly CursorStyle[] = ['reverse-binary', 'offset', 'node-high-bits', 'node-low-bits'];

/** Keys that came and went, of all tests: their names never come twice. */
let born = 0;
let died = 0;

for (const cursor of STYLES) {
  test(`SCAN visits every key with ${cursor} cursors`, async (t) => {
    const server = await startMemoryServer({ cursor });
    const client = await TestClient.connect({ port: server.port });
    t.after(async () => {
      await client.close();
      await server.stop();
    });
    const keys = Array.from({ length: 5000 }, (_, index) => `key:${index}`);
    await client.pipeline(keys.map((key) => ['SET', key, 'value']));
    for (const count of [10, 1000]) {
      const found: string[] = [];
      let at = '0';
      do {
        const [next, page] = (await client.send('SCAN', at, 'COUNT', count)) as [Buffer, Buffer[]];
        assert.ok(page.length < count + 50, `A page of ${page.length} keys where ${count} were asked for`);
        for (const key of page) found.push(key.toString());
        at = next.toString();
      } while (at !== '0');
      assert.deepEqual(found.toSorted(), keys.toSorted());
    }
    assert.equal(await client.send('DBSIZE'), keys.length);
  });

  test(`KeyTable.scan() misses no lasting key while others come and go, with ${cursor} cursors`, () => {
    const table = createKeyTable({ cursor });
    const lasting = Array.from({ length: 300 }, (_, index) => `lasting:${index}`);
    // Some that will go are in front of those that stay.
    churn(table, 300, 0);
    for (const key of lasting) table.add(key);
    const sizes = new Set<number>();
    // In the middle of its walks the table grows to many times its size, and shrinks again.
    for (const [births, deaths] of [
      [10, 0],
      [0, 10],
    ] as const) {
      for (let walk = 0; walk < 15; walk += 1) {
        const seen = new Set<string>();
        let at = 0n;
        let pages = 0;
        do {
          const page = table.scan(at, 10);
          for (const key of page.keys) seen.add(key);
          at = page.cursor;
          pages += 1;
          if (pages % 3 === 0) churn(table, births, deaths);
        } while (at !== 0n);
        sizes.add(table.size);
        assert.deepEqual(
          lasting.filter((key) => !seen.has(key)),
          [],
        );
      }
    }
    assert.ok(Math.max(...sizes) > lasting.length * 5 && table.size === lasting.length);
  });
}

test('KeyTable.scan() tells the node in the high or in the low bits of the cursor', () => {
  for (const [cursor, nodeOf] of [
    ['node-high-bits', (at: bigint) => at >> 48n],
    ['node-low-bits', (at: bigint) => at % 5n],
  ] as const) {
    const table = createKeyTable({ cursor, nodes: 5 });
    for (let i = 0; i < 1000; i += 1) table.add(`key:${i}`);
    const nodes: number[] = [];
    let at = 0n;
    do {
      nodes.push(Number(nodeOf(at)));
      at = table.scan(at, 20).cursor;
    } while (at !== 0n);
    assert.deepEqual([...new Set(nodes)], [0, 1, 2, 3, 4]);
    assert.deepEqual(
      nodes,
      nodes.toSorted((left, right) => left - right),
    );
  }
});

test('KeyTable.scan() counts reverse-binary cursors as Redis does', () => {
  const table = createKeyTable({ cursor: 'reverse-binary' });
  for (let i = 0; i < 8; i += 1) table.add(`key:${i}`);
  const cursors: bigint[] = [];
  let at = 0n;
  do {
    cursors.push(at);
    at = table.scan(at, 1).cursor;
  } while (at !== 0n);
  const order = [0n, 4n, 2n, 6n, 1n, 5n, 3n, 7n];
  assert.ok(cursors.length > 2);
  assert.deepEqual(
    cursors,
    order.filter((cursor) => cursors.includes(cursor)),
  );
});

test('SCAN filters by pattern and by type', async (t) => {
  const server = await startMemoryServer();
  const client = await TestClient.connect({ port: server.port });
  t.after(async () => {
    await client.close();
    await server.stop();
  });
  const names = ['abc', 'abd', 'a[c', 'a*c', 'a\nc', 'b', '', 'ÿ'];
  await client.pipeline(names.map((name) => ['SET', Buffer.from(name, 'latin1'), 'x']));
  await client.send('RPUSH', 'list', 'x');
  for (const [pattern, expected] of [
    ['*', [...names, 'list']],
    ['', ['']],
    ['a?c', ['abc', 'a[c', 'a*c', 'a\nc']],
    ['a\\*c', ['a*c']],
    ['ab[a-c]', ['abc']],
    ['ab[c-a]', ['abc']],
    ['ab[^c]', ['abd']],
    ['a[[]c', ['a[c']],
    ['ab[cd', ['abc', 'abd']],
    ['[\u00f0-\u00ff]', ['ÿ']],
    ['*b*', ['abc', 'abd', 'b']],
  ] as const) {
    const [, keys] = (await client.send('SCAN', 0, 'COUNT', 100, 'MATCH', Buffer.from(pattern, 'latin1'))) as [
      Buffer,
      Buffer[],
    ];
    assert.deepEqual(keys.map((key) => key.toString('latin1')).toSorted(), [...expected].toSorted(), pattern);
  }
  assert.deepEqual(await client.send('SCAN', 0, 'COUNT', 100, 'TYPE', 'LIST'), [
    Buffer.from('0'),
    [Buffer.from('list')],
  ]);
});

function churn(table: KeyTable, births: number, deaths: number): void {
  for (let i = 0; i < births && table.size < MOST_KEYS; i += 1) {
    table.add(`passing:${born}`);
    born += 1;
  }
  for (let i = 0; i < deaths && died < born; i += 1) {
    table.delete(`passing:${died}`);
    died += 1;
  }
}
