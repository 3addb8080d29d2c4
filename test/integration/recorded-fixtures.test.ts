// A bug report becomes a fixture, and a fixture a report: recorded frames go through --record's files and rump inspect, and what
// that prints says every byte of them.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Secrets } from '../../resp/secrets.ts';
import { fileNameOf, Recording } from '../../src/trace/recording.ts';
import { array, bulk, command, error, integer, nil, nilArray, randomSplits, simple } from '../support/frames.ts';
import { linesOf } from '../support/outcome.ts';
import { folderOf } from '../support/resp-file.ts';
import { runRump } from '../support/rump.ts';
import { REPLY_CASES } from '../resp/reply-cases.ts';

const frames = new URL('../../../fixtures/frames/', import.meta.url);
/** Of a longer frame not all is shown. */
const LONGEST = 16 * 1024;

/** Every file of frames, and whatever else a server may answer. */
const FIXTURES: readonly (readonly [name: string, bytes: Buffer])[] = [
  ...readdirSync(frames).map((name) => [name, readFileSync(new URL(name, frames))] as const),
  ...REPLY_CASES.filter(([, bytes]) => bytes.length < LONGEST).map(([name, bytes]) => [name, bytes] as const),
];

interface Line {
  readonly connection: string;
  readonly event: string;
  readonly bytes: number;
  readonly frame: string;
}

test('What is recorded of any frames is printed by rump inspect so that the same frames can be made of it', async (t) => {
  const folder = join(folderOf(t), 'recorded');
  const recording = new Recording(folder, assert.fail);
  const sent = FIXTURES.map(([name, bytes]) => Buffer.concat([command('ECHO', bytes), command('GET', name)]));
  for (const [i, [, bytes]] of FIXTURES.entries()) {
    const tap = recording.tap('source', { host: '127.0.0.1', port: 6379 }, new Secrets(['canary']));
    for (const piece of randomSplits(sent[i]!, i)) tap.onSent(piece);
    for (const piece of randomSplits(bytes, i)) tap.onReceived(piece);
    tap.onClosed(undefined);
  }
  recording.close();
  const { code, stdout, stderr } = await runRump([
    'inspect',
    folder,
    '--trace-bytes',
    '1M',
    '--trace-format',
    'ndjson',
  ]);
  assert.deepEqual([code, stderr], [0, '']);
  const lines = linesOf(stdout).map((line) => JSON.parse(line) as Line);
  for (const [i, [name, bytes]] of FIXTURES.entries()) {
    const connection = `source ${i}`;
    assert.ok(readFileSync(join(folder, fileNameOf(connection, 'received'))).equals(bytes), name);
    for (const [event, expected] of [
      ['sent', sent[i]!],
      ['received', bytes],
    ] as const) {
      const own = lines.filter((line) => line.connection === connection && line.event === event);
      const made = own.map(({ frame }) => (event === 'sent' ? commandIn(frame) : frameIn(frame, 0)[0]));
      const said = Buffer.concat(made).toString('latin1');
      assert.equal(said, textOf(expected, event), `${name}, ${event}`);
      assert.equal(
        own.reduce((sum, { bytes }) => sum + bytes, 0),
        expected.length,
      );
    }
  }
});

/** A null is one, whichever of both it was. */
function textOf(bytes: Buffer, event: 'sent' | 'received'): string {
  const text = bytes.toString('latin1');
  return event === 'sent' ? text : text.replaceAll(nilArray.toString(), nil.toString());
}

const STRING = /"((?:[^"\\]|\\.)*)"/y;
const NULL = /\(nil\)/y;
const INTEGER = /\(integer\) (-?\d+)/y;
const WHOLE_ERROR = /\(error\) (.*)/y;
const ERROR = /\(error\) ((?:[^,\]\\]|\\.)*)/y;
const SIMPLE = /[^,\]]*/y;

/** What the text says, as the frame that it was. @returns with where the text goes on */
function frameIn(text: string, at: number): [frame: Buffer, end: number] {
  const found = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  if (text[at] === '[') return arrayIn(text, at);
  const quoted = found(STRING);
  if (quoted !== null) return [bulk(bytesIn(quoted[1]!)), STRING.lastIndex];
  if (found(NULL) !== null) return [nil, NULL.lastIndex];
  const number = found(INTEGER);
  if (number !== null) return [integer(BigInt(number[1]!)), INTEGER.lastIndex];
  const failure = found(at === 0 ? WHOLE_ERROR : ERROR);
  if (failure !== null) return [error(bytesIn(failure[1]!).toString()), at + failure[0].length];
  return [simple(found(SIMPLE)![0]), SIMPLE.lastIndex];
}

function arrayIn(text: string, start: number): [frame: Buffer, end: number] {
  const items: Buffer[] = [];
  let at = start + 1;
  while (text[at] !== ']') {
    const [item, end] = frameIn(text, at);
    items.push(item);
    at = text.startsWith(', ', end) ? end + 2 : end;
  }
  return [array(...items), at + 1];
}

/** Strings with a space between. */
function commandIn(text: string): Buffer {
  return command(...Array.from(text.matchAll(new RegExp(STRING.source, 'g')), ([, quoted]) => bytesIn(quoted!)));
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', a: '\x07', b: '\b' };

/** As redis-cli quotes. */
function bytesIn(quoted: string): Buffer {
  const text = quoted.replaceAll(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, character: string) =>
    hex === undefined ? (ESCAPES[character] ?? character) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(text, 'latin1');
}
