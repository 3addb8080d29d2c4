// Remembers which keys were written, in a fixed number of bytes: a Bloom filter. It may take a key for a written one by
// mistake, and never the other way round.

const HASHES = 8;
/** Reached at 16 million keys; beyond, mistakes become more frequent and memory does not grow. */
const MOST_BYTES = 64 * 1024 * 1024;
const LEAST_BYTES = 1024;
const FNV_PRIME = 0x01000193;

export class KeyFilter {
  readonly #bits: Uint8Array;
  readonly #mask: number;

  /**
   * @param keys how many are expected
   * @param bitsPerKey with 32 about one key in 150,000 is taken for a written one by mistake, with 64 one in 28 million
   */
  constructor(keys: number, bitsPerKey = 32) {
    const wanted = Math.min(MOST_BYTES, Math.max(LEAST_BYTES, (keys * bitsPerKey) / 8));
    this.#bits = new Uint8Array(2 ** Math.ceil(Math.log2(wanted)));
    this.#mask = this.#bits.length * 8 - 1;
  }

  add(key: Buffer): void {
    const [start, step] = [hash(key, 0x811c9dc5), hash(key, 0x2545f491) | 1];
    for (let i = 0; i < HASHES; i++) {
      const bit = (start + Math.imul(i, step)) & this.#mask;
      this.#bits[bit >>> 3]! |= 1 << (bit & 7);
    }
  }

  has(key: Buffer): boolean {
    const [start, step] = [hash(key, 0x811c9dc5), hash(key, 0x2545f491) | 1];
    for (let i = 0; i < HASHES; i++) {
      const bit = (start + Math.imul(i, step)) & this.#mask;
      if ((this.#bits[bit >>> 3]! & (1 << (bit & 7))) === 0) return false;
    }
    return true;
  }
}

/** FNV-1a, with the bits mixed once more as its low ones are weak. */
function hash(key: Buffer, seed: number): number {
  let sum = seed;
  for (let i = 0; i < key.length; i++) sum = Math.imul(sum ^ key[i]!, FNV_PRIME);
  sum = Math.imul(sum ^ (sum >>> 15), 0x2c1b3c6d);
  return (sum ^ (sum >>> 13)) >>> 0;
}
