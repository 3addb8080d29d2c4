// Writes entries as lines of JSON, an object for each key: for tools that know nothing of payloads.

import type { Buffer } from 'node:buffer';
import type { EntryView } from '../flow/entry-view.ts';
import type { LargeValue } from '../flow/entry.ts';
import { Spool } from '../file/spool.ts';
import { isLargeAsJson } from '../rdb/json-size.ts';
import { JsonWriter } from '../rdb/json-writer.ts';
import type { Milliseconds } from '../rdb/milliseconds.ts';
import { isIntact, MAY_BE_STREAM, PayloadError } from '../rdb/payload.ts';
import { demandWhole, isOpaque, jsonTypeOf, writePayload } from '../rdb/payload-json.ts';
import { beginLine, endLine, writeDump } from '../rdb/value-json.ts';
import { FileTarget, type FileTargetOptions, type FileTargetSink, type Gathered, type Written } from './file-target.ts';
import type { Encoded } from './outgoing-bytes.ts';
import { dumpOf, PayloadValue, spooled } from './spooled-value.ts';
import type { Pace } from './whole-value.ts';

/** A line is taken over once there is so much of it or of several. */
const ENOUGH_BYTES = 64 * 1024;
/** A shorter payload is written at once, whatever it unpacks to: that is 6 MB at most, but for a stream, whose names come again. */
const SHORT_BYTES = 64 * 1024;
/** What a value may take once it is unpacked, so that its line is made in memory. With escapes it may have six times as many. */
const MOST_BYTES = 4 * 1024 * 1024;

export class NdjsonTarget extends FileTarget<Buffer> {
  readonly #json = new JsonWriter();
  readonly #spool: Spool;

  constructor(path: string, options: FileTargetOptions, sink: FileTargetSink) {
    super(path, options, sink);
    this.#spool = new Spool(path);
  }

  protected override encodeView(entry: EntryView, db: number, expireAt: Milliseconds): boolean {
    const { keyIn, keyAt, keyEnd, payloadIn, payloadAt, payloadEnd } = entry;
    const payload = payloadIn.buffer.subarray(payloadAt, payloadEnd);
    if (isLong(payload)) return false;
    try {
      this.#write(db, keyIn.buffer.subarray(keyAt, keyEnd), expireAt, payload);
      return true;
    } catch (error) {
      if (error instanceof PayloadError) return false;
      throw error;
    }
  }

  protected override encodePayload({ db, key, expireAt }: Written, payload: Buffer): void {
    try {
      this.#write(db, key, expireAt, payload);
    } catch (error) {
      // What is whole, and rump cannot read all the same, a server may.
      if (!(error instanceof PayloadError) || !isWhole(payload)) throw error;
      this.#write(db, key, expireAt, payload, writeDump);
    }
  }

  protected override inPieces(payload: Buffer): LargeValue | null {
    return isLong(payload) ? new PayloadValue(payload) : null;
  }

  protected override async gather(large: LargeValue, pace: Pace): Promise<Gathered> {
    const payload = large instanceof PayloadValue ? large.payload : undefined;
    if (payload !== undefined && isOpaque(payload)) {
      demandWhole(payload);
      return dumpOf(this.#json, payload);
    }
    try {
      return await spooled(this.#json, this.#spool, large, pace);
    } catch (error) {
      if (payload === undefined || !(error instanceof PayloadError) || !isWhole(payload)) throw error;
      return dumpOf(this.#json, payload);
    }
  }

  protected override takeEncoded(): Encoded<Buffer> {
    return this.#json.take();
  }

  protected override reuse(spent: readonly Buffer[]): void {
    this.#json.reuse(spent);
  }

  protected override close(): Promise<void> {
    return this.#spool.close();
  }

  /** @throws PayloadError: nothing was written */
  #write(db: number, key: Buffer, expireAt: Milliseconds, payload: Buffer, writeValue = writePayload): void {
    const json = this.#json;
    json.mark();
    try {
      beginLine(json, db, key, jsonTypeOf(payload), expireAt);
      writeValue(json, payload);
      endLine(json);
    } catch (error) {
      json.rewind();
      throw error;
    }
    if (json.length >= ENOUGH_BYTES) this.collect();
  }
}

/** Whether the line would take too much memory. What is damaged is looked at by whoever reads it. */
function isLong(payload: Buffer): boolean {
  if (payload.length <= SHORT_BYTES && MAY_BE_STREAM[payload[0] ?? 0] === 0) return false;
  try {
    return isLargeAsJson(payload, MOST_BYTES);
  } catch (error) {
    if (error instanceof PayloadError) return payload.length > MOST_BYTES;
    throw error;
  }
}

function isWhole(payload: Buffer): boolean {
  try {
    return isIntact(payload);
  } catch {
    return false;
  }
}
