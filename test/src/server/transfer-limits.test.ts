import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TransferLimits } from '../../../src/server/transfer-limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

test('TransferLimits: without a limit that is told, values and windows are as large as they usually are', () => {
  const limits = new TransferLimits(64 * MIB);
  limits.learn(Infinity);
  assert.deepEqual([limits.windowBytes, limits.valueBytes, limits.pieceBytes], [8 * MIB, 64 * MIB, MIB]);
  assert.equal(limits.isTight, false);
});

test('TransferLimits: values, pieces and windows stay well below a limit that is told', () => {
  const limits = new TransferLimits(64 * MIB);
  limits.learn(MIB);
  assert.deepEqual([limits.windowBytes, limits.valueBytes, limits.pieceBytes], [256 * KIB, 256 * KIB, 256 * KIB]);
});

test('TransferLimits: pieces are not larger than what makes a value large', () => {
  assert.equal(new TransferLimits(100 * KIB).pieceBytes, 100 * KIB);
});

test('TransferLimits: the window halves with each break, and grows back slowly', () => {
  const limits = new TransferLimits(64 * MIB);
  limits.broke();
  limits.broke();
  assert.equal(limits.windowBytes, 2 * MIB);
  limits.observe(512 * MIB);
  assert.equal(limits.windowBytes, 3 * MIB);
  limits.broke(MIB);
  assert.equal(limits.windowBytes, 512 * KIB);
  for (let i = 0; i < 20; i++) limits.broke();
  assert.equal(limits.windowBytes, 64 * KIB);
});

test('TransferLimits: a value that broke a connection alone makes others of its size go in pieces', () => {
  const limits = new TransferLimits(64 * MIB);
  limits.valueBroke(3 * MIB);
  assert.deepEqual([limits.valueBytes, limits.pieceBytes], [1.5 * MIB, 0.75 * MIB]);
  limits.valueBroke(100);
  assert.equal(limits.valueBytes, 1.5 * MIB);
});
