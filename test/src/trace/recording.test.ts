// A recording that cannot be kept any more: what it has by then can be read, and nothing in it lacks its middle.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { Secrets } from '../../../resp/secrets.ts';
import { Recording } from '../../../src/trace/recording.ts';

const PEER = { host: 'h\u009b', port: 1 };

function recordingFor(t: TestContext): { folder: string; recording: Recording; errors: string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'rump-recording-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const errors: string[] = [];
  return { folder, recording: new Recording(folder, ({ message }) => errors.push(message)), errors };
}

test('Recording ends for all connections where one of their files cannot be written', (t) => {
  const { folder, recording, errors } = recordingFor(t);
  symlinkSync('/dev/full', join(folder, 'target-0.sent'));
  const [source, target] = (['source', 'target'] as const).map((use) => recording.tap(use, PEER, new Secrets()));
  source!.onSent(Buffer.from('before'));
  target!.onSent(Buffer.from('into the full disk'));
  source!.onSent(Buffer.from('behind'));
  recording.tap('source', PEER, new Secrets()).onSent(Buffer.from('later'));
  recording.close();
  assert.deepEqual(errors.length, 1);
  assert.equal(readFileSync(join(folder, 'source-0.sent'), 'utf8'), 'before');
  const list = readFileSync(join(folder, 'connections.ndjson'), 'utf8');
  assert.deepEqual(list.match(/"connection":"[^"]+","peer":"[^"]+"/g), [
    String.raw`"connection":"source 0","peer":"h\u009b:1"`,
    String.raw`"connection":"target 0","peer":"h\u009b:1"`,
  ]);
});

test('Recording lists no connection whose files cannot be made', (t) => {
  const { folder, recording, errors } = recordingFor(t);
  mkdirSync(join(folder, 'target-0.received'));
  recording.tap('source', PEER, new Secrets());
  recording.tap('target', PEER, new Secrets());
  recording.close();
  assert.match(errors.join(), /^Cannot write .*target-0\.received: it is a directory \(EISDIR\)$/);
  assert.doesNotMatch(readFileSync(join(folder, 'connections.ndjson'), 'utf8'), /target/);
});
