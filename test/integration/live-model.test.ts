// A copy that follows random writers ends with what they have left: their seed is printed, and TEST_SEED runs it again.
import { test } from 'node:test';
import { FEEDS, runModel } from '../support/live/model.ts';
import { Standing } from '../support/live/standing.ts';

for (const feed of FEEDS) {
  test(`rump that follows by ${feed} has all that random writers leave`, async (t) => {
    const [source, target] = await Promise.all([Standing.start(t), Standing.start(t)]);
    const endpoints = ['--from', source.readerUrl, '--to', target.url];
    await runModel(t, { feed, source: source.side, target: target.side, endpoints });
  });
}
