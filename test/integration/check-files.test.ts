// A check where one side is a file, or both are: the same verdicts as between servers, whichever side the file is on.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { AT_ONCE, assertDifferent, assertEqual, runCheck } from '../support/check.ts';
import type { TestClient } from '../support/client.ts';
import { fillAllTypes } from '../support/keyspace.ts';
import { assertDone, assertRefused } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { longTest } from '../support/tier.ts';

interface Files extends ServerPair {
  readonly keys: number;
  /** What the source held at first, and what it held after the changes. */
  readonly before: string;
  readonly after: string;
}

/** The source is as `before`; the target has the changes. */
async function startFiles(t: TestContext): Promise<Files> {
  const pair = await startPair(t);
  const folder = folderOf(t);
  const keys = await fillAllTypes(pair.from);
  const [before, after] = [join(folder, 'before.resp'), join(folder, 'after.resp')];
  assertDone(await runRump(pair.endpoints));
  assertDone(await runRump(['--from', pair.source.url, '--to', before]));
  await change(pair.to);
  assertDone(await runRump(['--from', pair.target.url, '--to', after]));
  return { ...pair, keys, before, after };
}

async function change(client: TestClient): Promise<void> {
  for (const reply of await client.pipeline([
    ['SET', 'more', 1],
    ['DEL', 'string:int'],
    ['SET', 'string:empty', 'full'],
    ['PERSIST', 'string:int:expiring'],
  ])) {
    if (reply instanceof Error) throw reply;
  }
}

const CHANGES = [
  '- more',
  '+ string:int',
  '* string:empty\tvalue',
  '* string:int:expiring\tnever expires at the target',
];
const BACK = ['+ more', '- string:int', '* string:empty\tvalue', '* string:int:expiring\tnever expires at the source'];

/** A file has databases of its own. */
function inDb0(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(' ', ' 0:'));
}

test('A file is compared with a server, on either side', async (t) => {
  const { source, target, before, after, keys } = await startFiles(t);
  assertEqual(await runCheck(['--from', before, '--to', source.url]), keys);
  assertEqual(await runCheck(['--from', source.url, '--to', before]), keys);
  const soon = ['--recheck', '1', '--recheck-interval', '1ms'];
  assertDifferent(await runCheck(['--from', before, '--to', target.url, ...soon]), inDb0(CHANGES));
  assertDifferent(await runCheck(['--from', source.url, '--to', after, ...soon]), CHANGES);
  assertDifferent(await runCheck(['--from', target.url, '--to', before, ...AT_ONCE]), BACK);
  assertDifferent(await runCheck(['--from', after, '--to', source.url, ...AT_ONCE]), inDb0(BACK));
});

test('Two files are compared with each other, also in several passes', async (t) => {
  const { before, after, keys } = await startFiles(t);
  const again = join(folderOf(t), 'again.resp');
  copyFileSync(before, again);
  for (const budget of ['64M', '10k']) {
    assertEqual(await runCheck(['--from', before, '--to', again, '--buffer', budget]), keys);
    assertDifferent(await runCheck(['--from', before, '--to', after, '--buffer', budget]), inDb0(CHANGES));
    assertDifferent(await runCheck(['--from', after, '--to', before, '--buffer', budget]), inDb0(BACK));
  }
});

test('Filters, databases and prefixes hold for files as well', async (t) => {
  const { source, before, after } = await startFiles(t);
  const folder = folderOf(t);
  const renamed = ['--add-prefix', 'new:', '--db-map', '0:5'];
  const moved = join(folder, 'moved.resp');
  assertDone(await runRump(['--from', source.url, '--to', moved, ...renamed]));
  assertEqual(await runCheck(['--from', source.url, '--to', moved, ...renamed]));
  assertEqual(await runCheck(['--from', before, '--to', moved, ...renamed]));
  const server = `${source.url}/5`;
  assertDone(await runRump(['--from', source.url, '--to', server, '--add-prefix', 'new:']));
  assertEqual(await runCheck(['--from', before, '--to', source.url.replace(/$/, '/5'), '--add-prefix', 'new:']));
  const few = ['--match', 'string:int*', '--match', 'more'];
  const lines = inDb0(CHANGES).filter((line) => /int|more/.test(line));
  assertDifferent(await runCheck(['--from', before, '--to', after, ...few]), lines);
  assertEqual(await runCheck(['--from', before, '--to', after, '--type', 'hash']));
});

test('Where a file has a key twice the last one counts', async (t) => {
  const { source, from, to, target } = await startPair(t);
  const folder = folderOf(t);
  const [one, two, twice] = ['one', 'two', 'twice'].map((name) => join(folder, `${name}.resp`)) as [
    string,
    string,
    string,
  ];
  for (const [value, path] of [
    ['1', one],
    ['2', two],
  ] as const) {
    await from.send('SET', 'key', value);
    assertDone(await runRump(['--from', source.url, '--to', path]));
  }
  writeFileSync(twice, Buffer.concat([readFileSync(one), readFileSync(two)]));
  await to.send('SET', 'key', '2');
  for (const args of [
    ['--from', twice, '--to', target.url],
    ['--from', target.url, '--to', twice],
    ['--from', twice, '--to', two],
    ['--from', two, '--to', twice],
  ]) {
    assertEqual(await runCheck([...args, ...AT_ONCE]));
  }
  await to.send('SET', 'key', '1');
  assertDifferent(await runCheck(['--from', twice, '--to', target.url, ...AT_ONCE]), ['* 0:key\tvalue']);
  assertDifferent(await runCheck(['--from', twice, '--to', one, ...AT_ONCE]), ['* 0:key\tvalue']);
});

longTest('stdin is compared where one pass is enough, and refused where it is not', async (t) => {
  const { source, target, before, after, keys } = await startFiles(t);
  const input = readFileSync(before);
  assertEqual(await runCheck(['--from', '-', '--to', source.url], { input }), keys);
  assertEqual(await runCheck(['--from', source.url, '--to', '-'], { input }), keys);
  assertDifferent(await runCheck(['--from', '-', '--to', target.url], { input }), inDb0(CHANGES));
  assertDifferent(await runCheck(['--from', '-', '--to', after], { input }), inDb0(CHANGES));
  const many = await runCheck(['--from', '-', '--to', after, '--buffer', '10k'], { input });
  assertRefused(
    { ...many, stdout: '', stderr: many.stderr.split('\n').slice(-2).join('\n') },
    { error: /^rump: Cannot read stdin a second time/ },
  );
  const both = await runCheck(['--from', '-', '--to', '-'], { input });
  assertRefused(both, { code: 2, error: /^rump: Cannot compare - with itself/ });
});

test('A damaged file is no reason to say that both sides are equal', async (t) => {
  const { source, before } = await startFiles(t);
  const bytes = readFileSync(before);
  const cut = join(folderOf(t), 'cut.resp');
  writeFileSync(cut, bytes.subarray(0, bytes.length - 20));
  for (const args of [
    ['--from', cut, '--to', source.url],
    ['--from', source.url, '--to', cut],
    ['--from', before, '--to', cut],
  ]) {
    const result = await runCheck(args);
    assert.equal(result.code, 1, result.stderr);
    assert.doesNotMatch(result.stdout, /equal/);
  }
});

test('A snapshot is compared with a server and with a file, on either side', async (t) => {
  const { source, target, from, before, keys } = await startFiles(t);
  await from.send('SAVE');
  const snapshot = join(source.dir, 'dump.rdb');
  assertEqual(await runCheck(['--from', snapshot, '--to', source.url]), keys);
  assertEqual(await runCheck(['--from', source.url, '--to', snapshot]), keys);
  assertEqual(await runCheck(['--from', before, '--to', snapshot]), keys);
  assertDifferent(await runCheck(['--from', snapshot, '--to', target.url, ...AT_ONCE]), inDb0(CHANGES));
});

test('Values above --big-key are compared by their pieces', async (t) => {
  const { from, to, endpoints } = await startPair(t);
  const commands = [
    ['RPUSH', 'list', ...Array.from({ length: 20_000 }, (_, i) => i)],
    ['SADD', 'set', ...Array.from({ length: 20_000 }, (_, i) => `member:${i}`)],
    ['SET', 'string', 'x'.repeat(300_000)],
  ];
  for (const client of [from, to]) await client.pipeline(commands);
  assertEqual(await runCheck([...endpoints, '--big-key', '10k']), commands.length);
  await to.pipeline([
    ['LSET', 'list', 777, 'other'],
    ['SREM', 'set', 'member:1'],
    ['SETRANGE', 'string', 299_999, 'y'],
  ]);
  const lines = ['* list\telements', '* set\tsize', '* string\tvalue'];
  assertDifferent(
    await runCheck([...endpoints, '--big-key', '10k', '--recheck', '1', '--recheck-interval', '1ms']),
    lines,
  );
});
