// 64 bits of a database and a name, other ones in every run: what tells names apart without keeping them.

import { randomBytes } from 'node:crypto';

export class NameHash {
  readonly #seeds = [randomBytes(4).readUInt32LE(), randomBytes(4).readUInt32LE()] as const;
  /** Both halves are whole numbers below 2^32, and of the last name that `of` was given. */
  high = 0;
  low = 0;

  of(db: number, name: Buffer): void {
    let high = this.#seeds[0] ^ db;
    let low = Math.imul(this.#seeds[1] ^ db, 0x9e3779b1);
    for (let i = 0; i < name.length; i++) {
      const byte = name[i]!;
      high = Math.imul(high ^ byte, 0x01000193);
      high ^= high >>> 15;
      low = Math.imul(low + byte, 0x85ebca6b);
      low = (low << 13) | (low >>> 19);
    }
    this.high = mixed(high ^ name.length);
    this.low = mixed(low ^ this.#seeds[0]);
  }
}

/** Every bit of the result depends on every bit of the sum. */
function mixed(sum: number): number {
  let bits = sum;
  bits = Math.imul(bits ^ (bits >>> 16), 0x7feb352d);
  bits = Math.imul(bits ^ (bits >>> 15), 0x846ca68b);
  return (bits ^ (bits >>> 16)) >>> 0;
}
