// A file that is written as it comes: nothing of what comes too late, wherever its number leads by then, and no error that ends a run.
import assert from 'node:assert/strict';
import fs, { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { GrowingFile } from '../../../src/trace/growing-file.ts';

test('GrowingFile.write() leaves a file alone that was opened in the place of its own, once it is closed', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rump-growing-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [own, other] = [join(folder, 'own'), join(folder, 'other')];
  const errors: Error[] = [];
  const file = new GrowingFile(own, (error) => errors.push(error));
  file.write(Buffer.from('in time'));
  file.close();
  const next = openSync(other, 'w');
  file.write(Buffer.from('too late'));
  closeSync(next);
  assert.deepEqual([readFileSync(own, 'utf8'), readFileSync(other, 'utf8'), errors], ['in time', '', []]);
});

test('GrowingFile.close() tells of an error of the system once, and throws none', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rump-growing-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const errors: string[] = [];
  const opened = (): { file: GrowingFile; number: number } => {
    // The system gives the lowest number that is free.
    const number = openSync(join(folder, 'own'), 'w');
    closeSync(number);
    return { file: new GrowingFile(join(folder, 'own'), ({ code }) => errors.push(code)), number };
  };
  const whole = opened();
  whole.file.write(Buffer.from('a'));
  // As where a network file system refuses the close.
  closeSync(whole.number);
  whole.file.close();
  assert.deepEqual(errors, ['EBADF']);
  const broken = opened();
  closeSync(broken.number);
  broken.file.write(Buffer.from('a'));
  broken.file.close();
  assert.deepEqual(errors, ['EBADF', 'EBADF']);
});

test('GrowingFile of a file whose end cannot be read says so as of one that cannot be opened, and leaves none open', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rump-growing-'));
  const own = join(folder, 'own');
  writeFileSync(own, 'a line\n');
  const read = t.mock.method(fs, 'readSync', () => {
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
  });
  syncBuiltinESMExports();
  t.after(() => {
    read.mock.restore();
    syncBuiltinESMExports();
    rmSync(folder, { recursive: true, force: true });
  });
  const free = (): number => {
    const number = openSync(own, 'r');
    closeSync(number);
    return number;
  };
  const before = free();
  assert.throws(() => new GrowingFile(own, () => {}, 'continued'), {
    code: 'EIO',
    message: /^Cannot write .*: the device fails/,
  });
  assert.deepEqual([read.mock.callCount(), free()], [1, before]);
});
