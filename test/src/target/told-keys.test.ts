// What is told once of each key, and of how many keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplyError } from '../../../resp/errors.ts';
import { ToldKeys } from '../../../src/target/told-keys.ts';

const REFUSAL = new ReplyError('BUSYKEY Target key name already exists.');
const keyOf = (i: number): { db: number; key: Buffer } => ({ db: i % 2, key: Buffer.from(`key:${i >> 1}`) });

test('ToldKeys tells each key once, by its database', () => {
  const told = new ToldKeys();
  const first = Array.from({ length: 5000 }, (_, i) => told.tell(keyOf(i), REFUSAL));
  assert.ok(first.every((error) => error === REFUSAL));
  const second = Array.from({ length: 5000 }, (_, i) => told.tell(keyOf(i), REFUSAL));
  assert.ok(second.every((error) => error === undefined));
});

test('ToldKeys says once that there are too many, and keeps no more of them', () => {
  const told = new ToldKeys(3);
  const codes = Array.from({ length: 10 }, (_, i) => told.tell(keyOf(i), REFUSAL)?.code);
  assert.deepEqual(codes.slice(0, 5), ['BUSYKEY', 'BUSYKEY', 'BUSYKEY', 'TOO_MANY_NAMES', undefined]);
  assert.ok(codes.slice(5).every((code) => code === undefined));
});
