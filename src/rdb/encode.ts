// A value as a DUMP payload again, in the plain encoding that even old servers read: RESTORE packs it as it likes.
import { ByteWriter } from './byte-writer.ts';
import { encodeStream } from './encode-stream.ts';
import { withFooter } from './footer.ts';
import { PayloadError } from './payload-error.ts';
import { FIRST_VALKEY_VERSION } from './type-byte.ts';
import type { HashValue, Value } from './value.ts';
import { minus, NEVER, sooner, type Milliseconds } from './milliseconds.ts';

/** Doubles in scores, and modules: Redis 4.0. */
const VERSION_4_0 = 8;
/** Streams: Redis 5.0. */
const VERSION_5_0 = 9;
/** Fields that expire: Redis 7.4. Valkey 9.0 has them in a form of its own. */
const VERSION_7_4 = 12;

/** Type bytes, in whichever of their forms is plain. */
const STRING = 0;
const LIST = 1;
const SET = 2;
const HASH = 4;
const ZSET = 5;
const MODULE = 7;
const HASH_OF_VALKEY = 22;
const HASH_OF_REDIS = 24;

/**
 * @param version the RDB version of the server that is to have it. It says all but one thing: Redict 7.3 has the 12 of
 *   Redis 7.4, but no fields that expire (`fieldExpiry` in ability.ts)
 * @throws PayloadError for what that version, or no payload, can hold
 */
export function encodePayload(value: Value, version: number): Buffer {
  const writer = new ByteWriter();
  writeValue(writer, value, version);
  return withFooter(writer.written, version);
}

function writeValue(writer: ByteWriter, value: Value, version: number): void {
  if (version < VERSION_4_0) throw unwritable(value, version);
  switch (value.type) {
    case 'list':
      return writeStrings(writer, LIST, value.items, value);
    case 'set':
      return writeStrings(writer, SET, value.members, value);
    case 'zset':
      writer.byte(ZSET);
      writer.length(someOf(value.entries.length, value));
      for (const { member, score } of value.entries) {
        writer.string(member);
        writer.double(score);
      }
      return;
    case 'hash':
      return writeHash(writer, value, version);
    case 'stream':
      if (version < VERSION_5_0) throw unwritable(value, version);
      return encodeStream(writer, value, version);
    case 'module':
      writer.byte(MODULE);
      return writer.raw(value.bytes);
    default:
      writer.byte(STRING);
      return writer.string(value.value);
  }
}

function writeStrings(writer: ByteWriter, typeByte: number, strings: readonly Buffer[], value: Value): void {
  writer.byte(typeByte);
  writer.length(someOf(strings.length, value));
  for (const string of strings) writer.string(string);
}

function writeHash(writer: ByteWriter, value: HashValue, version: number): void {
  const expires = value.fields.some(({ expireAt }) => expireAt !== NEVER);
  if (expires && version < VERSION_7_4) throw unwritable(value, version);
  const isOfRedis = expires && version < FIRST_VALKEY_VERSION;
  const isOfValkey = expires && !isOfRedis;
  const soonest = value.fields.reduce(
    (least: Milliseconds, { expireAt }) => (expireAt === NEVER ? least : sooner(least, expireAt)),
    Infinity,
  );
  writer.byte(isOfRedis ? HASH_OF_REDIS : isOfValkey ? HASH_OF_VALKEY : HASH);
  if (isOfRedis) writer.milliseconds(soonest);
  writer.length(someOf(value.fields.length, value));
  for (const { field, value: content, expireAt } of value.fields) {
    if (isOfRedis) writer.length(expireAt === NEVER ? 0 : minus(expireAt, minus(soonest, 1)));
    writer.string(field);
    writer.string(content);
    if (isOfValkey) writer.milliseconds(expireAt);
  }
}

/** There are no empty keys: RESTORE would refuse it with an error that says less. */
function someOf(count: number, { type }: Value): number {
  if (count > 0) return count;
  throw new PayloadError(`Cannot encode a ${type}: it is empty`);
}

function unwritable({ type }: Value, version: number): PayloadError {
  return new PayloadError(`Cannot encode a ${type}: payloads of RDB version ${version} hold no such value`);
}
