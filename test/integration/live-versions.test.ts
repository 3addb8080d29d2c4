// Every version of a server that can be followed, by each feed, into one of its kind.
import { test } from 'node:test';
import { FEEDS, runModel } from '../support/live/model.ts';
import { Standing } from '../support/live/standing.ts';
import { present, VERSIONS } from '../support/server-versions.ts';
import { count } from '../support/tier.ts';

const FOLLOWING_MS = count(500, 3000);
/** The default server stands for them in the quick tier; this one has expiries of fields. */
const QUICK = ['valkey-9.1'] as const;

for (const { name, binary } of present(count(1, 2) === 1 ? QUICK : VERSIONS)) {
  for (const feed of FEEDS.slice(0, count(1, 2))) {
    test(`rump follows random writers to ${name} by ${feed}`, async (t) => {
      const [source, target] = await Promise.all([Standing.start(t, { binary }), Standing.start(t, { binary })]);
      await runModel(t, {
        feed,
        source: source.side,
        target: target.side,
        endpoints: ['--from', source.readerUrl, '--to', target.url],
        following: FOLLOWING_MS,
        before: count(1500, 3000),
      });
    });
  }
}
