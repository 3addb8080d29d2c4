// A shell in which the commands of a page are run as they stand there: rump is this build, and its neighbours are at hand.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { killAtExit } from './kill-at-exit.ts';
import { MAIN } from './rump.ts';

const LONGEST_MS = 60_000;

export interface RunningShell {
  /** Rejects where it ends before it says so. */
  says(words: RegExp): Promise<void>;
  /** What it has printed. The last command has to end with 0. */
  readonly done: Promise<string>;
}

/** Both streams come as a terminal shows them. @param folder where it works */
export function startShell(folder: string, script: string): RunningShell {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const program = (name: string, line: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  };
  program('rump', `exec "${process.execPath}" "${MAIN}" "$@"`);
  program('redis-cli', `exec "${clientProgram()}" "$@"`);
  // The tunnels are there already.
  program('ssh', 'exit 0');
  const get = 'fetch(`http://${process.argv.at(-1)}`).then((got) => got.text()).then(console.log)';
  program('curl', `exec "${process.execPath}" -e '${get}' -- "$@"`);
  const { PATH: path, ...inherited } = process.env;
  const clean = Object.entries(inherited).filter(([name]) => !name.startsWith('RUMP_'));
  const child = spawn('sh', ['-c', `exec 2>&1\n${script}`], {
    cwd: folder,
    env: { ...Object.fromEntries(clean), PATH: [bin, path].join(delimiter) },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LONGEST_MS,
  });
  killAtExit(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const closed = once(child, 'close') as Promise<[number | null]>;
  return {
    async says(words) {
      while (!words.test(output)) {
        const [data] = await Promise.race([once(child.stdout, 'data'), closed]);
        assert.ok(Buffer.isBuffer(data), output);
      }
    },
    done: closed.then(([code]) => {
      assert.equal(code, 0, output);
      return output;
    }),
  };
}

function clientProgram(): string {
  return spawnSync('which', ['redis-cli', 'valkey-cli'], { encoding: 'utf8' }).stdout.split('\n')[0]!;
}
