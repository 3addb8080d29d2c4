// Stdin as a source, in a program of its own: a pipe, a file, nothing at all, and a pipe that never ends.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { killAtExit } from '../../support/kill-at-exit.ts';
import { fileOf, restores } from '../../support/resp-file.ts';

/** Counts what comes through stdin; `--stop` stops the source at its first key. */
const READ_STDIN = `
  import { collect, newChannel } from ${JSON.stringify(new URL('../../support/entries.js', import.meta.url).href)};
  import { RespSource } from ${JSON.stringify(new URL('../../../src/source/resp-source.js', import.meta.url).href)};
  const stops = process.argv.includes('--stop');
  const onNotice = ({ code, ms }) => code === 'SILENCE' && console.log('silence', ms);
  const patience = process.argv.includes('--patience') ? 20 : undefined;
  const includes = () => { if (stops) setImmediate(() => source.stop(new Error('interrupted'))); return true; };
  const source = new RespSource('-', { databases: 'all', includes, mode: 'exact', preserveIdle: false, patience }, { onExpired() {}, onReadRefused() {}, onNotice });
  const { entries, error } = await collect(source);
  console.log(entries.length, source.fraction, String(error?.message));
`;

function readStdin(shell: string, ...args: string[]): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(
    'sh',
    ['-c', shell, 'sh', process.execPath, '--input-type=module', '--eval', READ_STDIN, '--', ...args],
    {
      encoding: 'utf8',
      timeout: 30_000,
    },
  );
}

test('RespSource reads stdin, be it a pipe or a file', (t) => {
  const path = fileOf(t, restores(5000));
  const cut = fileOf(t, restores(5000).subarray(0, -1));
  for (const [shell, expected] of [
    [`cat ${path} | "$@"`, '5000 1 undefined\n'],
    [`"$@" < ${path}`, '5000 1 undefined\n'],
  ] as const) {
    const { stdout, stderr } = readStdin(shell);
    assert.deepEqual([stdout, stderr], [expected, ''], shell);
  }
  assert.match(readStdin('"$@" < /dev/null').stdout, /^0 0 Cannot read stdin: it is empty/);
  const { stdout } = readStdin(`cat ${cut} | "$@"`);
  assert.match(stdout, /^4999 0 Cannot read stdin: the frame at byte \d+ is cut off at byte \d+\n$/);
});

test('RespSource.stop() ends a read at once while it waits for stdin, and lets the program end', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', READ_STDIN, '--', '--stop']);
  killAtExit(child);
  // Its end never comes.
  child.stdin.write(restores(1));
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  assert.deepEqual([code, String(Buffer.concat(output))], [0, '1 0 interrupted\n']);
});

test('RespSource tells that nothing comes through stdin, and waits for it all the same', async () => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', READ_STDIN, '--', '--patience']);
  killAtExit(child);
  child.stdin.write(restores(1));
  child.stdout.setEncoding('utf8');
  let output = '';
  child.stdout.on('data', (text: string) => {
    // Only once it was told does the rest come.
    if (output === '') child.stdin.end(restores(2));
    output += text;
  });
  await once(child, 'close');
  assert.match(output, /^(silence 20\n)+3 1 undefined\n$/);
});
