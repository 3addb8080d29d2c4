// What is not sent to a node while it refuses slots, and how long.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ReplyError } from '../../../resp/errors.ts';
import { RefusedSlots } from '../../../src/cluster/redirects.ts';
import { slotOf } from '../../../src/cluster/slot.ts';
import { Topology } from '../../../src/cluster/topology.ts';

const NODE = { id: 'node', peer: { host: '10.0.0.1', port: 6379 } };
const OTHER = { id: 'other', peer: { host: '10.0.0.2', port: 6379 } };
const MOVED = new ReplyError('MOVED 1 10.0.0.2:6379', NODE.peer);
const KEY = Buffer.from('key');
/** A name in another slot. */
const ELSE = Buffer.from('else');

let deployment: { topology: Topology };
let released: number;
let refused: RefusedSlots;

beforeEach(() => {
  deployment = { topology: Topology.single(NODE) };
  released = 0;
  refused = new RefusedSlots(deployment, NODE, () => released++);
});

/** So many slots are refused, of keys that had no trouble before. */
function refuse(slots: number, isFirst = true): void {
  for (let slot = 1; slot <= slots; slot++) refused.add(slot, MOVED, isFirst);
}

/** How often the node is left alone where it refuses again and again, and nobody else serves what it refuses. */
function standsInVain(): number {
  for (let stands = 0; ; stands++) {
    refuse(100);
    if (!refused.isStill) return stands;
    refused.release();
  }
}

test('RefusedSlots.refusalOf() holds keys of a slot that was refused back, until it is released', () => {
  assert.equal(refused.refusalOf(KEY), undefined);
  refused.add(slotOf(KEY), MOVED, true);
  assert.equal(refused.refusalOf(KEY), MOVED);
  assert.equal(refused.refusalOf(ELSE), undefined);
  refused.release();
  assert.equal(refused.refusalOf(KEY), undefined);
  assert.equal(released, 1);
});

test('RefusedSlots.refusalOf() says that another node is known to have a key, once the node has refused any', () => {
  deployment.topology = Topology.single(OTHER);
  assert.equal(refused.refusalOf(KEY), undefined);
  refused.add(slotOf(ELSE), MOVED, true);
  assert.equal(refused.refusalOf(KEY), 'elsewhere');
});

test('RefusedSlots.isStill holds all keys back where slot after slot is refused, until they are released', () => {
  refuse(100);
  assert.equal(refused.isStill, true);
  refused.release();
  assert.equal(refused.isStill, false);
});

test('RefusedSlots.isStill holds nothing back for one slot, with however many keys', () => {
  for (let i = 0; i < 100; i++) refused.add(1, MOVED, true);
  assert.equal(refused.isStill, false);
});

test('RefusedSlots.isStill holds nothing back where other keys are answered in between', () => {
  for (let slot = 1; slot <= 100; slot++) {
    refused.add(slot, MOVED, true);
    refused.answered();
    assert.equal(refused.isStill, false);
  }
});

test('RefusedSlots.isStill holds nothing back for keys that are tried again', () => {
  refuse(100, false);
  assert.equal(refused.isStill, false);
});

test('RefusedSlots.isStill holds a node back a few times only where nobody else serves the slots', () => {
  assert.equal(standsInVain(), 3);
  assert.equal(standsInVain(), 0);
});

test('RefusedSlots.isStill holds a node back again once slots have proved to be elsewhere', () => {
  standsInVain();
  deployment.topology = Topology.single(OTHER);
  refused.release();
  deployment.topology = Topology.single(NODE);
  assert.equal(standsInVain(), 3);
});

/** All slots are the other one's; the node is there as what its flags say. */
function topologyWith(flags: string): Topology {
  const owner = [Buffer.from(OTHER.peer.host), OTHER.peer.port, Buffer.from(OTHER.id)];
  return Topology.parse([[0, 16_383, owner]], `node 10.0.0.1:6379@1 ${flags} - 0 0 1 connected`, (peer) => peer);
}

for (const [what, topology, id] of [
  ['nothing where it serves slots', Topology.single(NODE), undefined],
  ['nothing where it is no primary', topologyWith('slave'), undefined],
  ['the node where it is a primary that serves none', topologyWith('master'), NODE.id],
] as const) {
  test(`RefusedSlots.emptied is ${what}`, () => {
    deployment.topology = topology;
    assert.equal(refused.emptied?.id, id);
  });
}
