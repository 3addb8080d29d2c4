// SECURITY.md holds: what a source is asked, the rights that are enough, where rump connects to, and what is inside.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { READ_ONLY } from '../../src/server/read-only.ts';
import type { TestClient } from '../support/client.ts';
import { assertDone } from '../support/outcome.ts';
import { read, ROOT } from '../support/pages.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';

const page = read('.github/SECURITY.md');

test('SECURITY.md lists every command that a source may be asked, and no other', () => {
  const section = /^## What a source is asked$([^]*?)^## /m.exec(page)?.[1] ?? '';
  const [, list] = section.split(/a key:\n/);
  const names = Array.from(list!.matchAll(/`([^`]+)`/g), ([, name]) => name!);
  assert.deepEqual(names.toSorted(), [...READ_ONLY].toSorted());
});

test('SECURITY.md names tests that are there', () => {
  const files = Array.from(page.matchAll(/`(test\/[^`]+)`/g), ([, file]) => file!);
  assert.ok(files.length >= 9);
  for (const file of files) assert.ok(read(file).includes('test('), file);
});

const RUNS: Readonly<Record<string, readonly string[]>> = {
  'To copy': [],
  'To follow by psync': ['--live', '--feed', 'psync', '--until-idle', '100ms', '--linger', '100ms'],
  'To follow by tracking': ['--live', '--feed', 'tracking', '--until-idle', '100ms', '--linger', '100ms'],
  'To compare': ['check'],
};

test('The users of SECURITY.md may do what they are for', async (t) => {
  const { source, target, from, to } = await startPair(t);
  await from.pipeline([
    ['SET', 'key', 'value', 'EX', 10_000],
    ['RPUSH', 'list', 1, 2],
  ]);
  const [sourceUrl, targetUrl] = [source, target].map(({ url }) => url.replace('//', '//rump:secret@'));
  for (const [what, args] of Object.entries(RUNS)) {
    const block = new RegExp(`^${what}:\n\n\`\`\`sh\n([^]*?)\`\`\``, 'm').exec(page)?.[1] ?? '';
    const [old, fresh, ...more] = block.trim().split('\n');
    assert.deepEqual(more, []);
    await grant(from, 'old', old!);
    await grant(to, 'new', fresh!);
    const result = await runRump([...args, '--from', sourceUrl!, '--to', targetUrl!]);
    if (what === 'To compare') assert.deepEqual([result.code, result.stdout], [0, 'Both sides are equal.\n']);
    else assertDone(result);
    assert.equal(await to.send('DBSIZE'), 2);
  }
});

/** As the line says it, to a user that has no right yet. */
async function grant(client: TestClient, host: string, line: string): Promise<void> {
  const head = `redis-cli -u redis://${host}:6379 ACL SETUSER rump on `;
  assert.ok(line.startsWith(head), line);
  const words = Array.from(
    line.slice(head.length).matchAll(/'([^']*)'|(\S+)/g),
    ([, quoted, plain]) => quoted ?? plain!,
  );
  await client.send('ACL', 'SETUSER', 'rump', 'reset', 'on', ...words);
}

/** Writes down where each socket of a process connects to, and which names it looks up. */
const HOOK = `
import { appendFileSync } from 'node:fs';
import dns from 'node:dns';
import net from 'node:net';
const { connect } = net.Socket.prototype;
const note = (what) => appendFileSync(process.env.CONNECTIONS, what + '\\n');
net.Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args;
  note(options.path ?? options.host + ':' + options.port);
  return connect.apply(this, args);
};
for (const name of ['resolve', 'resolve4', 'resolveTxt']) dns[name] = () => note('dns');
`;

test('rump connects to what was named, and to nothing else', async (t) => {
  const { source, target, from, endpoints } = await startPair(t);
  await from.send('SET', 'key', 'value');
  const folder = folderFor(t);
  const [hook, log] = [join(folder, 'hook.mjs'), join(folder, 'log')];
  writeFileSync(hook, HOOK);
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(hook).href}`, CONNECTIONS: log };
  const following = ['--live', '--until-idle', '100ms', '--linger', '100ms', '--verify'];
  const { code, stderr } = await runRump([...endpoints, ...following], { env });
  assert.equal(code, 0, stderr);
  const places = new Set(readFileSync(log, 'utf8').trim().split('\n'));
  assert.deepEqual(places, new Set([`127.0.0.1:${source.port}`, `127.0.0.1:${target.port}`]));
});

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'rump-security-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('npm run sbom lists the two dependencies and what they bring, of which none has an install script', () => {
  const text = execFileSync('npm', ['run', '--silent', 'sbom'], { cwd: ROOT, encoding: 'utf8' });
  const { components } = JSON.parse(text) as { components: { name: string; version: string }[] };
  assert.deepEqual(components.map(({ name, version }) => `${name} ${version}`).toSorted(), [
    'arg 5.0.2',
    'redis-errors 1.2.0',
    'redis-parser 3.0.0',
  ]);
  for (const { name } of components) {
    const { scripts = {} } = JSON.parse(read(`node_modules/${name}/package.json`)) as {
      scripts?: Record<string, string>;
    };
    assert.deepEqual(
      Object.keys(scripts).filter((script) => /^(?:pre|post)?install$/.test(script)),
      [],
    );
  }
});
