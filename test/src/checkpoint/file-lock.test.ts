// Who holds a file: one process at a time, and none that is gone.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FileLock } from '../../../src/checkpoint/file-lock.ts';

const SILENCE_MS = 30;

function pathFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rump-lock-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return join(folder, 'progress');
}

test('FileLock.take() is refused while it is held, and not afterwards', async (t) => {
  const path = pathFor(t);
  const lock = await FileLock.take(path);
  await assert.rejects(FileLock.take(path), { code: 'CHECKPOINT_TAKEN' });
  lock.release();
  assert.equal(existsSync(`${path}.lock`), false);
  (await FileLock.take(path)).release();
});

test('FileLock.take() takes what a process held that is gone, or whose number another one has', async (t) => {
  const path = pathFor(t);
  const lock = await FileLock.take(path);
  const holder = JSON.parse(readFileSync(`${path}.lock`, 'utf8')) as object;
  lock.release();
  const others = [{ ...holder, pid: 2 ** 30 }, ...(process.platform === 'linux' ? [{ ...holder, began: '1' }] : [])];
  for (const other of others) {
    writeFileSync(`${path}.lock`, JSON.stringify(other));
    (await FileLock.take(path)).release();
    assert.equal(existsSync(`${path}.lock`), false);
  }
});

test('FileLock.take() takes what a holder elsewhere has not touched for a while', async (t) => {
  const path = pathFor(t);
  for (const text of [JSON.stringify({ pid: process.pid, began: '', place: 'elsewhere' }), '']) {
    writeFileSync(`${path}.lock`, text);
    (await FileLock.take(path, SILENCE_MS)).release();
  }
});

test('FileLock.take() tells that a folder cannot be written', async (t) => {
  await assert.rejects(FileLock.take(join(pathFor(t), 'none', 'progress')), { code: 'ENOENT' });
});
