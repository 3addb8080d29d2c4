// Unpacks gzip as it comes, one part at a time. Whatever is whole before a fault is given out before the fault is thrown.

import type { Buffer } from 'node:buffer';
import { createGunzip, type Gunzip } from 'node:zlib';

/** The bytes are not complete gzip; `message` says why, for users. */
export class PackingError extends Error {
  override readonly name = 'PackingError';
}

/** Packed bytes that are unpacked at once: deflate makes at most 1,032 times as many of them. */
const PART_BYTES = 16 * 1024;
const CHUNK_BYTES = 128 * 1024;

const WORDS: Readonly<Record<string, string>> = {
  Z_BUF_ERROR: 'the compressed data ends too early',
  Z_DATA_ERROR: 'the compressed data is damaged',
};

/** @throws PackingError */
export async function* unpack(packed: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const unpacking = new Unpacking();
  try {
    for await (const chunk of packed) {
      for (let at = 0; at < chunk.length; at += PART_BYTES) {
        await unpacking.write(chunk.subarray(at, at + PART_BYTES));
        yield* unpacking.take();
        unpacking.demandSound();
      }
    }
    await unpacking.end();
    yield* unpacking.take();
    unpacking.demandSound();
  } finally {
    unpacking.close();
  }
}

/** The stream is never paused: when it fails it would drop what was not read yet. */
class Unpacking {
  readonly #gunzip: Gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  #chunks: Buffer[] = [];
  #failure: PackingError | undefined;
  #isEnding = false;
  #wake = (): void => {};

  constructor() {
    this.#gunzip.on('data', (chunk: Buffer) => this.#chunks.push(chunk));
    this.#gunzip.on('error', (error: NodeJS.ErrnoException) =>
      this.#fail(WORDS[error.code ?? ''] ?? error.message, error),
    );
    this.#gunzip.on('end', () => {
      // It takes zeros behind the last member for padding, and ignores what follows them.
      if (!this.#isEnding) this.#fail('something follows the compressed data');
      this.#wake();
    });
  }

  /** Resolves when everything that these bytes unpack to can be taken, or when it failed. */
  write(part: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#gunzip.write(part, () => resolve());
    });
  }

  end(): Promise<void> {
    return new Promise((resolve) => {
      this.#isEnding = true;
      this.#wake = resolve;
      this.#gunzip.end();
    });
  }

  take(): Buffer[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    return chunks;
  }

  /** @throws PackingError */
  demandSound(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#gunzip.destroy();
  }

  #fail(why: string, cause?: unknown): void {
    this.#failure ??= new PackingError(why, { cause });
    this.#wake();
  }
}
