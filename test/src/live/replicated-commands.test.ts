// What commands say of keys, of a server that is asked where they stand; and how far they are told.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandStream } from '../../../resp/command-stream.ts';
import type { Reply } from '../../../resp/reply.ts';
import type { FeedPosition, Gap } from '../../../src/live/feed.ts';
import { KeyPositions } from '../../../src/live/key-positions.ts';
import { ReplicatedCommands, Unexplained } from '../../../src/live/replicated-commands.ts';
import type { Session } from '../../../src/server/session.ts';
import { command } from '../../support/frames.ts';

const START: FeedPosition = { replicationId: 'a'.repeat(40), offset: 100, db: null };

function about(name: string, flags: string[], positions: [number, number, number], subcommands: Reply[] = []): Reply[] {
  return [Buffer.from(name), -2, flags.map((flag) => Buffer.from(flag)), ...positions, [], [], [], subcommands];
}

const COMMANDS: readonly (readonly Reply[])[] = [
  about('set', ['write'], [1, 1, 1]),
  about('mset', ['write'], [1, -1, 2]),
  about('sort', ['write', 'movablekeys'], [1, 1, 1]),
  about('hpexpireat', ['write'], [1, 1, 1]),
  about('json.set', ['write'], [1, 1, 1]),
  about('select', [], [0, 0, 0]),
  about('trim', ['write'], [0, 0, 0]),
  about('module.tell', [], [0, 0, 0]),
  about('module.move', ['write'], [1, 2, 1]),
  about('xgroup', [], [0, 0, 0], [about('xgroup|create', ['write'], [2, 2, 1])]),
];

type Answer = (keys: readonly Buffer[] | undefined) => void;

class Told {
  readonly changes: string[] = [];
  readonly gaps: Gap[] = [];
  /** Of the commands whose keys are asked for, in order. */
  readonly answers: Answer[] = [];
  readonly asked: string[] = [];
  readonly sink = {
    onChange: (db: number | undefined, key: Buffer): void => void this.changes.push(`${db ?? '?'}:${key.toString()}`),
    onGap: (gap: Gap): void => void this.gaps.push(gap),
    onFailed: (): void => {},
  };
  readonly unexplained = new Unexplained(this.sink);
  /** Names that the server was asked about, one after the other. */
  readonly askedAbout: string[] = [];
  commands!: ReplicatedCommands;
  #stream!: CommandStream;

  static async begin(): Promise<Told> {
    const told = new Told();
    const session = { peer: { host: 'h', port: 1 }, request: told.#request } as unknown as Session;
    const options = {
      from: START,
      positions: await KeyPositions.learn(session),
      askKeys: (argv: readonly Buffer[]): Promise<readonly Buffer[] | undefined> => {
        told.asked.push(argv.join(' '));
        return new Promise((resolve) => told.answers.push(resolve));
      },
      unexplained: told.unexplained,
      onAsked: () => {},
    };
    told.commands = new ReplicatedCommands(options, told.sink);
    told.#stream = new CommandStream(told.commands);
    return told;
  }

  /** As a server answers COMMAND INFO. */
  readonly #request = async (_: string, __: string, ...names: readonly string[]): Promise<Reply> => {
    if (names.length === 1) this.askedAbout.push(names[0]!);
    return names.map((name) => COMMANDS.find(([known]) => String(known) === name.toLowerCase()) ?? null);
  };

  read(...words: (string | number | Buffer)[]): number {
    const frame = command(...words);
    this.#stream.read(frame);
    return frame.length;
  }
}

test('ReplicatedCommands tells keys where the server says that they stand, in the database in force', async () => {
  const told = await Told.begin();
  told.read('SET', 'a', 'value');
  told.read('SELECT', 3);
  told.read('mset', 'b', 1, 'c', 2);
  told.read('PUBLISH', 'channel', 'message');
  assert.deepEqual(told.changes, ['?:a', '3:b', '3:c']);
  assert.deepEqual([told.gaps, told.asked, told.askedAbout], [[], [], []]);
});

test('ReplicatedCommands asks for the keys of an unusual command once, and knows from then on where they stand', async () => {
  const told = await Told.begin();
  for (const argv of [
    ['module.move', 'a', 'b', 'c'],
    ['XGROUP', 'CREATE', 's', 'group', '0'],
    ['module.tell', 'c'],
  ])
    told.read(...argv);
  assert.deepEqual(told.asked, ['module.move a b c', 'XGROUP CREATE s group 0', 'module.tell c']);
  told.answers[0]!([Buffer.from('a'), Buffer.from('b')]);
  told.answers[1]!([Buffer.from('s')]);
  told.answers[2]!(undefined);
  await new Promise(setImmediate);
  told.read('module.move', 'd', 'e', 'f');
  told.read('xgroup', 'create', 't', 'group', 0);
  told.read('module.tell', 'f');
  assert.deepEqual(told.changes, ['?:a', '?:b', '?:s', '?:d', '?:e', '?:t']);
  assert.deepEqual([told.askedAbout, told.asked.length], [['module.move', 'XGROUP', 'module.tell'], 3]);
  assert.deepEqual(told.gaps, []);
});

test('ReplicatedCommands.position stays before a transaction until its end', async () => {
  const told = await Told.begin();
  const before = 100 + told.read('SELECT', 2);
  let bytes = told.read('MULTI') + told.read('SELECT', 5) + told.read('SET', 'a', 1);
  assert.deepEqual(told.commands.position, { ...START, offset: before, db: 2 });
  assert.equal(told.commands.told, before + bytes);
  bytes += told.read('EXEC');
  assert.deepEqual(told.commands.position, { ...START, offset: before + bytes, db: 5 });
});

test('ReplicatedCommands counts nothing as told behind a command whose keys are being asked for', async () => {
  const told = await Told.begin();
  told.read('SELECT', 2);
  const before = told.commands.position;
  told.read('SORT', 'list', 'STORE', 'sorted');
  told.read('SELECT', 3);
  told.read('SET', 'a', 1);
  assert.deepEqual(told.asked, ['SORT list STORE sorted']);
  assert.deepEqual([told.commands.position, told.commands.told], [before, before.offset]);
  told.answers[0]!([Buffer.from('sorted')]);
  await new Promise(setImmediate);
  assert.deepEqual(told.changes, ['3:a', '2:sorted']);
  assert.equal(told.commands.told, told.commands.position.offset);
  assert.equal(told.commands.position.db, 3);
});

function namesIn({ reason }: Gap): string | undefined {
  return /which keys (.*) changes/.exec(reason)?.[1];
}

test('ReplicatedCommands tells a gap once of each command that nothing explains, and again of those since when all is asked for', async () => {
  const told = await Told.begin();
  for (const name of ['TRIM', 'EVAL', 'trim', 'module.write']) {
    told.read(name, 'a', 'b');
    // Of those that it is asked for, the server knows no keys.
    for (const answer of told.answers.splice(0)) answer(undefined);
    await new Promise(setImmediate);
  }
  assert.deepEqual(told.gaps.map(namesIn), ['TRIM', 'EVAL', 'MODULE.WRITE']);
  told.unexplained.tellAll();
  told.unexplained.tellAll();
  assert.deepEqual(told.gaps.map(namesIn).slice(3), ['TRIM']);
});

test('ReplicatedCommands takes what is emptied or exchanged for a gap, of what is known of it', async () => {
  const told = await Told.begin();
  told.read('FLUSHDB');
  told.read('SELECT', 4);
  told.read('flushdb', 'ASYNC');
  told.read('SWAPDB', 1, 2);
  told.read('CLUSTER', 'FLUSHSLOT', 77, 'SYNC');
  told.read('FLUSHALL');
  assert.deepEqual(
    told.gaps.map(({ databases, slots }) => databases ?? slots),
    [undefined, [4], [1, 2], [77], undefined],
  );
  assert.deepEqual(
    told.gaps.map(({ isFlush }) => isFlush === true),
    [true, true, false, true, true],
  );
});

test('ReplicatedCommands takes a command for a gap that is too long to be asked about', async () => {
  const told = await Told.begin();
  told.read('SORT', 'list', 'BY', Buffer.alloc(1024 * 1024 + 1, 'x'), 'STORE', 'sorted');
  assert.deepEqual([told.asked, told.gaps.length], [[], 1]);
});

test('ReplicatedCommands takes a command of very many arguments for a gap, however short they are', async () => {
  const told = await Told.begin();
  told.read('SORT', 'list', ...Array.from({ length: 40_000 }, () => 'x'));
  assert.deepEqual([told.asked, told.gaps.length], [[], 1]);
});

test('ReplicatedCommands tells the key of a command that may be long, however long it is, the first time as well', async () => {
  const told = await Told.begin();
  told.read('JSON.SET', 'document', '$', Buffer.alloc(1024 * 1024 + 1, '1'));
  told.read('HPEXPIREAT', 'hash', 1, 'FIELDS', 40_000, ...Array.from({ length: 40_000 }, (_, i) => `f${i}`));
  assert.deepEqual([told.changes, told.asked, told.gaps], [['?:document', '?:hash'], [], []]);
});

test('ReplicatedCommands.isFull counts the bytes of what is being asked for', async () => {
  const told = await Told.begin();
  const long = Buffer.alloc(1_000_000, 'x');
  for (let i = 0; i < 4; i++) told.read('SORT', 'list', 'BY', long);
  assert.equal(told.commands.isFull, false);
  told.read('SORT', 'list', 'BY', long);
  assert.equal(told.commands.isFull, true);
  told.answers[0]!([]);
  await new Promise(setImmediate);
  assert.equal(told.commands.isFull, false);
});
