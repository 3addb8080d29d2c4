// A recording that cannot be kept any more: what it has by then can be read, and nothing in it lacks its middle.
import assert from 'node:assert/strict';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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

/** What this process writes there fails from now on. */
function breakFile(path: string): void {
  const open = readdirSync('/proc/self/fd').filter((file) => linkOf(`/proc/self/fd/${file}`) === path);
  for (const file of open) closeSync(Number(file));
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

test('Recording ends for all connections where one of their files cannot be written', (t) => {
  const { folder, recording, errors } = recordingFor(t);
  const [source, target] = (['source', 'target'] as const).map((use) => recording.tap(use, PEER, new Secrets()));
  source!.onSent(Buffer.from('before'));
  breakFile(join(folder, 'target-0.sent'));
  target!.onSent(Buffer.from('into a disk that has gone'));
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
  assert.match(errors.join(), /^Cannot write .*target-0\.received: it is there already \(EEXIST\)$/);
  assert.doesNotMatch(readFileSync(join(folder, 'connections.ndjson'), 'utf8'), /target/);
});

test('Recording writes into no file that another one has put into its folder, and takes none of them away', (t) => {
  const { folder, recording, errors } = recordingFor(t);
  const mine = `${folder}.mine`;
  t.after(() => rmSync(mine));
  writeFileSync(mine, 'mine');
  symlinkSync(mine, join(folder, 'source-0.received'));
  recording.tap('source', PEER, new Secrets()).onReceived(Buffer.from('bytes'));
  recording.close();
  assert.equal(readFileSync(mine, 'utf8'), 'mine');
  assert.match(errors.join(), /^Cannot write .*source-0\.received: it is there already \(EEXIST\)$/);

  const own = join(folder, 'own');
  const refused = new Recording(own, () => {});
  writeFileSync(join(own, 'other'), '');
  refused.withdraw();
  assert.deepEqual(readdirSync(own), ['other']);
});
