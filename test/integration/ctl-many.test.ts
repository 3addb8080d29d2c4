// Several copies at once that follow their source, and one operator who speaks to all of them through the folder of their
// sockets.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { listening } from '../support/controlled.ts';
import { assertSameData } from '../support/keyspace.ts';
import { underWay } from '../support/mid-run.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, spawnRump, type RunningRump } from '../support/rump.ts';
import { longOnly } from '../support/tier.ts';
import { startPair } from '../support/server-pair.ts';

const DATABASES = [0, 1];
const KEYS = 200;
const POLL_MS = 20;

// In the quick tier control-group.test.ts says the same to what answers like a run, and workers.test.ts to real ones.
longOnly(() => {
  test('rump ctl DIR cuts over all copies at once, and none of them while one is dead', async (t) => {
    const { source, target } = await startPair(t);
    const folder = folderOf(t);
    const pathOf = (db: number): string => join(folder, `db-${db}.sock`);
    const start = async (db: number): Promise<RunningRump> => {
      const ends = ['--from', source.url, '--to', target.url, '--db', String(db), '--db-map', `${db}:${db}`];
      const progress = ['--linger', '0s', '--resume', join(folder, `db-${db}.progress`)];
      const running = spawnRump([...ends, '--live', ...progress, '--control', pathOf(db)]);
      t.after(() => running.child.kill('SIGKILL'));
      await listening(running, pathOf(db));
      return running;
    };
    for (const db of DATABASES) {
      const from = await source.client(db);
      await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `${db}:${i}`, i]));
    }
    const runs = await Promise.all(DATABASES.map(start));
    const tell = (...words: string[]) => runRump(['ctl', folder, ...words]);
    await underWay(
      runs[0]!,
      async () => /^all .* 400 keys, .*, all in sync$/m.test((await tell('status')).stdout),
      POLL_MS,
    );

    runs[1]!.child.kill('SIGKILL');
    await runs[1]!.done;
    assert.match((await tell('status')).stdout, /^db-1\.sock {2}lost: the run that made it is dead\n/m);
    const refused = await tell('cutover');
    assert.deepEqual([refused.code, refused.stdout], [1, '']);
    assert.match(refused.stderr, /^rump: Cannot cut over, and nobody was told to: db-1\.sock: /);
    assert.match((await tell('status')).stdout, /^db-0\.sock {2}in-sync, /m);

    await (await source.client(1)).send('SET', '1:late', 'written while it was dead');
    runs[1] = await start(1);
    const { code, stdout, stderr } = await tell('cutover');
    assert.equal(code, 0, stderr);
    assert.equal(stdout, 'all in sync\ndb-0.sock: OK\ndb-1.sock: OK\n');
    for (const run of runs) assert.equal((await run.done).code, 0, run.stderr);
    for (const db of DATABASES) await assertSameData(await source.client(db), await target.client(db));
    assert.match((await tell('status')).stderr, /no socket is there/);
  });
});
