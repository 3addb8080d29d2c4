// Which keys of a cluster somebody has written, of those that its nodes tell of: what a node does to keys as their slot moves is
// told as well, by the one that gives them away and by the one that takes them over. It knows no feeds, and asks nobody itself.
//
//   A write is what a node tells of a slot that it served before and behind it. Where keys go one by one (MIGRATE) it serves the
//   slot all the while, and where a slot goes and comes back at once, it seems so: then another node has told of the key too. Where
//   not all of them are heard, the config epoch tells: it has grown with the slot that came back.
//
//      take    asked   take    asked          take    asked
//   ─────┼───────┼───────┼───────┼───────···────┼───────┼──▶ what is told between two takes may have come before the first of
//                                                            the two was asked, but not before the one in front of it was

import { slotOf, type SlotSet } from '../cluster/slot.ts';
import { ownSlots, type OwnSlots } from '../scan/coverage.ts';
import { ToldKeys, type ToldKey } from './told-keys.ts';

/** What was written since the last time, as far as it is certain. */
export interface Written {
  readonly keys: readonly ToldKey[];
  /** Slots in which more keys were written than names are kept. */
  readonly slots: readonly number[];
}

const NOTHING: Written = { keys: [], slots: [] };

/** One answer behind the other; `undefined` where it was no answer to that. */
type Said = readonly (OwnSlots | undefined)[];

/** What one node has told of slots that it is known to serve. */
interface Told {
  readonly keys: ToldKeys;
  /** What it said of its slots when it was asked last, and before that. */
  said: Said;
  /** Whether its slots may have changed since. */
  isDue: boolean;
}

/** What one node had told when it was taken out. */
interface Taken {
  readonly id: string;
  readonly told: Told;
  readonly keys: readonly ToldKey[];
  readonly slots: SlotSet;
}

export interface AskedNodes {
  readonly nodeIds: Iterable<string>;
  /** Resolves once all is told that any of them had acknowledged before the call. */
  readonly caughtUp: () => Promise<void>;
  /** The text of CLUSTER NODES, as the node itself has it now; `undefined` where it does not answer. */
  readonly ask: (nodeId: string) => Promise<string | undefined>;
  /** The ids of the nodes that there are, followed or not. */
  readonly primaries: () => readonly string[];
}

/** Of each node, in front of the newest one. What a node tells before it has given so many is no write. */
export const ANSWERS = 2;
/** What came with a slot that went again at once may have been told in front of the last take, or since. */
const TAKES = 3;

export class WrittenKeys {
  readonly #nodes = new Map<string, Told>();
  /** Told by nodes that were not known to serve them: ever, and since each of the last takes. */
  readonly #elsewhere = new ToldKeys();
  #lately: readonly ToldKeys[] = [new ToldKeys()];

  add(nodeId: string, db: number | undefined, key: Buffer): void {
    const told = this.#of(nodeId);
    told.isDue = true;
    told.keys.add(db, key);
  }

  /** In whichever database: not every node tells it. */
  addElsewhere(nodeId: string, key: Buffer): void {
    this.#of(nodeId).isDue = true;
    this.#elsewhere.add(undefined, key);
    this.#lately[0]!.add(undefined, key);
  }

  /** Everything that was acknowledged by now has to be told. */
  async take({ nodeIds, caughtUp, ask, primaries }: AskedNodes): Promise<Written> {
    const followed = new Set(nodeIds);
    const heard = this.#hear(followed);
    const taken = [...this.#nodes].filter(([, told]) => told.isDue).map(takeOut);
    this.#lately = [new ToldKeys(), ...this.#lately].slice(0, TAKES);
    if (taken.length === 0) return NOTHING;
    // A key that moves has come to its new node by the time that the old one tells of it.
    await caughtUp();
    const written = await Promise.all(
      taken.map(async (one) => {
        const now = await ask(one.id);
        const ids = primaries();
        const unheard = ids.filter((id) => !heard.has(id));
        if (now !== undefined) return this.#writtenOf(one, now, unheard);
        // One that is no primary any more is never asked again: it has served what it told of to its end.
        if (!ids.includes(one.id)) return this.#judged(one, one.told.said, unheard);
        // One that was let go of has given it away, and nobody knows when.
        return followed.has(one.id) ? putBack(one) : NOTHING;
      }),
    );
    return { keys: written.flatMap(({ keys }) => keys), slots: written.flatMap(({ slots }) => slots) };
  }

  /** @returns those that have been followed for so long that they have told of every key which came and went meanwhile */
  #hear(followed: ReadonlySet<string>): ReadonlySet<string> {
    for (const [id, { isDue }] of this.#nodes) if (!isDue && !followed.has(id)) this.#nodes.delete(id);
    return new Set([...followed].filter((id) => this.#of(id).said.length >= ANSWERS));
  }

  #writtenOf(taken: Taken, now: string, unheard: readonly string[]): Written {
    const { id, told } = taken;
    const said = [...told.said, ownSlots(now, id)];
    told.said = said.slice(-ANSWERS);
    told.isDue ||= said.length < ANSWERS;
    return said.length > ANSWERS ? this.#judged(taken, said, unheard) : NOTHING;
  }

  #judged({ keys, slots }: Taken, said: Said, unheard: readonly string[]): Written {
    if (said.length < ANSWERS) return NOTHING;
    // A slot may have gone to one of them and come back, with nobody to tell which keys have.
    if (unheard.length > 0 && new Set(said.map((own) => own?.epoch)).size > 1) return NOTHING;
    const [hasServed, hasKept] = [servedIn(said, unheard), keptIn(said)];
    const isWritten = ({ key }: ToldKey): boolean => {
      const slot = slotOf(key);
      const others = hasKept(slot) ? this.#lately : [this.#elsewhere];
      return hasServed(slot) && !others.some((told) => told.has(undefined, key));
    };
    return { keys: keys.filter(isWritten), slots: [...slots].filter((slot) => hasServed(slot) && hasKept(slot)) };
  }

  #of(nodeId: string): Told {
    const told = this.#nodes.get(nodeId) ?? { keys: new ToldKeys(), said: [], isDue: true };
    this.#nodes.set(nodeId, told);
    return told;
  }
}

type SlotTest = (slot: number) => boolean;

/**
 * A proxy, say, has no slots of its own: then it serves all. Of a slot that goes to a node which is not heard yet, as one that
 * had nothing of what is followed, it is not known what was written and what has moved.
 */
function servedIn(said: Said, unheard: readonly string[]): SlotTest {
  return (slot) =>
    said.every((own) => own?.serving.has(slot) !== false && !unheard.includes(own?.leaving.get(slot) ?? ''));
}

function keptIn(said: Said): SlotTest {
  return (slot) => said.every((own) => own?.leaving.has(slot) !== true);
}

function takeOut([id, told]: readonly [string, Told]): Taken {
  told.isDue = false;
  return { id, told, keys: told.keys.take(), slots: told.keys.takeSlots() };
}

/** It is judged by the next answer. */
function putBack({ told, keys, slots }: Taken): Written {
  told.isDue = true;
  for (const { db, key, times } of keys) told.keys.add(db, key, times);
  told.keys.addSlots(slots);
  return NOTHING;
}
