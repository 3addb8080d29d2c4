// Whether two streams hold the same. When a consumer was last seen is not compared: to look is enough to change it.
import { distance } from './milliseconds.ts';
import { pairedOff } from './paired-off.ts';
import { compareIds } from './stream-id.ts';
import type { PendingEntry, StreamEntry, StreamGroup, StreamHead, StreamValue } from './value.ts';

/**
 * Two times of delivery that are as close are the same: a server tells those who read a stream in pieces how long ago each
 * was, and its clock goes on between two looks. A copy that was written so has them as they were told.
 */
const SAME_MOMENT_MS = 1000;

/** As `differenceOf`. Figures that an older payload lacks are not compared. */
export function streamDifference(left: StreamValue, right: StreamValue): string | undefined {
  if (left.entries.length !== right.entries.length) return 'length';
  if (!left.entries.every((entry, index) => isSameEntry(entry, right.entries[index]!))) return 'entries';
  return headDifference(left, right);
}

/** The same for all but the entries. */
export function headDifference(left: Omit<StreamHead, 'gone'>, right: Omit<StreamHead, 'gone'>): string | undefined {
  if (left.length !== right.length) return 'length';
  if (compareIds(left.lastId, right.lastId) !== 0) return 'last id';
  if (left.maxDeletedId && right.maxDeletedId && compareIds(left.maxDeletedId, right.maxDeletedId) !== 0) {
    return 'highest deleted id';
  }
  if (isOther(left.entriesAdded, right.entriesAdded)) return 'entries added';
  return groupsDifference(left.groups, right.groups);
}

function groupsDifference(left: readonly StreamGroup[], right: readonly StreamGroup[]): string | undefined {
  const pairs = pairedOff(left, right, ({ name }) => name);
  if (pairs === undefined) return 'groups';
  for (const [group, opposite] of pairs) {
    const difference = groupDifference(group, opposite);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function groupDifference(left: StreamGroup, right: StreamGroup): string | undefined {
  if (compareIds(left.lastId, right.lastId) !== 0) return 'last id of a group';
  if (isOther(left.entriesRead, right.entriesRead)) return 'entries read by a group';
  if (pairedOff(left.consumers, right.consumers, ({ name }) => name) === undefined) return 'consumers';
  if (left.pending.length !== right.pending.length) return 'pending entries';
  const isSame = left.pending.every((entry, index) => isSamePending(entry, right.pending[index]!));
  return isSame ? undefined : 'pending entries';
}

function isSameEntry(left: StreamEntry, right: StreamEntry): boolean {
  if (compareIds(left.id, right.id) !== 0 || left.fields.length !== right.fields.length) return false;
  return left.fields.every((field, index) => field.equals(right.fields[index]!));
}

function isSamePending(left: PendingEntry, right: PendingEntry): boolean {
  return (
    compareIds(left.id, right.id) === 0 &&
    left.consumer.equals(right.consumer) &&
    distance(left.deliveryTime, right.deliveryTime) <= SAME_MOMENT_MS &&
    left.deliveryCount === right.deliveryCount
  );
}

function isOther(left: bigint | undefined, right: bigint | undefined): boolean {
  return left !== undefined && right !== undefined && left !== right;
}
