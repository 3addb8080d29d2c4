// The demo as a newcomer runs it: with servers and without, and with a command line that does not do its work.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { TestClient } from '../support/client.ts';
import { killAtExit } from '../support/kill-at-exit.ts';
import { cleanEnvironment, MAIN } from '../support/rump.ts';
import { longOnly, longTest } from '../support/tier.ts';

const DEMO = fileURLToPath(new URL('demo.js', import.meta.url));
const DEMONSTRATION = new URL('demonstration.js', import.meta.url).href;
/** A PATH without any server, and none named otherwise. */
const NO_SERVERS = { PATH: '', RUMP_TEST_SERVER: '' };

interface Run {
  readonly code: number | null;
  readonly output: string;
}

test('The demo copies every key between two real servers', async (t) => {
  const { code, output } = await runNode(t, [DEMO], {});
  assert.equal(code, 0, output);
  assert.match(output, /^Two servers run for this: (redis|valkey|redict) \d/m);
  assertAllSame(output);
});

longOnly(() => {
  test('The demo copies every key where there is no server, and says so', async (t) => {
    const { code, output } = await runNode(t, [DEMO], NO_SERVERS);
    assert.equal(code, 0, output);
    assert.match(output, /^Neither redis-server nor valkey-server is on PATH\. So two small servers stand in/m);
    assertAllSame(output);
  });
});

longTest('The demo fits a terminal of 40 columns', async (t) => {
  const { code, output } = await demonstrate(t, MAIN, 40);
  assert.equal(code, 0, output);
  // What rump itself prints is rump's own affair.
  const [before, after] = [output.split('Sync done.')[0]!.replace(/^\.+/m, ''), output.split(/^Both sides/m)[1]!];
  const wide = [...before.split('\n'), ...after.split('\n')].filter((line) => line.length > 40);
  assert.deepEqual(wide, []);
  assert.match(output, /^\$ rump(?: \\\n )? -from redis:\/\/127\.0\.0\.1:\d+\/0 \\\n {2}-to redis:/m);
});

longTest('The demo fails when rump leaves keys behind, and counts them', async (t) => {
  const { code, output } = await demonstrate(t, stub(t, ''), 80);
  assert.equal(code, 1, output);
  assert.match(output, /^ {2}all +5,000 +0 +5,000$/m);
  assert.match(output, /^5,000 keys differ or are missing on the target/m);
});

test('The demo fails when rump fails', async (t) => {
  const { code, output } = await demonstrate(t, stub(t, 'process.exitCode = 3;'), 80);
  assert.equal(code, 1, output);
  assert.match(output, /^rump ended with exit code 3\.$/m);
  assert.doesNotMatch(output, /Both sides/);
});

test('The demo leaves nothing behind when it is interrupted', { timeout: 30_000 }, async (t) => {
  const dir = temporaryFolder(t);
  const script = stub(t, `process.stdout.write('started\\n'); setInterval(() => {}, 1000);`);
  const child = spawn(process.execPath, argumentsOf(script, 80), {
    env: { ...cleanEnvironment(), TMPDIR: dir },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  killAtExit(child);
  // Not before the stub, which writes to the same pipe, has ended as well.
  const closed = once(child, 'close');
  let output = '';
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    output += chunk.toString();
    if (!/^started$/m.test(output) || child.killed) continue;
    assert.equal(readdirSync(dir).length, 2, 'Each server has its folder');
    child.kill('SIGINT');
  }
  assert.deepEqual(await closed, [130, null]);
  assert.deepEqual(readdirSync(dir), []);
  const ports = [...output.matchAll(/127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]));
  assert.equal(ports.length, 2);
  for (const port of ports) while (await isListening(port)) await sleep(5);
});

async function isListening(port: number): Promise<boolean> {
  const client = await TestClient.connect({ port }).catch(() => undefined);
  await client?.close();
  return client !== undefined;
}

function assertAllSame(output: string): void {
  assert.match(output, /^\$ rump -from redis:\/\/127\.0\.0\.1:\d+\/0 -to redis:\/\/127\.0\.0\.1:\d+\/0$/m);
  assert.match(output, /^\.+Sync done\.$/m);
  for (const type of ['string', 'hash', 'list', 'set', 'sorted set', 'stream']) {
    assert.match(output, new RegExp(`^  ${type} +([\\d,]+) +\\1 +0$`, 'm'));
  }
  assert.match(output, /^ {2}all +5,000 +5,000 +0$/m);
  assert.match(output, /^npx rump .*--on-conflict/ms);
}

/** A command line that does only this. */
function stub(t: TestContext, script: string): string {
  const path = join(temporaryFolder(t), 'main.mjs');
  writeFileSync(path, script);
  return path;
}

function temporaryFolder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'rump-demo-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function demonstrate(t: TestContext, cli: string, columns: number): Promise<Run> {
  return runNode(t, argumentsOf(cli, columns), NO_SERVERS);
}

function argumentsOf(cli: string, columns: number): string[] {
  const script = `
    import { demonstrate } from ${JSON.stringify(DEMONSTRATION)};
    process.exitCode = await demonstrate(${JSON.stringify({ cli, columns })});`;
  return ['--input-type=module', '--eval', script];
}

async function runNode(t: TestContext, args: string[], env: Readonly<Record<string, string>>): Promise<Run> {
  const child = spawn(process.execPath, args, {
    env: { ...cleanEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  killAtExit(child);
  t.after(() => child.kill());
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output: Buffer.concat(chunks).toString() }));
  });
}
