// How far an inspection is, and what happens to the endpoint meanwhile.

import type { SourceSink } from '../source/source.ts';
import type { MigrateEvent } from '../sync/options.ts';
import { RunProgress } from '../sync/run-progress.ts';

export class InspectProgress extends RunProgress implements SourceSink {
  readonly #onEvent: (event: MigrateEvent) => void;
  /** What was counted so far. */
  counted: { readonly keys: number; readonly bytes: number } = { keys: 0, bytes: 0 };

  constructor(onEvent: (event: MigrateEvent) => void) {
    super(onEvent);
    this.#onEvent = onEvent;
  }

  /** Keys that could not be read. */
  override get failed(): number {
    return super.failed;
  }

  /** Milliseconds. */
  get elapsed(): number {
    return this.common.elapsed;
  }

  onGone(): void {
    this.onExpired();
  }

  /** Everything was read. @throws RespError, where the source lost keys meanwhile */
  finish(isEmpty: boolean): void {
    this.demandWhole();
    this.end(isEmpty);
  }

  protected override tell(fraction: number): void {
    const { keys, bytes } = this.counted;
    this.#onEvent({ type: 'progress', fraction, keys, bytes, converted: 0, skipped: 0, ...this.common });
  }
}
