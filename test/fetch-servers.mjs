// Servers of several versions side by side, for the tests: unpacked into a cache, without touching the system's packages.
// Each is unpacked beside the C library of its own suite and started by that one's loader. Debian only, x64 and arm64.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where `bin/NAME` is; the tests look there as well. */
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rump-servers');

/** What the programs of all suites are linked against. */
const LIBRARIES = 'libatomic1 libc6 libcap2 libgcc-s1 libjemalloc2 liblzf1 libstdc++6 libsystemd0 libzstd1';
const OLDER = 'libgcrypt20 libgpg-error0 liblz4-1 liblzma5';

/** Where Debian puts libraries and the loader, by `process.arch`. */
const MACHINES = {
  x64: { folder: 'x86_64-linux-gnu', loader: 'ld-linux-x86-64.so.2' },
  arm64: { folder: 'aarch64-linux-gnu', loader: 'ld-linux-aarch64.so.1' },
};

/**
 * Which suite has which version, and what the program needs there beside the libraries of all. A mirror keeps one
 * version of each: so the name is the pin, and what says of itself that it is another version counts as missing.
 */
const SERVERS = [
  {
    name: 'redis-6.0',
    suite: 'bullseye',
    program: 'redis-server',
    packages: `redis-server redis-tools libssl1.1 liblua5.1-0 lua-bitop lua-cjson ${OLDER}`,
  },
  {
    name: 'redis-7.0',
    suite: 'bookworm',
    program: 'redis-server',
    packages: `redis-server redis-tools libssl3 ${OLDER}`,
  },
  {
    name: 'redis-8.0',
    suite: 'trixie',
    program: 'redis-server',
    packages: 'redis-server redis-tools libssl3t64 zlib1g',
  },
  {
    name: 'valkey-8.1',
    suite: 'trixie',
    program: 'valkey-server',
    packages: 'valkey-server valkey-tools libssl3t64 zlib1g',
  },
  {
    name: 'redict-7.3',
    suite: 'sid',
    program: 'redict-server',
    packages: 'redict-server redict-tools libhiredict1.3.1 liblua5.1-0 libssl3t64 zlib1g',
  },
  {
    name: 'valkey-9.1',
    suite: 'sid',
    program: 'valkey-server',
    packages: 'valkey-server valkey-tools libssl3t64 zlib1g',
  },
];

/** Returns the names of those that are not there in the end. */
export function fetchServers(tell) {
  const missing = SERVERS.filter(({ name }) => !answers(name));
  if (missing.length === 0) return [];
  const mirror = mirrorOfThisMachine();
  const machine = MACHINES[process.arch];
  if (mirror === undefined || machine === undefined) return missing.map(({ name }) => name);
  tell(`unpacking ${missing.map(({ name }) => name).join(', ')} into ${CACHE}`);
  for (const server of missing) fetch(server, mirror, machine);
  return missing.filter(({ name }) => !answers(name)).map(({ name }) => name);
}

function fetch({ name, suite, program, packages }, mirror, machine) {
  const home = join(CACHE, suite);
  const [debs, root] = [join(home, 'debs'), join(home, 'root')];
  for (const folder of [
    debs,
    root,
    join(home, 'lists/partial'),
    join(home, 'cache/archives/partial'),
    join(CACHE, 'bin'),
  ]) {
    mkdirSync(folder, { recursive: true });
  }
  const key = '/usr/share/keyrings/debian-archive-keyring.gpg';
  writeFileSync(join(home, 'sources.list'), `deb [signed-by=${key}] ${mirror} ${suite} main\n`);
  const settings = {
    'Dir::Etc::sourcelist': join(home, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State::Lists': join(home, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': join(home, 'cache'),
    'APT::Sandbox::User': 'root',
    // Old suites are signed for a time that is over.
    'Acquire::Check-Valid-Until': 'false',
  };
  const options = Object.entries(settings).flatMap(([setting, value]) => ['-o', `${setting}=${value}`]);
  const apt = (...args) => run('apt-get', ['-qq', ...options, ...args], debs);
  if (!apt('update') || !apt('download', ...`${LIBRARIES} ${packages}`.split(' '))) return;
  for (const deb of readdirSync(debs)) run('dpkg-deb', ['-x', deb, root], debs);
  const libraries = ['usr/lib', 'lib'].map((folder) => join(root, folder, machine.folder));
  const loader = libraries.map((folder) => join(folder, machine.loader)).find((path) => existsSync(path));
  if (loader === undefined) return;
  const script = `#!/bin/sh\nexec "${loader}" --library-path "${libraries.join(':')}" "${join(root, 'usr/bin', program)}" "$@"\n`;
  writeFileSync(join(CACHE, 'bin', name), script);
  chmodSync(join(CACHE, 'bin', name), 0o755);
}

/** Whether it is there, runs, and is of the version in its name. */
function answers(name) {
  const path = join(CACHE, 'bin', name);
  if (!existsSync(path)) return false;
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return stdout?.includes(` v=${name.split('-')[1]}.`) === true;
}

/** The one from which Debian itself was installed. */
function mirrorOfThisMachine() {
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [];
  const text = [...files, '/etc/apt/sources.list']
    .filter(existsSync)
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');
  return /\bhttps?:\/\/\S*\/debian\/?(?=\s)/.exec(text)?.[0];
}

function run(command, args, cwd) {
  return spawnSync(command, args, { cwd, stdio: 'ignore' }).status === 0;
}
