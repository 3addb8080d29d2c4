// Reads entries from a stream of RESTORE frames: a file, or stdin.

import { RespError } from '../../resp/errors.ts';
import type { Channel } from '../channel.ts';
import type { Entry } from '../entry.ts';
import { newEntry } from '../entry-ring.ts';
import { isSystemError, readError } from '../file/file-error.ts';
import { FrameReader } from '../file/frame-reader.ts';
import { InputFile } from '../file/input-file.ts';
import { PackingError } from '../file/unpack.ts';
import { PayloadError } from '../rdb/payload-error.ts';
import { typeOf } from '../rdb/type-of.ts';
import type { FileScopeOptions } from './file-scope.ts';
import { compact, FileSource } from './file-source.ts';
import type { SourceSink } from './source.ts';

export interface RespSourceOptions extends FileScopeOptions {
  /** Bytes of a key or payload. Default 1 GiB. */
  readonly maxPayload?: number;
  /** Milliseconds without a byte of stdin after which that is told. Default: it is not. */
  readonly patience?: number | undefined;
}

export type RespSourceSink = Pick<SourceSink, 'onExpired' | 'onLeftOut' | 'onReadRefused' | 'onUnmarked' | 'onSilence'>;

export class RespSource extends FileSource {
  readonly #path: string;
  readonly #maxPayload: number | undefined;
  readonly #patience: number | undefined;
  readonly #sink: RespSourceSink;
  /** The one that is being read: each is copied from here into the channel. */
  readonly #entry: Entry = newEntry();
  #input: InputFile | undefined;
  /** Whether something was left out. A view keeps its chunk alive, so what is left in is copied from then on. */
  #isSparse = false;
  #hasWarned = false;

  /** @param path a file, packed where it ends in .gz, or `-` for stdin */
  constructor(path: string, options: RespSourceOptions, sink: RespSourceSink) {
    super(options, sink);
    this.#path = path;
    this.#maxPayload = options.maxPayload;
    this.#patience = options.patience;
    this.#sink = sink;
  }

  override rescan(wanted?: (key: Buffer) => boolean): void {
    const message = `Cannot read ${this.#input?.name} a second time: the target may have lost what it acknowledged`;
    if (this.#path === '-') this.stop(new RespError('STREAM', message, { hint: 'copy from a file' }));
    else super.rescan(wanted);
  }

  protected override get fractionRead(): number {
    return this.#input?.fraction ?? 0;
  }

  protected override close(reason?: Error): void {
    this.#input?.close(reason);
  }

  protected override async readAll(channel: Channel): Promise<void> {
    const input = await InputFile.open(this.#path);
    this.#input = input;
    try {
      // It may have been stopped meanwhile, with nothing there yet to be closed.
      this.demandRunning();
      await this.#readFrames(input, channel);
    } finally {
      input.close();
    }
  }

  async #readFrames(input: InputFile, channel: Channel): Promise<void> {
    const { name, isPacked, size } = input;
    const maxLength = this.#maxPayload;
    const frames = new FrameReader({
      name,
      isPacked,
      size: isPacked ? undefined : size,
      ...(maxLength === undefined ? {} : { maxLength }),
    });
    let silence = this.#listen(input);
    try {
      for await (const chunk of input.chunks()) {
        clearTimeout(silence);
        frames.write(chunk);
        do await this.writable(channel);
        while (this.#push(frames, channel));
        silence = this.#listen(input);
      }
    } catch (error) {
      if (error instanceof PackingError) frames.end(error.message);
      throw isSystemError(error) ? readError(name, error) : error;
    } finally {
      clearTimeout(silence);
    }
    frames.end();
    if (frames.isUnmarked) this.#warn(name);
  }

  /** A pipe may rightly be slow, and whoever fills it has limits of its own: so it is waited for, but not in silence. */
  #listen({ size }: InputFile): NodeJS.Timeout | undefined {
    const patience = this.#patience;
    if (size !== undefined || patience === undefined) return undefined;
    return setTimeout(() => this.#sink.onSilence(patience), patience);
  }

  /** Once, however often the file is read. */
  #warn(name: string): void {
    if (!this.#hasWarned) this.#sink.onUnmarked(name);
    this.#hasWarned = true;
  }

  /** Pushes as much as there is room for; whether there is more in the chunk. */
  #push(frames: FrameReader, channel: Channel): boolean {
    const entry = this.#entry;
    while (channel.room > 0) {
      this.demandRunning();
      if (!frames.next(entry)) return false;
      if (!this.#isInScope(entry)) {
        this.#isSparse = true;
        continue;
      }
      if (this.#isSparse) {
        entry.key = compact(entry.key);
        entry.payload = compact(entry.payload!);
      }
      channel.push(entry);
    }
    return true;
  }

  #isInScope(entry: Entry): boolean {
    const { scope } = this;
    if (!scope.includes(entry.db, entry.key)) return false;
    if (scope.type !== undefined && typeOf(entry.payload!) !== scope.type) return false;
    try {
      const isThere = scope.strip(entry) && scope.carry(entry);
      if (!isThere) this.#sink.onExpired();
      return isThere;
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      this.#sink.onReadRefused(entry.db, Buffer.from(entry.key), error);
      return false;
    }
  }
}
