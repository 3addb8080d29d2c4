// The values of a stream whose payloads were not held: where they lie, and what is made of each.

import { Buffer } from 'node:buffer';
import { countOf } from '../../resp/figures.ts';
import type { Entry } from '../flow/entry.ts';
import type { InputFile } from '../file/input-file.ts';
import type { Keeper, PassingPayload } from '../file/passing-payload.ts';
import { Spool } from '../file/temporary-file.ts';
import { type StoredBytes, FileValue } from '../snapshot/file-reader.ts';
import { encodingOf, FOOTER_BYTES, PayloadError, typeOfEncoding } from '../rdb/payload.ts';

export interface PassedValuesOptions {
  /** Bytes that make a value large. */
  readonly bigKey: number;
  /** Bytes on the disk: once they are there, all of them are settled before more come. Default 256 MiB. */
  readonly mostSpooled?: number | undefined;
}

const MOST_SPOOLED = 256 * 1024 * 1024;

export class PassedValues {
  readonly #input: InputFile;
  readonly #bigKey: number;
  readonly #mostSpooled: number;
  /** What comes but once, or packed, lies there. */
  readonly #spool: Spool | undefined;
  /** Where the last one begins there. */
  #spooledAt = 0;

  constructor(input: InputFile, { bigKey, mostSpooled = MOST_SPOOLED }: PassedValuesOptions) {
    this.#input = input;
    this.#bigKey = bigKey;
    this.#mostSpooled = mostSpooled;
    this.#spool = input.places === undefined ? new Spool() : undefined;
  }

  /** Whether there is no more room for others on the disk. */
  get isFull(): boolean {
    return this.#spool !== undefined && this.#spool.size >= this.#mostSpooled;
  }

  /** Who keeps the bytes of the next one, where they have to be kept. */
  keeper(): Keeper | undefined {
    const spool = this.#spool;
    if (spool === undefined) return undefined;
    this.#spooledAt = spool.size;
    return (part) => spool.add(part);
  }

  /** Has what was kept so far on the disk. @throws RespError, where it has no room */
  async flush(): Promise<void> {
    await this.#spool?.flush();
  }

  /** Nobody reads any of those any more that came until now. */
  async clear(): Promise<void> {
    await this.#spool?.clear();
  }

  close(reason?: Error): void {
    this.#spool?.close(reason);
  }

  /**
   * Gives the entry the last one, which was flushed: as a large value, or as the payload where only that can carry it.
   * @throws PayloadError
   */
  take(entry: Entry, passed: PassingPayload): void {
    if (!passed.isIntact) {
      throw new PayloadError(
        `Cannot decode the payload: the checksum is not that of its ${countOf(passed.length, 'byte')}`,
      );
    }
    const { start, length, typeByte, version } = passed;
    const encoding = encodingOf(typeByte, version);
    const bytes = this.#bytesOf(passed);
    if (encoding === undefined || typeOfEncoding(encoding) === 'module') {
      entry.kind = 'value';
      entry.payload = Buffer.allocUnsafeSlow(length);
      bytes.read(entry.payload, 0, length, start);
      return;
    }
    const place = { bytes, start: start + 1, length: bytes.size - start - 1, typeByte, version, isAll: true };
    entry.kind = 'large';
    entry.large = new FileValue(place, this.#bigKey);
  }

  /** By their places in the stream, up to the footer. */
  #bytesOf({ start, length }: PassingPayload): StoredBytes {
    const { name, isPacked, places } = this.#input;
    const shift = places === undefined ? this.#spooledAt - start : 0;
    const file = places ?? this.#spool!;
    return {
      name,
      isUnpacked: isPacked,
      size: start + length - FOOTER_BYTES,
      read: (into, offset, bytes, position) => file.read(into, offset, bytes, position + shift),
    };
  }
}
