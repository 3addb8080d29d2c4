// A decoded value in the form in which the snapshot of a database has it, so that the two can be compared.
import { NEVER } from '../../../src/rdb/milliseconds.ts';
import type { HashValue, StreamGroup, StreamId, StreamValue, Value } from '../../../src/rdb/value.ts';
import type { Value as PlainValue } from '../../support/snapshot.ts';

export function plainValue(value: Value): PlainValue {
  switch (value.type) {
    case 'string':
      return text(value.value);
    case 'list':
      return value.items.map(text);
    case 'set':
      return value.members.map(text).toSorted();
    case 'zset':
      return value.entries
        .toSorted((left, right) => left.score - right.score || left.member.compare(right.member))
        .map(({ member, score }) => [text(member), score]);
    case 'hash':
      return value.fields
        .map(({ field, value: content }): [string, string] => [text(field), text(content)])
        .toSorted(([left], [right]) => (left < right ? -1 : 1));
    case 'stream':
      return plainStream(value);
    default:
      return value.name;
  }
}

export function fieldExpiries({ fields }: HashValue): Record<string, number> {
  return Object.fromEntries(
    fields.filter(({ expireAt }) => expireAt !== NEVER).map(({ field, expireAt }) => [text(field), Number(expireAt)]),
  );
}

/** As XINFO STREAM … FULL tells it; a server tells less the older it is. */
function plainStream(value: StreamValue): PlainValue {
  const { entries, lastId, firstId, maxDeletedId, entriesAdded, groups } = value;
  const figures = maxDeletedId && {
    'max-deleted-entry-id': idText(maxDeletedId),
    'entries-added': Number(entriesAdded),
    'recorded-first-entry-id': idText(firstId),
  };
  return {
    length: entries.length,
    'last-generated-id': idText(lastId),
    ...figures,
    entries: entries.map(({ id, fields }) => [idText(id), fields.map(text)]),
    groups: groups.map(plainGroup),
  };
}

function plainGroup({ name, lastId, entriesRead, pending, consumers }: StreamGroup): PlainValue {
  return {
    name: text(name),
    'last-delivered-id': idText(lastId),
    ...(entriesRead !== undefined && { 'entries-read': entriesRead === -1n ? null : Number(entriesRead) }),
    'pel-count': pending.length,
    pending: pending.map(({ id, consumer, deliveryTime, deliveryCount }) => [
      idText(id),
      text(consumer),
      Number(deliveryTime),
      Number(deliveryCount),
    ]),
    consumers: consumers.map(({ name: consumer, seenTime, activeTime }) => {
      const own = pending.filter((entry) => entry.consumer.equals(consumer));
      return {
        name: text(consumer),
        'seen-time': Number(seenTime),
        ...(activeTime !== undefined && { 'active-time': Number(activeTime) }),
        'pel-count': own.length,
        pending: own.map(({ id, deliveryTime, deliveryCount }) => [
          idText(id),
          Number(deliveryTime),
          Number(deliveryCount),
        ]),
      };
    }),
  };
}

function idText({ ms, seq }: StreamId): string {
  return `${ms}-${seq}`;
}

function text(bytes: Buffer): string {
  return bytes.toString('latin1');
}
