// Connections that end in the middle of a frame, at many places and in both directions: never a hang, never a false "Sync done.".
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { fillAllTypes } from '../support/keyspace.ts';
import { assertDone, assertFailed, assertPlainWords } from '../support/outcome.ts';
import { runRump, type RumpResult } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { startProxy, type Direction } from '../support/tcp-proxy.ts';
import { variants } from '../support/tier.ts';

/** Of all the bytes that a whole copy sends in that direction; the first places are within the first frames. */
const SHARES = [0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9];
const FEWEST_BYTES = 3;
const AT_ONCE = 4;

for (const side of variants<'source' | 'target'>('source', 'target')) {
  for (const direction of ['up', 'down'] as const) {
    test(`rump fails wherever the bytes ${direction} the line of the ${side} are cut`, async (t) => {
      const pair = await startPair(t);
      await fillAllTypes(pair.from);
      const whole = await runCut(t, pair, side, direction, Infinity);
      assertDone(whole.result);
      let failed = 0;
      await inTurns(SHARES, async (share) => {
        const bytes = Math.max(FEWEST_BYTES, Math.floor(whole.bytes * share));
        const { result, port } = await runCut(t, pair, side, direction, bytes);
        assert.ok(result.elapsed < 30_000, `After ${bytes} bytes it took ${result.elapsed} ms`);
        // One that is cut at a courtesy, or while nothing is asked on it, is opened again, and then nothing is missing.
        if (result.code === 0) return assert.equal(keysOf(result), keysOf(whole.result));
        failed++;
        const error = new RegExp(`^rump: (Lost the connection to|Cannot connect to) 127\\.0\\.0\\.1:${port}: `);
        // Whoever is lost once the copy has begun may be back: the same command may fare better.
        assertFailed(result, { code: result.code === 75 ? 75 : 1, error });
        assertPlainWords(result);
      });
      assert.ok(failed >= SHARES.length - 2, `${failed} of ${SHARES.length} were felt`);
    });
  }
}

/** As the summary says it. */
function keysOf({ stderr }: RumpResult): string | undefined {
  return /^rump: ([\d,]+ keys)/m.exec(stderr)?.[1];
}

async function runCut(
  t: TestContext,
  pair: ServerPair,
  side: 'source' | 'target',
  direction: Direction,
  bytes: number,
): Promise<{ result: RumpResult; port: number; bytes: number }> {
  const proxy = await startProxy({ port: pair[side].port });
  t.after(() => proxy.close());
  proxy.cutAfter(bytes, direction);
  const endpoints = pair.endpoints.map((word) => (word === pair[side].url ? proxy.url : word));
  const result = await runRump([...endpoints, '--retries', '0']);
  return { result, port: proxy.port, bytes: direction === 'up' ? proxy.bytesUp : proxy.bytesDown };
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += AT_ONCE) {
    await Promise.all(items.slice(start, start + AT_ONCE).map(work));
  }
}
