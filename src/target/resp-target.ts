// Writes entries as a stream of RESTORE frames, between a frame that begins it and one that ends it.

import type { Bytes } from '../../resp/bytes.ts';
import type { EntryView } from '../flow/entry-view.ts';
import type { LargeValue } from '../flow/entry.ts';
import { FrameEncoder } from '../file/frame-encoder.ts';
import { BEGIN, StreamSum } from '../file/stream-ends.ts';
import type { Milliseconds } from '../rdb/milliseconds.ts';
import { FileTarget, type Gathered, type Written } from './file-target.ts';
import type { Encoded } from './outgoing-bytes.ts';
import { wholeValueOf, type Pace } from './whole-value.ts';

export class RespTarget extends FileTarget<Bytes> {
  readonly #encoder = new FrameEncoder(() => this.collect());
  readonly #sum = new StreamSum();

  protected override begin(): void {
    this.#encoder.ping(BEGIN);
    this.flush();
    this.#sum.reset();
  }

  protected override leave(): void {
    this.#encoder.goHome();
  }

  protected override end(): void {
    this.#encoder.ping(this.#sum.end);
  }

  protected override encodeView(entry: EntryView, db: number, expireAt: Milliseconds): boolean {
    this.#encoder.restoreView(entry, db, expireAt);
    this.#sum.keys++;
    return true;
  }

  protected override encodePayload(written: Written, payload: Buffer): void {
    this.#encoder.restore(written, payload);
    this.#sum.keys++;
  }

  /** A command has to be in memory as a whole. */
  protected override async gather(large: LargeValue, pace: Pace): Promise<Gathered> {
    const { payload, isGathered } = await wholeValueOf(large, pace);
    return {
      isConverted: isGathered,
      bytes: payload.length,
      encode: (written) => {
        this.#encoder.restore(written, payload);
        this.#sum.keys++;
        return [];
      },
    };
  }

  /** Summed while it is in the processor's cache. */
  protected override takeEncoded(): Encoded<Bytes> {
    const encoded = this.#encoder.bytes.take();
    for (const piece of encoded.pieces) this.#sum.update(piece);
    return encoded;
  }

  protected override reuse(spent: readonly Bytes[]): void {
    this.#encoder.bytes.reuse(spent);
  }
}
