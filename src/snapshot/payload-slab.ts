// Makes payloads of keys and values out of slabs: many small ones share one piece of memory, and each is whole in it.

import { Buffer } from 'node:buffer';
import { Crc64 } from '../rdb/crc64.ts';
import { FOOTER_BYTES } from '../rdb/footer.ts';

/** A view of an entry keeps all of its slab alive. */
const SLAB_BYTES = 128 * 1024;
/** What is larger has memory of its own. */
const MOST_OF_SLAB = SLAB_BYTES / 8;

export class PayloadSlab {
  readonly #version: number;
  readonly #crc = new Crc64();
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #used = 0;

  /** @param version the RDB version that footers tell */
  constructor(version: number) {
    this.#version = version;
  }

  /** So many bytes, in no state. */
  take(length: number): Buffer {
    if (length > MOST_OF_SLAB) return Buffer.allocUnsafeSlow(length);
    if (length > SLAB_BYTES - this.#used) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return this.#slab.subarray(start, this.#used);
  }

  /** Writes version and checksum into the last bytes of a payload. */
  seal(payload: Buffer): void {
    const end = payload.length - FOOTER_BYTES;
    payload[end] = this.#version & 0xff;
    payload[end + 1] = this.#version >>> 8;
    const { low, high } = this.#crc.reset().update(payload, 0, end + 2);
    payload.writeUInt32LE(low, end + 2);
    payload.writeUInt32LE(high, end + 6);
  }
}
