// Bytes that come once: what is held of them, and for how long.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EntryView } from '../../../src/flow/entry-view.ts';
import { ArrivingBytes } from '../../../src/snapshot/arriving-bytes.ts';
import { SnapshotReader, type Found } from '../../../src/snapshot/snapshot-reader.ts';
import { KIB, MIB } from '../../support/entries.ts';
import * as build from '../rdb/payload-builder.ts';

const HEADER = Buffer.from('REDIS0011');
const BIG_KEY = MIB;

class Reading {
  /** Bytes of memory, at most. */
  most = 0;
  readonly #bytes = new ArrivingBytes('the snapshot', 16 * MIB);
  readonly #snapshot = new SnapshotReader(this.#bytes, { bigKey: BIG_KEY });
  readonly #entry = new EntryView();

  get held(): number {
    return this.#bytes.bytes.buffer.byteLength;
  }

  read(...parts: readonly Buffer[]): Found {
    this.#bytes.push(Buffer.concat(parts));
    this.most = Math.max(this.most, this.held);
    for (;;) {
      const found = this.#bytes.isReady ? this.#snapshot.next(this.#entry) : 'starved';
      if (found !== 'key') return found;
    }
  }
}

const begin = (typeByte: number, ...parts: readonly Buffer[]): Buffer =>
  Buffer.concat([Buffer.of(typeByte), build.string('key'), ...parts]);
const pieces = build.strings(...Array.from({ length: 1000 }, () => 'x'.repeat(60)));
const parts = Buffer.concat(
  Array.from({ length: 1000 }, () => Buffer.concat([build.length(5), build.string('x'.repeat(60))])),
);

for (const [name, first, then] of [
  ['a string', begin(0, build.length(2 ** 40, 64)), Buffer.alloc(64 * KIB)],
  ['a set', begin(2, build.length(2 ** 40, 64)), pieces],
  ['a value of a module', begin(7, build.length(1n << 63n, 64)), parts],
] as const) {
  test(`ArrivingBytes holds no more than bigKey of ${name}, and gives the memory back`, () => {
    const reading = new Reading();
    reading.read(HEADER, first);
    for (let chunk = 0; chunk < 300; chunk += 1) reading.read(then);
    assert.ok(reading.most <= 3 * BIG_KEY, `${reading.most} bytes at most`);
    assert.ok(reading.held <= BIG_KEY, `${reading.held} bytes in the end`);
  });
}
