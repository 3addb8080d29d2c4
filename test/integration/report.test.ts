// --report: a page about a run, whichever way it ends, and no file where none can be. test/integration/report-page.test.ts looks at
// such a page.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCarelessPair } from '../support/careless-target.ts';
import { interrupt, KEYS, setAll } from '../support/broken-off.ts';
import { holdMidRun } from '../support/mid-run.ts';
import { assertDone, assertRefused } from '../support/outcome.ts';
import { HOSTILE_KEYS } from '../support/reported-run.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump, startRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const PASSWORD = 'canary#of@gold:/%';

interface Report {
  readonly html: string;
  /** What is read in it, with single spaces. */
  readonly text: string;
  readonly title: string;
}

function readReport(path: string): Report {
  const html = readFileSync(path, 'utf8');
  assert.match(html, /<\/html>\n$/);
  const [, title = ''] = /<h1>(.*?)<\/h1>/s.exec(html) ?? [];
  const body = html.slice(html.indexOf('<body>')).replaceAll(/<[^>]*>/g, ' ');
  const entities = { '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' } as const;
  const text = body.replaceAll(/&(?:lt|gt|quot|#39|amp);/g, (entity) => entities[entity as keyof typeof entities]);
  return { html, text: text.replaceAll(/\s+/g, ' '), title };
}

test('--report has a copy with its check: figures, both sides, options, types, the largest and the slowest keys', async (t) => {
  const { from, source, endpoints } = await startPair(t);
  const folder = folderOf(t);
  const file = join(folder, 'copy.html');
  await from.pipeline([
    ...Array.from({ length: 500 }, (_, i) => ['SET', `string:${i}`, 'x'.repeat(50)]),
    ...Array.from({ length: 20 }, (_, i) => ['RPUSH', `list:${i}`, 'a', 'b']),
    ['SET', HOSTILE_KEYS[0]!, Buffer.alloc(3000, 'q')],
  ]);
  const fields = Array.from({ length: 4000 }, (_, i) => [`field:${i}`, 'y'.repeat(150)]).flat();
  for (let i = 0; i < 5; i++) await from.send('HSET', 'big', ...fields.map((text) => `${text}${i}`));
  const args = [
    ...endpoints,
    '--verify',
    '--match',
    'string:*',
    '--match',
    'list:*',
    '--match',
    '[b<]*',
    '--big-key',
    '1M',
    '--tpslimit',
    '450',
  ];
  assert.equal((await runRump([...args, '--report', file])).code, 0);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['copy.html']);
  const { text, title } = readReport(file);
  assert.equal(title, 'Everything was copied, and it compares equal');
  assert.match(text, /keys copied 522 /);
  assert.ok(text.includes(source.url));
  assert.match(text, / equal 522 differ 0 /);
  assert.match(text, /Sizes by type .*hash 1 \d.* string 501 \d.* list 20 \d/);
  assert.match(text, /Largest keys key type size big hash [\d.]+ MiB <img src=x onerror=window\.broken=1> string/);
  assert.match(text, /Slowest keys key type size time big hash [\d.]+ MiB [\d.]+ m?s/);
  assert.match(text, /--match string:\* --match list:\* --match \[b<\]\*/);
  assert.match(text, /--big-key 1\.0 MiB/);
  assert.match(text, /The source's latency median/);
});

test('--report has no password, whichever way it was given, and whatever a server says', async (t) => {
  const { from, to, endpoints } = await startCarelessPair(t, PASSWORD);
  await to.send('AUTH', PASSWORD);
  for (const client of [from, to]) await client.send('SET', 'taken', 'x');
  const folder = folderOf(t);
  const [secret, file] = [join(folder, 'secret'), join(folder, 'report.html')];
  writeFileSync(secret, PASSWORD);
  const bare = [...endpoints.slice(0, 3), endpoints[3]!.replace(/\/\/.*@/, '//')];
  const ways: readonly (readonly [readonly string[], Readonly<Record<string, string>>])[] = [
    [endpoints, {}],
    [bare, { RUMP_TO_PASSWORD: PASSWORD }],
    [[...bare, '--to-password-file', secret], {}],
    [[], { RUMP_FROM: endpoints[1]!, RUMP_TO: endpoints[3]! }],
  ];
  for (const [args, env] of ways) {
    rmSync(file, { force: true });
    const { code } = await runRump([...args, '--on-conflict', 'fail', '--report', file], { env });
    assert.equal(code, 1);
    const { html, text, title } = readReport(file);
    assert.equal(title, 'Nothing was copied');
    assert.match(text, /1 key was not copied/);
    assert.match(text, /Keys that failed key code why taken BUSYKEY /);
    assert.ok(!/canary|%23of/.test(html));
  }
  const wrong = `redis://:${encodeURIComponent(`not-${PASSWORD}`)}@127.0.0.1:1`;
  await runRump(['--from', wrong, '--to', bare[3]!, '--retries', '0', '--report', file]);
  const { html, title } = readReport(file);
  assert.equal(title, 'The copy broke off, for a reason that may pass');
  assert.match(html, /Cannot connect to 127\.0\.0\.1:1/);
  assert.ok(!/canary|%23of/.test(html));
});

test('--report of a check lists what differs', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.pipeline([
    ['SET', 'same', 'x'],
    ['SET', 'other', 'x'],
    ['SET', HOSTILE_KEYS[1]!, 'x'],
  ]);
  await to.pipeline([
    ['SET', 'same', 'x'],
    ['SET', 'other', 'y'],
    ['RPUSH', 'mine', 'x'],
  ]);
  const file = join(folderOf(t), 'check.html');
  const { code } = await runRump(['check', ...endpoints, '--recheck', '0', '--report', file]);
  assert.equal(code, 3);
  const { text, title } = readReport(file);
  assert.equal(title, 'The two sides are not the same');
  assert.match(text, / other differs value /);
  assert.match(text, / mine only at the target /);
  assert.ok(text.includes(`${HOSTILE_KEYS[1]!.toString()} only at the source`));
  assert.match(text, /a check/);
});

test('--report of a source that is followed has its phases and how far the target was behind', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.pipeline(Array.from({ length: 200 }, (_, i) => ['SET', `key:${i}`, i]));
  const file = join(folderOf(t), 'live.html');
  assertDone(await runRump([...endpoints, '--live', '--until-idle', '1200ms', '--linger', '0s', '--report', file]));
  const { text, html } = readReport(file);
  assert.match(
    text,
    /Phases phase first began after times lasted, in all starting .* attaching .* in sync .* cutover /,
  );
  assert.match(text, /Followed by psync: /);
  assert.match(text, /Lag of the target median/);
  assert.match(html, /class="band (?:even|odd)"[^>]*><title>in sync<\/title>/);
});

test('--report tells how a run was broken off, and one that goes on from there says so', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.pipeline(setAll(KEYS));
  const folder = folderOf(t);
  const [file, progress] = [join(folder, 'run.html'), join(folder, 'progress')];
  writeFileSync(file, 'an older one');
  chmodSync(file, 0o640);
  const running = await interrupt([...endpoints, '--report', file], progress);
  assert.equal((await running.done).code, 130);
  const broken = readReport(file);
  assert.equal(broken.title, 'The copy was interrupted');
  assert.match(
    broken.text,
    /Stopped by Ctrl-C before everything was copied What to do: The same command goes on where this one ended/,
  );
  assert.match(broken.text, /Exit code 130/);
  assert.equal(statSync(file).mode & 0o777, 0o640);
  // A file goes in one piece.
  const into = [...endpoints.slice(0, 2), '--to', join(folder, 'x.resp'), '--tpslimit', '200', '--json'];
  const halved = startRump([...into, '--report', file], { signal: { after: /"event":"progress"/, name: 'SIGINT' } });
  assert.equal((await halved.done).code, 130);
  assert.match(readReport(file).text, /What to do: Run it again From /);
  assertDone(await runRump([...endpoints, '--resume', progress, '--report', file]));
  const { title, text } = readReport(file);
  assert.equal(title, 'Everything was copied');
  assert.match(text, /a copy, which goes on from an earlier part/);
  assert.deepEqual(readdirSync(folder), ['run.html']);
});

test('--report of a dry run has what a copy would bring, and one of a file what the file has', async (t) => {
  const { from, endpoints } = await startPair(t);
  await from.pipeline([
    ['SET', 'a', 'x'],
    ['SADD', 'b', 'x'],
  ]);
  const folder = folderOf(t);
  const [file, stream] = [join(folder, 'report.html'), join(folder, 'x.resp')];
  assert.equal((await runRump([...endpoints, '--dry-run', '--report', file])).code, 0);
  assert.match(readReport(file).text, /What a copy would bring .*set 1 .*string 1 /);
  assertDone(await runRump([...endpoints.slice(0, 2), '--to', stream]));
  assertDone(await runRump(['--from', stream, ...endpoints.slice(2), '--report', file]));
  const { text } = readReport(file);
  assert.match(text, /Sizes by type .*set 1 .*string 1 /);
  assert.doesNotMatch(text, /The source's latency/);
});

test('--report that cannot be written is refused before anything is done, and a command line that is wrong writes none', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  await from.send('SET', 'key', 'value');
  const folder = folderOf(t);
  const file = join(folder, 'report.html');
  writeFileSync(file, 'an older one');
  const taken = join(folder, 'taken');
  mkdirSync(taken);
  for (const [args, error] of [
    [['--report', taken], /^rump: Cannot write .*taken: it is a directory \(EISDIR\) /],
    [['--report', join(folder, 'no', 'x.html')], /^rump: Cannot write .*: there is no such folder \(ENOENT\) /],
    [['--report', '/dev/null'], /^rump: Cannot write \/dev\/null: it is no regular file /],
    [['--report', '-'], /^rump: Cannot use "-" for --report/],
    [
      ['--report', file, '--log', file],
      /^rump: Cannot use --(?:log|report): that is the file of --(?:report|log) as well/,
    ],
    [['--report', file, '--count', '0'], /^rump: Cannot use "0" for --count/],
    [['--report', file, '--db', '0,1', '--db-map', '4:5'], /^rump: Cannot use --db-map/],
  ] as const)
    assertRefused(await runRump([...endpoints, ...args]), { code: 2, error });
  assert.equal(readFileSync(file, 'utf8'), 'an older one');
  assert.deepEqual(readdirSync(folder).toSorted(), ['report.html', 'taken']);
  assert.equal(await to.send('DBSIZE'), 0);
});

test('What cannot be written any more at the end is told, and the exit code is that of the data', async (t) => {
  const folder = folderOf(t);
  const names = ['report', 'figures', 'log'] as const;
  const pathOf = (name: string): string => join(folder, name, 'file');
  for (const name of names) mkdirSync(join(folder, name));
  const args = ['--report', pathOf('report'), '--metrics-file', pathOf('figures'), '--log', pathOf('log')];
  const { running, proxy } = await holdMidRun(t, { held: 'target', args });
  for (const name of names) rmSync(join(folder, name), { recursive: true });
  proxy.unstall();
  const result = await running.done;
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /Sync done\.\n$/);
  for (const [what, name] of [
    ['the report', 'report'],
    ['the last figures', 'figures'],
    ['the log', 'log'],
  ] as const) {
    const told = new RegExp(`^rump: warning: ${what} of this run is not kept: Cannot write ${pathOf(name)}: .*$`, 'gm');
    assert.equal(result.stderr.match(told)?.length, 1, result.stderr);
  }
});
