// What is found at each path of a run that is shown.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { StatusPages } from '../../../src/report/status-pages.ts';
import type { Answer } from '../../../src/report/status-server.ts';
import { readMetrics } from '../../support/prometheus.ts';
import { followedRun, HOSTILE_KEYS } from '../../support/reported-run.ts';

const SIGNS = { now: 0, progressAt: 0, waitingUntil: undefined, heardAt: 0, timeout: 60_000 };

function pagesOf(state = followedRun()): (path: string, accept?: string) => Answer {
  const { answer } = new StatusPages(
    () => state,
    () => SIGNS,
  );
  return (path, accept = '*/*') => answer(path, accept) ?? assert.fail(`${path} has nothing`);
}

test('StatusPages has a page whose policy lets its own script run, and nothing else', () => {
  const { body, policy, type } = pagesOf()('/');
  const page = body.toString();
  const scripts = Array.from(page.matchAll(/<script>([^]*?)<\/script>/g), ([, script]) => script!);
  assert.equal(scripts.length, 1);
  const digest = createHash('sha256').update(scripts[0]!).digest('base64');
  assert.ok(policy!.includes(`script-src 'sha256-${digest}';`), policy);
  assert.match(policy!, /^default-src 'none';.* connect-src 'self';.* form-action 'none'$/);
  assert.equal(type, 'text/html; charset=utf-8');
  assert.doesNotMatch(page, /<meta http-equiv="Content-Security-Policy"/);
});

test('StatusPages has the state as JSON for programs, and the content of the page for the page', () => {
  const get = pagesOf();
  const { body, type, headers } = get('/status');
  assert.equal(type, 'application/json');
  assert.deepEqual(headers, { 'Rump-Phase': 'checking' });
  const state = JSON.parse(body.toString()) as { failedKeys: object[]; phase: string };
  assert.deepEqual([state.phase, state.failedKeys.length], ['checking', HOSTILE_KEYS.length]);
  assert.match(body.toString(), /^[^\p{Cc}\p{Cf}]+\n$/u);
  const content = get('/status', 'text/html');
  assert.equal(content.type, 'text/html; charset=utf-8');
  assert.ok(get('/').body.includes(content.body.toString()));
  assert.equal(content.policy, undefined);
});

test('StatusPages has figures, and says whether the run is well and the target is ready', () => {
  const get = pagesOf();
  assert.equal(get('/metrics').type, 'text/plain; version=0.0.4; charset=utf-8');
  assert.ok(readMetrics(get('/metrics').body.toString()).size > 15);
  assert.deepEqual([get('/healthz').status, get('/healthz').body], [200, 'ok: checking\n']);
  assert.deepEqual([get('/readyz').status, get('/readyz').body], [503, 'not ok: checking\n']);
});

test('StatusPages gives to all who ask at once what was made for the first, and the last state to whoever asks at the end', () => {
  const state = { ...followedRun() };
  const get = pagesOf(state);
  const first = get('/').body;
  for (let i = 0; i < 10; i++) assert.equal(get('/').body, first);
  state.outcome = { exitCode: 0, isComplete: true, text: 'everything was copied' };
  assert.match(get('/').body.toString(), /Exit code 0/);
});
