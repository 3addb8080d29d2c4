// What CLUSTER SLOTS and CLUSTER NODES say of a cluster.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TcpPeer } from '../../../resp/errors.ts';
import type { Reply } from '../../../resp/reply.ts';
import { Topology } from '../../../src/cluster/topology.ts';

const ASKED = { host: '192.0.2.9', port: 7000 };
/** Whoever does not know its own host is where it was asked. */
const here = ({ host, port }: TcpPeer): TcpPeer => ({ host: host || ASKED.host, port });

function node(host: string | null, port: number, id: string): Reply {
  return [host === null ? null : Buffer.from(host), port, Buffer.from(id), []];
}

const SLOTS: Reply = [
  [0, 5460, node('10.0.0.1', 6379, 'a'), node('10.0.0.4', 6379, 'r')],
  [5461, 16_382, node(null, 6380, 'b')],
];
const NODES = Buffer.from(
  [
    'a 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-5460',
    'b :6380@16380,name master - 0 0 2 connected 5461-16382',
    'c 10.0.0.3:6379@16379 master - 0 0 3 connected',
    'd 10.0.0.5:6379@16379 master,fail - 0 0 4 disconnected',
    'e :0@0 master,noaddr - 0 0 5 disconnected',
    'r 10.0.0.4:6379@16379 slave a 0 0 1 connected',
    '',
  ].join('\n'),
);

test('Topology.parse() knows who serves which slot', () => {
  const topology = Topology.parse(SLOTS, NODES, here);
  assert.deepEqual(
    topology.nodes.map(({ id }) => id),
    ['a', 'b'],
  );
  assert.deepEqual(
    [0, 5460, 5461, 16_382, 16_383].map((slot) => topology.ownerOf(slot)?.id),
    ['a', 'a', 'b', 'b', undefined],
  );
  assert.equal(topology.unserved.describe(), '16383');
  assert.deepEqual(topology.replicas, [{ host: '10.0.0.4', port: 6379 }]);
  assert.equal(topology.slotsOf(topology.find('a')!).size, 5461);
});

test('Topology.parse() takes the host that was asked for a node that does not know its own', () => {
  assert.deepEqual(Topology.parse(SLOTS, NODES, here).find('b')?.peer, { host: ASKED.host, port: 6380 });
});

test('Topology.find() and at() know living primaries without slots, and neither replicas nor the failed', () => {
  const topology = Topology.parse(SLOTS, NODES, here);
  assert.deepEqual(
    ['a', 'b', 'c', 'd', 'e', 'r'].map((id) => topology.find(id) !== undefined),
    [true, true, true, false, false, false],
  );
  assert.equal(topology.at({ host: '10.0.0.3', port: 6379 })?.id, 'c');
  assert.equal(topology.at({ host: '10.0.0.4', port: 6379 }), undefined);
});

test('Topology.at() knows a node by each of its names, and by the address that it was asked at', () => {
  const slots: Reply = [
    [0, 9, [Buffer.from('one.example'), 7001, Buffer.from('a'), [Buffer.from('ip'), Buffer.from('10.0.0.1')]]],
  ];
  const nodes = 'a 10.0.0.1:7001@17001,one.example,,shard-id=f master - 0 0 1 connected 0-9\n';
  const idle =
    'c 10.0.0.3:7003@17003,three.example master - 0 0 3 connected\nd 10.0.0.4:7004@17004 myself,master - 0 0 4\n';
  const topology = Topology.parse(slots, Buffer.from(nodes + idle), here, ASKED);
  for (const [host, port, id] of [
    ['one.example', 7001, 'a'],
    ['10.0.0.1', 7001, 'a'],
    ['10.0.0.3', 7003, 'c'],
    ['three.example', 7003, 'c'],
    [ASKED.host, ASKED.port, 'd'],
    ['one.example', 7003, undefined],
  ] as const) {
    assert.equal(topology.at({ host, port })?.id, id, `${host}:${port}`);
  }
});

test('Topology.parse() names each node and each replica once, however many ranges the slots are in', () => {
  const ranges = Array.from({ length: 8192 }, (_, i): Reply => {
    const [primary, replica] = i % 2 === 0 ? (['a', 'r'] as const) : (['b', 's'] as const);
    return [i * 2, i * 2, node(`${primary}.example`, 1, primary), node(`${replica}.example`, 1, replica)];
  });
  const topology = Topology.parse(ranges, NODES, here);
  assert.deepEqual([topology.nodes.length, topology.replicas.length], [2, 2]);
  assert.match(topology.unserved.describe(3), /^1, 3, 5 and 8,189 more$/);
});

test('Topology.single() is one node that serves every slot', () => {
  const only = { id: 'only', peer: ASKED };
  const topology = Topology.single(only);
  assert.deepEqual([topology.nodes, topology.ownerOf(16_383), topology.unserved.size], [[only], only, 0]);
});
