// Commands as clients send them: whole, cut anywhere, too long, or none at all.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LONGEST_REQUEST, RequestReader } from '../../resp/request-reader.ts';

const COMMANDS = '*2\r\n$6\r\nSTATUS\r\n$4\r\nJSON\r\nbwlimit  10M\r\n\r\nPING\n*1\r\n$0\r\n\r\n*1\r\n$5\r\na\r\nä\r\n';
const WORDS = [['STATUS', 'JSON'], ['bwlimit', '10M'], ['PING'], [''], ['a\r\nä']];

function readAll(reader: RequestReader): (readonly string[])[] {
  const all: (readonly string[])[] = [];
  for (let words = reader.next(); words !== undefined; words = reader.next()) all.push(words);
  return all;
}

test('RequestReader finds arrays and lines of words, whatever comes with what', () => {
  const bytes = Buffer.from(COMMANDS);
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new RequestReader();
    const found: (readonly string[])[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.push(bytes.subarray(at, at + size));
      found.push(...readAll(reader));
    }
    assert.deepEqual(found, WORDS, `in pieces of ${size} bytes`);
  }
});

test('RequestReader takes any number of commands at once', () => {
  const reader = new RequestReader();
  reader.push(Buffer.from('PING\r\n'.repeat(LONGEST_REQUEST)));
  assert.equal(readAll(reader).length, LONGEST_REQUEST);
});

for (const [what, text] of [
  ['a line without an end', 'x'.repeat(LONGEST_REQUEST + 1)],
  ['a line that is too long', `${'x'.repeat(LONGEST_REQUEST + 1)}\n`],
  ['an array that is too long', `*64\r\n${`$1024\r\n${'x'.repeat(1024)}\r\n`.repeat(20)}`],
  ['more words than a command has', '*65\r\n'],
  ['a string that is too long', `*1\r\n$${LONGEST_REQUEST + 1}\r\n`],
  ['a number that is none', '*x\r\n'],
  ['a negative number', '*1\r\n$-1\r\n'],
  ['a number of many digits', '*99999999999999999999\r\n'],
  ['something else than a string', '*1\r\n:1\r\n'],
  ['a string of another length', '*1\r\n$2\r\nPING\r\n'],
] as const) {
  test(`RequestReader refuses ${what}`, () => {
    const reader = new RequestReader();
    reader.push(Buffer.from(text));
    assert.throws(() => readAll(reader), { name: 'ProtocolError' });
  });
}

test('RequestReader ignores an array without words, as it does an empty line', () => {
  const reader = new RequestReader();
  reader.push(Buffer.from('*0\r\n\r\nPING\r\n'));
  assert.deepEqual(readAll(reader), [['PING']]);
});
