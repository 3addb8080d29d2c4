// Reads a stream piece by piece: what it is beside its entries first, then the entries.

import { RespError } from '../../resp/errors.ts';
import { formatCount } from '../../resp/figures.ts';
import type { Reply } from '../../resp/reply.ts';
import {
  compareIds,
  formatId,
  parseId,
  ZERO_ID,
  type PendingEntry,
  type StreamConsumer,
  type StreamEntry,
  type StreamGroup,
  type StreamHead,
  type StreamId,
  type StreamPiece,
} from '../rdb/value.ts';
import {
  askOne,
  bytesIn,
  demand,
  integerIn,
  listIn,
  nonsense,
  stringsIn,
  textIn,
  type AskAbout,
} from '../server/replies.ts';
import type { PageSize } from '../server/transfer-limits.ts';
import { CHANGED, ValueEnd } from './value-end.ts';

const PENDING_PAGE = 1000;
/** Entries by which those that are pending may have more than doubled while they were read. */
const MORE_PENDING = 100_000;
const LAST_PART = 2n ** 64n - 1n;

export async function* readStream(ask: AskAbout, key: Buffer, size: PageSize): AsyncGenerator<StreamPiece> {
  size.keepOrder();
  const about = recordOf(await askOne(ask, 'XINFO STREAM', key));
  const head = await readHead(ask, key, about);
  const end = new ValueEnd(ask, key, 'stream');
  for (let from = '-'; ;) {
    const start = performance.now();
    const entries = entriesOf(await askOne(ask, 'XRANGE', key, from, '+', 'COUNT', String(size.count)));
    demandPage(entries, 'XRANGE', from, size.count);
    await end.onPage('XRANGE', entries.length);
    if (entries.length === 0) {
      demandLast(about, from);
      if (from === '-') yield { type: 'stream', head, entries };
      return;
    }
    const bytes = entries.reduce((sum, { fields }) => sum + totalOf(fields), 0);
    size.observe(bytes, performance.now() - start);
    yield { type: 'stream', head, entries };
    const { id } = entries.at(-1)!;
    if (isLast(id)) return;
    from = formatId(after(id));
  }
}

/** @throws RespError `CHANGED` where the last entry that the stream had at first has not come: how many it has, a stream may not know */
function demandLast(about: ReadonlyMap<string, Reply>, from: string): void {
  const last = about.get('last-entry') ?? null;
  const least = from === '-' ? ZERO_ID : parseId(from);
  if (last === null || compareIds(idOf(listIn(last, 'XINFO STREAM')[0], 'XINFO STREAM'), least) < 0) return;
  throw new RespError(CHANGED, 'It changed while it was read (XRANGE ends before the last entry)');
}

async function readHead(ask: AskAbout, key: Buffer, about: ReadonlyMap<string, Reply>): Promise<StreamHead> {
  const groups: StreamGroup[] = [];
  const hasGroups = !about.has('groups') || integerIn(about.get('groups'), 'XINFO STREAM', 0) > 0;
  const infos = hasGroups ? await askOne(ask, 'XINFO GROUPS', key) : [];
  for (const info of listIn(infos, 'XINFO GROUPS')) groups.push(await readGroup(ask, key, recordOf(info)));
  return {
    length: Number(integerIn(about.get('length'), 'XINFO STREAM')),
    lastId: idOf(about.get('last-generated-id'), 'XINFO STREAM'),
    maxDeletedId: idIn(about, 'max-deleted-entry-id'),
    entriesAdded: about.has('entries-added')
      ? BigInt(integerIn(about.get('entries-added'), 'XINFO STREAM'))
      : undefined,
    groups,
    gone: await findGone(ask, key, groups),
  };
}

async function readGroup(ask: AskAbout, key: Buffer, info: ReadonlyMap<string, Reply>): Promise<StreamGroup> {
  const name = bytesIn(info.get('name'), 'XINFO GROUPS');
  const entriesRead = info.get('entries-read');
  const told = integerIn(info.get('pending'), 'XINFO GROUPS', 0);
  const consumers = listIn(await askOne(ask, 'XINFO CONSUMERS', key, name), 'XINFO CONSUMERS').map(recordOf);
  return {
    name,
    lastId: idOf(info.get('last-delivered-id'), 'XINFO GROUPS'),
    // The server itself cannot always tell.
    entriesRead: entriesRead === undefined ? undefined : BigInt(integerIn(entriesRead ?? -1, 'XINFO GROUPS')),
    pending: told > 0 ? await readPending(ask, key, name, Number(told)) : [],
    consumers: consumers.map(consumerOf),
  };
}

/** When it was last seen is told only as how long ago, and is not carried by commands. */
function consumerOf(info: ReadonlyMap<string, Reply>): StreamConsumer {
  return { name: bytesIn(info.get('name'), 'XINFO CONSUMERS'), seenTime: 0, activeTime: undefined };
}

/** @param told how many are pending, as the group says */
async function readPending(ask: AskAbout, key: Buffer, group: Buffer, told: number): Promise<PendingEntry[]> {
  const pending: PendingEntry[] = [];
  const consumers = new Map<string, Buffer>();
  const most = told * 2 + MORE_PENDING;
  for (let from = '-'; ;) {
    // How long ago an entry was delivered is all that is told of it.
    const replies = await demand(ask, [['TIME'], ['XPENDING', key, group, from, '+', String(PENDING_PAGE)]]);
    const [seconds, micros, ...rest] = stringsIn(replies[0], 'TIME', 2);
    if (seconds === undefined || rest.length > 0) throw nonsense('TIME');
    const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
    const page = listIn(replies[1], 'XPENDING').map((reply) => {
      const [id, consumer, idle, count] = listIn(reply, 'XPENDING');
      return {
        id: idOf(id, 'XPENDING'),
        consumer: sameIn(consumers, bytesIn(consumer, 'XPENDING')),
        deliveryTime: now - Number(integerIn(idle, 'XPENDING')),
        deliveryCount: integerIn(count, 'XPENDING'),
      };
    });
    demandPage(page, 'XPENDING', from, PENDING_PAGE);
    pending.push(...page);
    const isOver = page.length < PENDING_PAGE || isLast(page.at(-1)!.id);
    if (pending.length > most || (isOver && pending.length < told)) throw otherThan(told, pending.length);
    if (isOver) return pending;
    from = formatId(after(pending.at(-1)!.id));
  }
}

/** The name as it came first: a reply has it with each entry, and it may be long. */
function sameIn(names: Map<string, Buffer>, name: Buffer): Buffer {
  const key = name.toString('latin1');
  const known = names.get(key) ?? name;
  names.set(key, known);
  return known;
}

function otherThan(told: number, pending: number): RespError {
  const figures = `${formatCount(told)} entries were pending, and XPENDING tells ${formatCount(pending)}`;
  return new RespError(CHANGED, `It changed while it was read (${figures})`);
}

/** @throws RespError `PAYLOAD` where there are more than were asked for, or where their ids do not ascend from there on */
function demandPage(page: readonly { readonly id: StreamId }[], command: string, from: string, most: number): void {
  if (page.length > most) throw nonsense(command);
  let least = from === '-' ? ZERO_ID : parseId(from);
  for (const { id } of page) {
    if (compareIds(id, least) < 0) throw nonsense(command);
    least = after(id);
  }
}

async function findGone(ask: AskAbout, key: Buffer, groups: readonly StreamGroup[]): Promise<StreamId[]> {
  const ids = [...new Map(groups.flatMap(({ pending }) => pending.map(({ id }) => [formatId(id), id]))).values()];
  const gone: StreamId[] = [];
  for (let at = 0; at < ids.length; at += PENDING_PAGE) {
    const page = ids.slice(at, at + PENDING_PAGE);
    const found = await demand(
      ask,
      page.map((id) => ['XRANGE', key, formatId(id), formatId(id)]),
    );
    gone.push(...page.filter((_, i) => listIn(found[i], 'XRANGE').length === 0));
  }
  return gone.toSorted(compareIds);
}

function entriesOf(reply: Reply): StreamEntry[] {
  return listIn(reply, 'XRANGE').map((entry) => {
    const [id, fields] = listIn(entry, 'XRANGE');
    return { id: idOf(id, 'XRANGE'), fields: stringsIn(fields, 'XRANGE', 2) };
  });
}

/** Names and values by turns, as XINFO answers. */
function recordOf(reply: Reply): ReadonlyMap<string, Reply> {
  const flat = listIn(reply, 'XINFO');
  return new Map(Array.from({ length: flat.length / 2 }, (_, i) => [String(flat[2 * i]), flat[2 * i + 1]!]));
}

function idIn(info: ReadonlyMap<string, Reply>, name: string): StreamId | undefined {
  return info.has(name) ? idOf(info.get(name), 'XINFO') : undefined;
}

function idOf(reply: Reply | undefined, command: string): StreamId {
  return parseId(textIn(reply, command, /^\d{1,20}-\d{1,20}$/));
}

/** The highest that there is: nothing comes behind it. */
function isLast({ ms, seq }: StreamId): boolean {
  return ms === LAST_PART && seq === LAST_PART;
}

/** The lowest id above. */
function after({ ms, seq }: StreamId): StreamId {
  return seq === LAST_PART ? { ms: ms + 1n, seq: ZERO_ID.seq } : { ms, seq: seq + 1n };
}

function totalOf(fields: readonly Buffer[]): number {
  return fields.reduce((bytes, { length }) => bytes + length, 0);
}
