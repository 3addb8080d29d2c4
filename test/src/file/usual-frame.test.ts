// Usual frames are shown where they lie, wherever a chunk ends; all others, and long ones, are left to be read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameReader } from '../../../src/file/frame-reader.ts';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { newEntry, type Entry } from '../../../src/flow/entry.ts';
import { command } from '../../support/frames.ts';

const PAYLOAD = Buffer.from('\0\x05value\x0b\0checksum', 'latin1');
const KEY = '\r\n$5\r\n*';

test('FrameReader shows usual frames where they lie, wherever their chunk ends, and leaves all others to be read', () => {
  const frames = [
    command('RESTORE', KEY, 0, PAYLOAD, 'REPLACE'),
    command('RESTORE', 'expires', 4_102_444_800_123, PAYLOAD, 'REPLACE', 'ABSTTL'),
    command('RESTORE', '', 0, PAYLOAD, 'REPLACE'),
  ];
  const usual = { ...newEntry(), kind: 'value', payload: PAYLOAD };
  const others = [
    command('RESTORE', 'k', 1, PAYLOAD, 'REPLACE'),
    command('RESTORE', 'k', 0, PAYLOAD, 'REPLACE', 'ABSTTL'),
    command('RESTORE', 'k', 0, PAYLOAD),
    command('RESTORE', 'k', 0, PAYLOAD, 'replace'),
    command('RESTORE', 'k', 0, PAYLOAD, 'REPLACE', 'IDLETIME', 7),
    command('RESTORE', 'k', '1000000000000000', PAYLOAD, 'REPLACE', 'ABSTTL'),
    command('SELECT', 1),
  ];
  const bytes = Buffer.concat(frames);
  const ends = new Set(frames.map((_, i) => Buffer.concat(frames.slice(0, i + 1)).length));
  const expected = [
    { ...usual, key: Buffer.from(KEY) },
    { ...usual, key: Buffer.from('expires'), expireAt: 4_102_444_800_123 },
    { ...usual, key: Buffer.alloc(0) },
  ];
  for (let cut = 0; cut <= bytes.length; cut++) {
    const reader = new FrameReader({ name: 'f.resp' });
    const view = new EntryView();
    const entry = newEntry();
    const entries: Entry[] = [];
    let shown = 0;
    for (const piece of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
      reader.write(piece);
      for (;;) {
        const isShown = reader.show(view);
        if (!isShown && !reader.next(entry)) break;
        entries.push(isShown ? view.copy() : { ...entry });
        shown += isShown ? 1 : 0;
      }
    }
    reader.end();
    assert.deepEqual(entries, expected);
    // One at most is cut.
    assert.equal(shown, cut === 0 || ends.has(cut) ? frames.length : frames.length - 1);
  }
  for (const frame of others) {
    const reader = new FrameReader({ name: 'f.resp' });
    reader.write(frame);
    assert.equal(reader.show(new EntryView()), false);
  }
});

test('FrameReader shows nothing that is long, and reads it without a copy', () => {
  const limit = 16 * 1024;
  for (const [key, payload, isShown] of [
    [limit - 1, limit - 1, true],
    [limit, limit - 1, false],
    [1, limit, false],
    [1, 10, false],
  ] as const) {
    const frame = command('RESTORE', Buffer.alloc(key, 'k'), 0, Buffer.alloc(payload, 'p'), 'REPLACE');
    const reader = new FrameReader({ name: 'f.resp' });
    const view = new EntryView();
    reader.write(frame);
    assert.equal(reader.show(view), isShown);
    if (isShown) assert.deepEqual([view.key.length, view.payload!.length, reader.show(view)], [key, payload, false]);
  }
});
