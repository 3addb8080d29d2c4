// Addresses that a server announces and nobody vouches for: nothing is sent there, no password and no data.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertDone, assertRefused } from '../support/outcome.ts';
import { startServer } from '../support/redis-server.ts';
import { runRump } from '../support/rump.ts';

const METADATA = '169.254.169.254';

test('rump does not follow a cluster or a sentinel to a link-local address, unless it is told where that is', async (t) => {
  const [node, other] = await Promise.all([
    startServer({ args: ['--cluster-enabled', 'yes', '--cluster-announce-ip', METADATA] }),
    startServer(),
  ]);
  const answer = `*2\r\n$${METADATA.length}\r\n${METADATA}\r\n$4\r\n6379\r\n`;
  const sentinel = createServer((socket) => socket.on('error', () => {}).on('data', () => socket.write(answer)));
  sentinel.listen(0, '127.0.0.1');
  await once(sentinel, 'listening');
  t.after(() => sentinel.close());
  t.after(() => Promise.all([node.stop(), other.stop()]));
  const client = await node.client();
  await client.send('CLUSTER', 'ADDSLOTS', ...Array.from({ length: 16_384 }, (_, slot) => slot));
  while (!String(await client.send('CLUSTER', 'INFO')).includes('cluster_state:ok')) await sleep(20);
  await client.send('SET', 'key', 'value');

  const watched = `redis+sentinel://127.0.0.1:${(sentinel.address() as AddressInfo).port}/main`;
  for (const [announced, port] of [
    [node.url, node.port],
    [watched, 6379],
  ] as const) {
    for (const [flag, args] of [
      ['--from-nat', ['--from', announced, '--to', other.url]],
      ['--to-nat', ['--from', other.url, '--to', announced]],
    ] as const) {
      assertRefused(await runRump(args), {
        error: new RegExp(
          `${METADATA}:${port}, as was announced: .*link-local .*${flag} ${METADATA}:${port}=HOST:PORT`,
        ),
      });
    }
    const nat = ['--from-nat', `${METADATA}:${port}=127.0.0.1:${node.port}`];
    // What the sentinel names is a node of a cluster here, whose own address is announced in its turn.
    const all = [...nat, '--from-nat', `${METADATA}:${node.port}=127.0.0.1:${node.port}`].slice(port === 6379 ? 0 : 2);
    assertDone(await runRump(['--from', announced, '--to', other.url, ...all]));
  }
  assert.equal(String(await (await other.client()).send('GET', 'key')), 'value');
});
