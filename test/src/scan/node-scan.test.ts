// One database of a real server: a walk that is left and goes on elsewhere, and what it asks the server.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { ConnectionError } from '../../../resp/errors.ts';
import { KeyScope } from '../../../src/scan/key-scope.ts';
import { LossWatch } from '../../../src/scan/loss-watch.ts';
import { PageLedger } from '../../../src/scan/page-ledger.ts';
import { NodeScan, type NodeScanOptions, type ScanNotice, type NodeScanState } from '../../../src/scan/node-scan.ts';
import { openServer } from '../../../src/server/server.ts';
import { Session } from '../../../src/server/session.ts';
import type { TestClient } from '../../support/client.ts';
import { callsOf } from '../../support/command-stats.ts';
import { borrow, giveBack } from '../../support/lent-servers.ts';
import type { TestServer } from '../../support/redis-server.ts';

const KEYS = 5000;
const COUNT = 100;
const LEFT_AT = 20;
const LOST = new ConnectionError('ECONNRESET', 'The connection was lost', { retryable: true });

let server: TestServer;
let client: TestClient;

before(async () => {
  server = await borrow();
  client = await server.client();
});

after(() => giveBack(server));

beforeEach(async () => {
  await client.send('FLUSHALL');
  await client.send('MSET', ...Array.from({ length: KEYS }, (_, i) => [`key:${i}`, '']).flat());
});

interface Walked {
  readonly names: ReadonlySet<string>;
  readonly pages: number;
  /** Pages that are done with, before the keys of the last one are, and behind it. */
  readonly done: readonly [number, number];
  /** Of the sink. */
  readonly told: readonly string[];
  readonly state: NodeScanState;
}

/** @param leaveAt the page with which the connection is lost, if it is */
async function walk(options: Partial<NodeScanOptions> = {}, leaveAt = Infinity): Promise<Walked> {
  const session = await openSession();
  const names = new Set<string>();
  const told: string[] = [];
  let pages = 0;
  const sink = {
    onReadRefused: () => told.push('refused'),
    onNotice: ({ code }: ScanNotice) => told.push(code),
    onShrunk: () => told.push('shrunk'),
  };
  const ledger = new PageLedger();
  const all: NodeScanOptions = { count: COUNT, scope: new KeyScope({}), ledger, sink, ...options };
  let before = 0;
  const scan = new NodeScan(0, all, new LossWatch(), () => {
    before = scan.pagesDone;
    scan.keys.drain(({ key, page }) => {
      names.add(key.toString());
      ledger.settle(page);
    });
    if (++pages === leaveAt) session.connection.fail(LOST);
  });
  if (leaveAt === Infinity) await scan.walk(session);
  else await assert.rejects(scan.walk(session), LOST);
  assert.equal(scan.isOver, leaveAt === Infinity);
  session.connection.close();
  const done = [before, scan.pagesDone] as const;
  return { names, pages, done, told, state: JSON.parse(JSON.stringify(scan.state)) as NodeScanState };
}

async function openSession(): Promise<Session> {
  const access = { role: 'source', purpose: 'read', timeout: 10_000, probes: [] } as const;
  const unset = { username: undefined, password: undefined, tls: undefined, signal: undefined };
  return new Session(await openServer({ ...access, ...unset }, { host: '127.0.0.1', port: server.port }, 0));
}

test('NodeScan goes on in another process where the walk was left, while keys come and go', async () => {
  const first = await walk({}, LEFT_AT);
  assert.equal(first.state.scan.page, LEFT_AT);
  assert.deepEqual(first.done, [LEFT_AT - 1, LEFT_AT]);
  const gone = Array.from({ length: 500 }, (_, i) => `key:${i}`);
  await client.send('DEL', ...gone);
  await client.send('MSET', ...Array.from({ length: 500 }, (_, i) => [`other:${i}`, '']).flat());
  const second = await walk({ state: first.state });
  assert.deepEqual([first.told, second.told], [[], []]);
  assert.equal(second.state.scan.page, LEFT_AT + second.pages);
  assert.ok(second.pages < KEYS / COUNT, `${second.pages} pages were read behind ${LEFT_AT}`);
  const lost = Array.from({ length: KEYS }, (_, i) => `key:${i}`).filter(
    (name) => !gone.includes(name) && !first.names.has(name) && !second.names.has(name),
  );
  assert.deepEqual(lost, []);
});

test('NodeScan begins anew where the server is another one than that of the walk that was left', async () => {
  const { state } = await walk({}, LEFT_AT);
  const origin = { ...state.origin, runId: 'another' };
  const second = await walk({ state: { ...state, origin } });
  assert.deepEqual(second.told, ['SCANNED_ANEW']);
  assert.equal(second.names.size, KEYS);
  assert.equal(second.state.scan.page, LEFT_AT + second.pages);
});

test('NodeScan tells that the keys were flushed between the process that began the walk and the one that went on', async () => {
  const { state } = await walk({}, LEFT_AT);
  await client.send('FLUSHDB');
  const second = await walk({ state });
  assert.deepEqual(second.told, ['shrunk']);
});

test('NodeScan looks at the server once before the first page, and once behind the last one', async () => {
  const start = await callsOf(client);
  const { names } = await walk();
  const calls = await callsOf(client);
  const asked = (name: string): number => (calls.get(name) ?? 0) - (start.get(name) ?? 0);
  assert.equal(names.size, KEYS);
  // One of each is of the handshake, and one INFO is ours; each look is INFO, INFO commandstats, and DBSIZE.
  assert.deepEqual([asked('info'), asked('dbsize')], [1 + 1 + 4, 1 + 2]);
});
