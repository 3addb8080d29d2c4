// A check of the values of modules: vector sets by what they hold, and of the others no more is said than can be known.
import assert from 'node:assert/strict';
import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ByteWriter } from '../../src/rdb/byte-writer.ts';
import { encodePayload } from '../../src/rdb/encode.ts';
import { assertDifferent, assertEqual, AT_ONCE, runCheck } from '../support/check.ts';
import { command, type Argument } from '../support/frames.ts';
import { assertDone, linesOf } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { startPair } from '../support/server-pair.ts';
import { knows } from '../support/server-facts.ts';
import { serversWith } from '../support/server-versions.ts';

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** A value of the module JSON, as far as rump knows: its id, a string, and the end. */
function moduleFrame(key: string, text: string): Buffer {
  let id = 0n;
  for (const character of 'ReJSON-RL') id = (id << 6n) | BigInt(CHARACTERS.indexOf(character));
  const writer = new ByteWriter();
  writer.length((id << 10n) | 3n);
  writer.length(5);
  writer.string(Buffer.from(text));
  writer.length(0);
  const bytes = Buffer.from(writer.written);
  const payload = encodePayload({ type: 'module', name: 'ReJSON-RL', encodingVersion: 3, bytes }, 10);
  return command('RESTORE', key, 0, payload, 'REPLACE');
}

/** Two values are the same byte by byte, one is not, and nobody but the module knows whether that matters. */
function startFiles(t: TestContext, ...more: Buffer[]): { args: string[]; list: string } {
  const folder = folderOf(t);
  const [from, to, list] = ['from.resp', 'to.resp', 'list'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(from, Buffer.concat([moduleFrame('same', '{}'), moduleFrame('other', '{"a":1}')]));
  writeFileSync(to, Buffer.concat([moduleFrame('same', '{}'), moduleFrame('other', '{"a": 1}'), ...more]));
  return { args: ['--from', from, '--to', to], list };
}

test('rump check says that it cannot compare a value of a module whose bytes differ, which is neither equal nor different', async (t) => {
  const { args, list } = startFiles(t);
  const { code, stdout, stderr } = await runCheck([...args, '--combined', list]);
  assert.deepEqual([code, stdout], [1, '? 0:other\tmodule ReJSON-RL\n']);
  assert.match(
    stderr,
    /^rump: 1 equal, 0 differ, 0 only at the source, 0 only at the target, 1 not comparable, 0 expired/m,
  );
  assert.match(stderr, /^rump: 1 key is not comparable$/m);
  assert.deepEqual(linesOf(readFileSync(list, 'utf8')).toSorted(), ['= 0:same', '? 0:other\tmodule ReJSON-RL']);
});

test('rump check --json counts and names what is not comparable, and other differences still decide the exit code', async (t) => {
  const { args } = startFiles(t, moduleFrame('more', '{}'));
  const { code, stdout, stderr } = await runCheck([...args, '--json']);
  assert.equal(code, 3);
  assert.equal(stderr, 'rump: 1 key is not the same on both sides; 1 key is not comparable\n');
  const events = linesOf(stdout).map((line) => JSON.parse(line) as Record<string, string | number>);
  const verdicts = events
    .filter(({ event }) => event === 'verdict')
    .map(({ verdict, key, what }) => [verdict, key, what]);
  assert.deepEqual(
    new Set(verdicts),
    new Set([
      ['notComparable', 'other', 'module ReJSON-RL'],
      ['targetOnly', 'more', undefined],
    ]),
  );
  const { match, differ, notComparable, targetOnly } = events.at(-1)!;
  assert.deepEqual([match, differ, notComparable, targetOnly], [1, 0, 1, 1]);
});

/** Of every quantization. */
const SETS: readonly (readonly [key: string, words: readonly Argument[]])[] = [
  ['plain', ['NOQUANT']],
  ['bytes', ['Q8']],
  ['bits', ['BIN']],
];

function vector(i: number): string[] {
  return ['VALUES', '4', ...[1, i, i % 7, -i / 3].map(String)];
}

for (const { name, binary } of serversWith('redis-8.0')) {
  test(`rump check compares vector sets by what they hold (${name})`, async (t) => {
    const { from, to, endpoints } = await startPair(t, { source: { binary }, target: { binary } });
    if (!(await knows(from, 'VADD'))) return;
    for (let i = 1; i <= 60; i += 1) {
      for (const [key, words] of SETS) await from.send('VADD', key, ...vector(i), `element ${i}`, ...words);
      await from.send('VADD', 'reduced', 'REDUCE', '2', ...vector(i), `element ${i}`);
      await from.send('VADD', 'attributes', ...vector(i), `element ${i}`, 'SETATTR', `{"i":${i}}`);
    }
    const keys = [...SETS.map(([key]) => key), 'reduced', 'attributes'];
    assertDone(await runRump(endpoints));
    const dumps = await Promise.all([from, to].map((client) => client.send('DUMP', 'plain')));
    assert.notDeepEqual(dumps[0], dumps[1], 'It is not the same twice, or this shows nothing');
    assertEqual(await runCheck(endpoints), keys.length);
    await to.send('VADD', 'plain', ...vector(99), 'element 7', 'NOQUANT');
    await to.send('VREM', 'bytes', 'element 7');
    await to.send('VREM', 'bits', 'element 7');
    await to.send('VADD', 'bits', ...vector(7), 'another', 'BIN');
    await to.send('VSETATTR', 'attributes', 'element 7', '{}');
    assertDifferent(await runCheck([...endpoints, ...AT_ONCE]), [
      '* plain\tvectors',
      '* bytes\tsize',
      '* bits\tmembers',
      '* attributes\tattributes',
    ]);
  });
}
