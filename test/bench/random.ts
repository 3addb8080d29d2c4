// Random bytes that are the same in every run: AES in counter mode, quick enough for half a gigabyte.
import { createCipheriv, type Cipher } from 'node:crypto';

export class Random {
  readonly #cipher: Cipher;

  constructor(seed: number) {
    const key = Buffer.alloc(16);
    key.writeUInt32LE(seed);
    this.#cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  }

  bytes(length: number): Buffer {
    return this.#cipher.update(Buffer.alloc(length));
  }

  /** Printable, and too random for a server to compress: what is stored is what travels. */
  text(length: number): string {
    return this.bytes(Math.ceil((length * 3) / 4))
      .toString('base64url')
      .slice(0, length);
  }

  /** Both ends included. */
  between(low: number, high: number): number {
    return low + (this.bytes(4).readUInt32LE() % (high - low + 1));
  }
}
