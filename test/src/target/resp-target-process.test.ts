// The target end of a stream in a program of its own: stdout, a full disk, missing rights, and exits in the middle.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { framesOf, MIB } from '../../support/entries.ts';
import { killAtExit } from '../../support/kill-at-exit.ts';
import { folderOf } from '../../support/resp-file.ts';

test('RespTarget leaves nothing behind when the program exits in the middle', (t) => {
  const folder = folderOf(t);
  const program = `
    import { readdirSync } from 'node:fs';
    import { newChannel, entryOf } from ${urlOf('../../support/entries.js')};
    import { RespTarget } from ${urlOf('../../../src/target/resp-target.js')};
    const channel = newChannel();
    const options = { mode: 'exact', clock: Date.now, targetDbOf: (db) => db, targetNameOf: (key) => key, renames: false };
    void new RespTarget(${JSON.stringify(join(folder, 'f.resp'))}, options, { onWritten() {}, onExpired() {} }).write(channel);
    channel.push(entryOf('key', 'payload'));
    await channel.settled();
    console.log(readdirSync(${JSON.stringify(folder)}).length);
    process.exit(1);
  `;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
  assert.equal(stdout, '1\n');
  assert.deepEqual(readdirSync(folder), []);
});

test('RespTarget does not replace a file that may not be written, nor write where it may not', (t) => {
  const folder = folderOf(t);
  const readOnly = join(folder, 'read-only.resp');
  writeFileSync(readOnly, 'old', { mode: 0o444 });
  mkdirSync(join(folder, 'closed'), { mode: 0o555 });
  chmodSync(folder, 0o777);
  for (const path of [readOnly, join(folder, 'closed', 'f.resp')]) {
    // Root may do everything: it has to become somebody else first.
    const { stdout } = writeInChild(path, `if (process.getuid() === 0) process.setuid(65534);`);
    assert.equal(stdout, `EACCES Cannot write ${path}: permission denied (EACCES)\n`);
  }
  assert.equal(readFileSync(readOnly, 'utf8'), 'old');
  assert.equal(readdirSync(folder).length, 2);
});

test('RespTarget says that a file cannot be replaced where its folder cannot be written', (t) => {
  const folder = join(folderOf(t), 'closed');
  mkdirSync(folder);
  const path = join(folder, 'f.resp');
  writeFileSync(path, 'old');
  chmodSync(path, 0o666);
  chmodSync(folder, 0o555);
  chmodSync(join(folder, '..'), 0o777);
  const { stdout } = writeInChild(path, `if (process.getuid() === 0) process.setuid(65534);`);
  chmodSync(folder, 0o777);
  const why = 'its folder cannot be written, and a file is replaced as a whole (EACCES)';
  assert.equal(stdout, `EACCES Cannot write ${path}: ${why}\n`);
  assert.equal(readFileSync(path, 'utf8'), 'old');
});

test('RespTarget leaves no trace of a file that the system does not let grow', (t) => {
  const folder = folderOf(t);
  for (const name of ['f.resp', 'f.resp.gz']) {
    const path = join(folder, name);
    writeFileSync(path, 'old');
    // Without the trap the system ends the program.
    const shell = `trap '' XFSZ; ulimit -f 64; "$@"`;
    const { stderr } = spawnSync('sh', ['-c', shell, 'sh', ...writerArguments(40, 100_000, '', path)], {
      encoding: 'utf8',
    });
    const { error } = JSON.parse(stderr) as Report;
    assert.equal(error, `EFBIG Cannot write ${path}: the file would be too large (EFBIG)`);
    assert.equal(readFileSync(path, 'utf8'), 'old');
  }
  assert.equal(readdirSync(folder).length, 2);
});

const VALUES = 400;

test('RespTarget has no more under way than a slow stream takes', async (t) => {
  const { child, done } = startWriting(t, VALUES, MIB);
  // Nobody reads until then.
  await once(child, 'message');
  let bytes = 0;
  for await (const chunk of child.stdout!) bytes += (chunk as Buffer).length;
  const { keys, handed, peak, error } = await done;
  assert.deepEqual([keys, error], [VALUES, undefined]);
  // As long as with values of one byte, but for the values, and for what says how long each is.
  assert.equal(bytes, framesOf(VALUES, 1).length + VALUES * (MIB - 1 + String(MIB).length - 1));
  t.diagnostic(`${Math.round(peak / MIB)} MiB, ${handed} of ${VALUES} values were asked for while nobody read`);
  assert.ok(handed < 40, `${handed} values of 1 MiB were asked for`);
  // Memory that is free already is given back late where the machine is busy.
  assert.ok(peak < 250 * MIB);
});

test('RespTarget rejects with EPIPE when nobody reads stdout any more', async (t) => {
  const { child, done } = startWriting(t, 100, MIB);
  child.stdout!.once('data', () => child.stdout!.destroy());
  const { keys, error } = await done;
  assert.equal(error, 'EPIPE Cannot write stdout: nobody reads it any more (EPIPE)');
  assert.ok(keys < 100);
});

test('RespTarget rejects when stdout is a file on a full disk', () => {
  const { stdout, stderr } = spawnSync('sh', ['-c', '"$@" 2>&1 >/dev/full', 'sh', ...writerArguments(10, 10)], {
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  const { error } = JSON.parse(stdout) as Report;
  assert.equal(error, 'ENOSPC Cannot write stdout: no space is left (ENOSPC)');
});

test('RespTarget rejects when only a part of the last write to stdout found its place', (t) => {
  const path = join(folderOf(t), 'out');
  // One write of 10 KB, where 4 KiB (in some shells 8) are the most.
  const shell = `trap '' XFSZ; ulimit -f 8; "$@" 2>&1 >"$0"`;
  const { stdout } = spawnSync('sh', ['-c', shell, path, ...writerArguments(1, 10_000)], { encoding: 'utf8' });
  const { error } = JSON.parse(stdout) as Report;
  assert.equal(error, 'EFBIG Cannot write stdout: the file would be too large (EFBIG)');
});

test('RespTarget writes stdout into a file, and lets what was sent go out before it rejects with the reason', async (t) => {
  const path = join(folderOf(t), 'out');
  const shell = spawnSync('sh', ['-c', '"$@" 2>&1 >"$0"', path, ...writerArguments(3000, 100, 'lost')], {
    encoding: 'utf8',
  });
  const { keys, error } = JSON.parse(shell.stdout) as Report;
  assert.deepEqual([keys, error], [3000, 'undefined lost']);
  const whole = framesOf(3000, 100);
  const end = whole.lastIndexOf('*2');
  assert.ok(readFileSync(path).equals(whole.subarray(0, end)), 'It has all of the frames, and no end');
});

test('RespTarget ends within seconds when it is interrupted while nobody reads stdout', async (t) => {
  const { child, done } = startWriting(t, 200, MIB, 'abort');
  const { error } = await done;
  assert.equal(error, 'undefined abort');
  child.kill('SIGKILL');
});

interface Report {
  readonly keys: number;
  /** Entries that were asked for within the first second. */
  readonly handed: number;
  readonly peak: number;
  /** Code and message. */
  readonly error?: string;
}

function urlOf(path: string): string {
  return JSON.stringify(new URL(path, import.meta.url).href);
}

/** Writes so many values to stdout, or a file, and a Report to stderr; `abort` aborts the channel after a second. */
function writerArguments(count: number, bytes: number, reason = '', path = '-'): string[] {
  const program = `
    import { randomBytes } from 'node:crypto';
    import { newChannel, entryOf, feed } from ${urlOf('../../support/entries.js')};
    import { RespTarget } from ${urlOf('../../../src/target/resp-target.js')};
    const [count, bytes, reason] = [${count}, ${bytes}, ${JSON.stringify(reason)}];
    process.stdout.on('error', () => {});
    const report = { keys: 0, handed: 0, peak: 0 };
    const options = { mode: 'exact', clock: Date.now, targetDbOf: (db) => db, targetNameOf: (key) => key, renames: false };
    const sink = { onWritten: (keys) => { report.keys += keys; }, onExpired() {} };
    // What can be packed well would not fill a disk.
    const makePayload = () => ${path === '-'} ? Buffer.alloc(bytes, 'x') : randomBytes(bytes);
    let handed = 0;
    function* entries() {
      for (let i = 0; i < count; i++) {
        handed++;
        yield entryOf('key:' + i, makePayload());
      }
    }
    const channel = newChannel(1000, 8 * 1024 * 1024);
    let [last, times] = [0, 0];
    const watch = setInterval(() => {
      times = handed > 0 && handed === last ? times + 1 : 0;
      last = handed;
      if (times < 5) return;
      clearInterval(watch);
      report.handed = handed;
      process.send?.('nothing more is asked for');
    }, 100).unref();
    if (reason === 'abort') setTimeout(() => channel.abort(new Error(reason)), 1000);
    try {
      await feed(new RespTarget(${JSON.stringify(path)}, options, sink), entries(), { channel, ...(reason && reason !== 'abort' ? { reason: new Error(reason) } : {}) });
    } catch (error) {
      report.error = error.code + ' ' + error.message;
    }
    report.peak = process.resourceUsage().maxRSS * 1024;
    process.stderr.write(JSON.stringify(report));
  `;
  return [process.execPath, '--input-type=module', '--eval', program];
}

function startWriting(t: TestContext, count: number, bytes: number, reason = '') {
  const [node, ...args] = writerArguments(count, bytes, reason);
  const child = spawn(node!, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
  killAtExit(child);
  t.after(() => child.kill('SIGKILL'));
  const done = once(child.stderr!, 'data').then(([text]) => JSON.parse(String(text)) as Report);
  return { child, done };
}

function writeInChild(path: string, before: string): { stdout: string; stderr: string } {
  const program = `
    import { newChannel } from ${urlOf('../../support/entries.js')};
    import { RespTarget } from ${urlOf('../../../src/target/resp-target.js')};
    ${before}
    const options = { mode: 'exact', clock: Date.now, targetDbOf: (db) => db, targetNameOf: (key) => key, renames: false };
    const channel = newChannel();
    channel.close();
    await new RespTarget(${JSON.stringify(path)}, options, {}).write(channel).catch((error) => console.log(error.code, error.message));
  `;
  return spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' });
}
