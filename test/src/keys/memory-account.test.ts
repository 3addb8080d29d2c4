// When keys need no more measuring: what is told of the server's memory against what the keys measured so far take.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInfo, type ServerInfo } from '../../../src/server/info.ts';
import { MemoryAccount } from '../../../src/keys/memory-account.ts';

const MIB = 2 ** 20;
const BIG_KEY = 64 * MIB;
/** What MEMORY USAGE says of a small string, and what of that Redis counts among its values. */
const USAGE = 152;
const DATASET = 123;

function serverWith(dataset: number, keys: number): ServerInfo {
  return parseInfo(
    `redis_version:7.0.15\r\nused_memory_dataset:${dataset}\r\ndb0:keys=${keys},expires=0,avg_ttl=0\r\n`,
  );
}

/** How many keys of such sizes are measured before it is settled, if ever. */
function measuredOf(account: MemoryAccount, most: number, sizeOf: (index: number) => number): number {
  let count = 0;
  while (account.isOpen && count < most) account.observe(sizeOf(count++));
  return count;
}

test('MemoryAccount measures nothing where all values together are smaller than a large one', () => {
  assert.equal(new MemoryAccount(serverWith(BIG_KEY - 1, 1000), BIG_KEY).isOpen, false);
});

test('MemoryAccount measures where what clients held may be of the values by now', () => {
  const info = { ...serverWith(BIG_KEY / 2, 1000), usedByClients: BIG_KEY / 2 };
  assert.equal(new MemoryAccount(info, BIG_KEY).isOpen, true);
});

test('MemoryAccount is soon settled where all keys are small and alike', () => {
  const keys = 1_000_000;
  const account = new MemoryAccount(serverWith(keys * DATASET, keys), BIG_KEY);
  assert.equal(
    measuredOf(account, keys, () => USAGE),
    2048,
  );
});

test('MemoryAccount goes on while one large value would explain what is missing', () => {
  const keys = 1_000_000;
  const account = new MemoryAccount(serverWith(keys * DATASET + BIG_KEY, keys), BIG_KEY);
  assert.equal(
    measuredOf(account, keys, () => USAGE),
    keys,
  );
});

test('MemoryAccount does not take a large value for one of the others', () => {
  const keys = 1_000_000;
  const account = new MemoryAccount(serverWith(keys * DATASET + 2 * BIG_KEY, keys), BIG_KEY);
  assert.equal(
    measuredOf(account, 10_000, (index) => (index === 100 ? BIG_KEY : USAGE)),
    10_000,
  );
});

test('MemoryAccount measures the more keys the more their sizes differ', () => {
  const keys = 10_000_000;
  const mean = 198;
  const account = new MemoryAccount(serverWith(keys * (mean - 33), keys), BIG_KEY);
  const measured = measuredOf(account, keys, (index) => (index % 100 === 0 ? 9900 : 100));
  assert.ok(measured > 10_000 && measured < keys / 2, `${measured} keys`);
});

test('MemoryAccount knows what Valkey counts among its values', () => {
  const keys = 10_000_000;
  const info = (version: string, dataset: number): ServerInfo =>
    parseInfo(`valkey_version:${version}\r\nused_memory_dataset:${dataset}\r\ndb0:keys=${keys},expires=${keys}\r\n`);
  for (const [version, usage, dataset] of [
    ['8.1.1', 96, 113],
    ['9.1.2', 112, 99],
  ] as const) {
    assert.equal(
      measuredOf(new MemoryAccount(info(version, keys * dataset), BIG_KEY), keys, () => usage),
      2048,
      version,
    );
  }
});
