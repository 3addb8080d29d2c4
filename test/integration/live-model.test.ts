// A copy that follows random writers ends with what they have left: their seed is printed, and TEST_SEED runs it again.
import { test } from 'node:test';
import { FEEDS, runModel } from '../support/live/model.ts';
import { Standing } from '../support/live/standing.ts';
import { variants } from '../support/tier.ts';

for (const feed of variants(...FEEDS)) {
  test(`rump that follows by ${feed} has all that random writers leave`, async (t) => {
    const [source, target] = await Promise.all([Standing.start(t), Standing.start(t)]);
    const endpoints = ['--from', source.readerUrl, '--to', target.url];
    await runModel(t, { feed, source: source.side, target: target.side, endpoints });
  });
}

for (const feed of variants(...FEEDS.toReversed())) {
  test(`rump that follows by ${feed} keeps to names, databases and types that it was given`, async (t) => {
    const [source, target] = await Promise.all([Standing.start(t), Standing.start(t)]);
    await runModel(t, {
      feed,
      source: source.side,
      target: target.side,
      endpoints: ['--from', source.readerUrl, '--to', target.url],
      // A name that expires in one database and lives in another is taken for a write, where no database is told.
      args: ['--db-map', '0:3,1:0', '--match', '*:*1*', '--exclude', 'list:*', '--add-prefix', 'new:', '--linger', '0'],
      same: {
        databaseOf: (db) => (db === 0 ? 3 : 0),
        nameOf: (name) => (/:.*1/s.test(name) && !name.startsWith('list:') ? `new:${name}` : undefined),
      },
    });
  });
}
