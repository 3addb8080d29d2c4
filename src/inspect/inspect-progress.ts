// How far an inspection is, and what happens to the endpoint meanwhile.

import type { RespError } from '../../resp/errors.ts';
import type { SourceSink } from '../source/source.ts';
import type { MigrateEvent } from '../sync/options.ts';
import { RunProgress } from '../sync/run-progress.ts';

export class InspectProgress extends RunProgress implements SourceSink {
  readonly #onEvent: (event: MigrateEvent) => void;
  readonly #onRefused: ((key: Buffer) => void) | undefined;
  /** What was counted so far. */
  counted: { readonly keys: number; readonly bytes: number } = { keys: 0, bytes: 0 };

  /** @param onRefused is told which keys could not be read */
  constructor(onEvent: (event: MigrateEvent) => void, onRefused?: (key: Buffer) => void) {
    super(onEvent);
    this.#onEvent = onEvent;
    this.#onRefused = onRefused;
  }

  override onReadRefused(db: number, key: Buffer, error: RespError): void {
    this.#onRefused?.(key);
    super.onReadRefused(db, key, error);
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
