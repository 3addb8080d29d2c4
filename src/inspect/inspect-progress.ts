// How far an inspection is, and what happens to the endpoint meanwhile.

import type { RespError } from '../../resp/errors.ts';
import type { SlotSet } from '../cluster/slot.ts';
import type { SourceNotice, SourceSink } from '../source/source.ts';
import type { MigrateEvent } from '../sync/options.ts';
import { RunProgress } from '../sync/run-progress.ts';

export class InspectProgress extends RunProgress implements SourceSink {
  readonly #onEvent: (event: MigrateEvent) => void;
  readonly #onRefused: ((key: Buffer) => void) | undefined;
  /** What was counted so far. */
  counted: { readonly keys: number; readonly bytes: number } = { keys: 0, bytes: 0 };
  /** Called where the source is read from its beginning while what it gave before is counted already. */
  onAnew: () => void = () => {};
  /** Called with slots of which the keys are read once more. */
  onMoved: (slots: SlotSet) => void = () => {};

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

  override onNotice(notice: SourceNotice): void {
    super.onNotice(notice);
    if (notice.code === 'SCANNED_ANEW') this.onAnew();
    else if (notice.code === 'SLOTS_MOVED') this.onMoved(notice.slots);
  }

  onWalkedAnew(): void {
    this.onAnew();
  }

  /** Nothing of what was counted holds. */
  beginAnew(): void {
    this.forget();
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
