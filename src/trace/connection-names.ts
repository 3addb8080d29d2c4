// What the connections of a run are called: what each is for, and its number among those that are for the same.

import type { ConnectionUse } from '../server/server.ts';

export class ConnectionNames {
  readonly #counts = new Map<ConnectionUse, number>();

  get isAny(): boolean {
    return this.#counts.size > 0;
  }

  /** Of one more connection: `source 0`. */
  next(use: ConnectionUse): string {
    const number = this.#counts.get(use) ?? 0;
    this.#counts.set(use, number + 1);
    return `${use} ${number}`;
  }
}
