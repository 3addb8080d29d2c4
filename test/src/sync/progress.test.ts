// What a run tells of names that may be the target's own.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespError } from '../../../resp/errors.ts';
import type { MigrateEvent } from '../../../src/sync/options.ts';
import { Progress } from '../../../src/sync/progress.ts';
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
