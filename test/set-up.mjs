// What a fresh clone needs before `npm test` and its like: the dependencies; with --programs a server, its client, a
// terminal (tmux), a browser, jq, and servers of other versions where they can be had; with --nodes other versions of Node.
// Plain Node, because it runs before anything is installed or compiled. Silent when there is nothing to do.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchNodes } from './fetch-nodes.mjs';
import { fetchServers } from './fetch-servers.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
/** Any one of the names will do; the package is Debian's. */
const PROGRAMS = [
  { any: ['redis-server', 'valkey-server'], debian: 'redis-server' },
  { any: ['redis-cli', 'valkey-cli'], debian: 'redis-tools' },
  { any: ['tmux'], debian: 'tmux' },
  // As test/support/browser.ts looks for it.
  {
    any: ['chromium-headless-shell', 'chrome-headless-shell', 'chromium', 'chromium-browser', 'google-chrome'],
    debian: 'chromium-headless-shell',
  },
  { any: ['jq'], debian: 'jq' },
];
const POLICY = '/usr/sbin/policy-rc.d';

// An interrupted apt-get must not leave the policy file behind: the child gets the signal as well, and then we clean up.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});

try {
  if (!dependenciesAreFresh()) installDependencies();
  if (process.argv.includes('--programs')) {
    ensurePrograms();
    ensureVersions();
  }
  if (process.argv.includes('--nodes')) fetchNodes(tell);
} catch (error) {
  tell(error.message.trimEnd());
  process.exitCode = 1;
}

function dependenciesAreFresh() {
  const installed = statSync(join(root, 'node_modules/.package-lock.json'), { throwIfNoEntry: false });
  return installed !== undefined && installed.mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs;
}

function installDependencies() {
  tell('installing the dependencies with npm ci');
  const { ok, output } = run('npm', ['ci', '--no-progress', '--loglevel=error']);
  if (!ok) throw new Error(`npm ci failed\n${output}`);
}

function ensurePrograms() {
  if (missing().length === 0) return;
  if (process.getuid?.() === 0 && isOnPath('apt-get')) installPackages(missing().map(({ debian }) => debian));
  const names = missing().map(({ any: [name] }) => name);
  if (names.length === 0) return;
  const packages = missing().map(({ debian }) => debian);
  throw new Error(
    `${names.join(' and ')} not found on PATH: install them (Debian, Ubuntu: apt-get install ${packages.join(' ')}; macOS: brew install redis tmux jq chromium)`,
  );
}

/** Other versions are welcome: what is not there is not tried, unless TEST_SERVERS=all demands every one. */
function ensureVersions() {
  const missing = fetchServers(tell);
  if (missing.length === 0) return;
  if (process.env.TEST_SERVERS === 'all') throw new Error(`${missing.join(', ')} cannot be had here`);
  for (const name of missing) tell(`${name} cannot be had here: the tests do without it`);
}

function missing() {
  return PROGRAMS.filter(({ any }) => !any.some(isOnPath));
}

function installPackages(packages) {
  tell(`installing ${packages.join(', ')} with apt-get`);
  // Debian starts a service that it installs, on the default port; a machine's own policy on that is left as it is.
  const policyIsOurs = !existsSync(POLICY);
  if (policyIsOurs) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    // One broken source among many fails the update without harm; what matters is whether the packages can be had.
    const update = run('apt-get', ['-qq', 'update']);
    const options = ['-qq', '--yes', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'];
    const install = run('apt-get', [...options, 'install', ...packages]);
    if (!install.ok) throw new Error(`apt-get could not install them\n${update.output}${install.output}`);
  } finally {
    if (policyIsOurs) rmSync(POLICY, { force: true });
  }
}

function run(command, args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const child = spawnSync(command, args, { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (child.signal !== null) throw new Error(`${command} was ended by ${child.signal}`);
  return { ok: child.status === 0, output: `${child.error?.message ?? ''}${child.stdout ?? ''}${child.stderr ?? ''}` };
}

function isOnPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function tell(sentence) {
  process.stderr.write(`set-up: ${sentence}\n`);
}
