// Which values go in one piece, by what those before them took.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceTimes } from '../../../src/keys/service-times.ts';

const MB = 1e6;

test('ServiceTimes takes 10 ms a million bytes for granted until it has seen a value of the type', () => {
  const times = new ServiceTimes({ ms: 50 });
  assert.equal(times.mannerOf('hash', 0.5 * MB), 'beside');
  assert.equal(times.mannerOf('hash', 2 * MB), 'alone');
  assert.equal(times.mannerOf('hash', 3 * MB), 'pieces');
  assert.equal(new ServiceTimes({ ms: 5 }).mannerOf('hash', 0.3 * MB), 'pieces');
});

test('ServiceTimes goes by what a type took, and by nothing of another', () => {
  const times = new ServiceTimes({ ms: 50 });
  times.observe('list', 2 * MB, 2);
  assert.equal(times.mannerOf('list', 4 * MB), 'beside');
  assert.equal(times.mannerOf('list', 8 * MB), 'alone');
  assert.equal(times.mannerOf('hash', 8 * MB), 'pieces');
  times.observe('set', 1 * MB, 30);
  assert.equal(times.mannerOf('set', 1 * MB), 'pieces');
});

test('ServiceTimes goes no further than four times the largest value that it has seen', () => {
  const times = new ServiceTimes({ ms: 50 });
  times.observe('list', 2 * MB, 1);
  assert.equal(times.mannerOf('list', 9 * MB), 'pieces');
  times.observe('list', 8 * MB, 4);
  assert.equal(times.mannerOf('list', 9 * MB), 'beside');
});

test('ServiceTimes believes a reply that came late only in part', () => {
  const times = new ServiceTimes({ ms: 50 });
  times.observe('list', 2 * MB, 2);
  times.observe('list', 2 * MB, 20);
  assert.equal(times.mannerOf('list', 2 * MB), 'alone');
  for (let i = 0; i < 20; i += 1) times.observe('list', 2 * MB, 40);
  assert.equal(times.mannerOf('list', 2 * MB), 'pieces');
});

test('ServiceTimes goes by the longest wait as it is now', () => {
  const maxLatency = { ms: 50 };
  const times = new ServiceTimes(maxLatency);
  assert.equal(times.mannerOf('hash', 0.3 * MB), 'beside');
  maxLatency.ms = 5;
  assert.equal(times.mannerOf('hash', 0.3 * MB), 'pieces');
  assert.equal(Math.round(times.leastInPieces), 250_000);
});
