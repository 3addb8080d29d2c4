// What error replies mean.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplyError, RespError } from '../../../resp/errors.ts';
import { isForbidden, isUnknownCommand, kindOf, mayPass, redirectOf, scopeOf } from '../../../src/server/refusal.ts';

function parse(text: string): unknown {
  return redirectOf(new ReplyError(text));
}

test('redirectOf() reads MOVED and ASK, IPv6 and a missing host too, and nothing else', () => {
  assert.deepEqual(parse('MOVED 3999 127.0.0.1:6381'), {
    kind: 'moved',
    slot: 3999,
    peer: { host: '127.0.0.1', port: 6381 },
  });
  assert.deepEqual(parse('ASK 1 ::1:6381'), { kind: 'ask', slot: 1, peer: { host: '::1', port: 6381 } });
  assert.deepEqual(parse('MOVED 1 :6381'), { kind: 'moved', slot: 1, peer: { host: '', port: 6381 } });
  for (const text of ['MOVED', 'ERR MOVED 1 a:1', 'TRYAGAIN', 'MOVED x a:1'])
    assert.equal(parse(text), undefined, text);
});

const PEER = { host: '127.0.0.1', port: 6379 };

test('scopeOf(), kindOf() and mayPass() say whom a reply concerns, what it says, and whether it may pass', () => {
  for (const [text, scope, kind, passes] of [
    ['MOVED 1 a:1', 'place', 'moved', true],
    ['ASK 1 a:1', 'place', 'ask', true],
    ['TRYAGAIN Multiple keys request during rehashing of slot', 'place', 'moving', true],
    ['CLUSTERDOWN Hash slot not served', 'place', 'unserved', true],
    ['BUSYKEY Target key name already exists.', 'key', 'exists', false],
    ['WRONGTYPE Operation against a key', 'key', 'other-value', false],
    ['NOGROUP No such key', 'key', 'other-value', false],
    ["NOPERM User u has no permissions to run the 'dump' command", 'key', 'forbidden', false],
    ['ERR DUMP payload version or checksum are wrong', 'key', 'not-understood', false],
    ['no code at all', 'key', 'not-understood', false],
    ['LOADING Redis is loading the dataset in memory', 'server', 'loading', true],
    ['OOM command not allowed', 'server', 'other', true],
    ['READONLY You cannot write against a read only replica.', 'server', 'other', true],
    ['NOAUTH Authentication required.', 'server', 'password-missing', false],
    ['ERR max number of clients reached', 'server', 'other', true],
    ['NEVERHEARD of it', 'key', 'other', false],
  ] as const) {
    const reply = new ReplyError(text, PEER);
    assert.deepEqual([scopeOf(reply), kindOf(reply), mayPass(reply)], [scope, kind, passes], text);
  }
  assert.equal(kindOf(new RespError('BUSYKEY', 'Another key has the name')), 'exists');
});

test('isForbidden() tells a missing right to the command from one to a key', () => {
  for (const [text, isCommand] of [
    ["NOPERM this user has no permissions to run the 'cluster' command", true],
    ["NOPERM User u has no permissions to run the 'cluster|slots' command", true],
    ["NOPERM User u has no permissions to run the 'scan' command", false],
    ['NOPERM No permissions to access a key', false],
    ["ERR unknown command 'cluster'", false],
  ] as const) {
    assert.equal(isForbidden(new ReplyError(text, PEER), 'CLUSTER'), isCommand, text);
  }
});

test('isUnknownCommand() knows the words of Redis and of proxies, with a code and without', () => {
  for (const text of ["ERR unknown command 'DUMP'", 'ERR Unknown command', 'unsupported command']) {
    assert.equal(isUnknownCommand(new ReplyError(text, PEER)), true, text);
  }
  for (const text of ['ERR Bad data format', 'NOPERM unknown command']) {
    assert.equal(isUnknownCommand(new ReplyError(text, PEER)), false, text);
  }
});
