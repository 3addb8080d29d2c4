// Payloads that are not held: each goes by in parts, and what is known of it in the end is where it was and what its ends say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newEntry } from '../../../src/flow/entry-ring.ts';
import { FrameReader } from '../../../src/file/frame-reader.ts';
import type { Keeper } from '../../../src/file/passing-payload.ts';
import { cutsOf } from '../../support/decode.ts';
import { command, streamOf } from '../../support/frames.ts';
import { crc64 } from '../../support/memory-server/payload/crc64.ts';

const PAYLOAD = Buffer.from('\0\x05value\x0b\0checksum', 'latin1');
const KEY = '\r\n$5\r\n*';

interface Read {
  /** Key, database, bytes of the payload that was held, and what is known of one that was not. */
  readonly found: unknown[];
  readonly kept: Readonly<Record<string, Buffer[]>>;
}

/** Holds 100 bytes, and keeps all others but those of `other`. */
function readAll(pieces: readonly Buffer[]): Read {
  const kept: Record<string, Buffer[]> = {};
  const keeperOf = (_: number, key: Buffer): Keeper | undefined =>
    String(key) === 'other' ? undefined : (part) => void (kept[String(key)] ??= []).push(Buffer.from(part));
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  const reader = new FrameReader({ name: 'f.resp', size: Math.max(size, 3000), mostHeld: 100, keeperOf });
  const found: unknown[] = [];
  const entry = newEntry();
  for (const piece of pieces) {
    reader.write(Buffer.from(piece));
    while (reader.next(entry)) {
      const { start, length, typeByte, version, isIntact } = reader.passed ?? {};
      const facts = reader.passed && { start, length, typeByte, version, isIntact };
      found.push([String(entry.key), entry.db, entry.payload?.length, facts]);
    }
  }
  reader.end();
  return { found, kept };
}

test('FrameReader lets go by what is longer than it is to hold, and tells where it is and what its ends say', () => {
  const body = Buffer.concat([Buffer.of(4), Buffer.alloc(300, 'body'), Buffer.of(0x50, 0)]);
  const checksum = Buffer.alloc(8);
  checksum.writeBigUInt64LE(crc64(body));
  const payload = Buffer.concat([body, checksum]);
  const damaged = Buffer.concat([body, Buffer.alloc(8)]);
  const frames = Buffer.concat([
    command('RESTORE', 'a', 0, PAYLOAD),
    command('SELECT', 3),
    command('RESTORE', KEY, 5, payload, 'ABSTTL'),
    command('RESTORE', 'b', 0, damaged, 'IDLETIME', 7),
    command('RESTORE', 'other', 0, payload),
    command('RESTORE', 'c', 0, PAYLOAD),
  ]);
  const bytes = streamOf(frames, 5);
  for (const [way, pieces] of Object.entries(cutsOf(bytes))) {
    const { found, kept } = readAll(pieces);
    const [first, second] = [bytes.indexOf(payload), bytes.indexOf(damaged)];
    const facts = { length: payload.length, typeByte: 4, version: 80, isIntact: true };
    assert.deepEqual(
      found,
      [
        ['a', 0, PAYLOAD.length, undefined],
        [KEY, 3, undefined, { start: first, ...facts }],
        ['b', 3, undefined, { start: second, ...facts, isIntact: false }],
        ['other', 3, undefined, { start: bytes.lastIndexOf(payload), ...facts }],
        ['c', 3, PAYLOAD.length, undefined],
      ],
      way,
    );
    assert.deepEqual(
      Object.entries(kept).map(([key, parts]) => [key, Buffer.concat(parts)]),
      [
        [KEY, payload],
        ['b', damaged],
      ],
      way,
    );
  }
  const cut = bytes.lastIndexOf(payload) + 50;
  assert.throws(() => readAll([bytes.subarray(0, cut)]), new RegExp(`is cut off at byte ${cut}$`));
  const other = Buffer.from(bytes);
  other[bytes.indexOf(damaged) + 100]! ^= 1;
  assert.throws(() => readAll([other]), /is damaged: its end tells of the checksum/);
});
