// What a peer says, without the passwords that it was told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { ReplyError } from '../../resp/errors.ts';
import { Secrets } from '../../resp/secrets.ts';

const SECRET = 'zebra "otter"\\heron\n€';

test('Secrets.hide() takes a secret out in every form in which it may come back', () => {
  const secrets = new Secrets([SECRET]);
  for (const form of [
    SECRET,
    'zebra "otter"\\heron €',
    String.raw`zebra \"otter\"\\heron\n\xe2\x82\xac`,
    'zebra%20%22otter%22%5Cheron%0A%E2%82%AC',
    Buffer.from(SECRET).toString('base64'),
  ]) {
    assert.equal(secrets.hide(`ERR unknown command '${form}', ${form}.`), "ERR unknown command '***', ***.");
  }
});

test('Secrets.hide() takes out the beginning of a secret that was cut, and of no other word', () => {
  const secrets = new Secrets(['passwords-are-long']);
  assert.equal(secrets.hide("ERR unknown command 'passwords-ar'"), "ERR unknown command '***'");
  assert.equal(secrets.hide('ERR passwords-'), 'ERR ***');
  assert.equal(secrets.hide('WRONGPASS invalid username-password pair'), 'WRONGPASS invalid username-password pair');
});

test('Secrets.hide() takes the longer of two secrets, and a short one only where it stands alone', () => {
  const secrets = new Secrets(['hunter', 'hunter2', 'a', '', undefined]);
  assert.equal(secrets.hide('hunter2 hunter'), '*** ***');
  assert.equal(secrets.hide("what a password: 'a'"), "what *** password: '***'");
  assert.equal(new Secrets(['']).hide('any'), 'any');
});

test('ReplyError shows no secret and understands what was said all the same', () => {
  const error = new ReplyError('MOVED 6379 10.0.0.1:6379', undefined, new Secrets(['6379']));
  assert.equal(error.code, 'MOVED');
  assert.equal(error.words, 'MOVED 6379 10.0.0.1:6379');
  assert.doesNotMatch(inspect(error, { showHidden: true, depth: Infinity }) + JSON.stringify(error), /6379/);
});

test('ReplyError has a bound', () => {
  assert.equal(new ReplyError(`ERR ${'x'.repeat(10_000)}`).message.length, 501);
});
