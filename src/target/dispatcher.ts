// Takes entries out of the channel: nearly all go straight to the writer of their node, many at a time. What has to be looked at
// before, goes another way.

import type { Channel } from '../flow/channel.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { newEntry, sizeOf, type Entry } from '../flow/entry.ts';
import type { EntryRun } from '../flow/entry-run.ts';
import { EntryView } from '../flow/entry-view.ts';
import type { NodeWriters } from './node-writers.ts';
import type { Pacer } from './rate-limit.ts';

export interface DispatcherOptions {
  /** Whether runs of entries may be taken as they are, where no limit holds. */
  readonly takesRuns: boolean;
}

export interface DispatcherSink {
  /** Whether an entry may have to wait for another one of its name. */
  hasObstacles(): boolean;
  /** Whether a removal has to be looked at. */
  readonly asksAboutRemovals: boolean;
  /** An entry that is to be looked at. */
  onEntry(entry: Entry): void;
}

export class Dispatcher {
  readonly #deployment: Deployment;
  readonly #writers: NodeWriters;
  readonly #pacer: Pacer;
  readonly #options: DispatcherOptions;
  readonly #sink: DispatcherSink;
  readonly #view = new EntryView();

  constructor(
    deployment: Deployment,
    writers: NodeWriters,
    pacer: Pacer,
    options: DispatcherOptions,
    sink: DispatcherSink,
  ) {
    this.#deployment = deployment;
    this.#writers = writers;
    this.#pacer = pacer;
    this.#options = options;
    this.#sink = sink;
  }

  /** What comes is taken where it lies. */
  begin(channel: Channel): void {
    channel.handTo({ take: (entry) => this.#writeAtOnce(entry), takeRun: (run) => this.#writeRun(run) });
  }

  /** As many of those that wait as may go now. */
  distribute(channel: Channel): void {
    for (let entry = channel.head; entry !== undefined && this.#mayWrite(); entry = channel.head) {
      const written = this.#takesRuns ? this.#writeRun(channel.run) : 0;
      if (written > 0) channel.drop(written);
      else if (this.#writeAtOnce(entry)) channel.drop();
      else {
        const copy = newEntry();
        channel.take(copy);
        this.#pacer.take(sizeOf(copy));
        this.#sink.onEntry(copy);
      }
    }
  }

  /** A single server holds the channel up; one of many does not. */
  #mayWrite(): boolean {
    const { isCluster, topology } = this.#deployment;
    return this.#pacer.mayGo && (isCluster || this.#writers.of(topology.nodes[0]!).hasRoom);
  }

  /** The way of nearly all entries: straight to the one node that serves the name. False where there is more to be seen to. */
  #writeAtOnce(entry: EntryView): boolean {
    if (entry.kind === 'gone' && this.#sink.asksAboutRemovals) return false;
    if (entry.large !== null || this.#sink.hasObstacles() || !this.#pacer.mayGo) return false;
    const writer = this.#writers.at(entry);
    if (writer === undefined || !(this.#deployment.isCluster || writer.hasRoom)) return false;
    this.#pacer.take(entry.size);
    writer.write(entry);
    return true;
  }

  /** The same for a run of entries: returns how many go this way. */
  #writeRun(run: EntryRun): number {
    const { isCluster, topology } = this.#deployment;
    if (!this.#takesRuns) return 0;
    return isCluster ? this.#writeEach(run) : this.#writers.of(topology.nodes[0]!).writeRun(run);
  }

  #writeEach(run: EntryRun): number {
    const view = this.#view;
    let written = 0;
    // What becomes of one entry may be an obstacle to the next.
    for (; written < run.length && !this.#sink.hasObstacles(); written++) {
      run.show(written, view);
      const writer = this.#writers.at(view);
      if (writer === undefined) break;
      writer.write(view);
    }
    return written;
  }

  /** Whether entries need not be looked at one by one. */
  get #takesRuns(): boolean {
    return this.#options.takesRuns && this.#pacer.isOpen && !this.#sink.hasObstacles();
  }
}
