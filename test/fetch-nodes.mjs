// Other versions of Node, for the long tier of the tests: packages of the registry, each in a folder of its own in a cache.
// They are programs and no dependencies: nothing in package.json names them, and no script of theirs runs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'rump-nodes');

/** By `process.arch`: not every version is there for both. */
const VERSIONS = {
  x64: ['22.23.3', '24.21.0', '26.12.1'],
  arm64: ['22.23.3', '24.21.0', '26.12.0'],
};

/** Returns the programs, by version. @throws where one cannot be had */
export function fetchNodes(tell) {
  const name = `node-${process.platform}-${process.arch}`;
  const versions = VERSIONS[process.arch] ?? [];
  return new Map(versions.map((version) => [version, programOf(name, version, tell)]));
}

function programOf(name, version, tell) {
  const home = join(CACHE, version);
  const program = join(home, 'node_modules', name, 'bin/node');
  if (answers(program, version)) return program;
  tell(`unpacking Node ${version} into ${CACHE}`);
  mkdirSync(home, { recursive: true });
  const quiet = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const { stdout, stderr } = spawnSync('npm', ['install', '--prefix', home, ...quiet, `${name}@${version}`], {
    cwd: home,
    encoding: 'utf8',
  });
  if (answers(program, version)) return program;
  throw new Error(`Node ${version} cannot be had here\n${stdout}${stderr}`);
}

function answers(program, version) {
  return (
    existsSync(program) && spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout?.trim() === `v${version}`
  );
}
