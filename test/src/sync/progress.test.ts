// What a run tells of names that may be the target's own, and of keys that fail.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import type { MigrateEvent } from '../../../src/sync/options.ts';
import { NOTHING_COUNTED, Progress } from '../../../src/sync/progress.ts';
import type { Settings } from '../../../src/sync/settings.ts';

test('Progress.onDoubt() says why it is not known whose a key is', () => {
  const told: string[] = [];
  const onEvent = (event: MigrateEvent): void => {
    if (event.type === 'warning') told.push(`${event.code}: ${event.message}`);
  };
  const progress = new Progress({ onEvent } as Settings);
  progress.onDoubt(3, Buffer.from('key'));
  progress.onDoubt(3, Buffer.from('other'), new RespError('NOPERM', 'the source would not say'));
  assert.match(told[0]!, /^DOUBTFUL: the target has "key" in db 3, which the source does not have/);
  assert.match(told[1]!, /^DOUBTFUL: the target has "other" in db 3, .*cannot be told \(the source would not say\)/);
});

test('Progress tells of a key that is in place after it failed, and has it read once more: it may have been read before', () => {
  const told: string[] = [];
  const onEvent = ({ type }: MigrateEvent): void => void told.push(type);
  const progress = new Progress({ onEvent } as unknown as Settings);
  const key = { db: 0, key: Buffer.from('key') };
  const again: string[] = [];
  progress.follow(
    () => ({ phase: 'following', behind: 0, lag: null }),
    (same) => same,
    (found) => again.push(String(found.key)),
  );
  progress.onInPlace(key);
  progress.onReadRefused(key.db, key.key, new RespError('NOPERM', 'no'));
  progress.onInPlace(key);
  progress.onInPlace(key);
  assert.deepEqual(again, ['key']);
  assert.deepEqual(progress.allFailed.names, []);
  progress.onReadRefused(key.db, key.key, new RespError('NOPERM', 'no'));
  assert.equal(progress.allFailed.names.length, 1);
  assert.deepEqual(told, ['key-failed', 'key-recovered', 'key-failed']);
});

test('Progress.onFirstFailure is called once a run, also where keys have failed in an earlier part', () => {
  const progress = new Progress({ onEvent: () => {} } as unknown as Settings);
  const told: string[] = [];
  progress.onFirstFailure = (error) => told.push(error.message);
  progress.goOn({ ...NOTHING_COUNTED, reconnects: 0, elapsed: 0 }, 3);
  for (const key of ['first', 'second']) progress.onReadRefused(0, Buffer.from(key), new RespError('ERR', `no ${key}`));
  assert.deepEqual(told, ['Stopped at the first key that failed: no first']);
});
