// What is written as it stands: stdout, or a device. What has gone there cannot be taken back.

import { createWriteStream, fstatSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { HIGH_WATER_BYTES, type OutputFile } from './output-file.ts';

const STDOUT = 1;

export class DirectFile implements OutputFile {
  readonly name: string;
  readonly stream: Writable;
  readonly isKept = true;

  static stdout(): DirectFile {
    const stats = fstatSync(STDOUT);
    // Node writes stdout into a file in one go, whoever waits, and does not look whether all of it went there.
    const isPlain = stats.isFile() || (stats.isCharacterDevice() && !process.stdout.isTTY);
    const stream = isPlain
      ? createWriteStream('', { fd: STDOUT, autoClose: false, highWaterMark: HIGH_WATER_BYTES })
      : process.stdout;
    return new DirectFile('stdout', stream);
  }

  static async open(path: string): Promise<DirectFile> {
    const handle = await open(path, 'w');
    return new DirectFile(path, handle.createWriteStream({ highWaterMark: HIGH_WATER_BYTES }));
  }

  private constructor(name: string, stream: Writable) {
    this.name = name;
    this.stream = stream;
  }

  async finish(): Promise<void> {
    // Stdout stays open: others may have words for it, and it cannot be opened again.
    if (this.stream === process.stdout) return;
    if (!this.stream.writableEnded) this.stream.end();
    await finished(this.stream);
  }

  async publish(): Promise<void> {}

  async discard(): Promise<void> {
    if (this.stream !== process.stdout) this.stream.destroy();
  }
}
