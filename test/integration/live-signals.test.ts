// However a copy that follows is stopped, in whichever phase: it never says that it is done.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Following, PHASE } from '../support/live/model.ts';
import { serverSide } from '../support/live/sides.ts';
import { assertPlainWords } from '../support/outcome.ts';
import { processOf, spawnRump } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { startProxy } from '../support/tcp-proxy.ts';
import { variants } from '../support/tier.ts';

const KEYS = 2000;
const CODES = { SIGTERM: 143, SIGHUP: 129, SIGINT: 130 } as const;

const SIGNALS = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGKILL'] as const;

type Signal = (typeof SIGNALS)[number];

interface Held {
  readonly pair: ServerPair;
  readonly run: Following;
}

const NOT_COPIED = /^rump: Stopped by .* before everything was copied/m;
const NOT_KNOWN = /^rump: Stopped by .* before it was known whether anybody still writes/m;

/** By phase, in which the run stays until it is stopped: the signal that the quick tier sends, and what is said. */
const PHASES: Readonly<Record<string, readonly [Signal, (t: TestContext) => Promise<Held>, said?: RegExp]>> = {
  'copies what was there': ['SIGKILL', (t) => hold(t, PHASE.copying, ['--tpslimit', '200'])],
  'follows what changes': ['SIGHUP', (t) => hold(t, PHASE.inSync)],
  'cuts over': [
    'SIGINT',
    async (t) => {
      const held = await hold(t, PHASE.inSync);
      held.pair.source.pause();
      held.run.cutOver();
      await held.run.reaches(PHASE.cutover);
      return held;
    },
  ],
  'looks for whoever still writes': [
    'SIGTERM',
    async (t) => {
      const held = await hold(t, PHASE.inSync, ['--linger', '60s']);
      held.run.cutOver();
      await held.run.reaches(PHASE.lingering);
      return held;
    },
    NOT_KNOWN,
  ],
};

for (const [what, [own, reach, said = NOT_COPIED]] of Object.entries(PHASES)) {
  for (const signal of variants(own, ...SIGNALS.filter((signal) => signal !== own))) {
    test(`rump that gets ${signal} while it ${what} does not say that it is done`, async (t) => {
      const { pair, run } = await reach(t);
      processOf(run.running).kill(signal);
      const result = await run.done();
      pair.source.resume();
      assert.doesNotMatch(result.stdout + result.stderr, /Sync done/);
      if (signal === 'SIGKILL') assert.equal(result.signal, signal);
      else {
        assert.equal(result.code, CODES[signal], result.stderr);
        assert.match(result.stderr, said);
      }
      assertPlainWords(result);
    });
  }
}

/** By feed: words behind which a source hears nothing more of a connection. */
const STALLS: readonly (readonly [feed: string, word: string])[] = [
  ['psync', 'listening-port'],
  ['tracking', 'BCAST'],
  ['tracking', 'SUBSCRIBE'],
];

for (const [feed, word] of variants(...STALLS)) {
  test(`rump ends at a SIGTERM, long before --timeout, where the source stalls at ${word} of ${feed}`, async (t) => {
    const { source, target } = await startPair(t);
    const proxy = await startProxy({ port: source.port });
    t.after(() => proxy.close());
    proxy.hold(word, 'up');
    const ways = ['--live', '--feed', feed, '--until-idle', '200ms', '--timeout', '1h'];
    const running = spawnRump(['--from', proxy.url, '--to', target.url, ...ways]);
    while (proxy.met === 0) await sleep(10);
    running.child.kill('SIGTERM');
    const result = await running.done;
    assert.equal(result.code, CODES.SIGTERM, result.stderr);
    assert.match(result.stderr, NOT_COPIED);
  });
}

async function hold(t: TestContext, phase: RegExp, args: readonly string[] = []): Promise<Held> {
  const pair = await startPair(t);
  await pair.from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
  const { endpoints, source } = pair;
  const run = new Following(t, {
    endpoints,
    feed: 'psync',
    source: serverSide(() => source, [0]),
    args,
  }).startProcess();
  await run.reaches(phase);
  return { pair, run };
}
