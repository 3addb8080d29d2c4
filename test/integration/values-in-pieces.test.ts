// Values that are read piece by piece while something happens to them: what arrives is what was there at one moment, with the
// expiry that it had then.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { TestClient } from '../support/client.ts';
import { assertDone } from '../support/outcome.ts';
import { startServer, type TestServer } from '../support/redis-server.ts';
import { replyProxy } from '../support/reply-proxy.ts';
import { runRump } from '../support/rump.ts';
import { servers } from '../support/server-versions.ts';

const FIELDS = 1000;
const IN_PIECES = ['--big-key', '20k'];

for (const { name, binary } of servers('redis-8.0', 'valkey-9.1').slice(1)) {
  let server: TestServer;
  let [from, to]: TestClient[] = [];

  before(async () => {
    server = await startServer({ binary, args: ['--enable-debug-command', 'yes'] });
    [from, to] = [await server.client(), await server.client(9)];
    // What has expired stays where it is, as it does on a replica.
    await from.send('DEBUG', 'SET-ACTIVE-EXPIRE', '0');
  });
  beforeEach(() => server.client().then((client) => client.send('FLUSHALL')));
  after(() => server.stop());

  for (const rest of [0, 10]) {
    test(`Fields that expire behind the scan that shows them are left out, ${rest} others stay (${name})`, async (t) => {
      const names = Array.from({ length: FIELDS }, (_, i) => `field:${i}`);
      await from!.send('HSET', 'hash', ...names.flatMap((field) => [field, 'x'.repeat(50)]));
      await from!.send('HPEXPIRE', 'hash', 60_000, 'FIELDS', FIELDS - rest, ...names.slice(rest));
      await from!.send('SET', 'string', 'value');
      const proxy = await replyProxy(t, server.port, async ([command], reply) => {
        if (command !== 'HSCAN') return undefined;
        const [, page] = reply as [Buffer, Buffer[]];
        const due = page.filter((_, i) => i % 2 === 0).filter((field) => names.indexOf(String(field)) >= rest);
        const now = Date.now();
        if (due.length > 0) await from!.send('HPEXPIREAT', 'hash', now + 1, 'FIELDS', due.length, ...due);
        while (Date.now() <= now + 1) await from!.send('PING');
        return undefined;
      });
      // Nobody may watch: what is done here would be a change.
      const unwatched = ['--from', proxy.url.replace('//', '//blind:pw@'), '--to', `${server.url}/9`, ...IN_PIECES];
      await from!.send('ACL', 'SETUSER', 'blind', 'on', '>pw', '~*', '&*', '+@all', '-watch');
      const result = await runRump(unwatched);
      assertDone(result);
      assert.equal(await to!.send('HLEN', 'hash'), rest);
      assert.match(result.stderr, new RegExp(`${rest === 0 ? 1 : 0} expired on the way`));
      assert.equal(await to!.send('GET', 'string').then(String), 'value');
    });
  }
}
