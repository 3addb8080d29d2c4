// A checkpoint at the target: a key for each of its nodes, with all of it in each, so that a node which comes back with older
// data has an older checkpoint as well. What holds is the oldest of them.

import { ReplyError, RespError } from '../../resp/errors.ts';
import type { Reply } from '../../resp/reply.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import { type Argv, RoutedClient } from '../cluster/routed-client.ts';
import { slotOf, tagOf } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import { CHECKPOINT_PREFIX, formatCheckpoint, parseCheckpoint, type Checkpoint } from './checkpoint.ts';
import type { CheckpointStore } from './store.ts';

export class CheckpointKeys implements CheckpointStore {
  readonly name: string;
  readonly #deployment: Deployment;
  readonly #client: RoutedClient;
  readonly #db: number;
  /** Names of keys, of which each node has one at least. */
  readonly #places = new Set<string>();
  #sequence = 0;

  /** @param db of the target */
  constructor(deployment: Deployment, db: number, shown: string, options: NodeLinkOptions) {
    this.name = `the checkpoint in database ${db} of ${shown}`;
    this.#deployment = deployment;
    this.#client = new RoutedClient(deployment, options);
    this.#db = db;
  }

  async read(): Promise<Checkpoint | undefined> {
    for (const node of this.#deployment.topology.nodes) this.#places.add(this.#placeAt(node));
    const found = new Map<string, Checkpoint>();
    // Each one names all of them, also those of nodes that are no more.
    for (const place of this.#places) {
      const checkpoint = await this.#readAt(place);
      if (checkpoint === undefined) continue;
      found.set(place, checkpoint);
      for (const other of checkpoint.places ?? []) this.#places.add(other);
    }
    if (found.size === 0) return undefined;
    const inOrder = [...found.values()].toSorted((one, other) => sequenceOf(one) - sequenceOf(other));
    this.#sequence = sequenceOf(inOrder.at(-1)!);
    const [oldest] = inOrder as [Checkpoint];
    const isWhole = inOrder.at(-1)!.places?.every((place) => found.has(place)) === true;
    // What is missing went with data that were acknowledged.
    return isWhole && this.#isOnEachNode([...found.keys()]) ? oldest : { ...oldest, source: [], targets: [] };
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    for (const node of this.#deployment.topology.nodes)
      if (!this.#isOnNode(node, [...this.#places])) this.#places.add(this.#placeAt(node));
    this.#sequence++;
    const text = formatCheckpoint({ ...checkpoint, places: [...this.#places], sequence: this.#sequence });
    await this.#atAll((place) => ['SET', place, text]);
  }

  async remove(): Promise<void> {
    await this.#atAll((place) => ['UNLINK', place]);
  }

  close(): void {
    this.#client.close();
  }

  /** Beside the first slot that the node serves. */
  #placeAt(node: Node): string {
    const [slot = 0] = this.#deployment.topology.slotsOf(node);
    return `${CHECKPOINT_PREFIX}{${tagOf(slot)}}`;
  }

  #isOnEachNode(places: readonly string[]): boolean {
    return this.#deployment.topology.nodes.every((node) => this.#isOnNode(node, places));
  }

  #isOnNode({ id }: Node, places: readonly string[]): boolean {
    return places.some((place) => this.#deployment.nodeOf(Buffer.from(place))?.id === id);
  }

  async #readAt(place: string): Promise<Checkpoint | undefined> {
    const reply = await this.#ask(place, ['GET', place]);
    if (reply === null) return undefined;
    return parseCheckpoint(String(reply), `key ${place} of ${this.name}`);
  }

  async #atAll(command: (place: string) => Argv): Promise<void> {
    await Promise.all(Array.from(this.#places, (place) => this.#ask(place, command(place))));
  }

  async #ask(place: string, command: Argv): Promise<Reply> {
    const [reply] = await this.#client.ask(this.#db, Buffer.from(place), [command]);
    if (!(reply instanceof ReplyError)) return reply!;
    const slot = this.#deployment.isCluster ? ` of slot ${slotOf(Buffer.from(place))}` : '';
    const message = `Cannot keep ${this.name}${slot}: ${reply.message}`;
    throw new RespError(reply.code, message, { peer: reply.peer, cause: reply });
  }
}

function sequenceOf({ sequence = 0 }: Checkpoint): number {
  return sequence;
}
