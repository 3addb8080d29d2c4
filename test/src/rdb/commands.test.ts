// Recorded payloads written by commands into a real server, against what the recording server told of them; and the commands
// themselves, where no server of the tests need know them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { ValueCommands, type Ability, type Command, type CommandOptions } from '../../../src/rdb/commands.ts';
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import { differenceOf } from '../../../src/rdb/compare.ts';
import { decodePayload } from '../../../src/rdb/decode.ts';
import { encodePayload } from '../../../src/rdb/encode.ts';
import { PayloadError, withFooter } from '../../../src/rdb/payload.ts';
import { payloadPieces, type ChunkLimits } from '../../../src/rdb/pieces.ts';
import type { HashValue, StreamValue, Value } from '../../../src/rdb/value.ts';
import type { TestClient } from '../../support/client.ts';
import { borrow, giveBack } from '../../support/lent-servers.ts';
import { readPayloads } from '../../support/payload-fixtures.ts';
import type { TestServer } from '../../support/redis-server.ts';
import { snapshot, common, UNSETTABLE } from '../../support/snapshot.ts';

const KEY = Buffer.from('key\r\n\0');
let server: TestServer;
let client: TestClient;
let abilities: ReadonlySet<Ability>;

before(async () => {
  server = await borrow();
  client = await server.client();
  abilities = new Set<Ability>([
    'streams',
    ...((await knows('PEXPIRETIME')) ? (['streamFigures'] as const) : []),
    ...((await knows('HPEXPIREAT')) ? (['fieldExpiry'] as const) : []),
  ]);
});
after(() => giveBack(server));

for (const [limits, words] of [
  [{ elements: 1024, bytes: 1024 * 1024 }, 'whole'],
  [{ elements: 2, bytes: 50 }, 'in pieces'],
] as const) {
  for (const { server: recorded, payloads } of readPayloads()) {
    test(`ValueCommands writes what ${recorded} held, ${words}`, async () => {
      for (const { name, type, value: expected, payload } of payloads) {
        const value = decodePayload(payload);
        if (isBeyond(value)) {
          assert.throws(() => payloadCommands(KEY, payload, { abilities, limits }), PayloadError, name);
          continue;
        }
        await writeByCommands(payload, limits);
        const found = (await snapshot(client)).get(KEY.toString('latin1'))!;
        assert.equal(found.type, type, name);
        const shown = common(expected, found.value, UNSETTABLE);
        assert.deepEqual(common(found.value, expected, UNSETTABLE), shown, name);
        const again = decodePayload((await client.send('DUMP', KEY)) as Buffer);
        assert.equal(differenceOf(value, again), undefined, name);
      }
    });
  }
}

async function writeByCommands(payload: Buffer, limits: ChunkLimits): Promise<void> {
  await client.send('DEL', KEY);
  for (const command of payloadCommands(KEY, payload, { abilities, limits })) await client.send(...command);
}

function isBeyond(value: Value): boolean {
  if (value.type === 'module') return true;
  return (
    value.type === 'hash' && value.fields.some(({ expireAt }) => expireAt !== NEVER) && !abilities.has('fieldExpiry')
  );
}

async function knows(command: string): Promise<boolean> {
  const [found] = (await client.send('COMMAND', 'INFO', command)) as unknown[];
  return Array.isArray(found);
}

const SHORT_KEY = Buffer.from('key');
const ALL: ReadonlySet<Ability> = new Set<Ability>(['streams', 'streamFigures', 'fieldExpiry']);
const b = (text: string): Buffer => Buffer.from(text);
const field = (name: string, expireAt: number): HashValue['fields'][number] => ({
  field: b(name),
  value: b(name),
  expireAt,
});
const hash: HashValue = { type: 'hash', fields: [field('a', 5), field('b', -1), field('c', 7), field('d', 5)] };
const id = (ms: bigint): StreamValue['lastId'] => ({ ms, seq: 0n });
const zero = id(0n);
const empty: StreamValue = {
  type: 'stream',
  length: 0,
  entries: [],
  lastId: zero,
  firstId: zero,
  maxDeletedId: undefined,
  entriesAdded: undefined,
  groups: [],
};

test('ValueCommands sets the expiries of a hash, one command for fields that expire together', () => {
  assert.deepEqual(lines(hash), [
    'HSET key a a b b c c d d',
    'HPEXPIREAT key 5 FIELDS 2 a d',
    'HPEXPIREAT key 7 FIELDS 1 c',
  ]);
});

test('ValueCommands ends a command after so many elements or bytes', () => {
  const list: Value = { type: 'list', items: ['a', 'b', 'cccccc', 'd', 'e'].map(b) };
  assert.deepEqual(lines(list, { elements: 2, bytes: 1000 }), ['RPUSH key a b', 'RPUSH key cccccc d', 'RPUSH key e']);
  assert.deepEqual(lines(list, { elements: 1000, bytes: 3 }), ['RPUSH key a b cccccc', 'RPUSH key d e']);
  assert.deepEqual(lines({ type: 'string', value: b('abcdefg') }, { elements: 1, bytes: 3 }), [
    'SET key abc',
    'APPEND key def',
    'APPEND key g',
  ]);
  assert.deepEqual(lines(hash, { elements: 3, bytes: 1000 }), [
    'HSET key a a b b c c',
    'HPEXPIREAT key 5 FIELDS 1 a',
    'HPEXPIREAT key 7 FIELDS 1 c',
    'HSET key d d',
    'HPEXPIREAT key 5 FIELDS 1 d',
  ]);
});

test('payloadPieces() and ValueCommands refuse what is damaged, empty or beyond the target', () => {
  const { payloads } = readPayloads().find(({ server }) => server.startsWith('redis 8'))!;
  const expiring = payloads.find(({ name }) => name === 'hash:expiring-packed')!.payload;
  for (const [payload, abilities] of [
    [expiring, new Set<Ability>()],
    [withFooter(Buffer.concat([expiring.subarray(0, -10), Buffer.of(0)]), 12), ALL],
    [Buffer.concat([expiring.subarray(0, -1), Buffer.of(0)]), ALL],
    [withFooter(Buffer.of(1, 0), 9), ALL],
  ] as const) {
    assert.throws(() => [...payloadCommands(SHORT_KEY, payload, { abilities })], PayloadError);
  }
});

test('ValueCommands makes a stream in which there never was anything', () => {
  assert.deepEqual(lines(empty), [
    'XADD key 0-1  ',
    'XTRIM key MAXLEN 0',
    'XSETID key 0-0',
    'XSETID key 0-0 ENTRIESADDED 0',
  ]);
});

test('ValueCommands claims entries that are gone before the stream has any, each added once and in the order of ids', () => {
  const pending = (ms: bigint, consumer: string): StreamValue['groups'][number]['pending'][number] => ({
    id: id(ms),
    consumer: b(consumer),
    deliveryTime: 1000,
    deliveryCount: 2,
  });
  const group = (name: string, ids: bigint[]): StreamValue['groups'][number] => ({
    name: b(name),
    lastId: id(6n),
    entriesRead: undefined,
    pending: ids.map((ms) => pending(ms, `of-${name}`)),
    consumers: [{ name: b(`of-${name}`), seenTime: 0, activeTime: undefined }],
  });
  const value: StreamValue = {
    ...empty,
    length: 1,
    entries: [{ id: id(4n), fields: [b('f'), b('v')] }],
    lastId: id(6n),
    groups: [group('g', [4n, 5n]), group('h', [1n, 4n, 5n])],
  };
  assert.deepEqual(lines(value), [
    'XGROUP CREATE key g 6-0 MKSTREAM',
    'XGROUP CREATE key h 6-0 MKSTREAM',
    'XADD key 1-0  ',
    'XADD key 5-0  ',
    'XCLAIM key g of-g 0 5-0 TIME 1000 RETRYCOUNT 2 FORCE JUSTID',
    'XCLAIM key h of-h 0 1-0 5-0 TIME 1000 RETRYCOUNT 2 FORCE JUSTID',
    'XTRIM key MAXLEN 0',
    'XSETID key 0-0',
    'XADD key 4-0 f v',
    'XCLAIM key g of-g 0 4-0 TIME 1000 RETRYCOUNT 2 FORCE JUSTID',
    'XCLAIM key h of-h 0 4-0 TIME 1000 RETRYCOUNT 2 FORCE JUSTID',
    'XSETID key 6-0 ENTRIESADDED 1',
  ]);
});

test('ValueCommands holds the long name of a consumer once, however many entries are pending at times of their own', () => {
  const program = `
    import { ValueCommands } from ${JSON.stringify(new URL('../../../src/rdb/commands.js', import.meta.url).href)};
    import { pendingPiece } from ${JSON.stringify(new URL('payload-builder.js', import.meta.url).href)};
    const commands = new ValueCommands(Buffer.from('key'), { abilities: new Set(['streams']) });
    const names = new Set();
    for (const _ of commands.write(pendingPiece('n'.repeat(500_000), 300)));
    for (const [name, , , consumer] of commands.end()) if (String(name) === 'XCLAIM') names.add(consumer);
    console.log(names.size);
  `;
  const args = ['--max-old-space-size=64', '--input-type=module', '--eval', program];
  const { stdout, signal } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual([stdout, signal], ['1\n', null]);
});

test('ValueCommands leaves the figures of a stream out where the target has none', () => {
  const last = { ms: 1n, seq: 1n };
  const consumers = [{ name: b('idle'), seenTime: 0, activeTime: undefined }];
  const value: StreamValue = {
    ...empty,
    lastId: last,
    maxDeletedId: last,
    entriesAdded: 1n,
    groups: [{ name: b('g'), lastId: last, entriesRead: 1n, pending: [], consumers }],
  };
  const written = [...commandsOf(SHORT_KEY, value, { abilities: new Set<Ability>(['streams']) })].map((args) =>
    args.join(' '),
  );
  assert.deepEqual(written, [
    'XGROUP CREATE key g 1-1 MKSTREAM',
    'XREADGROUP GROUP g idle COUNT 1 STREAMS key 0',
    'XSETID key 1-1',
  ]);
});

test('ValueCommands refuses what would be lost', () => {
  const module: Value = { type: 'module', name: 'ReJSON-RL', encodingVersion: 3, bytes: b('x') };
  const nan: Value = { type: 'zset', entries: [{ member: b('a'), score: NaN }] };
  assertUnwritable(module, ALL, /^Cannot take the value of a module apart: /);
  assertUnwritable(nan, ALL, /^Cannot write a zset by commands: a score is not a number/);
  assertUnwritable(hash, new Set(), /^Cannot write a hash by commands: fields of it expire/);
  assertUnwritable(empty, new Set(), /^Cannot write a stream by commands: /);
  for (const value of [
    { type: 'list', items: [] },
    { type: 'set', members: [] },
    { type: 'zset', entries: [] },
    { type: 'hash', fields: [] },
  ] satisfies Value[]) {
    assertUnwritable(value, ALL, /: it is empty$/);
  }
});

function lines(value: Value, limits = { elements: 1000, bytes: 1000 }): string[] {
  return [...commandsOf(SHORT_KEY, value, { abilities: ALL, limits })].map((args) => args.join(' '));
}

function assertUnwritable(value: Value, abilities: ReadonlySet<Ability>, message: RegExp): void {
  assert.throws(
    () => commandsOf(SHORT_KEY, value, { abilities }),
    (error) => error instanceof PayloadError && message.test(error.message),
  );
}

interface AllCommandsOptions extends CommandOptions {
  readonly limits?: ChunkLimits;
}

function commandsOf(key: Buffer, value: Value, options: AllCommandsOptions): Command[] {
  const lacksFigures = value.type === 'stream' && value.entriesAdded === undefined;
  return payloadCommands(key, encodePayload(value, lacksFigures ? 9 : 12), options);
}

function payloadCommands(key: Buffer, payload: Buffer, options: AllCommandsOptions): Command[] {
  const writer = new ValueCommands(key, options);
  const commands: Command[] = [];
  for (const piece of payloadPieces(payload, options.limits)) commands.push(...writer.write(piece));
  return [...commands, ...writer.end()];
}
