// Values of a server that are too large to be dumped: each is read piece by piece, beside the others, when somebody takes it.

import type { Deployment } from '../cluster/deployment.ts';
import { Dialogue } from '../cluster/dialogue.ts';
import type { LineOptions } from '../cluster/line.ts';
import type { LargeValue } from '../entry.ts';
import type { AskAbout } from '../redis/ask-about.ts';
import { depthFor } from '../redis/depth.ts';
import { DumpReader, type DumpOptions, type DumpSink } from '../redis/dump.ts';
import type { KeyReader } from '../redis/key-reader.ts';
import { MeasuringReader } from '../redis/measuring-reader.ts';
import { PIECE_BYTES } from '../redis/page-size.ts';
import { readPieces } from '../redis/piece-reader.ts';
import type { Session } from '../redis/session.ts';

export type ValueOptions = Omit<DumpOptions, 'depth' | 'largeValueOf'>;

export class LargeValues {
  readonly #dialogue: Dialogue;

  constructor(deployment: Deployment, options: LineOptions) {
    this.#dialogue = new Dialogue(deployment, options);
  }

  /** What reads values and leaves the large ones to this. */
  newKeyReader({ connection, selection, server }: Session, options: ValueOptions, sink: DumpSink): KeyReader {
    const { bigKey } = options;
    const { info, roundTrip } = server;
    const largeValueOf = (db: number, key: Buffer): LargeValue =>
      this.#valueOf(db, key, Math.max(1, Math.min(PIECE_BYTES, bigKey)));
    const dump = new DumpReader(connection, selection, { ...options, largeValueOf, depth: depthFor(roundTrip) }, sink);
    return new MeasuringReader(connection, selection, dump, { info, bigKey }, sink);
  }

  stop(reason: Error): void {
    this.#dialogue.stop(reason);
  }

  close(): void {
    this.#dialogue.close();
  }

  #valueOf(db: number, key: Buffer, usualBytes: number): LargeValue {
    const ask: AskAbout = (commands) => this.#dialogue.ask(db, key, commands);
    return { type: undefined, pieces: (pieceBytes = usualBytes) => readPieces(ask, key, pieceBytes) };
  }
}
