// Keys that a node sent elsewhere: each goes where it was sent, or waits here until the cluster was asked anew who serves
// it. One that finds no way, in so many tries, is given up by itself. Meanwhile the node is not asked for more of its slot.

import { nameOf, ReplyError, RespError, type Peer } from '../../resp/errors.ts';
import { Backoff, pauseFor, type RetryOptions } from '../server/retry.ts';
import type { Deployment } from './deployment.ts';
import { kindOf, redirectOf, type RefusalKind } from '../server/refusal.ts';
import type { Role } from '../server/server.ts';
import type { Node, Topology } from './topology.ts';
import { slotOf, SlotSet } from './slot.ts';

/** Keys of these slots have waited in vain for a while for a node that takes them, and go on waiting. */
export interface SlotsHeldUp {
  readonly code: 'SLOTS_HELD_UP';
  readonly side: Role;
  readonly slots: SlotSet;
  /** What was said of one of them. */
  readonly why: string;
}

export interface RedirectsSink<T> {
  /** The topology is as new as can be: try again. */
  onReleased(items: readonly T[]): void;
  /** Nobody takes this one. */
  onGivenUp(item: T, error: ReplyError): void;
  /** Two nodes name each other as the place of this one: where nothing is to be written, it is nowhere. Given up otherwise. */
  onNowhere?(item: T): void;
  onHeldUp?(notice: SlotsHeldUp): void;
  onFailed(error: unknown): void;
}

/** What has become of one key so far. */
interface Attempts {
  readonly backoff: Backoff;
  /** The node that sent it to the one which was asked last, for this once. */
  sentBy: string | undefined;
  /** How often it was sent back at once. */
  sentBack: number;
}

interface Waiting<T> {
  readonly item: T;
  readonly dueAt: number;
  /** Who knows best where it is. */
  readonly place: Peer | undefined;
}

/** However few tries there are to be: where a cluster changes, the first answer may be the old one. */
const LEAST_TRIES = 2;
/** Of one round; the others have the next one. */
const MOST_UNKNOWN = 8;
/** So many tries take more than a second. */
const PATIENT_TRIES = 4;
/** Milliseconds between two looks at who is due. */
const MOST_PAUSE_MS = 250;
/** What is said of a slot as a whole: none of its keys would fare better. */
const OF_SLOT: ReadonlySet<RefusalKind> = new Set(['moved', 'unserved']);

export class Redirects<T> {
  readonly #deployment: Deployment;
  readonly #retry: RetryOptions;
  readonly #sink: RedirectsSink<T>;
  /** By the Buffer that the key is asked for with each time. */
  readonly #attempts = new WeakMap<Buffer, Attempts>();
  /** Slots of which a key was given up: others are not waited for as long. */
  readonly #hopeless = new Set<number>();
  /** Slots whose keys have waited for a while: all of them, and those that are not told yet. */
  readonly #heldUp = new SlotSet();
  #untold = new SlotSet();
  /** By the number of tries, when those that wait for it are due. */
  readonly #due = new Map<number, number>();
  #waiting: Waiting<T>[] = [];
  /** Of nodes that are asked for no more keys of some slots meanwhile. */
  readonly #refused = new Set<RefusedSlots>();
  #isRefreshing = false;
  #hasAttempts = false;

  constructor(deployment: Deployment, { retries, longest }: RetryOptions, sink: RedirectsSink<T>) {
    this.#deployment = deployment;
    this.#retry = { retries: Math.max(retries, LEAST_TRIES), longest };
    this.#sink = sink;
  }

  /** Keys that wait. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * @param key the same Buffer each time
   * @param slot that of its name there
   * @param asked the node that has sent it elsewhere
   * @param refused what that one has refused; it is released once the topology is known anew
   * @returns the node that is to be asked next, with ASKING; otherwise the sink is told, then or later
   */
  redirect(
    item: T,
    key: Buffer,
    slot: number,
    asked: Peer,
    error: ReplyError,
    refused: RefusedSlots,
  ): Node | undefined {
    const attempts = this.#attemptsOf(key);
    const place = this.#deployment.placeOf(error, asked);
    const next = place && this.#deployment.nodeAt(place);
    const isAsk = redirectOf(error)?.kind === 'ask';
    const { sentBy } = attempts;
    if (isAsk && sentBy === undefined && next !== undefined) {
      attempts.sentBy = this.#deployment.nodeAt(asked)?.id ?? '';
      return next;
    }
    attempts.sentBy = undefined;
    if (!isAsk && next !== undefined && next.id === sentBy) attempts.sentBack++;
    if (attempts.sentBack >= LEAST_TRIES && this.#sink.onNowhere !== undefined) this.#sink.onNowhere(item);
    else if (this.#wait(item, attempts, slot, error, place) && OF_SLOT.has(kindOf(error))) {
      refused.add(slot, error, attempts.backoff.tries === 1);
      this.#refused.add(refused);
    }
    return undefined;
  }

  /** No node serves its slot. */
  add(item: T, key: Buffer, slot: number): void {
    const error = unservedError(slot);
    if (this.#deployment.isUnserved(slot)) this.#sink.onGivenUp(item, error);
    else this.#wait(item, this.#attemptsOf(key), slot, error, undefined);
  }

  /** The key has been found, and is asked for once more: what became of it before counts no more. */
  forget(key: Buffer): void {
    if (this.#hasAttempts) this.#attempts.delete(key);
  }

  #attemptsOf(key: Buffer): Attempts {
    const known = this.#attempts.get(key);
    if (known !== undefined) return known;
    const attempts: Attempts = { backoff: new Backoff(this.#retry), sentBy: undefined, sentBack: 0 };
    this.#attempts.set(key, attempts);
    this.#hasAttempts = true;
    return attempts;
  }

  /** Returns whether it waits, and is not given up. */
  #wait(item: T, { backoff }: Attempts, slot: number, why: ReplyError, place: Peer | undefined): boolean {
    const isHopeless = this.#hopeless.has(slot) && backoff.tries >= LEAST_TRIES;
    const pause = isHopeless ? undefined : backoff.next();
    if (pause === undefined) {
      this.#giveUp(item, slot, why);
      return false;
    }
    if (backoff.tries > PATIENT_TRIES && !this.#heldUp.has(slot)) this.#holdUp(slot, why);
    this.#waiting.push({ item, dueAt: this.#dueAt(backoff.tries, pause), place });
    if (!this.#isRefreshing) {
      this.#isRefreshing = true;
      void this.#refreshAndRelease();
    }
    return true;
  }

  /** What is said of slots at the same moment is said at once. */
  #holdUp(slot: number, why: ReplyError): void {
    this.#heldUp.add(slot);
    this.#untold.add(slot);
    if (this.#untold.size > 1) return;
    setImmediate(() => {
      const slots = this.#untold;
      this.#untold = new SlotSet();
      const { message } = unreachedError(why, slot, this.#deployment);
      this.#sink.onHeldUp?.({ code: 'SLOTS_HELD_UP', side: this.#deployment.role, slots, why: message });
    });
  }

  /** Keys of as many tries wait together, so that the cluster is asked once for all of them. */
  #dueAt(tries: number, pause: number): number {
    const now = performance.now();
    const together = this.#due.get(tries) ?? 0;
    const dueAt = together > now ? together : now + pause;
    this.#due.set(tries, dueAt);
    return dueAt;
  }

  #giveUp(item: T, slot: number, why: ReplyError): void {
    const error = unreachedError(why, slot, this.#deployment);
    if (!(error instanceof ReplyError)) return this.#sink.onFailed(error);
    this.#hopeless.add(slot);
    this.#sink.onGivenUp(item, error);
  }

  async #refreshAndRelease(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const first = this.#waiting.reduce((least, { dueAt }) => Math.min(least, dueAt), Infinity);
        await pauseFor(Math.min(Math.max(0, first - performance.now()), MOST_PAUSE_MS), this.#deployment.signal);
        const now = performance.now();
        const due = this.#waiting.filter(({ dueAt }) => dueAt <= now);
        if (due.length === 0) continue;
        await this.#learn(due.flatMap(({ place }) => place ?? []));
        await this.#learnOfEmptied();
        this.#waiting = this.#waiting.filter(({ dueAt }) => dueAt > now);
        this.#release(due.map(({ item }) => item));
      }
      this.#isRefreshing = false;
    } catch (error) {
      this.#sink.onFailed(error);
    }
  }

  async #learnOfEmptied(): Promise<void> {
    for (const { emptied } of this.#refused) {
      if (emptied !== undefined) return this.#deployment.refreshIfPossible(emptied.peer);
    }
  }

  #release(items: readonly T[]): void {
    const refused = [...this.#refused];
    this.#refused.clear();
    for (const slots of refused) slots.release();
    this.#sink.onReleased(items);
  }

  /** Whoever is named and not known tells best who he is; otherwise the one that was named last knows the newest. */
  async #learn(places: readonly Peer[]): Promise<void> {
    const named = new Map(places.map((place) => [nameOf(place), place]));
    const unknown = [...named.values()].filter((place) => this.#deployment.nodeAt(place) === undefined);
    if (unknown.length === 0) return this.#deployment.refreshIfPossible(places.at(-1));
    for (const place of unknown.slice(0, MOST_UNKNOWN)) await this.#deployment.refreshIfPossible(place);
  }
}

export function unservedError(slot: number): ReplyError {
  return new ReplyError(`CLUSTERDOWN No node serves slot ${slot}`);
}

/**
 * There were enough tries to reach a key.
 * @param why what a node said at the last one
 * @returns a ReplyError where only the keys of this slot are concerned
 */
export function unreachedError(
  why: ReplyError,
  slot: number,
  { role, topology }: { role: Role; topology: Topology },
): RespError {
  if (kindOf(why) !== 'unserved') {
    const what = redirectOf(why) === undefined ? 'is on the move, and stays so' : 'has no node that would take it';
    return new ReplyError(`${why.code} Its slot ${slot} ${what}: ${why.message}`, why.peer);
  }
  if (topology.ownerOf(slot) === undefined) return unservedError(slot);
  const peers = topology.nodes.map(({ peer }) => nameOf(peer)).join(', ');
  const message = `Cannot go on with the ${role} cluster (${peers}): ${why.message}`;
  return new RespError(why.code, message, { cause: why });
}

/** So many slots in a row, with no other key answered in between, are more than a reshard takes away at a time. */
const MANY = 4;
/** Where nobody else proves to serve these slots either, the others are held up so often and no more. */
const MOST_IN_VAIN = 3;

export class RefusedSlots {
  readonly #deployment: Pick<Deployment, 'topology'>;
  readonly #node: Node;
  readonly #onReleased: () => void;
  readonly #errors = new Map<number, ReplyError>();
  #isEmpty = true;
  #inRow = 0;
  #inVain = 0;

  /** @param onReleased what waited may be sent */
  constructor(deployment: Pick<Deployment, 'topology'>, node: Node, onReleased: () => void) {
    this.#deployment = deployment;
    this.#node = node;
    this.#onReleased = onReleased;
  }

  /** Whether the node is to be left alone until `release`. */
  get isStill(): boolean {
    return this.#inRow >= MANY && this.#inVain < MOST_IN_VAIN;
  }

  /** Whether the node has never refused any: then no key has to be looked at. */
  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /**
   * A key of the slot was refused, and waits for `release`.
   * @param isFirst whether the key has had no trouble before: what is tried again may find the same for as long as it likes
   */
  add(slot: number, error: ReplyError, isFirst: boolean): void {
    this.#isEmpty = false;
    if (isFirst && !this.#errors.has(slot)) this.#inRow++;
    this.#errors.set(slot, error);
  }

  /** The node has said something of a key that is its own. */
  answered(): void {
    this.#inRow = 0;
  }

  /** Of a key that is about to be sent: what the node would say, or that another one is known to have it. */
  refusalOf(key: Buffer): ReplyError | 'elsewhere' | undefined {
    if (this.#isEmpty) return undefined;
    const slot = slotOf(key);
    return this.#isElsewhere(slot) ? 'elsewhere' : this.#errors.get(slot);
  }

  /** The node, where it is known to have no slot left: whether it has become a replica, it knows before all others. */
  get emptied(): Node | undefined {
    const { topology } = this.#deployment;
    const { id } = this.#node;
    return topology.nodes.some((node) => node.id === id) ? undefined : topology.find(id);
  }

  /** The topology is as new as can be. */
  release(): void {
    if ([...this.#errors.keys()].some((slot) => this.#isElsewhere(slot))) this.#inVain = 0;
    else if (this.isStill) this.#inVain++;
    this.#errors.clear();
    this.#inRow = 0;
    this.#onReleased();
  }

  #isElsewhere(slot: number): boolean {
    return this.#deployment.topology.ownerOf(slot)?.id !== this.#node.id;
  }
}
