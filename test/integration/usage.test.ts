// Command lines that cannot be used: exit code 2, one line that says what to write instead, and nothing is connected to.
import { test } from 'node:test';
import { assertRefused } from '../support/outcome.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

test('rump exits with 2 for a command line that it cannot use', async (t) => {
  const { source, target } = await startPair(t);
  const good = ['--from', source.url, '--to', target.url];
  const cases: readonly (readonly [args: readonly string[], error: RegExp])[] = [
    [['--from', source.url], /without a target.*--to/],
    [['--to', target.url], /without a source.*--from/],
    [[...good, '--on-conflct', 'skip'], /--on-conflct.*did you mean --on-conflict/],
    [[...good, '--on-conflict', 'merge'], /"merge".*replace, skip, fail/],
    [[...good, '--count', '0'], /"0" for --count/],
    [[...good, '--timeout', '5 days'], /"5 days" for --timeout/],
    [[...good, '--from', source.url], /--from twice/],
    [[...good, '--db', '0,0'], /"0,0" for --db/],
    [[...good, '--db-map', '3:0'], /--db-map.*3 is not copied/],
    [[...good, '--from-tls-ca', 'ca.crt'], /--from-tls-ca.*rediss:\/\//],
    [['--from', source.url, '--to', '-', '--json'], /--json.*--to -/],
    [['--from', 'rediss://127.0.0.1', '--to', target.url, '--from-tls-ca', '/no/such/ca'], /CA file \/no\/such\/ca/],
    [[...good, '-ttl', '--no-ttl'], /--ttl and --no-ttl together/],
    [[source.url, target.url], /--from and --to/],
    [['--from', `127.0.0.1:${source.port}`, '--to', target.url], /no scheme.*redis:\/\/host:port/],
    [['--from', 'http://127.0.0.1', '--to', target.url], /http:\/\//],
    [['--from', 'redis://127.0.0.1:99999', '--to', target.url], /99999/],
    [['--from', source.url, '--to', 'x.rdb'], /x\.rdb|snapshot/],
    [[...good, '--from-password-file', '/no/such/file'], /\/no\/such\/file/],
  ];
  for (const [args, error] of cases) assertRefused(await runRump(args), { code: 2, error });
  assertRefused(await runRump(good, { env: { RUMP_COUNT: 'many' } }), { code: 2, error: /"many" for RUMP_COUNT/ });
});
