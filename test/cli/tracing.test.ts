// What is traced, and for how long: nobody pays for frames that are written nowhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secrets } from '../../resp/secrets.ts';
import { traced } from '../../src/cli/tracing.ts';
import { command } from '../support/frames.ts';

/** Counts the texts that are looked through. */
class CountedSecrets extends Secrets {
  count = 0;

  override hide(text: string): string {
    this.count++;
    return super.hide(text);
  }
}

test('traced() formats no frame any more once the trace cannot be written', async () => {
  const secrets = new CountedSecrets();
  const told: string[] = [];
  const stderr = { write: (text: string) => told.push(text) > 0 };
  await traced({ trace: '/dev/full' }, { stderr }, async (tap) => {
    const connection = tap!('source', { host: 'h', port: 1 }, secrets);
    const frame = command('SET', 'key', 'x'.repeat(60));
    while (told.length === 0 && secrets.count < 100_000) connection.onSent(frame);
    const before = secrets.count;
    assert.ok(before > 0 && before < 100_000);
    for (let i = 0; i < 10; i++) for (const tell of ['onSent', 'onReceived'] as const) connection[tell](frame);
    assert.equal(secrets.count, before);
  });
  assert.match(
    told.join(''),
    /^rump: warning: the trace ends here: Cannot write \/dev\/full: no space is left \(ENOSPC\)\n$/,
  );
});
