// What error replies mean.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplyError } from '../../../resp/errors.ts';
import { redirectOf } from '../../../src/server/refusal.ts';

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
