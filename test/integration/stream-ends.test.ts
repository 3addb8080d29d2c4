// Streams that were cut, whoever cut them: never "Sync done.", never exit code 0, and what was whole is copied.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { command } from '../support/frames.ts';
import { killAtExit } from '../support/kill-at-exit.ts';
import { assertDone, assertFailed, linesOf } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { MAIN, runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const KEYS = 2000;

test('A stream without its end is never taken for a whole one', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline(Array.from({ length: KEYS }, (_, i) => ['SET', `key:${i}`, `value of ${i}`]));
  const folder = folderOf(t);
  const path = join(folder, 'f.resp');
  assertDone(await runRump(['--from', source.url, '--to', path]));
  const stream = readFileSync(path);
  const end = stream.lastIndexOf('*2');
  const write = (name: string, ...parts: Buffer[]): string => {
    writeFileSync(join(folder, name), Buffer.concat(parts));
    return join(folder, name);
  };
  const cut = write('cut.resp', stream.subarray(0, end));

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    await t.test(`rump | rump says so when the first one gets ${signal}`, async () => {
      await to.send('FLUSHALL');
      const slow = ['--from', source.url, '--to', '-', '--tpslimit', '200'];
      const left = spawn(process.execPath, [MAIN, ...slow], { stdio: ['ignore', 'pipe', 'ignore'] });
      const right = spawn(process.execPath, [MAIN, '--from', '-', '--to', target.url], {
        stdio: [left.stdout, 'pipe', 'pipe'],
      });
      for (const child of [left, right]) killAtExit(child);
      const ended = Promise.all([once(right, 'exit'), text(right.stdout), text(right.stderr)]);
      while ((await to.send('DBSIZE')) === 0) await sleep(10);
      left.kill(signal);
      const [[code], stdout, stderr] = await ended;
      assert.deepEqual([code, stdout.includes('Sync done')], [1, false], stderr);
      assert.match(stderr, /^rump: Cannot read stdin: .* is cut off at byte \d+/m);
      const keys = (await to.send('DBSIZE')) as number;
      assert.ok(keys > 0 && keys < KEYS, `${keys} keys were copied`);
    });
  }

  await t.test('rump copies what is whole of a cut file, and fails; a check of it fails as well', async () => {
    await to.send('FLUSHALL');
    const error = /^rump: Cannot read .*cut\.resp: it is cut off at byte \d+: its end is missing \(.*\)$/;
    assertFailed(await runRump(['--from', cut, '--to', target.url]), { error });
    assert.equal(await to.send('DBSIZE'), KEYS);
    for (const sides of [
      ['--from', cut, '--to', target.url],
      ['--from', source.url, '--to', cut],
      ['--from', path, '--to', cut],
      ['--from', cut, '--to', path],
    ]) {
      const { code, stdout, stderr } = await runRump(['check', ...sides]);
      assert.equal(code, 1, stderr);
      assert.match(linesOf(stderr).at(-1)!, error);
      assert.doesNotMatch(stdout, /equal/);
    }
  });

  await t.test('rump refuses an empty file, and an empty stdin', async () => {
    const error = /^rump: Cannot read (stdin|.*empty\.resp(\.gz)?): it is empty/;
    assertFailed(await runRump(['--from', write('empty.resp'), '--to', target.url]), { error });
    assertFailed(await runRump(['--from', '-', '--to', target.url]), { error });
  });

  await t.test('rump and the client of the server take several streams in a row', async () => {
    await from.send('SELECT', 3);
    await from.pipeline([['SET', 'elsewhere', '1']]);
    await from.send('SELECT', 0);
    const other = join(folder, 'other.resp');
    assertDone(await runRump(['--from', source.url, '--db', '3', '--to', other]));
    const both = write('both.resp', readFileSync(other), stream);
    const byClient = (): void => {
      const client = spawnSync('which', ['redis-cli', 'valkey-cli'], { encoding: 'utf8' }).stdout.split('\n')[0]!;
      const args = ['-p', String(target.port), '--pipe'];
      const { stdout } = spawnSync(client, args, { input: readFileSync(both), encoding: 'utf8' });
      assert.match(stdout, /errors: 0,/);
    };
    for (const who of ['rump', 'client'] as const) {
      await to.send('FLUSHALL');
      if (who === 'client') byClient();
      else assertDone(await runRump(['--from', both, '--to', target.url]));
      assert.equal(await to.send('DBSIZE'), KEYS);
      await to.send('SELECT', 3);
      assert.equal(await to.send('DBSIZE'), 1);
      await to.send('SELECT', 0);
    }
  });

  await t.test('rump warns once of a stream of another tool, and takes it', async () => {
    const foreign = write('foreign.resp', stream.subarray(command('PING', 'rump:begin:1').length, end));
    const warning = 'foreign.resp does not say where it begins and ends, as streams of rump do';
    const copied = await runRump(['--from', foreign, '--to', target.url]);
    assertDone(copied);
    const checked = await runRump(['check', '--from', foreign, '--to', path, '--buffer', '100k', '--json']);
    assert.equal(checked.code, 0, checked.stderr);
    for (const said of [copied.stderr, checked.stdout]) assert.equal(said.split(warning).length, 2, said);
    assert.match(checked.stdout, /"code":"UNMARKED"/);
  });
});
