// Values that are read in pieces while they are written into a stream: in order, beside others, and none that is not whole.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { RespError } from '../../../resp/errors.ts';
import type { Channel } from '../../../src/flow/channel.ts';
import type { Entry, LargeValue } from '../../../src/flow/entry.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { GONE } from '../../../src/keys/value-end.ts';
import { RespTarget } from '../../../src/target/resp-target.ts';
import type { ValuePiece } from '../../../src/rdb/value.ts';
import { collect, entryOf, newChannel } from '../../support/entries.ts';
import { folderOf, sourceOf } from '../../support/resp-file.ts';

const FAR_AWAY = 4_102_444_800_123;
const SMALL = 'payload of a key';

/** A list of these items, whose last one comes when it is told to. */
class SlowList implements LargeValue {
  readonly type = undefined;
  reading: LargeValue['reading'];
  readonly expireAt: number | undefined;
  isBegun = false;
  finish: () => void = () => {};
  fail: (error: Error) => void = () => {};
  readonly #items: readonly string[];
  readonly #end: Promise<void>;

  constructor(items: readonly string[], expireAt?: number) {
    this.#items = items;
    this.expireAt = expireAt;
    this.#end = new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
    });
    this.#end.catch(() => {});
  }

  async *pieces(): AsyncGenerator<ValuePiece> {
    this.isBegun = true;
    this.reading = 'watched';
    yield { type: 'list', items: this.#items.slice(0, -1).map((item) => Buffer.from(item)) };
    await this.#end;
    yield { type: 'list', items: [Buffer.from(this.#items.at(-1)!)] };
    this.reading = 'same';
  }

  readonly whole = (): Promise<Buffer> => assert.fail('It can be gathered');
}

class Told {
  readonly written: [keys: number, bytes: number] = [0, 0];
  converted = 0;
  expired = 0;
  readonly refused: string[] = [];
  onWritten(keys: number, bytes: number): void {
    this.written[0] += keys;
    this.written[1] += bytes;
  }
  onConverted(): void {
    this.converted++;
  }
  onExpired(): void {
    this.expired++;
  }
  onWriteRefused(_: number, key: Buffer, { code }: RespError): void {
    this.refused.push(`${String(key)} ${code}`);
  }
}

interface Writing {
  readonly path: string;
  readonly channel: Channel;
  readonly told: Told;
  /** Closes the channel once all is settled. */
  readonly end: () => Promise<void>;
  readonly done: Promise<void>;
}

function startWriting(t: TestContext, ...entries: Entry[]): Writing {
  const [path, channel, told] = [join(folderOf(t), 'f.resp'), newChannel(), new Told()];
  const options = { targetDbOf: (db: number) => db, targetNameOf: (key: Buffer) => key, renames: false };
  const done = new RespTarget(path, { mode: 'exact', clock: Date.now, ...options }, told).write(channel);
  done.catch(() => {});
  for (const entry of entries) channel.push(entry);
  const end = async (): Promise<void> => {
    await channel.settled();
    channel.close();
    await done;
  };
  return { path, channel, told, end, done };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

function large(key: string, value: LargeValue, more: Partial<Entry> = {}): Entry {
  return entryOf(key, null, { large: value, ...more });
}

async function read(path: string): Promise<[key: string, value: unknown, expireAt: unknown][]> {
  const { entries, error } = await collect(sourceOf(path));
  assert.equal(error, undefined);
  return entries.map(({ key, payload, expireAt }) => {
    const value = String(payload) === SMALL ? SMALL : decodePayload(payload!);
    return [
      String(key),
      typeof value === 'object' && value.type === 'list' ? value.items.map(String) : value,
      expireAt,
    ];
  });
}

test('RespTarget lets others go on while a value is read, but none of the same key and no other large one', async (t) => {
  const [first, second] = [new SlowList(['a', 'b'], FAR_AWAY), new SlowList(['c', 'd'])];
  const { path, told, channel, end } = startWriting(
    t,
    large('first', first, { expireAt: 1 }),
    entryOf('beside', SMALL),
    entryOf('beside', SMALL, { db: 3 }),
    large('second', second),
    entryOf('behind', SMALL),
    entryOf('second', SMALL),
  );
  await until(() => told.written[0] === 2);
  assert.deepEqual([first.isBegun, second.isBegun, channel.length], [true, false, 2]);
  first.finish();
  await until(() => second.isBegun && told.written[0] === 4);
  second.finish();
  await end();
  assert.deepEqual(await read(path), [
    ['beside', SMALL, -1],
    ['beside', SMALL, -1],
    ['first', ['a', 'b'], FAR_AWAY],
    ['behind', SMALL, -1],
    ['second', ['c', 'd'], -1],
    ['second', SMALL, -1],
  ]);
  assert.deepEqual([told.written[0], told.converted, told.expired, told.refused], [6, 2, 0, []]);
  // Keys, and payloads: type, length, two items with a length each, footer.
  const bytes = 'first beside beside second behind second'.replaceAll(' ', '').length;
  assert.equal(told.written[1], bytes + 4 * SMALL.length + 2 * (1 + 5 + 4 + 10));
});

test('RespTarget fails a value by its name, or counts it as expired, and settles it', async (t) => {
  const errors = [new RespError('BREAKS', 'broke'), new RespError(GONE, 'gone')];
  const values = errors.map(() => new SlowList(['a', 'b']));
  const past = new SlowList(['a', 'b'], 1);
  const { path, told, end } = startWriting(
    t,
    ...values.map((value, i) => large(`key:${i}`, value)),
    large('past', past),
    entryOf('last', SMALL),
  );
  for (const [i, value] of values.entries()) value.fail(errors[i]!);
  past.finish();
  await end();
  assert.deepEqual([told.refused, told.expired, told.written[0]], [['key:0 BREAKS'], 2, 1]);
  assert.deepEqual(await read(path), [['last', SMALL, -1]]);
});

test('RespTarget.write() ends with what ends the reading of a value, and leaves no file', async (t) => {
  const reason = new RespError('CONNECTION', 'the source is lost');
  const value = new SlowList(['a', 'b']);
  const { path, channel, done } = startWriting(t, large('key', value));
  await until(() => value.isBegun);
  value.fail(reason);
  await assert.rejects(done, reason);
  await assert.rejects(channel.settled(), reason);
  assert.deepEqual(readdirSync(dirname(path)), []);
});

test('RespTarget.write() is stopped while a value is read, and while another one waits for it', async (t) => {
  for (const more of [[], [large('other', new SlowList(['a', 'b']))]]) {
    const value = new SlowList(['a', 'b']);
    const { path, channel, done, told } = startWriting(t, large('key', value), ...more);
    await until(() => value.isBegun && channel.length === 0);
    const reason = new Error('interrupted');
    channel.abort(reason);
    await assert.rejects(done, reason);
    value.finish();
    for (let i = 0; i < 20; i++) await turn();
    assert.deepEqual([told.written[0], told.refused], [0, []]);
    assert.deepEqual(readdirSync(dirname(path)), []);
  }
});
