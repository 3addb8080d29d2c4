// The consumer groups of a stream: what is pending in a group, and, consumer by consumer, whose it is.
import type { ByteReader } from './byte-reader.ts';
import { milliseconds, type Milliseconds } from './milliseconds.ts';
import { readId } from './stream-id.ts';
import type { Encoding } from './type-byte.ts';
import type { PendingEntry, StreamConsumer, StreamGroup, StreamId } from './value.ts';

const ID_BYTES = 16;
/** Id, time and a length. */
const PENDING_BYTES = ID_BYTES + 8 + 1;
/** Name, time and a length; a group has ids for that time. */
const CONSUMER_BYTES = 1 + 8 + 1;
const GROUP_BYTES = 5;

interface Delivery {
  readonly id: StreamId;
  readonly deliveryTime: Milliseconds;
  readonly deliveryCount: number | bigint;
  consumer: Buffer | undefined;
}

export function decodeGroups(reader: ByteReader, encoding: Encoding): StreamGroup[] {
  const groups: StreamGroup[] = [];
  for (let left = reader.count(GROUP_BYTES); left > 0; left -= 1) groups.push(groupIn(reader, encoding));
  return groups;
}

function groupIn(reader: ByteReader, encoding: Encoding): StreamGroup {
  const name = reader.string();
  const lastId = readId(reader);
  const entriesRead = encoding === 'STREAM_LISTPACKS' ? undefined : BigInt.asIntN(64, reader.uint64());
  const start = reader.at;
  const deliveries = deliveriesIn(reader);
  const consumers: StreamConsumer[] = [];
  for (let left = reader.count(CONSUMER_BYTES); left > 0; left -= 1) {
    consumers.push(consumerIn(reader, encoding, deliveries));
  }
  const pending: PendingEntry[] = [];
  for (const { id, consumer, deliveryTime, deliveryCount } of deliveries.values()) {
    if (consumer === undefined) throw reader.fail('an entry is pending and no consumer has it', start);
    pending.push({ id, consumer, deliveryTime, deliveryCount });
  }
  return { name, lastId, entriesRead, pending, consumers };
}

/** By the bytes of the id, in the order of the ids. */
function deliveriesIn(reader: ByteReader): Map<string, Delivery> {
  const deliveries = new Map<string, Delivery>();
  for (let left = reader.count(PENDING_BYTES); left > 0; left -= 1) {
    const raw = reader.view(ID_BYTES);
    deliveries.set(raw.toString('latin1'), {
      id: { ms: raw.readBigUInt64BE(0), seq: raw.readBigUInt64BE(8) },
      deliveryTime: reader.milliseconds(),
      deliveryCount: milliseconds(reader.uint64()),
      consumer: undefined,
    });
  }
  return deliveries;
}

function consumerIn(reader: ByteReader, encoding: Encoding, deliveries: Map<string, Delivery>): StreamConsumer {
  const name = reader.string();
  const seenTime = reader.milliseconds();
  const activeTime = encoding === 'STREAM_LISTPACKS_3' ? reader.milliseconds() : undefined;
  for (let left = reader.count(ID_BYTES); left > 0; left -= 1) {
    const start = reader.at;
    const delivery = deliveries.get(reader.view(ID_BYTES).toString('latin1'));
    if (delivery === undefined) throw reader.fail('a consumer has an entry that is not pending', start);
    delivery.consumer = name;
  }
  return { name, seenTime, activeTime };
}
