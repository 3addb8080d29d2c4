// Payloads made wrong: the same ones from the same seed. The checksum is put right, so that the decoder has to notice.
import { withFooter } from '../../../src/rdb/payload.ts';

export class Mutations {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** One of the payloads, with one to four faults. */
  next(payloads: readonly Buffer[]): Buffer {
    const original = payloads[this.#below(payloads.length)]!;
    const version = original.readUInt16LE(original.length - 10);
    let body: Buffer = Buffer.from(original.subarray(0, -10));
    for (let faults = 1 + this.#below(4); faults > 0; faults -= 1) body = this.#spoil(body);
    return withFooter(body.length === 0 ? Buffer.of(this.#below(256)) : body, version);
  }

  /** One of the texts, with one to four faults, and nothing put right. */
  nextOf(originals: readonly Buffer[]): Buffer {
    let bytes: Buffer = Buffer.from(originals[this.#below(originals.length)]!);
    for (let faults = 1 + this.#below(4); faults > 0; faults -= 1) bytes = this.#spoil(bytes);
    return bytes;
  }

  #spoil(body: Buffer): Buffer {
    if (body.length === 0) return body;
    const at = this.#below(body.length);
    switch (this.#below(8)) {
      case 0:
        body[at]! ^= 1 << this.#below(8);
        return body;
      case 1:
        body[at] = this.#below(256);
        return body;
      // The numbers that lengths break at.
      case 2:
        body[at] = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xf0, 0xf4, 0xfe, 0xff][this.#below(13)]!;
        return body;
      case 3:
        return body.subarray(0, at);
      case 4:
        return Buffer.concat([body.subarray(0, at), body.subarray(Math.min(body.length, at + 1 + this.#below(8)))]);
      case 5:
        return Buffer.concat([body.subarray(0, at), this.#bytes(1 + this.#below(8)), body.subarray(at)]);
      // A length of 32 or 64 bits.
      case 6:
        body[at] = 0x80 + this.#below(2);
        this.#bytes(8).copy(body, Math.min(at + 1, body.length - 1));
        return body;
      default: {
        // The type of another value.
        body[0] = this.#below(27);
        return body;
      }
    }
  }

  #bytes(length: number): Buffer {
    return Buffer.from(Uint8Array.from({ length }, () => (this.#below(3) === 0 ? 0xff : this.#below(256))));
  }

  #below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }
}
