// Commands about streams, without consumer groups: XADD with an id, XRANGE, XINFO STREAM.
import { isAfter, type StreamEntry, type StreamId } from '../keyspace/value.ts';
import { CommandError, type Reply } from '../reply.ts';
import type { Session } from '../session.ts';
import { keyOf, syntaxError, wordOf, wrongArity } from './argument.ts';
import type { CommandGroup } from './command.ts';

const GREATEST = 2n ** 64n - 1n;
const LOWEST_ID: StreamId = { ms: 0n, seq: 0n };
const HIGHEST_ID: StreamId = { ms: GREATEST, seq: GREATEST };

export const streamCommands: CommandGroup = {
  XADD: { least: 4, most: Infinity, run: add },
  XRANGE: { least: 3, most: 3, run: range },
  XINFO: { least: 1, most: Infinity, run: describe },
};

function add([arg, idArg, ...fields]: readonly Buffer[], { database }: Session): Reply {
  if (fields.length % 2 === 1) throw wrongArity('xadd');
  const id = idOf(idArg, 0n);
  if (!isAfter(id, LOWEST_ID)) throw new CommandError('ERR The ID specified in XADD must be greater than 0-0');
  const key = keyOf(arg);
  const { lastId } = database.read(key, 'stream') ?? { lastId: LOWEST_ID };
  if (!isAfter(id, lastId)) {
    throw new CommandError('ERR The ID specified in XADD is equal or smaller than the target stream top item');
  }
  const stream = database.open(key, 'stream');
  stream.entries.push({ id, fields });
  stream.lastId = id;
  return idText(id);
}

function range([key, first, last]: readonly Buffer[], { database }: Session): Reply {
  const start = first!.equals(Buffer.from('-')) ? LOWEST_ID : idOf(first, 0n);
  const end = last!.equals(Buffer.from('+')) ? HIGHEST_ID : idOf(last, GREATEST);
  const entries = database.read(keyOf(key), 'stream')?.entries ?? [];
  return entries.filter(({ id }) => !isAfter(start, id) && !isAfter(id, end)).map(entryReply);
}

/** What is said of a stream's groups is that there are none; how it is laid out in memory is left out. */
function describe([subcommand, key, full, count, entries]: readonly Buffer[], { database }: Session): Reply {
  if (wordOf(subcommand) !== 'STREAM') {
    throw new CommandError(`ERR unknown subcommand '${subcommand!.toString('latin1')}'. Try XINFO HELP.`);
  }
  const isAsked = full !== undefined && wordOf(full) === 'FULL';
  const isForAll = count !== undefined && wordOf(count) === 'COUNT' && entries?.toString('latin1') === '0';
  // Only the form that leaves nothing out.
  if (key === undefined || !isAsked || !isForAll) throw syntaxError();
  const stream = database.read(keyOf(key), 'stream');
  if (stream === undefined) throw new CommandError('ERR no such key');
  return [
    ['length', stream.entries.length],
    ['last-generated-id', idText(stream.lastId)],
    ['entries', stream.entries.map(entryReply)],
    ['groups', []],
  ].flat(1);
}

function idOf(arg: Buffer | undefined, defaultSeq: bigint): StreamId {
  const match = /^(\d{1,20})(?:-(\d{1,20}))?$/.exec(arg!.toString('latin1'));
  const id = match && { ms: BigInt(match[1]!), seq: match[2] === undefined ? defaultSeq : BigInt(match[2]) };
  if (!id || id.ms > GREATEST || id.seq > GREATEST) {
    throw new CommandError('ERR Invalid stream ID specified as stream command argument');
  }
  return id;
}

function idText({ ms, seq }: StreamId): string {
  return `${ms}-${seq}`;
}

function entryReply({ id, fields }: StreamEntry): Reply {
  return [idText(id), fields];
}
