// Peers that answer what no server says: the run ends, and says which key it was about.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { array, integer, nil } from '../support/frames.ts';
import { BIG_KEY, fillLarge } from '../support/large-keyspace.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

/** What reads a large value of each type. */
const COMMANDS = [
  ['string', 'GETRANGE'],
  ['list', 'LRANGE'],
  ['set', 'SSCAN'],
  ['zset', 'ZSCAN'],
  ['hash', 'HSCAN'],
  ['stream', 'XRANGE'],
] as const;

for (const [shape, answer] of [
  ['an integer', integer(7)],
  ['nothing', nil],
  ['a list of integers', array(integer(1), integer(2))],
] as const) {
  test(`A value fails by its name where a peer answers ${shape} when it is read, and others arrive`, async (t) => {
    const { source, target, from, to } = await startPair(t);
    await fillLarge(from);
    await from.send('SET', 'small', 'value');
    const { url } = await replyProxy(t, source.port, ([command]) =>
      /^(GETRANGE|LRANGE|XRANGE|[HSZ]SCAN)$/.test(command!) ? answer : undefined,
    );
    const result = await runRump(['--from', url, '--to', target.url, ...BIG_KEY]);
    assert.equal(result.code, 1, result.stderr);
    for (const [type, command] of COMMANDS) {
      assert.match(
        result.stderr,
        new RegExp(`key "large:${type}" in db 0: Cannot read the value: what ${command} was`),
      );
    }
    assert.deepEqual(await to.send('KEYS', '*'), [Buffer.from('small')]);
  });
}
