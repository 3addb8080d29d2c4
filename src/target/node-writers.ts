// The writers of a target: one for each node, as long as that is a primary, and the slots of which each may have taken keys.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Deployment } from '../cluster/deployment.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import type { Entry } from '../flow/entry.ts';
import { EntryView } from '../flow/entry-view.ts';
import { idOf, type KeyId } from '../flow/key-id.ts';
import type { NodeWriter } from './node-writer.ts';
import { temporaryNameIn } from './internal-names.ts';
import { waitForReplicas } from './node-asker.ts';
import type { WrittenSample } from './target-process.ts';

export interface NodeWritersSink {
  newWriter(node: Node): NodeWriter;
  /** The node is no primary any more. What it acknowledged last may never have reached the one that took its place. */
  onGone(writer: NodeWriter): void;
  onFailed(error: unknown): void;
}

/** How long replies are still waited for once the copy has failed or was interrupted. */
const GRACE_MS = 5000;
const LOOK_MS = 5;

export class NodeWriters {
  readonly #deployment: Deployment;
  readonly #targetNameOf: ((key: Buffer) => Buffer) | undefined;
  readonly #sink: NodeWritersSink;
  readonly #writers = new Map<string, NodeWriter>();
  readonly #samples: WrittenSample[] = [];
  /** The slots that each node serves or has served, or takes over. */
  readonly #slots = new Map<string, SlotSet>();
  /** Who is only just taking over the slot of a key. */
  readonly #importing = new Map<string, NodeWriter>();

  /** @param targetNameOf missing where every key keeps its name */
  constructor(deployment: Deployment, targetNameOf: ((key: Buffer) => Buffer) | undefined, sink: NodeWritersSink) {
    this.#deployment = deployment;
    this.#targetNameOf = targetNameOf;
    this.#sink = sink;
  }

  get all(): Iterable<NodeWriter> {
    return this.#writers.values();
  }

  /** What each node has acknowledged, some of it; whichever nodes there are. */
  get samples(): readonly WrittenSample[] {
    return this.#samples;
  }

  /** As of the processes behind all of them: see `TargetProcess`. */
  beginRegaining(): () => void {
    const ends = Array.from(this.#writers.values(), ({ process }) => process.beginRegaining());
    return () => {
      for (const end of ends) end();
    };
  }

  of(node: Node): NodeWriter {
    const found = this.#writers.get(node.id);
    if (found !== undefined) return found;
    const writer = this.#sink.newWriter(node);
    this.#writers.set(node.id, writer);
    this.#samples.push(writer.sample);
    this.#slots.set(node.id, this.#deployment.topology.slotsOf(node));
    void this.#run(writer);
    return writer;
  }

  /** Of whoever serves the name; `undefined` where nobody does now. */
  for(name: Buffer): NodeWriter | undefined {
    const node = this.#deployment.nodeOf(name);
    return node && this.of(node);
  }

  /** The same of an entry where it lies. */
  at(entry: EntryView): NodeWriter | undefined {
    if (this.#targetNameOf !== undefined) return this.for(this.#targetNameOf(entry.key));
    const { isCluster, topology } = this.#deployment;
    const slot = isCluster ? slotOf(entry.keyIn.buffer, entry.keyAt, entry.keyEnd) : 0;
    const node = topology.ownerOf(slot);
    return node && this.of(node);
  }

  /** Whether the next entries of some keys go to nodes that are only just taking their slots over. */
  get hasImporting(): boolean {
    return this.#importing.size > 0;
  }

  /** The next entry of the key goes to a node that is only just taking its slot over. @param key as the target has it */
  beginImporting(key: KeyId, node: Node): void {
    this.#importing.set(idOf(key), this.ofImporting(node, slotOf(key.key)));
  }

  importingOf(key: KeyId): NodeWriter | undefined {
    return this.#importing.get(idOf(key));
  }

  /** The same, once: where it is now, whoever takes the entry will say. */
  takeImporting(key: KeyId): NodeWriter | undefined {
    const writer = this.importingOf(key);
    this.#importing.delete(idOf(key));
    return writer;
  }

  /** A key of the slot goes to a node that may be lost before it serves that slot, and what it took of it with it. */
  ofImporting(node: Node, slot: number): NodeWriter {
    const writer = this.of(node);
    this.#slots.get(node.id)!.add(slot);
    return writer;
  }

  /** Whether what was read before of the key may yet come, to its name at whichever node. */
  isAheadOf(entry: Entry, name: Buffer): boolean {
    if (this.for(name)?.unanswered.isOpen === true) return true;
    const view = EntryView.of(entry);
    for (const writer of this.#writers.values()) if (writer.holds(view)) return true;
    return false;
  }

  /** The least number of replicas of any node that have all that was written: see `waitForReplicas`. */
  async waitForReplicas(replicas: number, timeoutMs: number): Promise<number> {
    const waiting = Array.from(this.#writers.values(), ({ asker, node }) => {
      const [slot = 0] = this.#deployment.topology.slotsOf(node);
      return waitForReplicas(asker, temporaryNameIn(slot), replicas, timeoutMs);
    });
    return Math.min(...(await Promise.all(waiting)));
  }

  /** Resolves when every node has answered: see `NodeAsker`. */
  async reach(): Promise<void> {
    await Promise.all(Array.from(this.#writers.values(), ({ asker }) => asker.reach()));
  }

  /** Resolves when every node has said something: see `NodeAsker`. */
  async hear(): Promise<void> {
    await Promise.all(Array.from(this.#writers.values(), ({ asker }) => asker.hear()));
  }

  /** Whether each node is what it was: one that is not is connected to anew. */
  async look(): Promise<void> {
    await Promise.all(Array.from(this.#writers.values(), ({ asker }) => asker.look()));
  }

  /** Nothing more is to be written. */
  finish(): void {
    for (const writer of this.#writers.values()) writer.end('finished');
  }

  /** Returns when all that was sent is answered, or nobody waits any longer. */
  async answered(): Promise<void> {
    const writers = [...this.#writers.values()];
    const end = performance.now() + GRACE_MS;
    while (writers.some(({ inFlight }) => inFlight > 0) && performance.now() < end) await sleep(LOOK_MS);
  }

  stop(reason: Error): void {
    for (const writer of this.#writers.values()) writer.stop(reason);
  }

  /** The topology is as new as can be. */
  refresh(): void {
    const { topology } = this.#deployment;
    for (const [id, writer] of this.#writers) {
      const node = topology.find(id);
      if (node === undefined) writer.end('gone');
      else this.#slots.get(id)!.addAll(topology.slotsOf(node));
    }
  }

  /** Which keys of the source the node may have taken; `undefined`: all. */
  sharesOf({ node }: NodeWriter): ((key: Buffer) => boolean) | undefined {
    if (!this.#deployment.isCluster) return undefined;
    const slots = this.#slots.get(node.id)!;
    return (key) => slots.has(slotOf(this.#targetNameOf?.(key) ?? key));
  }

  async #run(writer: NodeWriter): Promise<void> {
    try {
      if (await writer.run()) return;
      this.#writers.delete(writer.node.id);
      this.#samples.splice(this.#samples.indexOf(writer.sample), 1);
      this.#sink.onGone(writer);
    } catch (error) {
      this.#sink.onFailed(error);
    }
  }
}
