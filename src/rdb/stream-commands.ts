// A stream as commands. The hard part are ids that are pending although their entries are gone: since Redis 7.0 XCLAIM
// takes no such id. So those entries are added, claimed and trimmed first, before the stream is filled.
import { chunksOf, type ChunkLimits } from './chunks.ts';
import { command, type Command } from './command.ts';
import { compareIds, formatId, ZERO_ID } from './stream-id.ts';
import type { PendingEntry, StreamEntry, StreamGroup, StreamHead, StreamId } from './value.ts';

/** The lowest id of all, for an entry that makes the stream and goes at once. */
const FIRST_ID: StreamId = { ms: 0n, seq: 1n };

/** Of an id in digits, about. */
const ID_BYTES = 20;

/** The groups, and what is pending in them although it is gone. */
export function* beginStream(key: Buffer, head: StreamHead, limits: ChunkLimits): Generator<Command> {
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

export function* entryCommands(key: Buffer, entries: readonly StreamEntry[]): Generator<Command> {
  for (const { id, fields } of entries) yield command('XADD', key, formatId(id), ...fields);
}

/** @param hasFigures whether the target has commands for them, which came with Redis 7.0 */
export function* endStream(
  key: Buffer,
  head: StreamHead,
  limits: ChunkLimits,
  hasFigures: boolean,
): Generator<Command> {
  const isGone = membership(head.gone);
  for (const group of head.groups) {
    yield* claims(key, group, limits, (entry) => !isGone(entry));
    yield* idleConsumers(key, group, hasFigures);
  }
  yield command('XSETID', key, formatId(head.lastId), ...(hasFigures ? figuresOf(head) : []));
  if (!hasFigures) return;
  // Behind XSETID, as a server holds this figure against that of the entries added.
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
  // Of an old payload the servers themselves take the number of entries.
  const figures = ['ENTRIESADDED', String(entriesAdded ?? length)];
  if (maxDeletedId !== undefined && compareIds(maxDeletedId, ZERO_ID) > 0) {
    figures.push('MAXDELETEDID', formatId(maxDeletedId));
  }
  return figures;
}

/** XCLAIM gives one consumer, one time and one count to all its ids, so ids go together that share them. */
function* claims(
  key: Buffer,
  { name, pending }: StreamGroup,
  limits: ChunkLimits,
  isWanted: (entry: PendingEntry) => boolean,
): Generator<Command> {
  const alike = new Map<string, PendingEntry[]>();
  for (const entry of pending) {
    if (!isWanted(entry)) continue;
    const shared = `${entry.deliveryTime} ${entry.deliveryCount} ${entry.consumer.toString('latin1')}`;
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

/** Those with pending entries are there already. */
function* idleConsumers(key: Buffer, group: StreamGroup, hasFigures: boolean): Generator<Command> {
  const busy = new Set(group.pending.map(({ consumer }) => consumer.toString('latin1')));
  for (const { name } of group.consumers) {
    if (busy.has(name.toString('latin1'))) continue;
    if (hasFigures) yield command('XGROUP', 'CREATECONSUMER', key, group.name, name);
    // Before 6.2 a consumer comes into being by reading; of its own past there is nothing, so it moves nothing.
    else yield command('XREADGROUP', 'GROUP', group.name, name, 'COUNT', '1', 'STREAMS', key, '0');
  }
}
