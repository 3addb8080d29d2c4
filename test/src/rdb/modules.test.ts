// Values of modules: named, kept as they are, and passed over by their numbers, in a payload and inside of a file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteReader } from '../../../src/rdb/byte-reader.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { PayloadError, typeOf, withFooter } from '../../../src/rdb/payload.ts';
import { decodeModule } from '../../../src/rdb/modules.ts';
import * as build from './payload-builder.ts';

const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const MODULE = 7;
const MODULE_PRE_GA = 6;
const VERSION = 10;
/** Each kind of part once. */
const PARTS = Buffer.concat([
  build.length(1),
  build.length(2n ** 64n - 5n, 64),
  build.length(2),
  build.length(300),
  build.length(3),
  Buffer.alloc(4, 1),
  build.length(4),
  Buffer.alloc(8, 2),
  build.length(5),
  build.string('text'),
  build.length(5),
  build.compressedString('compressed'.repeat(5)),
  build.length(5),
  Buffer.of(0xc1, 0x39, 0x30),
]);
const END = build.length(0);

function idOf(name: string, version: number): Buffer {
  let id = 0n;
  for (const character of name) id = (id << 6n) | BigInt(CHARACTERS.indexOf(character));
  return build.length((id << 10n) | BigInt(version), 64);
}

test('decodePayload() names the module and leaves its bytes alone', () => {
  const bytes = Buffer.concat([idOf('ReJSON-RL', 3), PARTS, END]);
  const payload = build.payload(VERSION, MODULE, bytes);
  assert.deepEqual(decodePayload(payload), { type: 'module', name: 'ReJSON-RL', encodingVersion: 3, bytes });
  assert.equal(typeOf(payload), 'module');
});

test('decodePayload() knows where the value of an unreleased Redis 4.0 ends: at the end', () => {
  const bytes = Buffer.concat([idOf('_bloom--9', 1023), Buffer.from('whatever')]);
  const payload = build.payload(VERSION, MODULE_PRE_GA, bytes);
  assert.deepEqual(decodePayload(payload), { type: 'module', name: '_bloom--9', encodingVersion: 1023, bytes });
});

test('decodeModule() takes the value of a module and leaves what follows it', () => {
  const bytes = Buffer.concat([idOf('MBbloom--', 4), PARTS, END]);
  const reader = new ByteReader(Buffer.concat([bytes, Buffer.from('rest')]), 'a file');
  assert.deepEqual(decodeModule(reader, 'MODULE_2'), {
    type: 'module',
    name: 'MBbloom--',
    encodingVersion: 4,
    bytes,
  });
  assert.equal(reader.left, 4);
});

test('decodePayload() refuses the value of a module that has no end, or a part that no module writes', () => {
  const id = idOf('ReJSON-RL', 3);
  for (const parts of [PARTS, Buffer.concat([build.length(6), END]), Buffer.concat([PARTS, END, END])]) {
    assert.throws(
      () => decodePayload(withFooter(Buffer.concat([Buffer.of(MODULE), id, parts]), VERSION)),
      PayloadError,
    );
  }
});
