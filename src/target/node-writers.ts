// The writers of a target: one for each node, as long as that is a primary, and the slots of which each may have taken keys.

import type { Deployment } from '../cluster/deployment.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import type { Entry } from '../flow/entry.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { NodeWriter } from './node-writer.ts';

export interface NodeWritersSink {
  newWriter(node: Node): NodeWriter;
  /** The node is no primary any more. What it acknowledged last may never have reached the one that took its place. */
  onGone(writer: NodeWriter): void;
  onFailed(error: unknown): void;
}

export class NodeWriters {
  readonly #deployment: Deployment;
  readonly #targetNameOf: ((key: Buffer) => Buffer) | undefined;
  readonly #sink: NodeWritersSink;
  readonly #writers = new Map<string, NodeWriter>();
  /** The slots that each node serves or has served, or takes over. */
  readonly #slots = new Map<string, SlotSet>();

  /** @param targetNameOf missing where every key keeps its name */
  constructor(deployment: Deployment, targetNameOf: ((key: Buffer) => Buffer) | undefined, sink: NodeWritersSink) {
    this.#deployment = deployment;
    this.#targetNameOf = targetNameOf;
    this.#sink = sink;
  }

  get all(): Iterable<NodeWriter> {
    return this.#writers.values();
  }

  of(node: Node): NodeWriter {
    const found = this.#writers.get(node.id);
    if (found !== undefined) return found;
    const writer = this.#sink.newWriter(node);
    this.#writers.set(node.id, writer);
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

  /** A key of the slot goes to a node that may be lost before it serves that slot, and what it took of it with it. */
  ofImporting(node: Node, slot: number): NodeWriter {
    const writer = this.of(node);
    this.#slots.get(node.id)!.add(slot);
    return writer;
  }

  /** Whether a reading of the key is on its way to any node. */
  hold(entry: Entry): boolean {
    const view = EntryView.of(entry);
    for (const writer of this.#writers.values()) if (writer.holds(view)) return true;
    return false;
  }

  /** The topology is as new as can be. */
  refresh(): void {
    const { topology } = this.#deployment;
    for (const [id, writer] of this.#writers) {
      const node = topology.find(id);
      if (node === undefined) writer.leave();
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
      this.#sink.onGone(writer);
    } catch (error) {
      this.#sink.onFailed(error);
    }
  }
}
