// Values of a server that are too large to be dumped: each is read piece by piece, beside the others, when somebody takes it.

import { Breaks } from '../cluster/suspects.ts';
import type { Deployment } from '../cluster/deployment.ts';
import { RoutedClient } from '../cluster/routed-client.ts';
import type { NodeLinkOptions } from '../cluster/node-link.ts';
import type { LargeValue } from '../flow/entry.ts';
import { depthFor, TransferLimits } from '../server/transfer-limits.ts';
import { DumpReader, type DumpOptions, type DumpSink } from '../keys/dump.ts';
import type { KeyReader } from '../keys/key-reader.ts';
import { MeasuringReader } from '../keys/measuring-reader.ts';
import { ServiceTimes } from '../keys/service-times.ts';
import type { Session } from '../server/session.ts';
import { ServerValue, Watching, type RoutedClients } from './server-value.ts';

/** The share of the longest wait that the source may need for one piece of a value, as several are read at once. */
const PAGE_SHARE = 1 / 16;

export interface ValueOptions extends Omit<DumpOptions, 'depth' | 'largeValueOf' | 'limits' | 'roundTrip'> {
  /** Whether values go in pieces for their size alone, and not for the time that the source would need. */
  readonly bySize: boolean;
}

export class LargeValues implements RoutedClients {
  readonly #deployment: Deployment;
  readonly #options: NodeLinkOptions;
  readonly onGone: RoutedClients['onGone'];
  readonly watching = new Watching();
  readonly #clients: RoutedClient[] = [];
  /** Those of them that read nothing now. */
  readonly #idle: RoutedClient[] = [];
  readonly #breaks = new Breaks('was asked for');
  #limits: TransferLimits | undefined;
  #times: ServiceTimes | undefined;
  #roundTrip = Infinity;
  #reason: Error | undefined;

  constructor(deployment: Deployment, options: NodeLinkOptions, onGone: RoutedClients['onGone']) {
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
  take(): RoutedClient {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const client = new RoutedClient(this.#deployment, this.#options);
    if (this.#reason !== undefined) client.stop(this.#reason);
    this.#clients.push(client);
    return client;
  }

  give(client: RoutedClient): void {
    this.#idle.push(client);
  }

  drop(client: RoutedClient): void {
    client.close();
    this.#clients.splice(this.#clients.indexOf(client), 1);
  }

  /** A connection broke on which several values were asked for. */
  broke(): void {
    this.#limits?.broke();
  }

  stop(reason: Error): void {
    this.#reason = reason;
    for (const client of this.#clients) client.stop(reason);
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
