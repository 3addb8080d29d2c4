// Which pages are done with, as a checkpoint asks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_PAGE } from '../../../src/flow/key-id.ts';
import { PageLedger } from '../../../src/scan/page-ledger.ts';

test('PageLedger.doneOf() counts the first pages of a walk whose keys are all done with', () => {
  const ledger = new PageLedger();
  const walk = {};
  const pages = [3, 0, 1].map((keys, i) => {
    const page = ledger.begin(walk, i + 1);
    ledger.found(page, keys);
    ledger.settle(page);
    return page;
  });
  assert.equal(ledger.doneOf(walk, 3), 0);
  ledger.settle(pages[2]!);
  ledger.settle(pages[0]!, 2);
  assert.equal(ledger.doneOf(walk, 3), 0);
  ledger.settle(pages[0]!);
  assert.equal(ledger.doneOf(walk, 3), 3);
});

test('PageLedger keeps a page open as long as it is read, though all keys found so far are done with', () => {
  const ledger = new PageLedger();
  const walk = {};
  const page = ledger.begin(walk, 1);
  ledger.found(page, 1);
  ledger.settle(page);
  assert.equal(ledger.doneOf(walk, 1), 0);
  ledger.settle(page);
  assert.equal(ledger.doneOf(walk, 1), 1);
});

test('PageLedger tells walks apart, and takes no notice of keys of no page', () => {
  const ledger = new PageLedger();
  const [one, other] = [{}, {}];
  const page = ledger.begin(one, 1);
  ledger.begin(other, 1);
  ledger.settle(page);
  ledger.settle(NO_PAGE);
  assert.equal(ledger.doneOf(one, 1), 1);
  assert.equal(ledger.doneOf(other, 1), 0);
});

test('PageLedger.isDone() holds once every page up to one is done with, of all walks', () => {
  const ledger = new PageLedger();
  const [first, second] = [ledger.begin({}, 1), ledger.begin({}, 1)];
  ledger.found(first, 2);
  ledger.settle(first);
  ledger.settle(second);
  assert.deepEqual([ledger.last, ledger.openKeys], [second, 2]);
  assert.equal(ledger.isDone(first), false);
  assert.equal(ledger.isDone(second), false);
  ledger.settle(first, 2);
  assert.deepEqual([ledger.isDone(second), ledger.openKeys], [true, 0]);
});
