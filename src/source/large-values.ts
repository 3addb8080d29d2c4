// Values of a server that are too large to be dumped: each is read piece by piece, beside the others, when somebody takes it.

import { Breaks } from '../cluster/breaks.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { Dialogue } from '../cluster/dialogue.ts';
import type { LineOptions } from '../cluster/line.ts';
import type { LargeValue } from '../entry.ts';
import { depthFor } from '../redis/depth.ts';
import { DumpReader, type DumpOptions, type DumpSink } from '../redis/dump.ts';
import type { KeyReader } from '../redis/key-reader.ts';
import { MeasuringReader } from '../redis/measuring-reader.ts';
import { ServiceTimes } from '../redis/service-times.ts';
import { TransferLimits } from '../redis/transfer-limits.ts';
import type { Session } from '../redis/session.ts';
import { ServerValue, Watching, type Dialogues } from './server-value.ts';

/** The share of the longest wait that the source may need for one piece of a value, as several are read at once. */
const PAGE_SHARE = 1 / 16;

export interface ValueOptions extends Omit<DumpOptions, 'depth' | 'largeValueOf' | 'limits' | 'roundTrip'> {
  /** Whether values go in pieces for their size alone, and not for the time that the source would need. */
  readonly bySize: boolean;
}

export class LargeValues implements Dialogues {
  readonly #deployment: Deployment;
  readonly #options: LineOptions;
  readonly onGone: Dialogues['onGone'];
  readonly watching = new Watching();
  readonly #dialogues: Dialogue[] = [];
  /** Those of them that read nothing now. */
  readonly #idle: Dialogue[] = [];
  readonly #breaks = new Breaks('was asked for');
  #limits: TransferLimits | undefined;
  #times: ServiceTimes | undefined;
  #roundTrip = Infinity;
  #reason: Error | undefined;

  constructor(deployment: Deployment, options: LineOptions, onGone: Dialogues['onGone']) {
    this.#deployment = deployment;
    this.#options = options;
    this.onGone = onGone;
  }

  /** What reads values and leaves the large ones to this. */
  newKeyReader({ connection, selection, server }: Session, options: ValueOptions, sink: DumpSink): KeyReader {
    const { bigKey, bySize, maxLatency, mode } = options;
    const { info, roundTrip } = server;
    this.#times ??= new ServiceTimes(maxLatency);
    this.#roundTrip = Math.min(this.#roundTrip, roundTrip);
    const limits = (this.#limits ??= new TransferLimits(bigKey));
    limits.learn(server.mostReplyBytes);
    const pieces = {
      breaks: this.#breaks,
      limits,
      mode,
      pageMs: maxLatency * PAGE_SHARE,
      roundTrip: this.#roundTrip,
    };
    const largeValueOf = (db: number, key: Buffer, bytes: number | undefined): LargeValue =>
      new ServerValue(this, db, key, { ...pieces, bytes });
    const depth = depthFor(roundTrip);
    const dump = new DumpReader(connection, selection, { ...options, largeValueOf, limits, depth, roundTrip }, sink);
    return new MeasuringReader(connection, selection, dump, { info, limits, bySize, times: this.#times }, sink);
  }

  /** One that nobody else asks until it is given back. */
  take(): Dialogue {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const dialogue = new Dialogue(this.#deployment, this.#options);
    if (this.#reason !== undefined) dialogue.stop(this.#reason);
    this.#dialogues.push(dialogue);
    return dialogue;
  }

  give(dialogue: Dialogue): void {
    this.#idle.push(dialogue);
  }

  drop(dialogue: Dialogue): void {
    dialogue.close();
    this.#dialogues.splice(this.#dialogues.indexOf(dialogue), 1);
  }

  /** A connection broke on which several values were asked for. */
  broke(): void {
    this.#limits?.broke();
  }

  stop(reason: Error): void {
    this.#reason = reason;
    for (const dialogue of this.#dialogues) dialogue.stop(reason);
  }

  close(): void {
    for (const dialogue of this.#dialogues) dialogue.close();
  }
}
