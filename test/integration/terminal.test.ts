// On a terminal: one line that tells how far the copy is, never wraps, and makes way for the closing words.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertSameData } from '../support/keyspace.ts';
import { folderOf } from '../support/resp-file.ts';
import { MAIN } from '../support/rump.ts';
import { startPair, type ServerPair } from '../support/server-pair.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { openTerminal, type Terminal } from '../support/terminal.ts';
import { longTest, variants } from '../support/tier.ts';

const KEYS = 3000;

for (const columns of variants(40, 80)) {
  test(`rump draws its progress in one line of a terminal of ${columns} columns`, async (t) => {
    const { terminal, proxy, from, to } = await startHeld(t, columns);
    const first = await terminal.shows(/\d+%/);
    assert.equal(first.length, 1, first.join('\n'));
    assert.ok(first[0]!.length < columns, `${first[0]!.length} columns: ${first[0]}`);
    // It is drawn again and again in the same place.
    await sleep(500);
    const later = await terminal.screen();
    assert.equal(later.length, 1, later.join('\n'));
    assert.match(later[0]!, /\d+%/);

    proxy.unstall();
    const last = await terminal.shows(/exit 0/);
    assert.equal(last[0], 'Sync done.', last.join('\n'));
    assert.match(last.join(''), /^Sync done\.rump: 3,000 keys, .* 0 failedexit 0$/);
    await assertSameData(from, to);
  });
}

test('rump follows a terminal that becomes narrower', async (t) => {
  const { terminal } = await startHeld(t, 100);
  await terminal.shows(/\d+%/);
  await terminal.resize(30);
  await sleep(500);
  const [line, ...more] = (await terminal.screen()).slice(-1);
  assert.deepEqual(more, []);
  assert.match(line!, /\d+%/);
  assert.ok(line!.length <= 30, line);
});

test('rump leaves the terminal clean after Ctrl-C', async (t) => {
  const { terminal, proxy } = await startHeld(t, 80);
  await terminal.shows(/\d+%/);
  await terminal.press('C-c');
  await terminal.shows(/interrupted by Ctrl-C/);
  proxy.unstall();
  const last = await terminal.shows(/exit 130/);
  assert.doesNotMatch(last.join('\n'), /\d+%|Sync done/);
  assert.match(last.join('\n'), /Stopped by Ctrl-C/);
});

test('rump ends with exit code 129 and leaves no file behind when its terminal hangs up', async (t) => {
  const { source, from } = await startPair(t);
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, i]));
  const folder = folderOf(t);
  const [file, code] = [join(folder, 'f.resp'), join(folder, 'code')];
  const rump = `${process.execPath} ${MAIN} --from ${source.url} --to ${file} --tpslimit 50`;
  // The inner shell outlives its terminal, to tell how rump ended; with the outer one the signal goes to all.
  const terminal = openTerminal(t, { columns: 80, command: `sh -c "trap '' HUP; ${rump}; echo \\$? > ${code}"` });
  await terminal.shows(/\d+%/);
  assert.deepEqual(
    readdirSync(folder).map((name) => name.replace(/\.\w{8}\./, '.')),
    ['f.resp.tmp'],
  );
  await terminal.close();
  while (!existsSync(code) || readFileSync(code, 'utf8') === '') await sleep(10);
  assert.equal(readFileSync(code, 'utf8'), '129\n');
  assert.deepEqual(readdirSync(folder), ['code']);
});

longTest('rump --progress dots draws no bar on a terminal', async (t) => {
  const { terminal, proxy } = await startHeld(t, 100, '--progress dots');
  await sleep(300);
  assert.doesNotMatch((await terminal.screen()).join('\n'), /%/);
  proxy.unstall();
  const [first, second] = await terminal.shows(/exit 0/);
  assert.equal(first, '...Sync done.');
  assert.match(second!, /^rump: 3,000 keys, /);
});

test('rump writes no stream to a terminal, and says that it waits for one from a terminal', async (t) => {
  const run = (args: string): Terminal =>
    openTerminal(t, { columns: 120, command: `'${process.execPath}' '${MAIN}' ${args}; echo "exit $?"` });
  const [writes, reads] = [run('--from redis://127.0.0.1:1 --to -'), run('--from - --to x.resp --dry-run')];
  const refused = await writes.shows(/exit 2/);
  assert.match(refused.join('\n'), /^rump: Cannot write the stream to a terminal/);
  await reads.shows(/^rump: warning: waiting for a stream on stdin, which is a terminal$/);
  await reads.press('C-d');
  assert.match((await reads.shows(/exit 1/)).join('\n'), /Cannot read stdin: it is empty/);
});

interface Held extends ServerPair {
  readonly terminal: Terminal;
  readonly proxy: TcpProxy;
}

/** The copy has begun and waits for its target. */
async function startHeld(t: TestContext, columns: number, more = ''): Promise<Held> {
  const pair = await startPair(t);
  await pair.from.send('CONFIG', 'SET', 'rdbcompression', 'no');
  const value = Buffer.alloc(10_000, 'x');
  await pair.from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, value]));
  const proxy = await startProxy({ port: pair.target.port });
  t.after(() => proxy.close());
  const words = [process.execPath, MAIN, '--from', pair.source.url, '--to', proxy.url, '--buffer', '1M'];
  const command = `${words.map((word) => `'${word}'`).join(' ')} ${more}; echo "exit $?"`;
  const terminal = openTerminal(t, { columns, command });
  for (const deadline = Date.now() + 60_000; proxy.bytesUp < 1_000_000; await sleep(1)) {
    assert.ok(Date.now() < deadline, (await terminal.screen()).join('\n'));
  }
  proxy.stall();
  return { ...pair, terminal, proxy };
}
