// How much is asked of a server at once, by what its replies took and what broke.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PageSize, TransferLimits, type PageOptions } from '../../../src/server/transfer-limits.ts';

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

/** Of which a page may take a sixteenth. */
const OPTIONS = { pieceBytes: 1024 * 1024, maxLatency: { ms: 48 }, roundTrip: 20 };

/** Elements of the page after so many, where an element has so many bytes and takes so many milliseconds of the server. */
function after(pages: number, bytes: number, ms: number, options: PageOptions = OPTIONS): number {
  const size = new PageSize(options);
  for (let i = 0; i < pages; i += 1) size.observe(size.count * bytes, options.roundTrip + size.count * ms);
  return size.count;
}

test('PageSize begins small and is four times as large at most with each page', () => {
  assert.equal(after(0, 50, 0.001), 1);
  assert.equal(after(1, 50, 0.001), 4);
  assert.equal(after(5, 50, 0.001), 1024);
});

test('PageSize keeps to the bytes that are wanted', () => {
  assert.equal(after(20, 1024, 0.0001), 1024);
  assert.equal(after(20, 4 * 1024 * 1024, 0.0001), 1);
});

test('PageSize keeps to the time of the server, whatever the line takes', () => {
  assert.equal(after(20, 50, 0.001), 3000);
  assert.equal(after(20, 50, 0.001, { ...OPTIONS, roundTrip: 0 }), 3000);
});

test('PageSize stays large enough where replies come late for reasons of others', () => {
  const size = new PageSize(OPTIONS);
  for (let i = 0; i < 20; i += 1) size.observe(size.count * 50, 500);
  assert.ok(size.count >= 512, `${size.count} elements`);
});

test('PageSize keeps to that time on its way up as well', () => {
  const size = new PageSize(OPTIONS);
  for (let i = 0; i < 20; i += 1) {
    assert.ok(size.count * 0.002 < 3 * 1.1, `${size.count} elements`);
    size.observe(size.count * 50, 0.3 + size.count * 0.002);
  }
});

test('PageSize asks for few elements in their order, however small they were, and for fewer where one was large', () => {
  const size = new PageSize(OPTIONS);
  size.keepOrder();
  for (let i = 0; i < 20; i += 1) size.observe(size.count * 5, OPTIONS.roundTrip);
  assert.equal(size.count, 512);
  size.observe(size.count * 64 * 1024, OPTIONS.roundTrip);
  assert.equal(size.count, 16);
  size.observe(size.count * 5, OPTIONS.roundTrip);
  assert.equal(size.count, 32);
});

test('PageSize has no more elements than were a reply that was not too long', () => {
  assert.equal(after(20, 5, 0.00001, { ...OPTIONS, mostElements: 3 }), 3);
});

test('PageSize goes by the longest wait as it is now', () => {
  const maxLatency = { ms: 48 };
  const size = new PageSize({ ...OPTIONS, maxLatency });
  const grow = (): number => {
    for (let i = 0; i < 20; i += 1) size.observe(size.count * 50, OPTIONS.roundTrip + size.count * 0.001);
    return size.count;
  };
  assert.equal(grow(), 3000);
  maxLatency.ms = 24;
  assert.equal(grow(), 1500);
});
