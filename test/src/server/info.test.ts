// What is read out of INFO.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isSameKeyspace, keysIn, parseInfo, type ServerInfo } from '../../../src/server/info.ts';

function recorded(server: string): string {
  const frame = readFileSync(new URL(`../../../../fixtures/frames/${server}-info.resp`, import.meta.url), 'latin1');
  return frame.slice(frame.indexOf('\n') + 1, -2);
}

test('parseInfo() knows a Redis by what it says', () => {
  assert.deepEqual(parseInfo(recorded('redis-7.0')), {
    name: 'redis',
    version: '7.0.15',
    runId: /run_id:(\w{40})/.exec(recorded('redis-7.0'))![1],
    role: 'primary',
    replicationId: /master_replid:(\w{40})/.exec(recorded('redis-7.0'))![1],
    formerReplicationId: /master_replid2:(\w{40})/.exec(recorded('redis-7.0'))![1],
    cluster: false,
    usedMemory: Number(/used_memory:(\d+)/.exec(recorded('redis-7.0'))![1]),
    usedByValues: Number(/used_memory_dataset:(\d+)/.exec(recorded('redis-7.0'))![1]),
    usedByClients: Number(/mem_clients_normal:(\d+)/.exec(recorded('redis-7.0'))![1]),
    maxMemory: 0,
    expiredKeys: 0,
    expiredFields: 0,
    evictedKeys: 0,
    unfreed: 0,
    countsFrequency: false,
    hasKeyspace: true,
    keyspace: [
      {
        db: 0,
        keys: Number(/db0:keys=(\d+)/.exec(recorded('redis-7.0'))![1]),
        expiring: Number(/db0:.*expires=(\d+)/.exec(recorded('redis-7.0'))![1]),
        volatile: 0,
      },
    ],
  });
});

test('parseInfo() knows a Valkey by its own version, not by the one that it pretends to have', () => {
  assert.match(recorded('valkey-8.1'), /redis_version:7\.2\.4/);
  const { name, version } = parseInfo(recorded('valkey-8.1'));
  assert.deepEqual([name, version], ['valkey', '8.1.1']);
});

test('parseInfo() knows a Redict by its own version', () => {
  const { name, version } = parseInfo('# Server\r\nredis_version:7.2.4\r\nredict_version:7.3.5\r\n');
  assert.deepEqual([name, version], ['redict', '7.3.5']);
});

test('parseInfo() reads role, cluster and memory', () => {
  const info = parseInfo('role:slave\r\ncluster_enabled:1\r\nused_memory:1234\r\nmaxmemory:17179869184\r\n');
  assert.deepEqual([info.role, info.cluster, info.usedMemory, info.maxMemory], ['replica', true, 1234, 17_179_869_184]);
});

test('parseInfo() takes all memory for that of the values where they are not told apart', () => {
  assert.equal(parseInfo('used_memory:1234\r\n').usedByValues, 1234);
  const below = 'used_memory:709240\r\nused_memory_dataset:18446744073709523488\r\n';
  assert.equal(parseInfo(below).usedByValues, 709_240, 'No number below nought is a very large one');
});

test('parseInfo() reads which databases hold keys, and how many', () => {
  const info = parseInfo('# Keyspace\r\ndb0:keys=3,expires=1,avg_ttl=0\r\ndb12:keys=70000,expires=0\r\ndb:keys=1\r\n');
  assert.deepEqual(info.keyspace, [
    { db: 0, keys: 3, expiring: 1, volatile: 0 },
    { db: 12, keys: 70_000, expiring: 0, volatile: 0 },
  ]);
  assert.deepEqual([keysIn(info), keysIn(info, 12), keysIn(info, 1)], [70_003, 70_000, 0]);
});

test('parseInfo() knows which policies count how often a key is used', () => {
  const policies = ['allkeys-lfu', 'volatile-lfu', 'allkeys-lru', 'noeviction'];
  const counts = policies.map((policy) => parseInfo(`maxmemory_policy:${policy}\r\n`).countsFrequency);
  assert.deepEqual(counts, [true, true, false, false]);
});

test('parseInfo() keeps colons in a value, and takes no comment for a field', () => {
  const info = parseInfo('# redis_version:1.0\r\nrun_id:a:b:c\r\nredis_version:6.0.16\r\n');
  assert.deepEqual([info.runId, info.version], ['a:b:c', '6.0.16']);
});

test('parseInfo() has an answer for a server that says nothing', () => {
  assert.deepEqual(parseInfo(''), {
    name: 'redis',
    version: 'unknown',
    runId: '',
    role: 'primary',
    replicationId: '',
    formerReplicationId: '',
    cluster: false,
    usedMemory: 0,
    usedByValues: 0,
    usedByClients: 0,
    maxMemory: 0,
    expiredKeys: 0,
    expiredFields: 0,
    evictedKeys: 0,
    unfreed: 0,
    countsFrequency: false,
    hasKeyspace: false,
    keyspace: [],
  });
});

test('isSameKeyspace() knows by process, role and history whether a walk may go on', () => {
  const cases: readonly (readonly [what: string, before: ServerInfo, now: ServerInfo, isSame: boolean])[] = [
    ['a restart', info('a', 'primary', '1'), info('b', 'primary', '1'), false],
    ['the first replica attaches', info('a', 'primary', '1'), info('a', 'primary', '2'), true],
    ['a backlog is given up', info('a', 'primary', '2', '1'), info('a', 'primary', '3'), true],
    ['it is told again that it is a primary', info('a', 'primary', '2', '1'), info('a', 'primary', '2', '1'), true],
    ['it was a replica of another one', info('a', 'primary', '1'), info('a', 'primary', '3', '2'), false],
    ['the replica is promoted', info('a', 'replica', '1'), info('a', 'primary', '2', '1'), true],
    ['the primary hands over', info('a', 'primary', '1'), info('a', 'replica', '2', '1'), true],
    ['the primary takes the data of another one', info('a', 'primary', '1'), info('a', 'replica', '2'), false],
    ['the replica goes on', info('a', 'replica', '1'), info('a', 'replica', '1'), true],
    ['its primary fails over', info('a', 'replica', '1'), info('a', 'replica', '2', '1'), true],
    ['the replica takes the data of another one', info('a', 'replica', '1'), info('a', 'replica', '2'), false],
    ['it does not say who it is', info('', 'primary', ''), info('', 'primary', ''), false],
  ];
  for (const [what, before, now, isSame] of cases) assert.equal(isSameKeyspace(before, now), isSame, what);
});

function info(
  runId: string,
  role: 'primary' | 'replica',
  replicationId: string,
  formerReplicationId = '0',
): ServerInfo {
  return { ...parseInfo(''), runId, role, replicationId, formerReplicationId };
}
