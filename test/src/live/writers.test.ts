// Who writes to a source, where what its servers remove by themselves is told as any other change.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SaidInfos } from '../../../src/live/followed-node.ts';
import { Writers } from '../../../src/live/writers.ts';
import type { Written } from '../../../src/live/written-keys.ts';
import { parseInfo, type ServerInfo } from '../../../src/server/info.ts';

const EXPIRED = 500;

/** One source, of which some keys have expired before it is looked at. */
async function begin() {
  const told = {
    changes: 0,
    gone: 0,
    count: (_db: number | undefined, _key: Buffer, times: number) => ((told.changes += times), true),
    countUnnamed: (changes: number) => void (told.changes += changes),
  };
  const infos = new Map([['node', infoOf('a', EXPIRED)]]);
  const written: { now: Written; onAsked?: () => void } = { now: { keys: [], slots: [] } };
  /** What a process said at first, by its run id; the same as now where it is missing. */
  const firsts = new Map<string, ServerInfo>();
  const last: SaidInfos[] = [];
  const saidOf = (nodeId: string, now: ServerInfo): SaidInfos => ({ nodeId, first: firsts.get(now.runId) ?? now, now });
  const feeds = {
    infos: () => Promise.resolve(Array.from(infos, ([id, now]) => saidOf(id, now))),
    takeLastInfos: () => last.splice(0),
    caughtUp: async () => {},
    written: () => {
      written.onAsked?.();
      return Promise.resolve(written.now);
    },
  };
  const writers = new Writers(feeds, told);
  await writers.begin();
  const write = (changes: number): void => void (told.changes += changes);
  return { writers, told, infos, firsts, last, written, write, count: () => writers.count(told.changes) };
}

test('Writers takes keys for expired that the server has expired since it was asked first, and no more', async () => {
  const { told, infos, count } = await begin();
  infos.set('node', infoOf('a', EXPIRED + 10));
  told.changes += 15;
  told.gone += 15;
  assert.equal(await count(), 5);
});

test('Writers sees nobody in a server that says nothing for a while, and whoever writes behind that', async () => {
  const { infos, write, count } = await begin();
  infos.clear();
  assert.equal(await count(), 0);
  infos.set('node', infoOf('a', EXPIRED));
  write(1);
  assert.equal(await count(), 1);
});

test('Writers sees nobody in a server that has begun anew to count, nor in one that has counted elsewhere', async () => {
  const { infos, write, count } = await begin();
  infos.set('node', infoOf('restarted', 0));
  assert.equal(await count(), 0);
  infos.set('node', infoOf('other', 10 * EXPIRED));
  infos.set('another', infoOf('a', 0));
  assert.equal(await count(), 0);
  write(1);
  assert.equal(await count(), 1);
});

test('Writers takes keys for expired that expire at a server which is followed only since then, or no more', async () => {
  const { told, infos, firsts, last, count } = await begin();
  firsts.set('new', infoOf('new', 70));
  infos.set('other', infoOf('new', 72));
  infos.delete('node');
  last.push({ nodeId: 'node', first: infoOf('a', 0), now: infoOf('a', EXPIRED + 3) });
  told.changes += 6;
  told.gone += 6;
  assert.equal(await count(), 1);
  assert.equal(await count(), 1);
});

test('Writers.idleFor() begins anew with whoever writes, though the server was lost in between', async () => {
  const { writers, infos, told, write } = await begin();
  infos.clear();
  await writers.idleFor(told.changes);
  infos.set('node', infoOf('a', EXPIRED));
  const before = performance.now();
  while (performance.now() - before < 5) await writers.idleFor(told.changes);
  write(1);
  assert.ok((await writers.idleFor(told.changes)) < performance.now() - before);
});

test('Writers counts what has to be asked for, by name or not, and not what was written before', async () => {
  const { writers, told, written, count } = await begin();
  written.now = { keys: [{ db: 0, key: Buffer.from('early'), times: 1 }], slots: [] };
  await writers.begin();
  const before = told.changes;
  written.now = { keys: [{ db: 0, key: Buffer.from('late'), times: 2 }], slots: [7] };
  await writers.look();
  assert.equal(await count(), 3);
  assert.deepEqual(writers.names.map(String), ['late']);
  assert.equal(told.changes, before + 3);
});

test('Writers takes a key for expired that expires and is read while it begins, and is counted behind that', async () => {
  const { writers, told, infos, written, count } = await begin();
  written.onAsked = () => {
    told.gone += 1;
    infos.set('node', infoOf('a', EXPIRED + told.gone));
  };
  await writers.begin();
  delete written.onAsked;
  written.now = { keys: [{ db: 0, key: Buffer.from('expired'), times: 1 }], slots: [] };
  await writers.look();
  assert.equal(await count(), 0);
});

function infoOf(runId: string, expired: number): ServerInfo {
  return parseInfo(`run_id:${runId}\r\nexpired_keys:${expired}\r\n`);
}
