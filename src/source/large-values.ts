// Values of a source that are too large to be dumped: each is read piece by piece, beside the walk, when somebody takes it.

import type { Deployment } from '../cluster/deployment.ts';
import { Dialogue } from '../cluster/dialogue.ts';
import type { LineOptions } from '../cluster/line.ts';
import type { LargeValue } from '../entry.ts';
import type { AskAbout } from '../redis/ask-about.ts';
import { readPieces } from '../redis/piece-reader.ts';
import type { Deliveries } from '../redis/stream-reader.ts';

export class LargeValues {
  readonly #dialogue: Dialogue;

  constructor(deployment: Deployment, options: LineOptions) {
    this.#dialogue = new Dialogue(deployment, options);
  }

  valueOf(db: number, key: Buffer): LargeValue {
    const ask: AskAbout = (commands) => this.#dialogue.ask(db, key, commands);
    const deliveries: Deliveries = new Map();
    return { type: undefined, pieces: () => readPieces(ask, key, deliveries) };
  }

  stop(reason: Error): void {
    this.#dialogue.stop(reason);
  }

  close(): void {
    this.#dialogue.close();
  }
}
