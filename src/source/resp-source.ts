// Reads entries from a stream of RESTORE frames: a file, or stdin. Of values that are too large to be held it keeps where they lie.

import { Buffer } from 'node:buffer';
import { RespError } from '../../resp/errors.ts';
import { countOf } from '../../resp/figures.ts';
import { isSystemError, readError } from '../file/regular-file.ts';
import { FrameReader } from '../file/frame-reader.ts';
import { InputFile, Spool } from '../file/input-file.ts';
import type { Keeper, PassingPayload } from '../file/restore-frame.ts';
import { PackingError } from '../file/unpack.ts';
import type { Channel } from '../flow/channel.ts';
import { EntryView } from '../flow/entry-view.ts';
import { newEntry, type Entry } from '../flow/entry.ts';
import { ownCopy } from '../flow/own-copy.ts';
import { mayBeOfType, typeNameOf } from '../rdb/modules.ts';
import { encodingOf, FOOTER_BYTES, PayloadError, typeOfEncoding } from '../rdb/payload.ts';
import { FileValue, type StoredBytes } from '../snapshot/file-reader.ts';
import { compact, FileSource, type FileSourceOptions } from './file-source.ts';
import type { FileSink } from './source.ts';

export interface RespSourceOptions extends FileSourceOptions {
  /** Bytes of a key or payload. Default 1 GiB. */
  readonly maxPayload?: number;
  /** Values of more bytes are read in pieces. Default: none is. */
  readonly bigKey?: number;
  /** Bytes of such values, of stdin or a packed file, that wait in a temporary file. Default 256 MiB. */
  readonly mostSpooled?: number;
  /** Milliseconds without a byte of stdin after which that is told. Default: it is not. */
  readonly patience?: number | undefined;
}

const MOST_SPOOLED = 256 * 1024 * 1024;

export class RespSource extends FileSource {
  readonly #path: string;
  readonly #options: RespSourceOptions;
  /** The one that is being read: each is copied from here into the channel. */
  readonly #entry: Entry = newEntry();
  /** The same, where it lies in the chunk that was read. */
  readonly #view = new EntryView();
  #input: InputFile | undefined;
  #values: PassedValues | undefined;
  /** Whether something was left out. A view keeps its chunk alive, so what is left in is copied from then on. */
  #isSparse = false;
  #hasWarned = false;

  /** @param path a file, packed where it ends in .gz, or `-` for stdin */
  constructor(path: string, options: RespSourceOptions, sink: FileSink) {
    super(options, sink);
    this.#path = path;
    this.#options = options;
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
    this.#values?.close(reason);
  }

  protected override async readAll(channel: Channel): Promise<void> {
    const { bigKey = Infinity, mostSpooled } = this.#options;
    const input = (this.#input ??= await InputFile.open(this.#path));
    this.#values ??= new PassedValues(input, { bigKey, mostSpooled });
    // It may have been stopped meanwhile, with nothing there yet to be closed.
    this.demandRunning();
    await this.#values.clear();
    await this.#readFrames(input, this.#values, channel);
  }

  async #readFrames(input: InputFile, values: PassedValues, channel: Channel): Promise<void> {
    const { name, isPacked, size } = input;
    const { maxPayload, bigKey = Infinity } = this.#options;
    const frames = new FrameReader({
      name,
      isPacked,
      size: isPacked ? undefined : size,
      ...(maxPayload === undefined ? {} : { maxLength: maxPayload }),
      mostHeld: bigKey,
      keeperOf: (db, key) => (this.scope.includes(db, key) ? values.keeper() : undefined),
    });
    let silence = this.#listen(input);
    try {
      for await (const chunk of input.chunks()) {
        clearTimeout(silence);
        frames.write(chunk);
        await this.#pushAll(frames, values, channel);
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

  /** All that is whole in the chunk. */
  async #pushAll(frames: FrameReader, values: PassedValues, channel: Channel): Promise<void> {
    for (;;) {
      await this.writable(channel);
      const end = this.#push(frames, channel);
      await values.flush();
      if (end === 'used up') return;
      if (end === 'no room') continue;
      await this.writable(channel);
      this.demandRunning();
      this.#pushPassed(frames.passed!, values, channel);
      if (values.isFull && !this.outlives) {
        await this.settled(channel);
        await values.clear();
      }
    }
  }

  /** A pipe may rightly be slow, and whoever fills it has limits of its own: so it is waited for, but not in silence. */
  #listen({ size }: InputFile): NodeJS.Timeout | undefined {
    const { patience } = this.#options;
    if (size !== undefined || patience === undefined) return undefined;
    return setTimeout(() => this.sink.onNotice({ code: 'SILENCE', ms: patience }), patience);
  }

  /** Once, however often the file is read. */
  #warn(name: string): void {
    if (!this.#hasWarned) this.sink.onNotice({ code: 'UNMARKED', name });
    this.#hasWarned = true;
  }

  /** Pushes as much as there is room for, up to a value that was not held. Why it ends. */
  #push(frames: FrameReader, channel: Channel): 'used up' | 'no room' | 'passed' {
    const entry = this.#entry;
    while (channel.room > 0) {
      this.demandRunning();
      if (this.scope.takesAll(frames.db) && frames.show(this.#view)) {
        if (!this.scope.takes(this.#view)) continue;
        if (this.scope.strip(this.#view)) this.push(this.#view, channel);
        else this.sink.onExpired();
        continue;
      }
      if (!frames.next(entry)) return 'used up';
      if (!this.scope.includes(entry.db, entry.key)) this.#isSparse = true;
      else if (frames.passed !== undefined) return 'passed';
      else if (this.#carries(entry)) {
        if (this.#isSparse) {
          entry.key = compact(entry.key);
          entry.payload = compact(entry.payload!);
        }
        channel.push(entry);
      } else this.#isSparse = true;
    }
    return 'no room';
  }

  #pushPassed(passed: PassingPayload, values: PassedValues, channel: Channel): void {
    const entry = this.#entry;
    // Nothing tells how many of them wait, as they take no room: none may keep its chunk alive.
    entry.key = ownCopy(entry.key);
    if (this.#carries(entry, () => values.take(entry, passed))) channel.push(entry);
  }

  #isOfType({ large, payload }: Entry): boolean {
    const { type } = this.scope;
    return type === undefined || mayBeOfType(large === null ? typeNameOf(payload!) : large.type, type);
  }

  /** @param take puts the value into the entry, where it is not there yet */
  #carries(entry: Entry, take?: () => void): boolean {
    const { scope } = this;
    try {
      take?.();
      if (!this.#isOfType(entry)) return false;
      const isThere = scope.strip(entry) && scope.carry(entry);
      if (!isThere) this.sink.onExpired();
      return isThere;
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      this.sink.onReadRefused(entry.db, Buffer.from(entry.key), error);
      return false;
    }
  }
}

interface PassedValuesOptions {
  /** Bytes that make a value large. */
  readonly bigKey: number;
  /** Bytes on the disk: once they are there, all of them are settled before more come. Default 256 MiB. */
  readonly mostSpooled?: number | undefined;
}

/** The values of a stream whose payloads were not held: where they lie, and what is made of each. */
class PassedValues {
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
    const place = { start: start + 1, length: bytes.size - start - 1, typeByte, version };
    entry.kind = 'large';
    entry.large = new FileValue(bytes, place, this.#bigKey, true);
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
