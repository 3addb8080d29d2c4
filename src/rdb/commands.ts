// A value as the native commands that write it into a new key: for a server that cannot read the payload.
import { NEVER, type Milliseconds } from './milliseconds.ts';
import { PayloadError } from './payload.ts';
import { chunksOf, DEFAULT_LIMITS, type ChunkLimits } from './pieces.ts';
import {
  compareIds,
  formatId,
  ZERO_ID,
  type HashField,
  type PendingEntry,
  type StreamEntry,
  type StreamGroup,
  type StreamHead,
  type StreamId,
  type ValuePiece,
  type ZsetEntry,
} from './value.ts';

/**
 * What a server must support so that a value can be written by commands, beyond what Redis has supported since 4.0.
 * - `streams`: Redis 5.0.
 * - `streamFigures`: `XSETID … ENTRIESADDED … MAXDELETEDID`, `XGROUP … ENTRIESREAD`; Redis 7.0. Without it a stream is
 *   written with all its entries and groups, but these figures, from which lags are computed, are the target's own.
 * - `fieldExpiry`: `HPEXPIREAT`; Redis 7.4, Valkey 9.0.
 */
export type Ability = 'streams' | 'streamFigures' | 'fieldExpiry';

/** The lowest id, for an entry that creates the stream and is removed at once. */
const FIRST_ID: StreamId = { ms: 0n, seq: 1n };

/** Of an id as text, roughly. */
const ID_BYTES = 20;

/** Its arguments, name first. */
export type Command = Buffer[];

function command(...args: readonly (string | Buffer)[]): Command {
  return args.map((arg) => (typeof arg === 'string' ? Buffer.from(arg) : arg));
}

export interface CommandOptions {
  /** What the target supports. Without `streamFigures` the figures are left out; nothing else can be left out. */
  readonly abilities: ReadonlySet<Ability>;
  /** Of the commands for pending entries of a stream; other commands are as large as the pieces. */
  readonly limits?: ChunkLimits;
}

/**
 * The key must not exist before, and is complete only after `end`. The caller sets its expiry, and writes it under a
 * temporary name so that nobody sees half of it. If all fields of a hash have expired, there is no key in the end.
 */
export class ValueCommands {
  readonly #key: Buffer;
  readonly #options: CommandOptions;
  #isBegun = false;
  #stream: StreamHead | undefined;

  constructor(key: Buffer, options: CommandOptions) {
    this.#key = key;
    this.#options = options;
  }

  /** @throws PayloadError for what no command can write, or not at this target */
  *write(piece: ValuePiece): Generator<Command> {
    const isFirst = !this.#isBegun;
    this.#isBegun = true;
    switch (piece.type) {
      case 'string':
        yield command(isFirst ? 'SET' : 'APPEND', this.#key, piece.value);
        return;
      case 'list':
        yield command('RPUSH', this.#key, ...piece.items);
        return;
      case 'set':
        yield command('SADD', this.#key, ...piece.members);
        return;
      case 'zset':
        yield zaddCommand(this.#key, piece.entries);
        return;
      case 'hash':
        yield* hashCommands(this.#key, piece.fields, this.#options.abilities.has('fieldExpiry'));
        return;
      default:
        if (isFirst) yield* this.#beginStream(piece.head);
        yield* entryCommands(this.#key, piece.entries);
    }
  }

  /** The commands behind the last piece. */
  *end(): Generator<Command> {
    const { abilities, limits = DEFAULT_LIMITS } = this.#options;
    if (this.#stream !== undefined) yield* endStream(this.#key, this.#stream, limits, abilities.has('streamFigures'));
  }

  #beginStream(head: StreamHead): Generator<Command> {
    const { abilities, limits = DEFAULT_LIMITS } = this.#options;
    if (!abilities.has('streams')) {
      throw new PayloadError('Cannot write a stream by commands: the target knows no streams');
    }
    this.#stream = head;
    return beginStream(this.#key, head, limits);
  }
}

/** @throws PayloadError */
function zaddCommand(key: Buffer, entries: readonly ZsetEntry[]): Command {
  return command('ZADD', key, ...entries.flatMap(({ score, member }) => [writableScore(score), member]));
}

/**
 * A field whose expiry is past disappears, as it would have at the source.
 * @param expires whether the target has fields that expire
 * @throws PayloadError
 */
function* hashCommands(key: Buffer, fields: readonly HashField[], expires: boolean): Generator<Command> {
  const byExpiry = expiringIn(fields);
  if (byExpiry.size > 0 && !expires) {
    throw new PayloadError('Cannot write a hash by commands: fields of it expire, and the target knows no such fields');
  }
  yield command('HSET', key, ...fields.flatMap(({ field, value }) => [field, value]));
  for (const [expireAt, expiring] of byExpiry) {
    yield command('HPEXPIREAT', key, String(expireAt), 'FIELDS', String(expiring.length), ...expiring);
  }
}

function writableScore(score: number): string {
  if (!Number.isNaN(score)) return formatScore(score);
  throw new PayloadError('Cannot write a zset by commands: a score is not a number, which ZADD takes from nobody');
}

/** As ZADD takes it; JavaScript writes the shortest digits that give the same double. */
export function formatScore(score: number): string {
  if (score === Infinity) return 'inf';
  if (score === -Infinity) return '-inf';
  return Object.is(score, -0) ? '-0' : String(score);
}

/** The fields that expire, by expiry. */
function expiringIn(fields: readonly HashField[]): Map<Milliseconds, Buffer[]> {
  const found = new Map<Milliseconds, Buffer[]>();
  for (const { field, expireAt } of fields) {
    if (expireAt === NEVER) continue;
    const same = found.get(expireAt);
    if (same === undefined) found.set(expireAt, [field]);
    else same.push(field);
  }
  return found;
}

/**
 * The groups, and what is pending in them although it is gone. That is the hard part: since Redis 7.0 XCLAIM takes no id
 * whose entry is gone, so those entries are added, claimed and trimmed first, before the stream is filled.
 */
function* beginStream(key: Buffer, head: StreamHead, limits: ChunkLimits): Generator<Command> {
  const { groups, gone, length } = head;
  for (const { name, lastId } of groups) {
    yield command('XGROUP', 'CREATE', key, name, formatId(lastId), 'MKSTREAM');
  }
  const seeds = gone.length > 0 ? gone : groups.length + length === 0 ? [FIRST_ID] : [];
  if (seeds.length === 0) return;
  for (const id of seeds) yield command('XADD', key, formatId(id), '', '');
  const isGone = membership(gone);
  for (const group of groups) yield* claims(key, group, limits, isGone);
  // Trimming, unlike XDEL, leaves the highest deleted id alone; and an empty stream may be set back.
  yield command('XTRIM', key, 'MAXLEN', '0');
  yield command('XSETID', key, formatId(ZERO_ID));
}

function* entryCommands(key: Buffer, entries: readonly StreamEntry[]): Generator<Command> {
  for (const { id, fields } of entries) yield command('XADD', key, formatId(id), ...fields);
}

/** @param hasFigures whether the target has commands for them, which came with Redis 7.0 */
function* endStream(key: Buffer, head: StreamHead, limits: ChunkLimits, hasFigures: boolean): Generator<Command> {
  const isGone = membership(head.gone);
  for (const group of head.groups) {
    yield* claims(key, group, limits, (entry) => !isGone(entry));
    yield* idleConsumers(key, group, hasFigures);
  }
  yield command('XSETID', key, formatId(head.lastId), ...(hasFigures ? figuresOf(head) : []));
  if (!hasFigures) return;
  // After XSETID, as servers check this figure against the number of entries added.
  for (const { name, lastId, entriesRead } of head.groups) {
    if (entriesRead === undefined) continue;
    yield command('XGROUP', 'SETID', key, name, formatId(lastId), 'ENTRIESREAD', String(entriesRead));
  }
}

function membership(ids: readonly StreamId[]): (entry: PendingEntry) => boolean {
  const texts = new Set(ids.map(formatId));
  return ({ id }) => texts.has(formatId(id));
}

function figuresOf({ length, entriesAdded, maxDeletedId }: StreamHead): string[] {
  // For old payloads servers themselves take the number of entries.
  const figures = ['ENTRIESADDED', String(entriesAdded ?? length)];
  if (maxDeletedId !== undefined && compareIds(maxDeletedId, ZERO_ID) > 0) {
    figures.push('MAXDELETEDID', formatId(maxDeletedId));
  }
  return figures;
}

/** XCLAIM has one consumer, one time and one count for all its ids, so ids that share them go together. */
function* claims(
  key: Buffer,
  { name, pending }: StreamGroup,
  limits: ChunkLimits,
  isWanted: (entry: PendingEntry) => boolean,
): Generator<Command> {
  const alike = new Map<string, PendingEntry[]>();
  // Names may be long, and each would be held as often as its consumer has a time of its own.
  const numbers = new Map<string, number>();
  for (const entry of pending) {
    if (!isWanted(entry)) continue;
    const shared = `${entry.deliveryTime} ${entry.deliveryCount} ${numberOf(entry.consumer, numbers)}`;
    const others = alike.get(shared);
    if (others === undefined) alike.set(shared, [entry]);
    else others.push(entry);
  }
  for (const entries of alike.values()) {
    const { consumer, deliveryTime, deliveryCount } = entries[0]!;
    const forced = ['TIME', String(deliveryTime), 'RETRYCOUNT', String(deliveryCount), 'FORCE', 'JUSTID'];
    for (const chunk of chunksOf(entries, () => ID_BYTES, limits)) {
      const ids = chunk.map(({ id }) => formatId(id));
      yield command('XCLAIM', key, name, consumer, '0', ...ids, ...forced);
    }
  }
}

function numberOf(consumer: Buffer, numbers: Map<string, number>): number {
  const name = consumer.toString('latin1');
  const number = numbers.get(name) ?? numbers.size;
  numbers.set(name, number);
  return number;
}

/** Consumers with pending entries exist already. */
function* idleConsumers(key: Buffer, group: StreamGroup, hasFigures: boolean): Generator<Command> {
  const busy = new Set<string>();
  for (const { consumer } of group.pending) busy.add(consumer.toString('latin1'));
  for (const { name } of group.consumers) {
    if (busy.has(name.toString('latin1'))) continue;
    if (hasFigures) yield command('XGROUP', 'CREATECONSUMER', key, group.name, name);
    // Before 6.2 a consumer is created by reading. It reads its own pending entries, of which there are none.
    else yield command('XREADGROUP', 'GROUP', group.name, name, 'COUNT', '1', 'STREAMS', key, '0');
  }
}
