// Whether a process is the one that was met before, also where it does not say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseInfo, type ServerInfo } from '../../../src/server/info.ts';
import { TargetProcess } from '../../../src/target/target-process.ts';

const PEER = { host: '127.0.0.1', port: 6379 };

function infoOf(runId: string): ServerInfo {
  return parseInfo(`redis_version:7.0.15\r\nrun_id:${runId}\r\n`);
}

test('TargetProcess knows a process by its id, and takes one without for the same where nothing was under way', () => {
  const process = new TargetProcess();
  assert.equal(process.meets(infoOf('a'), PEER, false), false);
  assert.equal(process.meets(infoOf('a'), PEER, false), true);
  assert.equal(process.meets(infoOf('b'), PEER, true), false);
  assert.equal(process.info?.runId, 'b');
  const nameless = new TargetProcess();
  nameless.meets(infoOf(''), PEER, false);
  assert.equal(nameless.meets(infoOf(''), PEER, true), true);
  assert.equal(nameless.meets(infoOf(''), PEER, false), false);
});

test('TargetProcess gives up where another one answers each time', () => {
  const process = new TargetProcess();
  for (let i = 0; i < 6; i++) assert.equal(process.meets(infoOf(`process ${i}`), PEER, true), false);
  assert.throws(() => process.meets(infoOf('yet another'), PEER, true), { code: 'TARGET_REPLACED' });
});
