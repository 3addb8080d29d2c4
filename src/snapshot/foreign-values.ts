// Values in snapshots that rump does not decode but can pass over: those of newer servers, and of KeyDB.
//
//   Redis 8.6     26   a stream, then what it remembers of its producers
//   Redis 8.8     27   the same, each group with the entries that were given back
//                 28   an array: number · whether an index follows · index · (index · kind · value) …
//   Redis 8.10    30   a hash: one listpack of its values, the number of its template before them
//                 32   a hash: the number of its template · values
//   KeyDB         64   a script that runs periodically: script · 8 bytes · 8 bytes · keys · arguments
//
//   A template is a number and the names of fields. The layouts are those of the loaders of redis/redis and Snapchat/KeyDB.

import type { ByteReader } from '../rdb/byte-reader.ts';
import { skipStream, skipStrings } from '../rdb/skip.ts';
import { isNewerVersion, isOfValkey, newerForm } from '../rdb/payload.ts';

const STREAM_4 = 26;
const STREAM_5 = 27;
const ARRAY = 28;
const TEMPLATE_LISTPACK = 30;
const TEMPLATE_ARRAY = 32;
const CRON = 64;

/** How a value in an array is written. */
const INTEGER = 1;
const DOUBLE = 2;
const NUMBER_BYTES = 8;
/** No server writes a file with more. */
const MOST_TEMPLATES = 100_000;

export class ForeignValues {
  readonly #version: number;
  /** How many fields each template has. */
  readonly #templates = new Map<number, number>();

  /** @param version the RDB version of the file */
  constructor(version: number) {
    this.#version = version;
  }

  /** As TYPE says it. @returns undefined if the length of the value cannot be known */
  typeOf(typeByte: number): string | undefined {
    if (this.#isCron(typeByte)) return 'cron';
    if (!isNewerVersion(this.#version) || isOfValkey(this.#version)) return undefined;
    switch (typeByte) {
      case STREAM_4:
      case STREAM_5:
        return 'stream';
      case ARRAY:
        return 'array';
      case TEMPLATE_LISTPACK:
      case TEMPLATE_ARRAY:
        return 'hash';
      default:
        return undefined;
    }
  }

  /** What messages say about the value. */
  formOf(typeByte: number): string {
    if (this.#isCron(typeByte)) return 'it is a script that KeyDB runs by and by';
    return newerForm(typeByte, this.#version);
  }

  /** @throws PayloadError */
  skip(reader: ByteReader, typeByte: number): void {
    switch (typeByte) {
      case STREAM_4:
      case STREAM_5:
        skipStream(reader, typeByte === STREAM_5 ? 5 : 4);
        return skipProducers(reader);
      case ARRAY:
        return skipArray(reader);
      case TEMPLATE_LISTPACK:
        return reader.skipString();
      case TEMPLATE_ARRAY:
        return this.#skipFields(reader);
      default:
        reader.skipString();
        reader.skip(2 * NUMBER_BYTES);
        skipStrings(reader);
        skipStrings(reader);
    }
  }

  /** Passes over a template, which later values refer to. */
  addTemplate(reader: ByteReader): void {
    const start = reader.at;
    const id = reader.length();
    const fields = reader.count(1);
    for (let left = fields; left > 0; left -= 1) reader.skipString();
    if (this.#templates.size >= MOST_TEMPLATES) throw reader.fail('there are too many templates of hashes', start);
    this.#templates.set(id, fields);
  }

  /** KeyDB is as old as Redis 6. */
  #isCron(typeByte: number): boolean {
    return typeByte === CRON && !isNewerVersion(this.#version) && !isOfValkey(this.#version);
  }

  #skipFields(reader: ByteReader): void {
    const start = reader.at;
    const id = reader.length();
    const fields = this.#templates.get(id);
    if (fields === undefined) throw reader.fail(`there is no template ${id} of hashes before it`, start);
    for (let left = fields; left > 0; left -= 1) reader.skipString();
  }
}

/** For how long, how many; producers with what they have sent; two figures. */
function skipProducers(reader: ByteReader): void {
  reader.uint64();
  reader.uint64();
  for (let producers = reader.count(2); producers > 0; producers -= 1) {
    reader.skipString();
    for (let entries = reader.count(3); entries > 0; entries -= 1) {
      reader.skipString();
      reader.uint64();
      reader.uint64();
    }
  }
  reader.uint64();
  reader.uint64();
}

function skipArray(reader: ByteReader): void {
  const count = reader.count(3);
  if (reader.length() !== 0) reader.uint64();
  for (let left = count; left > 0; left -= 1) {
    reader.uint64();
    const kind = reader.length();
    if (kind === INTEGER || kind === DOUBLE) reader.skip(NUMBER_BYTES);
    else reader.skipString();
  }
}
