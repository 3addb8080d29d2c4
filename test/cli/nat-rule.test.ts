// Where a node is, as operators write it, and what is no such rule.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { natRule } from '../../src/cli/nat-rule.ts';

test('natRule takes names, IPv4, and IPv6 in brackets, each with its port', () => {
  for (const [text, announced, reachable] of [
    ['10.0.0.1:6379=127.0.0.1:7001', { host: '10.0.0.1', port: 6379 }, { host: '127.0.0.1', port: 7001 }],
    ['node-1.example:1=localhost:65535', { host: 'node-1.example', port: 1 }, { host: 'localhost', port: 65_535 }],
    ['[2001:db8::1]:6379=[::1]:7001', { host: '2001:db8::1', port: 6379 }, { host: '::1', port: 7001 }],
  ] as const) {
    assert.deepEqual(natRule.parse(text), { announced, reachable }, text);
  }
});

test('natRule refuses a rule that is not whole', () => {
  for (const text of [
    '',
    '=',
    'a:1',
    'a:1=',
    '=b:2',
    'a:1=b',
    'a=b:2',
    'a:1=b:2=c:3',
    'a:1=b:2,c:3=d:4',
    'a:1=redis://b:2',
    'a:1=:pass@b:2',
    'a:1=b:2/0',
    ' a:1=b:2',
  ]) {
    assert.throws(() => assert.notEqual(natRule.parse(text), undefined), text);
  }
  for (const text of ['a:0=b:2', 'a:1=b:65536', '::1:1=b:2', '[a]:1=b:2']) {
    assert.throws(() => natRule.parse(text), { code: 'ADDRESS' }, text);
  }
});
