// Slots of which a node has sent a key elsewhere since it was learnt last who serves what: nothing more is sent to it for
// these. Where it refuses slot after slot it may have handed over all that it had, and nothing is sent to it at all meanwhile.

import type { ReplyError } from '../../resp/errors.ts';
import type { Deployment } from './deployment.ts';
import { slotOf } from './slot.ts';
import type { Node } from './topology.ts';

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
