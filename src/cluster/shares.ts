// Cuts the slots of a cluster into shares, one for each worker: every slot is in one of them, and in one alone. It asks nobody.

import { SLOTS, SlotSet, type SlotRange } from './slot.ts';

/** A node as it is weighed. */
export interface WeighedNode {
  readonly slots: SlotSet;
  /** Keys that it holds. */
  readonly keys: number;
}

export interface Share<N extends WeighedNode = WeighedNode> {
  readonly slots: SlotSet;
  /** About, where a node was cut. */
  readonly keys: number;
  readonly nodes: readonly N[];
  /** Whether other shares have slots of one of its nodes. */
  readonly isCut: boolean;
}

/** Slots that nobody serves are of the first share: they may get a node later. */
export function sharesOf<N extends WeighedNode>(nodes: readonly N[], workers: number): Share<N>[] {
  const serving = nodes.filter(({ slots }) => slots.size > 0);
  const shares = workers > serving.length ? cut(serving, workers) : grouped(serving, workers);
  const untaken = SlotSet.all();
  for (const { slots } of shares) for (const slot of slots) untaken.delete(slot);
  shares[0]!.slots.addAll(untaken);
  return shares;
}

/** The slots of one part out of so many, cut evenly by their numbers: known without asking anybody. @param part from 1 */
export function evenSlots(part: number, parts: number): SlotSet {
  return new SlotSet([evenRange(part - 1, parts, SLOTS)]);
}

/** Of so many in a row, those of one part. @param part from 0 */
function evenRange(part: number, parts: number, size: number): SlotRange {
  return [Math.floor((part * size) / parts), Math.floor(((part + 1) * size) / parts) - 1];
}

/** The largest node first, each to the share that has the least as yet. */
function grouped<N extends WeighedNode>(nodes: readonly N[], workers: number): Share<N>[] {
  const groups = Array.from({ length: workers }, () => ({ nodes: [] as N[], keys: 0 }));
  // Nodes without keys are spread as well: they may get some.
  for (const node of nodes.toSorted((one, other) => other.keys - one.keys)) {
    const [least] = groups.toSorted((one, other) => one.keys - other.keys || one.nodes.length - other.nodes.length);
    least!.nodes.push(node);
    least!.keys += node.keys;
  }
  return groups.map((group) => {
    const slots = new SlotSet();
    for (const node of group.nodes) slots.addAll(node.slots);
    return { ...group, slots, isCut: false };
  });
}

/** Whoever has the most keys for each of its pieces gets one more; the pieces of a node have as many slots each. */
function cut<N extends WeighedNode>(nodes: readonly N[], workers: number): Share<N>[] {
  const pieces = nodes.map((node) => ({ node, count: 1 }));
  for (let given = nodes.length; given < workers; given++) {
    const most = pieces
      .filter(({ node, count }) => count < node.slots.size)
      .reduce((one, other) => (weightIn(other) > weightIn(one) ? other : one));
    most.count++;
  }
  return pieces.flatMap(({ node, count }) => {
    const slots = [...node.slots];
    return Array.from({ length: count }, (_, piece) => {
      const [first, last] = evenRange(piece, count, slots.length);
      const own = new SlotSet();
      own.addAll(slots.slice(first, last + 1));
      return { slots: own, keys: Math.round(node.keys / count), nodes: [node], isCut: count > 1 };
    });
  });
}

/** Of one piece; slots count where there are no keys. */
function weightIn({ node: { keys, slots }, count }: { readonly node: WeighedNode; readonly count: number }): number {
  return (keys + slots.size / SLOTS) / count;
}
