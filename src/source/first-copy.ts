// The first copy by the snapshots that the nodes of a source send to a replica, in place of scanning them: each node forks once,
// and what it costs then is another process's time. What comes of no snapshot is left to a scan.

import { ReplyError, RespError, TimeoutError, nameOf, type Peer } from '../../resp/errors.ts';
import type { ReplicationPoint } from '../../resp/replication-link.ts';
import type { Deployment } from '../cluster/deployment.ts';
import type { NodeHearing } from '../cluster/node-hearing.ts';
import { final } from '../cluster/node-link.ts';
import { slotOf, SlotSet } from '../cluster/slot.ts';
import type { Node } from '../cluster/topology.ts';
import type { Channel } from '../flow/channel.ts';
import { whileListening } from '../flow/failure.ts';
import type { KeyId } from '../flow/key-id.ts';
import { Wakeup } from '../flow/wakeup.ts';
import { judged, kindOf } from '../server/refusal.ts';
import { Backoff, pauseAfter, type ReconnectOptions } from '../server/retry.ts';
import type { FileScopeOptions } from './file-source.ts';
import type { Follower } from './follower.ts';
import { NodeSnapshot } from './node-snapshot.ts';
import type { SnapshotClock } from './snapshot-entries.ts';
import type { FileSink } from './source.ts';

export interface FirstCopyOptions extends FileScopeOptions, ReconnectOptions {
  /** Values of more bytes are read by name. */
  readonly bigKey: number;
  readonly clock: SnapshotClock;
}

/** What is left, once every snapshot was read as far as it has come. */
export interface LeftByFirstCopy {
  /** Keys whose values have to be read by name; they may be gone. */
  readonly keys: readonly KeyId[];
  /** Whose keys have to be found by a scan: `all` where there is no cluster, or too much is left. */
  readonly slots: SlotSet | 'all' | undefined;
}

/** Of the names of keys that have to be read elsewhere, with what an object costs: where there are more, a scan finds them. */
const MOST_NAME_BYTES = 32 * 1024 * 1024;
const NAME_BYTES = 160;

export class FirstCopy {
  readonly #deployment: Deployment;
  readonly #options: FirstCopyOptions;
  readonly #sink: FileSink;
  /** By node. */
  readonly #snapshots = new Map<string, NodeSnapshot>();
  /** Nobody wants them any more. */
  readonly #end = new AbortController();
  readonly #beginnings = new Wakeup();
  #haveBegun = false;
  #keys: KeyId[] = [];
  #nameBytes = 0;
  #read = 0;

  constructor(deployment: Deployment, options: FirstCopyOptions, sink: FileSink) {
    this.#deployment = deployment;
    this.#options = options;
    this.#sink = sink;
  }

  /** Keys that were read so far. */
  get keys(): number {
    return this.#read;
  }

  /**
   * Has every node make its snapshot; one that is lost before it begins to is asked again. Nothing of it is read before `take`.
   * @param hearing a node is asked once its process is known
   * @throws RespError where one will not
   */
  async begin(hearing?: NodeHearing): Promise<void> {
    await this.#deployment.refreshIfPossible();
    const { signal, ownNodes } = this.#deployment;
    const begun = (): Promise<unknown> => Promise.all(ownNodes.map((node) => this.#begin(node, hearing)));
    await whileListening(signal, (reason) => this.stop(reason), begun);
    this.#haveBegun = true;
    this.#beginnings.wake();
  }

  /**
   * Where the stream of writes goes on behind the snapshot of a node: settles once that is begun, and never where it fails to.
   * `undefined` where the node makes none.
   */
  async pointOf(nodeId: string): Promise<ReplicationPoint | undefined> {
    for (;;) {
      const point = this.#snapshots.get(nodeId)?.point;
      if (point !== undefined || this.#haveBegun) return point;
      await this.#beginnings.sleep();
    }
  }

  /**
   * Returns when everything of the snapshots is in the channel. What has changed since may be read only then: else what a
   * snapshot has of it came behind what is newer.
   */
  async take(channel: Channel, follower: Follower | undefined): Promise<LeftByFirstCopy> {
    const snapshots = [...this.#snapshots.values()];
    const taken = await Promise.all(snapshots.map((snapshot) => this.#take(snapshot, channel, follower)));
    const whole = snapshots.filter((_, i) => taken[i]);
    if (this.#isCrowded) return { keys: [], slots: 'all' };
    return { keys: this.#keys, slots: await this.#missed(whole) };
  }

  stop(reason: Error): void {
    this.#end.abort(reason);
    for (const snapshot of this.#snapshots.values()) snapshot.stop(reason);
  }

  /** Nobody takes what has not come yet. */
  close(): void {
    this.#end.abort(new RespError('CLOSED', 'Nobody takes the snapshot any more'));
    for (const snapshot of this.#snapshots.values()) snapshot.close();
  }

  get #isCrowded(): boolean {
    return this.#nameBytes > MOST_NAME_BYTES;
  }

  async #begin(first: Node, hearing: NodeHearing | undefined): Promise<void> {
    const backoff = new Backoff(this.#options.retry);
    const deployment = this.#deployment;
    const slots = deployment.topology.slotsOf(first);
    for (let node: Node | undefined = first; node !== undefined;) {
      const runId = await hearing?.processOf(node.id);
      if (hearing !== undefined && runId === undefined) return this.#lose(first, 'nobody follows it yet');
      const error = await this.#try(new NodeSnapshot(deployment, node, slots), runId);
      if (error === undefined) return this.#beginnings.wake();
      await this.#pause(error, node.peer, backoff);
      await deployment.refreshIfPossible();
      node = deployment.ownNodes.find(({ id }) => id === first.id);
    }
    this.#lose(first, 'it is no primary any more');
  }

  /** What it had, a scan finds where it is, and says where nobody would tell what changes there. */
  #lose({ id, peer }: Node, reason: string): void {
    // Whoever has ended it meanwhile says why.
    this.#end.signal.throwIfAborted();
    this.#snapshots.delete(id);
    this.#sink.onNotice({ code: 'SNAPSHOT_LOST', peer, reason });
  }

  /** @returns what it has failed with */
  async #try(snapshot: NodeSnapshot, runId: string | undefined): Promise<Error | undefined> {
    const { id } = snapshot.node;
    this.#snapshots.set(id, snapshot);
    try {
      // Nobody may want it any more.
      this.#end.signal.throwIfAborted();
      await snapshot.begin(runId);
      return undefined;
    } catch (error) {
      snapshot.close();
      return error as Error;
    }
  }

  /** @throws RespError where it will not pass, or there were enough tries */
  async #pause(error: Error, peer: Peer, backoff: Backoff): Promise<void> {
    try {
      const party = { side: 'source', peer, signal: this.#end.signal } as const;
      const reason = takesTooLong(error) ? final(error) : judged(error, peer, 'read from');
      await pauseAfter(reason, backoff, party, this.#options);
    } catch {
      this.close();
      this.#deployment.signal?.throwIfAborted();
      throw refused(error, peer);
    }
  }

  /** Whether all of it has come. */
  async #take(snapshot: NodeSnapshot, channel: Channel, follower: Follower | undefined): Promise<boolean> {
    const { peer } = snapshot.node;
    const { slots } = snapshot;
    const { isCluster } = this.#deployment;
    const { includes, hasAllNames = false } = this.#options;
    const scope = isCluster
      ? { includes: (key: Buffer) => slots.has(slotOf(key)) && includes(key), hasAllNames: false }
      : { includes, hasAllNames };
    const options = { ...this.#options, ...scope, name: `the snapshot of ${nameOf(peer)}` };
    const before = this.#read;
    const share = this.#deployment.shareOf(snapshot.node);
    try {
      await snapshot.take(channel, options, {
        onExpired: () => this.#sink.onExpired(),
        onReadRefused: (db, key, error) => this.#sink.onReadRefused(db, key, error),
        onNotice: (notice) => this.#sink.onNotice(notice),
        onPassedOver: (db, key) => this.#passOver(db, key),
        onKeys: (keys) => (this.#read += keys * share),
        ...(follower && {
          onRead: (entry) => follower.onRead(entry),
          onReadAll: (entries) => follower.onReadAll(entries),
        }),
      });
      return true;
    } catch (error) {
      // Where the run has ended, nobody is to read on.
      if (!channel.isOpen || this.#deployment.signal?.aborted === true || !(error instanceof RespError)) throw error;
      this.#read = Math.min(this.#read, before);
      this.#sink.onNotice({ code: 'SNAPSHOT_LOST', peer, reason: error.message });
      return false;
    }
  }

  #passOver(db: number, key: Buffer): void {
    this.#nameBytes += NAME_BYTES + key.length;
    if (this.#isCrowded) this.#keys = [];
    else this.#keys.push({ db, key: Buffer.from(key) });
  }

  /** What is not sure to be in one of these: slots that did not stay where they were, and nodes whose snapshot was lost. */
  async #missed(whole: readonly NodeSnapshot[]): Promise<LeftByFirstCopy['slots']> {
    const deployment = this.#deployment;
    if (!deployment.isCluster) return whole.length > 0 ? undefined : 'all';
    await deployment.refreshIfPossible();
    const missed = new SlotSet();
    for (const slot of deployment.part.slots) if (!deployment.isUnserved(slot)) missed.add(slot);
    for (const { node, slots, watch } of whole) {
      for (const slot of slots) {
        const hasStayed = watch.isBlind || watch.stayed(slot);
        if (hasStayed && deployment.topology.ownerOf(slot)?.id === node.id) missed.delete(slot);
      }
    }
    return missed.size === 0 ? undefined : missed;
  }
}

/** It is there, and would take as long again: whoever cannot be reached has another cause behind it. */
function takesTooLong(error: Error): boolean {
  return error instanceof TimeoutError && error.cause === undefined;
}

function refused(error: unknown, peer: Peer): unknown {
  if (!(error instanceof RespError)) return error;
  const { code, message, retryable, hint } = judged(error, peer, 'read from') as RespError;
  const isForbidden = error instanceof ReplyError && kindOf(error) === 'forbidden';
  const rights = isForbidden ? 'grant the user +psync +replconf +ping, or ' : '';
  const way = `${rights}copy with --first-copy scan`;
  const what = `Cannot take the snapshot of ${nameOf(peer)}: ${error instanceof ReplyError ? error.message : message}`;
  return new RespError(code, what, {
    peer,
    retryable,
    hint: hint === undefined || isForbidden ? way : hint,
    cause: error,
  });
}
