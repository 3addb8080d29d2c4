// The snapshot of one node, which it sends to a replica: asked for on a link of its own, and put into the channel as it comes.

import type { Deployment } from '../cluster/deployment.ts';
import type { SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import type { Channel } from '../flow/channel.ts';
import type { ReplicationLink, ReplicationPoint, ReplicationSink } from '../../resp/replication-link.ts';
import { nameOf } from '../../resp/errors.ts';
import { SlotWatch } from '../scan/coverage.ts';
import { SnapshotIntake, type SnapshotIntakeOptions, type SnapshotSink } from './snapshot-intake.ts';

export class NodeSnapshot {
  readonly node: Node;
  /** What of a cluster is taken from it. */
  readonly slots: SlotSet;
  /** Where its slots are meanwhile. */
  readonly watch: SlotWatch;
  readonly #deployment: Deployment;
  #link: ReplicationLink | undefined;
  #point: ReplicationPoint | undefined;
  #intake: SnapshotIntake | undefined;
  /** What has come before there was a channel: the link is paused then, so that is one chunk. */
  #held: Buffer[] = [];
  #isWhole = false;
  #isClosed = false;
  #reason: unknown;

  /** @param slots that it may have at most: others may be in the snapshot of another node by now */
  constructor(deployment: Deployment, node: Node, slots: SlotSet) {
    this.node = node;
    this.slots = slots;
    this.watch = new SlotWatch(node.id);
    this.#deployment = deployment;
  }

  /** Where the stream of writes goes on behind it. */
  get point(): ReplicationPoint | undefined {
    return this.#point;
  }

  /**
   * Has the node make it; it waits until `take`.
   * @param runId of the process that it has to come from
   * @throws RespError, as `ReplicationLink`
   */
  async begin(runId?: string): Promise<void> {
    await this.look();
    // What it has of slots that are another's is not the other's newest.
    for (const slot of this.slots) if (!this.watch.isBlind && !this.watch.kept(slot)) this.slots.delete(slot);
    const sink: ReplicationSink = {
      onStart: ({ replicationId, offset }) => {
        this.#point = { replicationId, offset };
        this.#link?.pause();
      },
      onSnapshot: (bytes) => this.#onBytes(bytes),
      onSnapshotEnd: () => this.#onEnd(),
      onStream: () => {},
      onLost: (error) => this.stop(error),
    };
    const link = await this.#deployment.replicate(this.node.peer, sink, runId);
    this.#link = link;
    // It may have been let go of meanwhile: the source makes no snapshot for nobody then.
    if (this.#isClosed) link.close();
    await link.tellVersion(this.#version);
    await link.start(undefined);
  }

  /** Returns when the last entry is in the channel. @throws RespError where not all of it has come, or it cannot be read */
  async take(channel: Channel, options: SnapshotIntakeOptions, sink: Omit<SnapshotSink, 'onDrain'>): Promise<void> {
    const intake = new SnapshotIntake(channel, options, { ...sink, onDrain: () => this.#link?.resume() });
    this.#intake = intake;
    const held = this.#held;
    this.#held = [];
    let isWanted = true;
    for (const chunk of held) isWanted = intake.push(chunk);
    if (this.#isWhole) intake.end();
    if (this.#reason !== undefined) intake.stop(this.#reason);
    if (isWanted) this.#link?.resume();
    try {
      await intake.done;
    } finally {
      this.#link?.close();
    }
    if (this.#deployment.isCluster) await this.look();
  }

  /** The first reason counts. */
  stop(reason: unknown): void {
    this.#reason ??= reason;
    this.#intake?.stop(reason);
    this.close();
  }

  close(): void {
    this.#isClosed = true;
    this.#link?.close();
  }

  /** Of a cluster: where the node says that its slots are. One that does not say is one that has lost them. */
  async look(): Promise<void> {
    if (!this.#deployment.isCluster) return;
    this.watch.observe(await this.#deployment.nodesAsSeenBy(this.node));
  }

  /** Of the node itself: rump reads what it reads. */
  get #version(): string {
    const { servers } = this.#deployment;
    const { peer } = this.node;
    const own = servers.find(({ connection }) => nameOf(connection.peer) === nameOf(peer));
    return (own ?? servers[0]!).info.version;
  }

  #onBytes(bytes: Buffer): void {
    if (this.#intake === undefined) this.#held.push(Buffer.from(bytes));
    else if (!this.#intake.push(bytes)) this.#link?.pause();
  }

  #onEnd(): void {
    this.#isWhole = true;
    this.#link?.close();
    this.#intake?.end();
  }
}
