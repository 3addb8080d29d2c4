// What is asked of a server before it is said that it lost keys.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LossWatch } from '../../../src/scan/loss-watch.ts';
import { parseInfo } from '../../../src/server/info.ts';
import type { Session } from '../../../src/server/session.ts';

const KEYS = 1000;
/** A flush is counted by the third look. */
const COUNTED_AT = 3;

test('LossWatch looks as often as a flush may need to be counted, however long it stood still meanwhile', async (t) => {
  let [looks, isFlushed] = [0, false];
  const info = (): string => `run_id:a\r\nrole:master\r\n${isFlushed ? '' : `db0:keys=${KEYS},expires=0\r\n`}`;
  const session = {
    peer: { host: 'db', port: 6379 },
    server: { info: parseInfo(info()), learntAt: performance.now() },
    selection: { use: () => {} },
    request: (name: string, section?: string) => {
      if (name === 'DBSIZE') return Promise.resolve(isFlushed ? 0 : KEYS);
      if (section === undefined) return Promise.resolve(Buffer.from(info()));
      looks++;
      const flushes = isFlushed && looks > COUNTED_AT ? 'cmdstat_flushall:calls=1\r\n' : '';
      return Promise.resolve(Buffer.from(`cmdstat_info:calls=${looks}\r\n${flushes}`));
    },
  } as unknown as Session;
  const watch = new LossWatch();
  const first = await watch.begin(session, 0);
  isFlushed = true;
  const last = await watch.look(session, 0);
  let now = performance.now();
  t.mock.method(performance, 'now', () => (now += 60_000));
  const error = await watch.lossOf(session, 0, first, KEYS / 2, last);
  assert.match(String(error?.message), /it was flushed or swapped meanwhile/);
});
