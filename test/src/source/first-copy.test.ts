// The snapshots of a first copy, and which nodes are asked for one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstCopy, type FirstCopyOptions } from '../../../src/source/first-copy.ts';
import { openSource } from '../../support/deployment.ts';
import { lend } from '../../support/lent-servers.ts';

function never(): void {
  assert.fail('nothing is read');
}

test('FirstCopy asks no node for a snapshot that nobody follows: what changes there would be told by nobody', async (t) => {
  const server = await lend(t);
  const { deployment, link } = await openSource(server.port);
  t.after(() => deployment.close());
  const told: unknown[] = [];
  const options: FirstCopyOptions = {
    ...link,
    databases: 'all',
    includes: () => true,
    mode: 'exact',
    preserveIdle: false,
    bigKey: Infinity,
    clock: { now: Date.now, isRelative: false },
  };
  const sink = { onGone: never, onExpired: never, onReadRefused: never, onShrunk: never };
  const copy = new FirstCopy(deployment, options, { ...sink, onNotice: (notice) => told.push(notice) });
  const hearing = { processOf: async () => undefined, askedOf: () => undefined };
  await copy.begin(hearing);
  const { peer } = deployment.topology.nodes[0]!;
  assert.deepEqual(told, [{ code: 'SNAPSHOT_LOST', peer, reason: 'nobody follows it yet' }]);
  const stats = String(await (await server.client()).send('INFO', 'stats'));
  assert.match(stats, /^sync_full:0\r$/m);
  copy.close();
});
